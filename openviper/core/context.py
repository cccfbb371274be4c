"""What is known about the work going on: one context variable for the request, and one per fact that is set beside it.

Each variable is reset with its token when the request ends. A task inherits what was set when it was created.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Watcher(Protocol):
    """Wants to know that an answer depends on who asks."""

    def note(self, scope: Any) -> None:
        """Note it for the request with this scope."""
        ...


class Exchange:
    """One request or WebSocket while it is answered, from its first byte to the last of its answer.

    Attributes:
        is_over: Whether it has ended.
        request: The request.
        router: The application's router.
        nonce: What `csp_nonce` has promised the page.
        is_started: Whether the head of the answer is sent.
        send: Where the server takes messages of the answer; `None` for a WebSocket.
        scope: The ASGI scope.
        user: Who asks, as far as somebody has found out.
        watcher: Who wants to know that the answer depends on who asks.
    """

    is_over = False
    request: Any = None
    router: Any = None
    nonce: str | None = None
    is_started = False
    send: Any = None
    scope: Any = None
    user: Any = None
    watcher: Watcher | None = None
    _permissions: dict[Any, set[str]] | None = None

    @property
    def permissions(self) -> dict[Any, set[str]]:
        """Permissions looked up during this request, by all of its tasks."""
        if self._permissions is None:
            self._permissions = {}
        return self._permissions


current_exchange: ContextVar[Exchange | None] = ContextVar("current_exchange", default=None)
"""What is being answered, or `None`; the one variable that every request sets."""

_Entry: TypeAlias = "tuple[Exchange | None, Any, _Entry | None]"
"""Within which exchange a value was set, the value, and what was set around it."""


class RequestVar(Generic[T]):
    """A fact about the request being answered, to be used like a `ContextVar`.

    Setting and resetting a context variable costs more than all else that a small request needs, so a request sets
    nothing here: as long as nobody has set a value within it, the value comes from the exchange. What was set outside of
    it does not count inside, and is there again when it has ended.

    Args:
        name: The variable's name.
        initial: Returns the value that an exchange begins with.
    """

    def __init__(self, name: str, initial: Callable[[Exchange], T]) -> None:
        self._entries: ContextVar[_Entry | None] = ContextVar(name, default=None)
        self._initial = initial

    def get(self) -> T:
        """Return the value; outside a request, what was set there or `None`."""
        exchange = current_exchange.get()
        entry = self._entries.get()
        while entry is not None and entry[0] is not exchange:
            entry = entry[2]
        if entry is not None:
            value: T = entry[1]
            return value
        nothing: Any = None  # The type of each variable says whether that is to be looked for.
        return nothing if exchange is None else self._initial(exchange)

    def set(self, value: T) -> Token[Any]:
        """Set the value within the present request, or outside of every one.

        Returns:
            The token with which `reset` restores the value before.
        """
        exchange = current_exchange.get()
        around = self._entries.get()
        while around is not None and (around[0] is exchange or _is_over(around[0])):
            around = around[2]
        return self._entries.set((exchange, value, around))

    def reset(self, token: Token[Any]) -> None:
        """Restore the value before the call of `set` that returned the token."""
        self._entries.reset(token)


def _is_over(exchange: Exchange | None) -> bool:
    return exchange is not None and exchange.is_over


def _user_of(exchange: Exchange) -> Any:
    if exchange.watcher is not None:
        exchange.watcher.note(exchange.scope)
    return exchange.user


current_user: RequestVar[Any] = RequestVar("current_user", _user_of)
"""The user of the request: a user, an anonymous user, or `None` outside a request."""

ANYBODY = object()
"""Stands for everybody in `ignore_permissions_ctx`: tasks and threads started in the block, too."""

ignore_permissions_ctx: ContextVar[object] = ContextVar("ignore_permissions_ctx", default=None)
"""Whose model permissions are not checked at present: a task or thread, `ANYBODY`, or `None` for nobody's.

A context is copied into each task and thread that is started in it, but who was let off was the one that asked for it.
"""

current_request: RequestVar[Any] = RequestVar("current_request", lambda exchange: exchange.request)
"""The request being answered, or `None`."""

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
"""What log lines call the request being answered, or `None`; set by a middleware."""

request_perms_cache: RequestVar[dict[Any, set[str]] | None] = RequestVar(
    "request_perms_cache", lambda exchange: exchange.permissions
)
"""Permissions looked up during this request; a fresh dict per request, never shared."""

current_router: RequestVar[Any] = RequestVar("current_router", lambda exchange: exchange.router)
"""The application's router, used to resolve named redirects."""


def get_current_user() -> Any:
    """Return the user of the request, or `None` outside one."""
    return current_user.get()


def unnoted_user() -> Any:
    """Return what `current_user` holds, for who notes that the answer depends on it when it is really looked at."""
    exchange = current_exchange.get()
    if exchange is None:
        return current_user.get()
    watcher, exchange.watcher = exchange.watcher, None
    try:
        return current_user.get()
    finally:
        exchange.watcher = watcher


def set_current_user(user: Any) -> Token[Any]:
    """Set the user of this context.

    Returns:
        The token with which `current_user.reset` restores the value before.
    """
    return current_user.set(user)


class GeneratorHolder:
    """Who is let off inside a generator: its task or thread, and only while the generator itself runs.

    A generator, async or not, shares its context with whoever reads it; what it has set is still set when it has yielded.

    Args:
        holder: The task or thread.
        frame: The generator's frame.
    """

    __slots__ = ("frame", "holder")

    def __init__(self, holder: object, frame: FrameType) -> None:
        self.holder = holder
        self.frame = frame

    def is_running(self) -> bool:
        """Return whether the generator, or what it waits for, is running now."""
        if self.holder is not ANYBODY and self.holder != current_holder():
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self.frame:
            frame = frame.f_back
        return frame is not None


_GENERATORS = (
    0x20 | 0x200
)  # inspect.CO_GENERATOR and CO_ASYNC_GENERATOR; `inspect` takes long to import.


def holder_within(frame: FrameType, holder: object) -> object:
    """Return who is let off by what a frame enters: a holder, within a generator only while that runs.

    Args:
        frame: The frame with the ``with`` statement.
        holder: The task or thread, or `ANYBODY`.
    """
    owner: FrameType | None = frame
    # What `contextlib` drives stands for the block of whoever uses it.
    while owner is not None and (_is_of_contextlib(owner) or _is_managed(owner)):
        owner = owner.f_back
    if owner is not None and owner.f_code.co_flags & _GENERATORS:
        return GeneratorHolder(holder, owner)
    return holder


def _is_of_contextlib(frame: FrameType) -> bool:
    return frame.f_code.co_filename == contextlib.__file__


def _is_managed(frame: FrameType) -> bool:
    """Return whether a frame is a generator that `contextlib` has made a context manager."""
    back = frame.f_back
    is_generator = bool(frame.f_code.co_flags & _GENERATORS)
    return is_generator and back is not None and _is_of_contextlib(back)


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
    if isinstance(holder, GeneratorHolder):
        return holder.is_running()
    return holder is not None and (holder is ANYBODY or holder == current_holder())


@contextmanager
def ignore_permissions(*, inherit: bool = False) -> Iterator[None]:
    """Check no model permission inside the block.

    Args:
        inherit: Check none in tasks and threads started inside it either, for as long as they run.
    """
    holder = ANYBODY if inherit else current_holder()
    token = ignore_permissions_ctx.set(holder_within(sys._getframe(0), holder))
    try:
        yield
    finally:
        ignore_permissions_ctx.reset(token)


@contextmanager
def run_as(user: Any) -> Iterator[None]:
    """Act in the name of a user inside the block: model permissions are those of `user`, and `current_user` is that user.

    For background tasks, threads and scripts; tasks and threads started inside the block act so too. A `yield` inside the block
    hands the name to whoever iterates over the generator, until it goes on: end the block before.

    Args:
        user: A user, an anonymous user, or `None` for nobody.
    """
    token = current_user.set(user)
    try:
        yield
    finally:
        current_user.reset(token)


_servers = 0


@contextmanager
def serving_others() -> Iterator[None]:
    """Take this process for a server inside the block: what nobody asked for may do nothing with protected models."""
    global _servers
    _servers += 1
    try:
        yield
    finally:
        _servers -= 1


def serves_others() -> bool:
    """Return whether this process is a web server or a worker at present."""
    return _servers > 0
