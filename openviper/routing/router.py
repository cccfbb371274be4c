"""Routers: routes, mounted routers, and the compiled table that finds the one for a request."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from openviper.exceptions import MethodNotAllowed, NotFound
from openviper.routing.paths import sanitize_request_path
from openviper.routing.route import Handler, Middleware, Route

logger = logging.getLogger("openviper.routing")
H = TypeVar("H", bound=Handler)

ANY_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


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


class _Table(NamedTuple):
    """The routes, arranged for finding."""

    routes: list[Route]
    static: dict[str, dict[str, Route]]
    dynamic: dict[
        int, list[Route]
    ]  # By the number of segments; the routes of `spanning` are in every list.
    spanning: list[Route]  # Whose last parameter may hold slashes.
    names: dict[str, Route]


def _join(prefix: str, path: str) -> str:
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class Router:
    """Collects routes and finds the one for a request.

    Args:
        prefix: Comes before the path of every route.
        middlewares: Wrap every handler, those of mounted routers too; the first one is outermost.
        tags: Free words for documentation, for every route.
        namespace: Comes before the name of every route when this router is mounted: ``namespace:name``.
    """

    def __init__(
        self,
        prefix: str = "",
        middlewares: Sequence[Middleware] | None = None,
        tags: Sequence[str] | None = None,
        namespace: str | None = None,
    ) -> None:
        self.prefix = prefix
        self.middlewares = tuple(middlewares or ())
        self.tags = tuple(tags or ())
        self.namespace = namespace
        self._entries: list[_Entry | _Mount] = []
        # Weak, because a router may be mounted in many applications that come and go.
        self._parents: weakref.WeakSet[Router] = weakref.WeakSet()
        self._table: _Table | None = None

    # Registering

    def add(
        self,
        path: str,
        handler: Handler,
        methods: Sequence[str] | None = None,
        namespace: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
    ) -> None:
        """Register a handler.

        Args:
            path: The pattern below this router's prefix.
            handler: The view.
            methods: HTTP methods; GET (and with it HEAD) when not given.
            namespace: The name of the route; the handler's name when not given.
            middlewares: Wrap this handler inside those of the router.

        Raises:
            ValueError: If the pattern is malformed.
        """
        wanted = tuple(method.upper() for method in (methods or ("GET",)))
        Route(
            path, wanted, handler
        )  # A malformed pattern is an error here, not at the first request.
        self._entries.append(_Entry(path, wanted, handler, namespace, tuple(middlewares or ())))
        self._changed()

    def route(
        self,
        path: str,
        methods: Sequence[str],
        name: str | None = None,
        middlewares: Sequence[Middleware] | None = None,
    ) -> Callable[[H], H]:
        """Register the decorated handler; see `add`."""

        def register(handler: H) -> H:
            self.add(path, handler, methods, name, middlewares)
            return handler

        return register

    def get(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for GET and HEAD."""
        return self.route(path, ("GET",), name, middlewares)

    def post(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for POST."""
        return self.route(path, ("POST",), name, middlewares)

    def put(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for PUT."""
        return self.route(path, ("PUT",), name, middlewares)

    def patch(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for PATCH."""
        return self.route(path, ("PATCH",), name, middlewares)

    def delete(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for DELETE."""
        return self.route(path, ("DELETE",), name, middlewares)

    def options(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for OPTIONS, in place of the automatic answer."""
        return self.route(path, ("OPTIONS",), name, middlewares)

    def any(
        self, path: str, name: str | None = None, middlewares: Sequence[Middleware] | None = None
    ) -> Callable[[H], H]:
        """Register the decorated handler for every method."""
        return self.route(path, ANY_METHODS, name, middlewares)

    def include_router(
        self, router: Router, prefix: str = "", namespace: str | None = None
    ) -> None:
        """Mount a router; routes that it gets later are found too.

        Args:
            router: The router.
            prefix: Comes before its own prefix.
            namespace: In place of its own namespace.

        Raises:
            ValueError: If the router would contain itself.
        """
        if router is self or any(one is self for one in router._descendants()):
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
        self._table = None
        for parent in list(self._parents):
            parent._changed()

    # Finding

    def _flatten(
        self, prefix: str, names: str, middlewares: tuple[Middleware, ...], tags: tuple[str, ...]
    ) -> Iterator[Route]:
        prefix = _join(prefix, self.prefix)
        middlewares += self.middlewares
        tags += self.tags
        for entry in self._entries:
            if isinstance(entry, _Mount):
                namespace = entry.namespace or entry.router.namespace
                inner = f"{names}{namespace}:" if namespace else names
                yield from entry.router._flatten(
                    _join(prefix, entry.prefix), inner, middlewares, tags
                )
            else:
                route = Route(
                    _join(prefix, entry.path),
                    entry.methods,
                    entry.handler,
                    entry.name,
                    middlewares + entry.middlewares,
                    tags,
                )
                route.name = f"{names}{route.name}"
                yield route

    def _compiled(self) -> _Table:
        if self._table is None:
            routes = list(self._flatten("", "", (), ()))
            table = _Table(routes, {}, {}, [], {})
            for route in sorted(routes, key=lambda one: one.specificity):
                self._arrange(route, table)
            for count, fixed in table.dynamic.items():
                table.dynamic[count] = sorted(
                    [*fixed, *table.spanning], key=lambda one: one.specificity
                )
            for route in routes:
                if route.name in table.names and table.names[route.name].path != route.path:
                    logger.warning(
                        "route name %r is used twice; the later one, %s, wins",
                        route.name,
                        route.path,
                    )
                table.names[route.name] = route
            self._table = table
        return self._table

    @staticmethod
    def _arrange(route: Route, table: _Table) -> None:
        if route.is_static:
            by_method = table.static.setdefault(route.path, {})
            for method in route.methods:
                by_method.setdefault(method, route)
        elif "path" in route.parameters.values():
            table.spanning.append(route)
        else:
            table.dynamic.setdefault(route.path.count("/"), []).append(route)

    def compile(self) -> None:
        """Arrange the routes now instead of at the first request.

        Raises:
            ValueError: If a prefix and a path make a malformed pattern together.
        """
        self._compiled()

    @property
    def routes(self) -> list[Route]:
        """Every route, those of mounted routers included, with absolute paths."""
        return list(self._compiled().routes)

    def resolve(self, method: str, path: str) -> tuple[Route, dict[str, Any]]:
        """Return the route for a request and its path parameters.

        HEAD is answered by the GET route.

        Raises:
            NotFound: If no route has the path.
            MethodNotAllowed: If one has, but not for this method.
            PathSecurityError: If the path is not safe.
        """
        table = self._table or self._compiled()
        path = sanitize_request_path(path)
        if len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        allowed: set[str] = set()
        by_method = table.static.get(path)
        if by_method is not None:
            route = by_method.get(method) or (by_method.get("GET") if method == "HEAD" else None)
            if route is not None:
                return route, {}
            allowed.update(by_method)
        for route in table.dynamic.get(path.count("/"), table.spanning):
            params = route.match(path)
            if params is None:
                continue
            if method in route.methods or (method == "HEAD" and "GET" in route.methods):
                return route, params
            allowed.update(route.methods)
        if allowed:
            raise MethodNotAllowed(sorted(with_automatic(allowed)))
        raise NotFound

    def url_for(self, name: str, **params: Any) -> str:
        """Return the path of a named route.

        Raises:
            KeyError: If there is no route of this name.
            ValueError: If a parameter is missing or does not fit.
        """
        return self._compiled().names[name].build_url(params)


def with_automatic(methods: set[str]) -> set[str]:
    """Return methods with those that are answered without a handler of their own."""
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


def include(router: Router, prefix: str = "", namespace: str | None = None) -> Router:
    """Return a router that mounts `router` under a prefix and namespace; the original stays as it is."""
    wrapper = Router(namespace=namespace)
    wrapper.include_router(router, prefix, namespace="" if namespace else None)
    return wrapper
