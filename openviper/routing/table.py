"""All routes of an application, arranged so that finding one costs the same however many there are."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

from openviper.http.asgi import Scope
from openviper.http.url import split_host
from openviper.routing.binding import HandlerError
from openviper.routing.converters import whole_number
from openviper.routing.hosts import HostPattern
from openviper.routing.paths import is_suspicious, sanitize_request_path
from openviper.routing.route import WEBSOCKET, Route
from openviper.routing.tree import Match, Matcher, Node

logger = logging.getLogger("openviper.routing")

Found: TypeAlias = "tuple[Route, dict[str, Any]] | set[str]"
"""The route of a request and its path parameters, or else the methods that its path has."""


class Paths:
    """The routes of one host, or of every host."""

    def __init__(self) -> None:
        self.static: dict[str, dict[str, Route]] = {}
        self.tree = Node[Route]()

    def add(self, route: Route) -> None:
        """Arrange a route; for each method the first route of a pattern wins."""
        self.tree.add(route)
        if route.is_static:
            by_method = self.static.setdefault(route.path, {})
            for method in route.methods:
                by_method.setdefault(method, route)

    def find(self, path: str) -> list[Match[Route]]:
        """Return what a path in its normal form leads to, the most specific place first."""
        matches = self.tree.find(path[1:].split("/"))
        literal = self.static.get(path)
        return matches if literal is None else [(literal, ()), *matches]

    def endings(self) -> dict[str, tuple[Matcher, dict[str, Route]]]:
        """Return the paths of literals that only one parameter can follow: what it matches, and its routes."""
        return {
            prefix: (_if_safe(match), routes)
            for prefix, match, routes in self.tree.last_parameters()
            if all(len(route.names) == 1 for route in routes.values())
        }


class Table:
    """All routes.

    Args:
        routes: The routes, with absolute paths.

    Attributes:
        names: The routes by their names.
        broken: What is wrong with handlers.
    """

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        self.names: dict[str, Route] = {}
        self.broken: list[HandlerError] = []
        self._everywhere = Paths()
        self._by_host: dict[tuple[object, ...], Paths] = {}
        self._hosts = Node[HostPattern]()
        self._plain: dict[str, dict[str, Route]] = {}
        self._ending: dict[str, tuple[Matcher, dict[str, Route]]] = {}
        for route in routes:
            self._add(route)
        # Where hosts matter, no path is decided without them.
        if not self._by_host:
            self._plain = self._everywhere.static
            self._ending = self._everywhere.endings()

    def _add(self, route: Route) -> None:
        self._paths_of(route).add(route)
        self._name(route)
        try:
            route.check()
        except HandlerError as error:
            self.broken.append(error)

    def _paths_of(self, route: Route) -> Paths:
        host = route.host
        if not host.text:
            return self._everywhere
        # What the parameters are called makes no other host of it.
        shape = host.shape
        if shape not in self._by_host:
            self._by_host[shape] = Paths()
            self._hosts.add(host)
        return self._by_host[shape]

    def _name(self, route: Route) -> None:
        other = self.names.get(route.name)
        if other is not None and (other.host, other.path) != (route.host, route.path):
            logger.warning(
                "route name %r is used twice; the later one, %s, wins", route.name, route.path
            )
        self.names[route.name] = route

    def find_for(self, scope: Scope, method: str, path: str) -> Found:
        """Do what `find` does, for the host of a request; that is read only if there are routes of hosts.

        Two shapes that most paths have are found by a look into a dict each, and what is registered needs no look at its
        safety: a path without parameters, and one whose last segment is the only parameter.
        """
        routes = self._plain.get(path)
        if routes is not None:
            # Elsewhere, HEAD is the GET of the path itself rather than the HEAD of a parameter.
            return (routes[method], {}) if method in routes else self.find(method, path, None)
        prefix, slash, last = path.rpartition("/")
        if slash and prefix in self._ending:
            match, routes = self._ending[prefix]
            values = match(last)
            if values is not None and method in routes:
                route = routes[method]
                return route, {route.names[0]: values[0]}
        return self.find(method, path, _host_of(scope) if self._by_host else None)

    def find(self, method: str, path: str, host: str | None) -> Found:
        """Return the route for a request and its path parameters, or else the methods that its path has.

        Raises:
            PathSecurityError: If the path is not safe.
        """
        # Some servers pass on what begins with something else, and whoever guards a prefix does not find it there.
        if path[:1] not in ("", "/"):
            return set()
        if is_suspicious(path):
            path = sanitize_request_path(path)
        # A slash at the end does not matter, except that the root is nothing else.
        path = path.removesuffix("/") or "/"
        is_plain = not self._by_host
        matches = self._everywhere.find(path) if is_plain else self._matches(path, host)
        for routes, values in matches:
            route = routes.get(method)
            if route is None and method == "HEAD":
                route = routes.get("GET")
            if route is not None:
                return route, route.name_values(values)
        return _methods(matches) if matches else set()

    def _matches(self, path: str, host: str | None) -> list[Match[Route]]:
        """Return what a path in its normal form leads to: first for its host, then for every host."""
        own = [
            (routes, host_values + values)
            for paths, host_values in self._paths_for(host)
            for routes, values in paths.find(path)
        ]
        return own + self._everywhere.find(path)

    def _paths_for(self, host: str | None) -> list[tuple[Paths, tuple[Any, ...]]]:
        matches = self._hosts.find((host or "").lower().rstrip(".").split("."))
        return [(self._by_host[routes["GET"].shape], values) for routes, values in matches]


def _methods(matches: list[Match[Route]]) -> set[str]:
    return {method for routes, _ in matches for method in routes} - {WEBSOCKET}


def _if_safe(match: Matcher) -> Matcher:
    """Return a matcher that leaves to the ordinary way what might be refused there."""
    if match is whole_number:
        return match
    return lambda text: None if is_suspicious(text) else match(text)


def _host_of(scope: Scope) -> str:
    raw = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return split_host(raw.decode("latin-1"))[0]
