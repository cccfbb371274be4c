"""What is known about the work going on: one ContextVar per fact.

Each variable is reset with its token when the request ends. A task inherits what was set when it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

current_user: ContextVar[Any] = ContextVar("current_user", default=None)
"""The user of the request: a user, an anonymous user, or `None` outside a request."""

ignore_permissions_ctx: ContextVar[bool] = ContextVar("ignore_permissions_ctx", default=False)
"""Whether model permissions are not checked at present."""

current_request: ContextVar[Any] = ContextVar("current_request", default=None)
"""The request being answered, or `None`."""

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
"""What log lines call the request being answered, or `None`; set by a middleware."""

request_perms_cache: ContextVar[dict[Any, set[str]] | None] = ContextVar(
    "request_perms_cache", default=None
)
"""Permissions looked up during this request; a fresh dict per request, never shared."""

current_router: ContextVar[Any] = ContextVar("current_router", default=None)
"""The application's router, used to resolve named redirects."""


def get_current_user() -> Any:
    """Return the user of the request, or `None` outside one."""
    return current_user.get()


def set_current_user(user: Any) -> Token[Any]:
    """Set the user of this context.

    Returns:
        The token with which `current_user.reset` restores the value before.
    """
    return current_user.set(user)


@contextmanager
def ignore_permissions() -> Iterator[None]:
    """Check no model permission inside the block."""
    token = ignore_permissions_ctx.set(True)
    try:
        yield
    finally:
        ignore_permissions_ctx.reset(token)
