"""Checks of the routes, those of the application and those that are found by convention."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from openviper.app import OpenViper
from openviper.apps.discovery import discover_routes
from openviper.cache.functions import unknown_caches
from openviper.conf import settings
from openviper.core.management.checks.findings import Finding
from openviper.core.management.errors import describe, did_you_mean
from openviper.core.management.serving import (
    ApplicationMissing,
    application_candidates,
    import_application,
)
from openviper.exceptions import OpenViperException
from openviper.routing.binding import HandlerError
from openviper.routing.converters import PARAMETER, parse_parameter
from openviper.routing.route import Route
from openviper.routing.router import Router


def check_routes() -> list[Finding]:
    """Return the findings about routes."""
    try:
        with _quiet():
            routes = project_routes()
    except Exception as error:  # The project's modules may raise anything while they are imported.
        kind = "" if isinstance(error, OpenViperException) else f"{type(error).__name__}: "
        return [Finding("routes.E001", f"{kind}{describe(error)}")]
    return [
        *_uncallable(routes),
        *_unknown_caches(routes),
        *_hidden(routes),
        *_same_names(routes),
    ]


def _uncallable(routes: Iterable[Route]) -> Iterator[Finding]:
    for route in routes:
        try:
            route.check()
        except HandlerError as error:
            yield Finding("routes.E002", str(error), where=route.path)


def _unknown_caches(routes: Iterable[Route]) -> Iterator[Finding]:
    known = {"default", *settings.CACHES}
    for route in routes:
        alias = getattr(route.handler, "cache_alias", None)
        if isinstance(alias, str) and alias not in known:
            text = f"cache_page() of {_handler(route)} names cache {alias!r}"
            yield _unknown_cache(text, alias, route.path)
    for name, alias in unknown_caches():
        yield _unknown_cache(f"cached() of {name} names cache {alias!r}", alias, name)


def _unknown_cache(text: str, alias: str, where: str) -> Finding:
    meant = did_you_mean(alias, ["default", *settings.CACHES])
    return Finding("routes.E003", f"{text}, which CACHES does not have{meant}", where=where)


def project_routes() -> list[Route]:
    """Return the routes of the application and those that are found by convention."""
    router = Router()
    for target in application_candidates():
        try:
            application = import_application(target)
        except ApplicationMissing:
            continue
        if isinstance(application, OpenViper):
            router.include_router(application.router)
        break
    discover_routes(router)
    # The application may have mounted what is found by convention already; one and the same route is no contradiction.
    unique = {
        (route.path, route.methods, route.handler, route.name): route for route in router.routes
    }
    return list(unique.values())


@contextmanager
def _quiet() -> Iterator[None]:
    # The router warns of names that occur twice; here they are findings.
    logger = logging.getLogger("openviper.routing")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _hidden(routes: Iterable[Route]) -> Iterator[Finding]:
    first: dict[tuple[object, str], Route] = {}
    for route in routes:
        shape = (route.host.shape, _shape(route.path))
        hidden = [
            method
            for method in route.methods
            if first.setdefault((shape, method), route) is not route
        ]
        if hidden:
            other = first[shape, hidden[0]]
            yield Finding(
                "routes.W001",
                f"{' '.join(hidden)} {route.path} of {_handler(route)} is never reached: {_handler(other)} answers it",
                where=route.path,
            )


def _same_names(routes: Iterable[Route]) -> Iterator[Finding]:
    paths: dict[str, str] = {}
    for route in routes:
        path = f"{route.host.text}{route.path}"
        if paths.setdefault(route.name, path) != path:
            yield Finding(
                "routes.W002",
                f"route name {route.name!r} belongs to {paths[route.name]} and {path}; links lead to one of them",
                "Give one of them a name, or its router a namespace.",
                route.path,
            )


def _handler(route: Route) -> str:
    handler = route.handler
    name = getattr(handler, "__qualname__", type(handler).__name__)
    return f"{getattr(handler, '__module__', '')}.{name}".lstrip(".")


def _shape(path: str) -> str:
    """Return a path with its parameters' types in place of their names."""
    return PARAMETER.sub(lambda match: f"{{{parse_parameter(match.group(1), path)[1]}}}", path)
