"""Whether the current user may do something with a model.

`openviper.setup()` registers this with the ORM when `openviper.auth` is installed. Decided per model and action, not per row.
A model is protected when a `ContentTypePermission` row exists for it; all others are open to everybody.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from openviper.auth import permission_cache
from openviper.core.context import (
    current_exchange,
    current_request,
    current_user,
    ignore_permissions,
    permissions_ignored,
    serves_others,
)
from openviper.db.sql import permissions
from openviper.exceptions import PermissionDenied, TableNotFound

if TYPE_CHECKING:
    from openviper.db.models import Model

REFRESH_SECONDS = 60.0
"""How long another process's change to the set of protected models may go unnoticed."""
OWN_PACKAGE = "openviper.auth"


class AuthPermissionError(PermissionDenied):
    """The current user may not do this with the model; an HTTP 403 where nothing handles it.

    Attributes:
        label: The model, as ``app.Model``.
        action: ``create``, ``read``, ``update`` or ``delete``.
    """

    def __init__(self, label: str, action: str) -> None:
        self.label = label
        self.action = action
        super().__init__(f"you have no permission to {action} {label}")


class PermissionChecker(Protocol):
    """Knows which models are protected."""

    async def is_model_protected(self, app_label: str, model_name: str) -> bool:
        """Tell whether only users with a right on this model may touch it."""
        ...


class ContentTypeChecker:
    """Takes a model for protected when there is a `ContentTypePermission` row for it."""

    def __init__(self) -> None:
        self._protected: frozenset[tuple[str, str]] = frozenset()
        self._fresh_until = 0.0
        self._generation = -1

    async def is_model_protected(self, app_label: str, model_name: str) -> bool:
        """Tell whether a row exists, by an answer at most 60 seconds old."""
        if (
            self._generation != permission_cache.generation()
            or time.monotonic() >= self._fresh_until
        ):
            await self._refresh()
        return (app_label, model_name) in self._protected

    async def _refresh(self) -> None:
        # Late: the hook is registered by every set-up, also of commands without a database.
        from openviper.auth.models import ContentType, ContentTypePermission

        # Taken first: a change that comes in while we read makes this answer one for this time only.
        generation = permission_cache.generation()
        with ignore_permissions():
            try:
                used = ContentTypePermission.objects.all().values_list("content_type_id", flat=True)
                rows = await ContentType.objects.filter(pk__in=used).values_list(
                    "app_label", "model"
                )
            except TableNotFound:
                # Before the first `migrate` nothing can be granted, so nothing is protected.
                rows = []
        self._protected = frozenset((app, model) for app, model in rows)
        self._generation = generation
        self._fresh_until = time.monotonic() + REFRESH_SECONDS


_checker: PermissionChecker | None = None


def set_permission_checker(checker: PermissionChecker | None) -> None:
    """Let `checker` decide which models are protected; `None` protects none."""
    global _checker
    _checker = checker


def get_permission_checker() -> PermissionChecker | None:
    """Return what decides which models are protected."""
    return _checker


async def check_permission_for_model(
    model_cls: type[Model], action: str, ignore_permissions: bool = False
) -> None:
    """Refuse an action on a model that the current user has no right to.

    Args:
        model_cls: The model.
        action: ``create``, ``read``, ``update`` (or ``write``, which means the same) or ``delete``.
        ignore_permissions: Allow it whoever asks.

    Raises:
        AuthPermissionError: If the model is protected and no role of the user allows the action.
    """
    if ignore_permissions or permissions_ignored() or not await _is_protected(model_cls):
        return
    label = f"{model_cls._meta.app_name}.{model_cls._meta.model_name}"
    action = "update" if action == "write" else action
    if not await _is_allowed(current_user.get(), label, action):
        raise AuthPermissionError(label, action)


async def _is_protected(model: type[Model]) -> bool:
    """Return whether the one who asks now needs a right to use a model."""
    if _checker is None or not _is_asked_by_somebody() or _is_of_accounts(model):
        return False
    return await _checker.is_model_protected(model._meta.app_name, model._meta.model_name)


def _is_asked_by_somebody() -> bool:
    # Without a user nor a request it is a command or a script. A request without a user is one of somebody unknown, and so
    # is what a server or a worker does in nobody's name: `run_as` says who acts.
    is_answering = current_exchange.get() is not None or current_request.get() is not None
    # Asked for last: who asks for the user says that the answer depends on it.
    return is_answering or serves_others() or current_user.get() is not None


def _is_of_accounts(model: type[Model]) -> bool:
    # Who may do what cannot be asked of these models: they are where the answer is looked up.
    return f"{model.__module__}.".startswith(f"{OWN_PACKAGE}.")


async def _is_allowed(user: Any, label: str, action: str) -> bool:
    if user is None:
        return False
    if user.is_superuser and user.is_active:
        return True
    return bool(await user.has_model_perm(label, action))


class _Gate:
    """What the ORM asks before each query."""

    async def check(self, model: type[Model], action: str) -> None:
        """Raise `AuthPermissionError` if the current user may not do this."""
        await check_permission_for_model(model, action)


def register() -> None:
    """Make the ORM ask for permissions, by content types unless another checker is set already."""
    if _checker is None:
        set_permission_checker(ContentTypeChecker())
    permissions.set_access_rule(_Gate())
