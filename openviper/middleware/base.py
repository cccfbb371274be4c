"""The base class of middleware and the chain it forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, ClassVar, TypeAlias

from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.shortcut import Fused, Shortcut, is_complete, shortcut_of
from openviper.utils.importing import import_string

MiddlewareEntry: TypeAlias = (
    "str | Callable[..., ASGIApp] | tuple[str | Callable[..., ASGIApp], Mapping[str, Any]]"
)
"""A class, its dotted path, or either of them with keyword arguments."""


class BaseMiddleware:
    """An ASGI application around another one; override `__call__` and pass on scopes that are none of your business.

    Args:
        app: The application inside.

    Attributes:
        is_guarded: Whether an error that it raises itself is answered inside the middleware around it. That costs every
            request something; one that raises nothing says `False`.
    """

    is_guarded: ClassVar[bool] = True

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the call on. Usually ``async``; plain where there is nothing to do once the application has been called."""
        return self.app(scope, receive, send)


def resolve_middleware_entry(entry: Any) -> Any:
    """Return the class for a dotted path; anything else is returned as it is.

    Raises:
        ImproperlyConfigured: If it cannot be imported; names the entry.
    """
    if not isinstance(entry, str):
        return entry
    try:
        return import_string(entry)
    except ImportError as error:
        raise ImproperlyConfigured(f"middleware {entry!r} cannot be imported: {error}") from error


def build_middleware_stack(
    app: ASGIApp,
    entries: Sequence[MiddlewareEntry],
    guard: Callable[[ASGIApp], ASGIApp] | None = None,
) -> ASGIApp:
    """Wrap an application in middleware; the first entry is outermost.

    Args:
        app: The application.
        entries: The middleware.
        guard: Put around each middleware but the outermost, so that an error in one is answered inside of the others; not
            around those that say that they raise none.

    Raises:
        ImproperlyConfigured: If an entry cannot be imported.
    """
    run = _Run(app)
    for place, entry in reversed(list(enumerate(entries))):
        target, options = entry if isinstance(entry, tuple) else (entry, {})
        middleware = resolve_middleware_entry(target)(app, **options)
        is_guarded = place > 0 and getattr(middleware, "is_guarded", True)
        guarded = guard(middleware) if is_guarded and guard is not None else middleware
        app = run.extended(middleware, guarded, app)
    return app


def as_function(app: ASGIApp) -> ASGIApp:
    """Return the method by which an application is called: that costs a request less than to call the object."""
    kind: Any = type(app)
    method = kind.__call__
    return MethodType(method, app) if isinstance(method, FunctionType) else app


class _Run:
    """Middlewares side by side that have shortcuts, from the inside out.

    Args:
        app: The application inside of them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._shortcuts: list[Shortcut] = []

    def extended(self, middleware: ASGIApp, guarded: ASGIApp, inner: ASGIApp) -> ASGIApp:
        """Return what stands in place of a middleware: where the run is complete with it, one step through all.

        Args:
            middleware: The next one outwards.
            guarded: The same, with what guards it.
            inner: What stands inside of it.
        """
        shortcut = shortcut_of(middleware, inner) if middleware is guarded else None
        if shortcut is None:
            self._app, self._shortcuts = guarded, []
            return guarded
        self._shortcuts.insert(0, shortcut)
        is_worthwhile = len(self._shortcuts) > 1 or shortcut.head is not None
        if not is_worthwhile or not is_complete(self._shortcuts):
            return guarded
        return as_function(Fused(self._shortcuts, guarded, self._app))
