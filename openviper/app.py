"""The ASGI application."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.apps.bootstrap import setup
from openviper.apps.discovery import discover_routes, find_ready_hooks
from openviper.apps.lifecycle import AppLifecycleManager
from openviper.apps.lifespan import Lifespan
from openviper.conf import Settings, settings
from openviper.core.context import (
    current_request,
    current_router,
    current_user,
    request_perms_cache,
)
from openviper.exceptions import HTTPException, NotFound
from openviper.http.asgi import RAISE_ERRORS, ASGIApp, Receive, Scope, Send
from openviper.http.coercion import coerce_response
from openviper.http.errors import error_response
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.middleware.base import MiddlewareEntry, build_middleware_stack
from openviper.middleware.errors import ServerErrorMiddleware
from openviper.project.deployment import is_production
from openviper.routing.paths import below_root
from openviper.routing.route import Handler, Middleware
from openviper.routing.router import Router

if TYPE_CHECKING:
    from openviper.testing.client import OpenViperTestClient

logger = logging.getLogger("openviper.app")
F = TypeVar("F", bound=Callable[..., Any])
ExceptionHandler = Callable[[Request, Any], Any]


class OpenViper:
    """An ASGI application: a router, middleware around it, and the life of the installed apps.

    Args:
        debug: Show the landing and debug pages; the setting `DEBUG` when not given.
        middleware: Stands before the setting `MIDDLEWARE`; the first entry is outermost.
        title: The application's name; the setting `PROJECT_NAME` when not given.
    """

    def __init__(
        self,
        debug: bool | None = None,
        middleware: Sequence[MiddlewareEntry] | None = None,
        title: str | None = None,
    ) -> None:
        self._debug = debug
        self._middleware = list(middleware or ())
        self._title = title
        self.router = Router()
        self._startup: list[Callable[[], Any]] = []
        self._shutdown: list[Callable[[], Any]] = []
        self._exception_handlers: dict[type[BaseException], ExceptionHandler] = {}
        self._stack: ASGIApp | None = None
        self._built_for: Settings | None = None
        self._discovered = False
        self.lifecycle = AppLifecycleManager()

    # Settings are read when they are needed, never when the module is imported.

    @property
    def debug(self) -> bool:
        """Whether details of errors are shown."""
        if self._debug is None:
            return settings.DEBUG
        return self._debug

    @debug.setter
    def debug(self, value: bool) -> None:
        self._debug = value
        self.invalidate_middleware_cache()

    @contextmanager
    def debugging(self) -> Iterator[None]:
        """Show details of errors inside the block, whatever was chosen before."""
        before = self._debug
        self.debug = True
        try:
            yield
        finally:
            self._debug = before
            self.invalidate_middleware_cache()

    @property
    def title(self) -> str:
        """The application's name."""
        if self._title is None:
            return settings.PROJECT_NAME
        return self._title

    # Routes

    def route(
        self,
        path: str,
        methods: Sequence[str],
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler; see `Router.add`."""
        return self.router.route(path, methods, name, middlewares)

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for GET and HEAD."""
        return self.router.get(path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for POST."""
        return self.router.post(path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for PUT."""
        return self.router.put(path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for PATCH."""
        return self.router.patch(path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for DELETE."""
        return self.router.delete(path, **options)

    def options(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register the decorated handler for OPTIONS."""
        return self.router.options(path, **options)

    def include_router(self, router: Router, prefix: str = "") -> None:
        """Mount a router; routes that it gets later are found too."""
        self.router.include_router(router, prefix)

    # Hooks

    def on_startup(self, fn: F) -> F:
        """Call a function, plain or async, before the first request; returns it."""
        self._startup.append(fn)
        return fn

    def on_shutdown(self, fn: F) -> F:
        """Call a function, plain or async, after the last request, in reverse order; returns it."""
        self._shutdown.append(fn)
        return fn

    def exception_handler(self, exc_class: type[BaseException]) -> Callable[[F], F]:
        """Register the decorated function for an exception and those derived from it.

        It is called with the request and the exception; what it returns becomes the response as with any handler.
        """

        def register(fn: F) -> F:
            self._exception_handlers[exc_class] = fn
            return fn

        return register

    # Answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call: a request, a WebSocket, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._stack_or_core()(scope, receive, send)
            return
        stack = self._current_stack()
        if scope["type"] != "http":
            await stack(scope, receive, send)
            return
        router = current_router.set(self.router)
        permissions = request_perms_cache.set({})
        user = current_user.set(None)
        request = current_request.set(None)
        try:
            await stack(scope, receive, send)
        finally:
            current_request.reset(request)
            current_user.reset(user)
            request_perms_cache.reset(permissions)
            current_router.reset(router)

    def invalidate_middleware_cache(self) -> None:
        """Build the middleware chain anew at the next request."""
        self._stack = None

    def _current_stack(self) -> ASGIApp:
        # Settings are replaced as a whole, by tests and by a reload; middleware has read those of before.
        if self._stack is None or settings.instance is not self._built_for:
            return self._build()
        return self._stack

    def _stack_or_core(self) -> ASGIApp:
        try:
            return self._current_stack()
        except Exception:
            return (
                self._answer
            )  # The lifespan builds once more, fails the same way, and tells the server why.

    def _build(self) -> ASGIApp:
        setup()  # A server imports the application only; nobody else may have connected the parts yet.
        if self.debug and is_production():
            logger.warning("debug is on in production: errors show source code to everybody")
        if not self._discovered:
            discover_routes(self.router)
            self._discovered = True
        entries = [*self._middleware, *settings.MIDDLEWARE]
        stack = build_middleware_stack(self._answer, entries)
        if self.debug and not is_production():
            # Imported here: in production nothing of it is needed.
            from openviper.core.app_resolver import AppResolver
            from openviper.middleware.mail_preview import MailPreviewMiddleware
            from openviper.staticfiles.finders import register_app_locator
            from openviper.staticfiles.serving import serve_files

            register_app_locator(lambda name: AppResolver().resolve_app(name)[0])
            stack = MailPreviewMiddleware(serve_files(stack))
        self._stack = ServerErrorMiddleware(stack, debug=self.debug)
        self._built_for = settings.instance
        return self._stack

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan().run(receive, send)
            return
        if scope["type"] != "http":
            # There is no WebSocket routing; 4404 is the private code for "not found" (RFC 6455, 7.4.2).
            await send({"type": "websocket.close", "code": 4404})
            return
        request = Request(scope, receive)
        current_request.set(request)
        try:
            response = await self._respond(request)
            if response.needs_preparation:
                await response.prepare()
        except Exception as error:
            response = await self._respond_to_error(request, error)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        scope = request.scope
        try:
            route, params = self.router.resolve(scope["method"], below_root(scope))
        except Exception as error:
            automatic = self._automatic(request, error)
            if automatic is None:
                raise
            return automatic
        scope["path_params"] = request.path_params = params
        return await self.call_handler(route.endpoint, request)

    def _automatic(self, request: Request, error: Exception) -> Response | None:
        allowed = getattr(error, "allowed", None)
        if allowed is not None and request.method == "OPTIONS":
            return Response(None, 204, {"allow": ", ".join(allowed)})
        if (
            isinstance(error, NotFound)
            and below_root(request.scope) == "/"
            and request.method in ("GET", "HEAD")
        ):
            if self.debug and not is_production():
                from openviper.http.landing import landing_page

                paths = [
                    route.path
                    for route in self.router.routes
                    if route.is_static and "GET" in route.methods
                ]
                return landing_page(self.title, paths)
        return None

    async def call_handler(self, handler: Handler, request: Request) -> Response:
        """Call a function of the request, plain or async, and return its result as a response."""
        result = handler(request)
        if hasattr(result, "__await__"):
            result = await result
        return result if isinstance(result, Response) else coerce_response(result)

    def coerce_response(self, value: Any) -> Response:
        """Return the response for a handler's result; see `openviper.http.coercion.coerce_response`."""
        return coerce_response(value)

    async def _respond_to_error(self, request: Request, error: Exception) -> Response:
        for cls in type(error).__mro__:
            handler = self._exception_handlers.get(cls)
            if handler is None:
                continue
            try:
                result = handler(request, error)
                if hasattr(result, "__await__"):
                    result = await result
                return coerce_response(result)
            except Exception as second:
                error = second
                break
        if request.scope.get(RAISE_ERRORS) and not isinstance(error, HTTPException):
            raise error
        return error_response(request, error, debug=self.debug)

    # Life

    def _lifespan(self) -> Lifespan:
        def prepare() -> None:
            self._current_stack()
            self.router.compile()  # Paths that contradict each other are found now, not by the first visitor.
            self.lifecycle.discover(settings.INSTALLED_APPS)
            find_ready_hooks(self.lifecycle)

        return Lifespan(prepare, self.lifecycle, self._startup, self._shutdown)

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        reload: bool = True,
        log_level: str = "info",
        workers: int = 1,
    ) -> None:
        """Serve this application with uvicorn until it is stopped.

        Reloading and several workers start new processes, which have to import the application: it must be a
        module-level name of the calling module. Otherwise one process without reload serves it.

        Args:
            host: Address to listen on.
            port: Port to listen on.
            reload: Restart when code changes.
            log_level: The server's log level.
            workers: Number of processes.
        """
        import uvicorn

        from openviper.utils.logging import get_uvicorn_log_config

        log_config = get_uvicorn_log_config()
        target: Any = _import_string(self, inspect.currentframe())
        if target is None:
            if reload or workers > 1:
                logger.warning(
                    "the application is no module-level name; serving in one process without reload"
                )
            uvicorn.run(self, host=host, port=port, log_level=log_level, log_config=log_config)
            return
        uvicorn.run(
            target,
            host=host,
            port=port,
            reload=reload,
            workers=1 if reload else workers,
            log_level=log_level,
            log_config=log_config,
        )

    def test_client(self, **options: Any) -> OpenViperTestClient:
        """Return a client that calls this application in the same process; see `openviper.testing.client`."""
        from openviper.testing.client import OpenViperTestClient

        return OpenViperTestClient(self, **options)


def _import_string(app: OpenViper, frame: Any) -> str | None:
    caller = frame.f_back if frame is not None else None
    if caller is None:
        return None
    module = caller.f_globals.get("__name__", "")
    if module == "__main__":
        spec = caller.f_globals.get("__spec__")
        path = caller.f_globals.get("__file__")
        module = (
            spec.name if spec is not None else os.path.splitext(os.path.basename(path or ""))[0]
        )
    name = next((key for key, value in caller.f_globals.items() if value is app), None)
    return f"{module}:{name}" if name and module else None
