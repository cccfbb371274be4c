"""What is known about the work going on: one ContextVar per fact.

Each variable is reset with its token when the request ends. A task inherits what was set when it was created.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

current_user: ContextVar[Any] = ContextVar("current_user", default=None)
"""The user of the request: a user, an anonymous user, or `None` outside a request."""

ANYBODY = object()
"""Stands for everybody in `ignore_permissions_ctx`: tasks and threads started in the block, too."""

ignore_permissions_ctx: ContextVar[object] = ContextVar("ignore_permissions_ctx", default=None)
"""Whose model permissions are not checked at present: a task or thread, `ANYBODY`, or `None` for nobody's.

A context is copied into each task and thread that is started in it, but who was let off was the one that asked for it.
"""

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


def current_holder() -> object:
    """Return the running task, or the number of the thread where there is none."""
    asyncio = sys.modules.get(
        "asyncio"
    )  # Without it there is no task, and commands need not import it.
    if asyncio is not None:
        try:
            task: object = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is not None:
            return task
    return threading.get_ident()


def permissions_ignored() -> bool:
    """Return whether model permissions are not checked for who is running now."""
    holder = ignore_permissions_ctx.get()
    return holder is not None and (holder is ANYBODY or holder == current_holder())


@contextmanager
def ignore_permissions(*, inherit: bool = False) -> Iterator[None]:
    """Check no model permission inside the block.

    Args:
        inherit: Check none in tasks and threads started inside it either, for as long as they run.
    """
    token = ignore_permissions_ctx.set(ANYBODY if inherit else current_holder())
    try:
        yield
    finally:
        ignore_permissions_ctx.reset(token)
