"""The active user model, which a project may replace by its own with `USER_MODEL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.exceptions import ImproperlyConfigured
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
        with ignore_permissions():
            return await model.objects.get_or_none(pk=key)
    except (ValueError, TypeError, OverflowError):
        return None


def primary_key(model: type[Model]) -> Any:
    """Return the primary key's field of a model."""
    return next(field for field in model._fields.values() if field.primary_key)
