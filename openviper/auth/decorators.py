"""Decorators of handlers that ask who somebody is first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from openviper.auth.session_login import has_logged_in_recently
from openviper.core.context import current_request
from openviper.exceptions import Unauthorized
from openviper.http.connection import Connection
from openviper.http.permissions import (
    HasPermission,
    HasRole,
    IsAdmin,
    IsAuthenticated,
    IsSuperuser,
    PermissionLike,
    as_permission,
    check_permission,
)

H = TypeVar("H", bound=Callable[..., Any])


class RecentLoginRequired(Unauthorized):
    """401: the user is known, and has to prove once more who it is."""

    def __init__(self) -> None:
        super().__init__(
            {"message": "Confirm your password first.", "code": "recent_login_required"}
        )


def login_required(handler: H) -> H:
    """Let only users in who have logged in; others get a 401, or the page to log in.

    Works on plain and async handlers and on methods of a `View`.
    """
    return permission_classes(IsAuthenticated)(handler)


def permission_required(codename: str) -> Callable[[H], H]:
    """Let only users in who have a permission."""
    return permission_classes(HasPermission(codename))


def role_required(name: str) -> Callable[[H], H]:
    """Let only users in who have a role."""
    return permission_classes(HasRole(name))


def staff_required(handler: H) -> H:
    """Let only staff in."""
    return permission_classes(IsAdmin)(handler)


def superuser_required(handler: H) -> H:
    """Let only superusers in."""
    return permission_classes(IsSuperuser)(handler)


def permission_classes(*permissions: PermissionLike) -> Callable[[H], H]:
    """Let only those in with whom each permission agrees; see `openviper.http.permissions`."""
    asked = [as_permission(permission) for permission in permissions]

    async def check(request: Connection) -> None:
        for permission in asked:
            await check_permission(permission, request)

    return lambda handler: _checked(handler, check)


def require_recent_login(seconds: float | None = None) -> Callable[[H], H]:
    """Let only users in who have proved who they are a short while ago; for what does harm in the wrong hands.

    Args:
        seconds: What counts as short; the setting `RECENT_LOGIN_SECONDS` when not given.
    """

    async def check(request: Connection) -> None:
        await check_permission(as_permission(IsAuthenticated), request)
        if not has_logged_in_recently(request, seconds):
            raise RecentLoginRequired

    return lambda handler: _checked(handler, check)


def _checked(handler: H, check: Callable[[Connection], Any]) -> H:
    @functools.wraps(handler)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        await check(_request_in(args, kwargs))
        result = handler(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return cast(H, checked)


def _request_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Connection:
    """Return the request among the arguments of a handler, else the one that is being answered."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Connection):
            return value
    request: Connection | None = current_request.get()
    if request is None:
        raise TypeError("no request is among the arguments, and none is being answered")
    return request
