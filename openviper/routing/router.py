"""Routers: routes, mounted routers and applications, and the table that finds the one for a request."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, Unpack

from openviper.exceptions import ImproperlyConfigured, MethodNotAllowed, NotFound
from openviper.http.asgi import ASGIApp, Scope
from openviper.http.permissions import PermissionLike, as_permission
from openviper.routing.binding import Handler
from openviper.routing.hosts import parse_host
from openviper.routing.method_binding import is_split
from openviper.routing.mounts import Mount
from openviper.routing.route import (
    WEBSOCKET,
    Middleware,
    Route,
    RouteOptions,
    normal_methods,
    with_permission,
)
from openviper.routing.table import Found, Table

H = TypeVar("H", bound=Handler)

ANY_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MOUNT_METHODS = (*ANY_METHODS, "TRACE", "CONNECT", WEBSOCKET)
"""What a mounted application is asked: everything."""


class _Mount(NamedTuple):
    router: Router
    prefix: str
    namespace: str | None


class _Entry(NamedTuple):
    path: str
    methods: tuple[str, ...]
    handler: Handler
    name: str | None
    middlewares: tuple[Middleware, ...]
    options: RouteOptions


class _Around(NamedTuple):
    """What the routers around a route add to it."""

    prefix: str = ""
    names: str = ""
    middlewares: tuple[Middleware, ...] = ()
    tags: tuple[str, ...] = ()
    host: str = ""
    permission: PermissionLike | None = None


def _join(prefix: str, path: str) -> str:
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class Router:
    """Collects routes and finds the one for a request.

    Args:
        prefix: Comes before the path of every route.
        middlewares: Wrap every handler, those of mounted routers too; the first one is outermost.
        tags: Free words for documentation, for every route.
        namespace: Comes before the name of every route when this router is mounted: ``namespace:name``.
        host: The routes answer for this host only; may hold parameters, such as ``{tenant}.example.org``.
        permission: Who may use the routes, those of mounted routers too; a mounted router, or a route, that names a
            permission of its own is asked for that one instead.

    Raises:
        TypeError: If the tags are one text, or the permission is none.
        ValueError: If no host matches the pattern of hosts.
    """

    def __init__(
        self,
        prefix: str = "",
        middlewares: Sequence[Middleware] | None = None,
        tags: Sequence[str] | None = None,
        namespace: str | None = None,
        host: str = "",
        permission: PermissionLike | None = None,
    ) -> None:
        if isinstance(tags, str):
            raise TypeError(f"the tags of a router are a list such as [{tags!r}], not a text")
        # A mistake in a host is an error here, not at the first request.
        parse_host(host)
        self.prefix = prefix
        self.middlewares = tuple(middlewares or ())
        self.tags = tuple(tags or ())
        self.namespace = namespace
        self.host = host
        # A mistake is an error here, not at the first request.
        self.permission = None if permission is None else as_permission(permission)
        self._entries: list[_Entry | _Mount] = []
        # Weak, because a router may be mounted in many applications that come and go.
        self._parents: weakref.WeakSet[Router] = weakref.WeakSet()
        self.table: Table | None = None

    # Registering

    def add(
        self,
        path: str,
        handler: Handler,
        methods: Sequence[str] | None = None,
        namespace: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        *,
        name: str | None = None,
        **options: Unpack[RouteOptions],
    ) -> None:
        """Register a handler.

        Args:
            path: The pattern below this router's prefix.
            handler: The view; a class-based one answers every method it has.
            methods: HTTP methods; GET (and with it HEAD) when not given.
            namespace: The older word for `name`.
            middlewares: Wrap this handler inside those of the router.
            name: The name of the route; the handler's name when not given.
            options: See `openviper.routing.route.RouteOptions`.

        Raises:
            TypeError: See `Route`.
            ValueError: See `Route`.
        """
        default = getattr(handler, "view_methods", None) or ("GET",)
        upper = normal_methods(default if methods is None else methods, path)
        named = name or namespace
        entry = _Entry(path, upper, handler, named, tuple(middlewares or ()), options)
        # A malformed pattern is an error here, not at the first request.
        list(_build(entry, _Around(host=self.host)))
        self._entries.append(entry)
        self._changed()

    def remove(self, name: str) -> None:
        """Take away the routes of a name, which others may then have.

        Args:
            name: As it was given here, without the namespaces of routers around.

        Raises:
            KeyError: If there is none; those of mounted routers are theirs to remove.
        """
        kept = [entry for entry in self._entries if getattr(entry, "name", None) != name]
        if len(kept) == len(self._entries):
            raise KeyError(name)
        self._entries = kept
        self._changed()

    def route(
        self,
        path: str,
        methods: Sequence[str],
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler; see `add`.

        Raises:
            TypeError: If the path is no text, as where the decorator is written without one.
        """
        if not isinstance(path, str):
            raise TypeError(f"a route begins with its path, such as '/books', not with {path!r}")

        def register(handler: H) -> H:
            self.add(path, handler, methods, None, middlewares, name=name, **options)
            return handler

        return register

    def get(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for GET and HEAD."""
        return self.route(path, ("GET",), name, middlewares, **options)

    def post(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for POST."""
        return self.route(path, ("POST",), name, middlewares, **options)

    def put(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for PUT."""
        return self.route(path, ("PUT",), name, middlewares, **options)

    def patch(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for PATCH."""
        return self.route(path, ("PATCH",), name, middlewares, **options)

    def delete(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for DELETE."""
        return self.route(path, ("DELETE",), name, middlewares, **options)

    def options(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for OPTIONS, in place of the automatic answer."""
        return self.route(path, ("OPTIONS",), name, middlewares, **options)

    def any(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Register the decorated handler for every method."""
        return self.route(path, ANY_METHODS, name, middlewares, **options)

    def websocket(
        self,
        path: str,
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
        *,
        permission: PermissionLike | None = None,
    ) -> Callable[[H], H]:
        """Register the decorated handler for WebSockets; it gets an `openviper.http.WebSocket`.

        Args:
            path: The pattern.
            name: For `url_for`.
            middlewares: The first one is outermost.
            permission: Who may open one, in place of what the routers around it say.
        """
        if permission is None:
            return self.route(path, (WEBSOCKET,), name, middlewares)
        return self.route(path, (WEBSOCKET,), name, middlewares, permission=permission)

    def mount(self, path: str, app: ASGIApp, name: str | None = None) -> None:
        """Hand every request below a path to another ASGI application.

        It sees the path as part of its `root_path`, so it finds its routes and builds its addresses as if it were alone. It
        starts and stops with this application, if it knows the lifespan protocol.

        Args:
            path: The prefix; more specific routes below it win.
            app: The application.
            name: For `url_for`, with the rest of the path as `path`.

        Raises:
            TypeError: If the application cannot be called.
            ValueError: If the prefix has parameters or is empty.
        """
        if not callable(app):
            raise TypeError(f"what is mounted at {path!r} cannot be called: {app!r}")
        prefix = path.strip("/")
        if not prefix or "{" in prefix:
            raise ValueError(f"an application is mounted below a fixed path, not {path!r}")
        endpoint = Mount(app)
        shown = name or prefix
        self.add(f"/{prefix}", endpoint, MOUNT_METHODS, name=f"{shown}-root")
        self.add(f"/{prefix}/{{path:path}}", endpoint, MOUNT_METHODS, name=shown)

    def include_router(
        self, router: Router, prefix: str = "", namespace: str | None = None
    ) -> None:
        """Mount a router; routes that it gets later are found too.

        Args:
            router: The router.
            prefix: Comes before its own prefix.
            namespace: In place of its own namespace.

        Raises:
            TypeError: If it is no router.
            ValueError: If the router would contain itself.
        """
        if not isinstance(router, Router):
            raise TypeError(f"only a Router can be included, not {router!r}")
        if router is self or any(inner is self for inner in router._descendants()):
            raise ValueError("a router cannot contain itself")
        self._entries.append(_Mount(router, prefix, namespace))
        router._parents.add(self)
        self._changed()

    def _descendants(self) -> Iterator[Router]:
        for entry in self._entries:
            if isinstance(entry, _Mount):
                yield entry.router
                yield from entry.router._descendants()

    def _changed(self) -> None:
        self.table = None
        for parent in list(self._parents):
            parent._changed()

    # Finding

    def _flatten(self, around: _Around) -> Iterator[Route]:
        around = _Around(
            _join(around.prefix, self.prefix),
            around.names,
            around.middlewares + self.middlewares,
            around.tags + self.tags,
            self.host or around.host,
            around.permission if self.permission is None else self.permission,
        )
        for entry in self._entries:
            if isinstance(entry, _Mount):
                yield from entry.router._flatten(_inside(around, entry))
            else:
                yield from _build(entry, around)

    def compiled(self) -> Table:
        """Return the routes, arranged for finding; `table` is the same once they are."""
        if self.table is None:
            self.table = Table(list(self._flatten(_Around())))
        return self.table

    def compile(self) -> None:
        """Arrange the routes now instead of at the first request.

        Raises:
            ValueError: If a prefix and a path make a malformed pattern together.
            ImproperlyConfigured: If handlers have parameters that nothing can fill.
        """
        broken = self.compiled().broken
        if broken:
            raise ImproperlyConfigured("; ".join(map(str, broken)))

    @property
    def routes(self) -> list[Route]:
        """Every route, those of mounted routers included, with absolute paths."""
        return list(self.compiled().routes)

    @property
    def mounts(self) -> list[Mount]:
        """The mounted applications, each once."""
        found = {id(route.handler): route.handler for route in self.compiled().routes}
        return [handler for handler in found.values() if isinstance(handler, Mount)]

    def resolve(
        self, method: str, path: str, host: str | None = None
    ) -> tuple[Route, dict[str, Any]]:
        """Return the route for a request and its path parameters.

        HEAD is answered by the GET route.

        Args:
            method: The HTTP method, in upper case.
            path: The path, percent-decoded.
            host: The host without its port; routes of a host are found only if it is given.

        Raises:
            NotFound: If no route has the path.
            MethodNotAllowed: If one has, but not for this method.
            PathSecurityError: If the path is not safe.
        """
        found = self.find(method, path, host)
        if isinstance(found, tuple):
            return found
        if found:
            raise MethodNotAllowed(sorted(with_automatic(found)))
        raise NotFound

    def find(self, method: str, path: str, host: str | None = None) -> Found:
        """Return the route for a request and its path parameters, or else the methods that its path has.

        Args:
            method: See `resolve`.
            path: See `resolve`.
            host: See `resolve`.

        Raises:
            PathSecurityError: If the path is not safe.
        """
        return (self.table or self.compiled()).find(method, path, host)

    def find_for(self, scope: Scope, method: str, path: str) -> Found:
        """Do what `find` does, for the host of a request; that is read only if there are routes of hosts."""
        return (self.table or self.compiled()).find_for(scope, method, path)

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of a named route; for a route of one host, with the host: ``//host/path``.

        Raises:
            KeyError: If there is no route of this name.
            ValueError: If a parameter is missing or unknown, or does not fit; see `Route.build_url`.
        """
        route = self.compiled().names[name]
        host = route.build_host(params)
        path = route.build_url(params)
        return f"//{host}{path}" if host else path


def _inside(around: _Around, mount: _Mount) -> _Around:
    namespace = mount.namespace or mount.router.namespace
    names = f"{around.names}{namespace}:" if namespace else around.names
    return around._replace(prefix=_join(around.prefix, mount.prefix), names=names)


def _build(entry: _Entry, around: _Around) -> Iterator[Route]:
    route = _build_route(entry, around)
    if route.view is None or not is_split(route.view, route.kinds, entry.methods):
        yield route
        return
    for method in entry.methods:
        yield _build_route(entry._replace(methods=(method,)), around)


def _build_route(entry: _Entry, around: _Around) -> Route:
    route = Route(
        _join(around.prefix, entry.path),
        entry.methods,
        entry.handler,
        entry.name,
        around.middlewares + entry.middlewares,
        around.tags,
        around.host,
        with_permission(entry.options, around.permission),
    )
    route.name = f"{around.names}{route.name}"
    return route


def with_automatic(methods: set[str]) -> set[str]:
    """Return methods with those that are answered without a handler of their own."""
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


def include(router: Router, prefix: str = "", namespace: str | None = None) -> Router:
    """Return a router that mounts `router` under a prefix and namespace; the original stays as it is."""
    wrapper = Router(namespace=namespace)
    wrapper.include_router(router, prefix, namespace="" if namespace else None)
    return wrapper
