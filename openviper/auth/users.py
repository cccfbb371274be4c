"""The active user model, which a project may replace by its own with `USER_MODEL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.exceptions import DoesNotExist, ImproperlyConfigured
from openviper.utils.importing import import_string

if TYPE_CHECKING:
    from openviper.db.models import Model

BUILT_IN_USER_MODEL = "openviper.auth.models.User"


def get_user_model() -> type[Any]:
    """Return the model that `USER_MODEL` names.

    A project's own model need not derive from `AbstractUser`, so nothing narrower than a model can be promised.

    Raises:
        ImproperlyConfigured: If the path cannot be imported or is not a model.
    """
    path = settings.USER_MODEL
    try:
        model = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"USER_MODEL {path!r} cannot be imported: {error}") from error
    if not isinstance(model, type) or not hasattr(model, "_meta"):
        raise ImproperlyConfigured(f"USER_MODEL {path!r} is not a model")
    return model


def has_account_tables(user: Any) -> bool:
    """Return whether there is anything of this app beside a user; not so in a project that has only a user model of its own.

    Args:
        user: The user, or its model.
    """
    model = user if isinstance(user, type) else type(user)
    is_foreign = not model.__module__.startswith("openviper.auth")
    return "openviper.auth" in settings.INSTALLED_APPS or not is_foreign


async def get_user_by_id(user_id: object) -> Any | None:
    """Return the user with a primary key, whatever the current user may read.

    Args:
        user_id: The key, or text that stands for it.

    Returns:
        The user, or `None` when there is none, or `user_id` is empty or no such key at all.
    """
    if user_id is None or user_id == "" or isinstance(user_id, bool):
        return None
    model: type[Model] = get_user_model()
    try:
        key = primary_key(model).to_python(user_id)
        # The short way of all queries; asked for each request of a user.
        return await model.objects.get(pk=key, ignore_permissions=True)
    except DoesNotExist:
        return None
    except (ValueError, TypeError, OverflowError):
        return None


def primary_key(model: type[Model]) -> Any:
    """Return the primary key's field of a model."""
    return model._meta.pk
