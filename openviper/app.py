"""The ASGI application."""

from __future__ import annotations

import inspect
import logging
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from openviper.apps.bootstrap import setup
from openviper.apps.discovery import add_api_pages, discover_routes, find_ready_hooks
from openviper.apps.documenting import Documented, OpenAPIArguments, own_openapi
from openviper.apps.lifecycle import AppLifecycleManager
from openviper.apps.lifespan import Lifespan
from openviper.apps.server import import_string_of, serve
from openviper.conf import Settings, settings
from openviper.core.context import current_exchange
from openviper.db.preloading import preload_queries
from openviper.exceptions import HTTPException, MethodNotAllowed, NotFound
from openviper.http import errors
from openviper.http.answer import Answer, answer_of
from openviper.http.asgi import (
    BACKGROUND,
    BODY,
    MOUNTED,
    RAISE_ERRORS,
    ROUTE,
    TEST_CLIENT,
    ASGIApp,
    Receive,
    Scope,
    Send,
)
from openviper.http.background import Background, Work, drop_work
from openviper.http.coercion import coerce_response, respond
from openviper.http.errors import ErrorHandlers, error_response, plain_problem
from openviper.http.landing import landing_page
from openviper.http.permissions import PermissionLike
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.http.shortcut import Entrance, entrance_of, no_entrance
from openviper.middleware.base import MiddlewareEntry, as_function, build_middleware_stack
from openviper.middleware.ratelimit import with_rate_limit
from openviper.project.deployment import is_production
from openviper.routing.binding import Handler
from openviper.routing.paths import MAX_PATH_LENGTH, below_root
from openviper.routing.route import Middleware, RouteOptions
from openviper.routing.router import Router, with_automatic
from openviper.routing.serving import serve_websocket, within_exchange
from openviper.utils.cancellation import own_error
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.apps import development
    from openviper.testing.client import OpenViperTestClient
else:
    development = lazy_module("openviper.apps.development")  # Production does without.

logger = logging.getLogger("openviper.app")
_new_request: Callable[[type[Request]], Request] = object.__new__
F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound=Handler)


class OpenViper(Documented):
    """An ASGI application: a router, middleware around it, and the life of the installed apps.

    Args:
        debug: Show the landing and debug pages; the setting `DEBUG` when not given.
        middleware: Stands before the setting `MIDDLEWARE`; the first entry is outermost.
        title: The application's name; the setting `PROJECT_NAME` when not given.
        openapi: See `OpenAPIArguments`.
    """

    def __init__(
        self,
        debug: bool | None = None,
        middleware: Sequence[MiddlewareEntry] | None = None,
        title: str | None = None,
        **openapi: Unpack[OpenAPIArguments],
    ) -> None:
        self._debug = debug
        self._middleware = list(middleware or ())
        self._title = title
        self.openapi = own_openapi(openapi)
        self.router = Router()
        self._startup: list[Callable[[], Any]] = []
        self._shutdown: list[Callable[[], Any]] = []
        self._error_handlers = ErrorHandlers()
        self.background = Background()
        self._max_path = MAX_PATH_LENGTH
        self._stack: ASGIApp | None = None
        self._enter: Entrance = no_entrance
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

    @property
    def _is_for_developers(self) -> bool:
        return self.debug and not is_production()

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
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler; see `Router.add`."""
        return self.router.route(path, methods, name, middlewares, **options)

    def get(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for GET and HEAD."""
        return self.router.get(path, **options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for POST."""
        return self.router.post(path, **options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for PUT."""
        return self.router.put(path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for PATCH."""
        return self.router.patch(path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for DELETE."""
        return self.router.delete(path, **options)

    def options(self, path: str, **options: Any) -> Callable[[H], H]:
        """Register the decorated handler for OPTIONS."""
        return self.router.options(path, **options)

    def websocket(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        *,
        permission: PermissionLike | None = None,
    ) -> Callable[[F], F]:
        """Register the decorated handler for WebSockets; see `Router.websocket`."""
        return self.router.websocket(path, name, middlewares, permission=permission)

    def include_router(
        self, router: Router, prefix: str = "", namespace: str | None = None
    ) -> None:
        """Mount a router; routes that it gets later are found too."""
        self.router.include_router(router, prefix, namespace)

    def mount(self, path: str, app: ASGIApp, name: str | None = None) -> None:
        """Hand every request below a path to another ASGI application; see `Router.mount`."""
        self.router.mount(path, app, name)

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of a named route, without the prefix that the application is served under.

        Where a request is answered, `Request.url_for` adds it.

        Raises:
            KeyError: If there is no route of this name.
            ValueError: If a parameter is missing or does not fit.
        """
        return self.router.url_for(name, **params)

    # Hooks

    def on_startup(self, fn: F) -> F:
        """Call a function, plain or async, before the first request; returns it."""
        self._startup.append(fn)
        return fn

    def on_shutdown(self, fn: F) -> F:
        """Call a function, plain or async, after the last request, in reverse order; returns it."""
        self._shutdown.append(fn)
        return fn

    def exception_handler(self, what: type[BaseException] | int) -> Callable[[F], F]:
        """Register the decorated function for an exception and those derived from it, or for a status of errors.

        It is called with the request and the exception; what it returns, if no response, gets the status of the error, or 500.

        Raises:
            TypeError: If it is neither.
            ValueError: If the status is not one of errors.
        """
        errors.check_subject(what)

        def register(fn: F) -> F:
            self._error_handlers.add(what, fn)
            return fn

        return register

    # Answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call: a request, a WebSocket, or the server's start and stop."""
        if scope["type"] != "http":
            await self._serve_other(scope, receive, send)
            return
        stack = self._stack
        # Settings are replaced as a whole, by tests and by a reload; middleware has read those of before.
        if stack is None or settings.instance is not self._built_for:
            stack = self._build()
        # What `begun` does.
        answer = Answer()
        answer.scope = scope
        answer.receive = receive
        answer.send = send
        answer.router = self.router
        token = current_exchange.set(answer)
        try:
            if self._enter(scope, answer):
                answer.token = token
                await self._answer(scope, receive, answer)
            else:
                await stack(scope, receive, answer)
        except (Exception, CancelledError) as error:
            response = await self._response_to(answer, Request(scope, receive), own_error(error))
            await response(scope, receive, answer)
        finally:
            if not answer.has_left:
                current_exchange.reset(token)
            # Work that it has started may go on in a context that still has it.
            answer.is_over = True
            if BODY in scope and scope[BODY].is_held():
                await scope[BODY].release()
        if BACKGROUND in scope:  # Left by middleware, where no handler has answered.
            self.background.start(scope)

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._stack_or_core()(scope, receive, send)
        else:
            await within_exchange(self._stack_or_build(), self.router, scope, receive, send)

    def invalidate_middleware_cache(self) -> None:
        """Build the middleware chain anew at the next request."""
        self._stack = None

    def _stack_or_build(self) -> ASGIApp:
        if self._stack is None or settings.instance is not self._built_for:
            return self._build()
        return self._stack

    def _stack_or_core(self) -> ASGIApp:
        try:
            return self._stack_or_build()
        except Exception:
            # The lifespan builds once more, fails the same way, and tells the server why.
            return self._answer

    def _build(self) -> ASGIApp:
        setup()  # A server imports the application only; nobody else may have connected the parts yet.
        if self.debug and is_production():
            logger.warning("debug is on in production: errors show source code to everybody")
        if not self._discovered:
            self.prepare()
        entries = with_rate_limit([*self._middleware, *settings.MIDDLEWARE])
        stack = build_middleware_stack(self._answer, entries, self._guard)
        if self._is_for_developers:
            stack = development.for_development(stack)
        self._stack = stack = as_function(stack)
        self._enter = entrance_of(stack, self._answer)
        self._max_path = settings.MAX_PATH_LENGTH
        self._built_for = settings.instance
        return stack

    def prepare(self) -> None:
        """Find the project's routes, and add the pages about the API; what a server does before the first request.

        Raises:
            AppLifecycleImportError: If the project's routes cannot be imported.
            ImproperlyConfigured: If routes or settings are wrong.
        """
        if self._discovered:
            return
        setup()
        discover_routes(self.router)
        add_api_pages(self.router, self.title, self.openapi)
        preload_queries()
        self._discovered = True

    def _guard(self, app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except Exception as error:
                if scope["type"] != "http":
                    raise
                answer = answer_of(scope, receive, send)
                response = await self._response_to(answer, Request(scope, receive), error)
                await response(scope, receive, send)

        return guarded

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what has passed the middleware."""
        if send.__class__ is Answer:
            answer = send
        elif scope["type"] == "http":
            answer = answer_of(scope, receive, send)
        else:
            await self._answer_other(scope, receive, send)
            return
        response: Response | None = None
        held = scope.get(BACKGROUND, ())[:]
        try:
            # In this function and not in one of its own, as each that is awaited costs every request as much as the routing.
            result = self._call_route(answer, scope, receive)
            if result.__class__ is CoroutineType or hasattr(result, "__await__"):
                result = await result
            response = result if isinstance(result, Response) else coerce_response(result)
            if response.needs_preparation:
                await response.prepare()
            answer.is_last = response.is_whole
            # Calling the object costs 0.1 us more than its method.
            await response.__call__(scope, receive, send)
        except Exception as error:
            if response is not None:
                await response.close()
            request = answer.request_for(scope, receive)
            await self._answer_error(error, answer, request, held, send)
        if BACKGROUND in scope:
            self.background.start(scope)

    async def _answer_error(
        self, error: Exception, answer: Answer, request: Request, held: Sequence[Work], send: Send
    ) -> None:
        if await answer.has_lost_client(error, request):
            return
        drop_work(request.scope, held)
        response = await self._response_to(answer, request, error)
        await response(request.scope, request._receive, send)

    async def _answer_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            lifespan = self._lifespan(scope.get(MOUNTED, False))
            await lifespan.run(receive, send, is_test=TEST_CLIENT in scope)
        elif kind == "websocket":
            await serve_websocket(self.router, scope, receive, send)
        else:
            raise ValueError(f"{kind!r} is not a type of ASGI connection that is served here")

    def _call_route(self, answer: Answer, scope: Scope, receive: Receive) -> Any:
        """Find the route of a request and call its handler, or return what is answered without one."""
        path = below_root(scope) if scope.get("root_path") else scope["path"]
        if len(path) > self._max_path:
            raise HTTPException(414)
        table = self.router.table or self.router.compiled()
        found = table.find_for(scope, scope["method"], path)
        if isinstance(found, tuple):
            scope[ROUTE], scope["path_params"] = found
            if answer.made_request is None:
                # What `Request(scope, receive)` does, but for a look at the type of the scope, which is known.
                answer.made_request = request = _new_request(Request)
                request.scope = scope
                request._receive = receive
            else:
                request = answer.request_for(scope, receive)
            endpoint = found[0].endpoint
            return endpoint(request)
        return self._without_route(scope, path, found)

    def _without_route(self, scope: Scope, path: str, allowed: set[str]) -> Response:
        """Return what is answered without a route: the methods of a path, and the landing page of a new project."""
        if allowed:
            methods = sorted(with_automatic(allowed))
            if scope["method"] == "OPTIONS":
                return Response(None, 204, {"allow": ", ".join(methods)})
            raise MethodNotAllowed(methods)
        if path == "/" and scope["method"] in ("GET", "HEAD") and self._is_for_developers:
            routes = [each for each in self.router.routes if each.is_static]
            return landing_page(self.title, [each.path for each in routes if "GET" in each.methods])
        answer = plain_problem(scope, 404) if self._error_handlers.is_empty else None
        if answer is None:
            raise NotFound
        return answer

    async def call_handler(self, handler: Handler, request: Request) -> Response:
        """Call a function of the request, plain or async, and return its result as a response."""
        return await respond(handler, request)

    def coerce_response(self, value: Any) -> Response:
        """Return the response for a handler's result; see `openviper.http.coercion.coerce_response`."""
        return coerce_response(value)

    async def _response_to(self, answer: Answer, request: Request, error: Exception) -> Response:
        """Return the answer to an error; raise it where none can be given, or the test client wants to see it."""
        if answer.is_started:
            # The server logs it and cuts the connection: what is cut must look cut.
            raise error
        meant = self._error_handlers.subject(error)
        handler = None if self._error_handlers.is_empty else self._error_handlers.find(meant)
        if handler is not None:
            try:
                return await errors.handled(handler, request, meant)
            except Exception as second:
                error = second
        if request.scope.get(RAISE_ERRORS) and not isinstance(
            errors.meant_by(error), HTTPException
        ):
            raise error
        return error_response(request, error, debug=self.debug)

    # Life

    def _lifespan(self, is_mounted: bool) -> Lifespan:
        def prepare() -> None:
            self._stack_or_build()
            self.router.compile()  # Paths that contradict each other are found now, not by the first visitor.
            if not is_mounted:
                self.lifecycle.discover(settings.INSTALLED_APPS)
                find_ready_hooks(self.lifecycle)

        # Work that requests have left behind is done before the handlers take away what it needs.
        shutdown = [*self._shutdown, self.background.finish]
        return Lifespan(
            prepare,
            self.lifecycle,
            self._startup,
            shutdown,
            lambda: self.router.mounts,
            is_mounted=is_mounted,
        )

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
        frame = inspect.currentframe()
        target = import_string_of(self, None if frame is None else frame.f_back)
        serve(
            self, target, host=host, port=port, reload=reload, log_level=log_level, workers=workers
        )

    def test_client(self, **options: Any) -> OpenViperTestClient:
        """Return a client that calls this application in the same process; see `openviper.testing.client`."""
        # Late: an application that serves needs no test client.
        from openviper.testing.client import OpenViperTestClient

        return OpenViperTestClient(self, **options)
