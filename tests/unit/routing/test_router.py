"""Routers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from openviper.exceptions import MethodNotAllowed, NotFound
from openviper.http import Request
from openviper.routing import PathSecurityError, Router, include, sanitize_request_path
from openviper.routing.binding import bind


async def view(request: Request) -> str:
    """Answer something."""
    return "ok"


def router_with(*paths: str) -> Router:
    """Return a router with a GET route per path, named like it."""
    router = Router()
    for path in paths:
        router.add(path, view, namespace=path)
    return router


@pytest.mark.parametrize(
    ("pattern", "path", "value"),
    [
        ("/a/{x}", "/a/b-c", "b-c"),
        ("/a/{x:int}", "/a/007", 7),
        ("/a/{x:float}", "/a/1.50", 1.5),
        ("/a/{x:float}", "/a/2", 2.0),
        ("/a/{x:slug}", "/a/b_c-1", "b_c-1"),
        (
            "/a/{x:uuid}",
            "/a/0000000A-0000-0000-0000-00000000000B",
            "0000000a-0000-0000-0000-00000000000b",
        ),
        ("/a/{x:path}", "/a/b/c.d", "b/c.d"),
        ("/a/{x}.json", "/a/b.json", "b"),
    ],
)
def test_parameters_are_converted(pattern: str, path: str, value: Any) -> None:
    route, params = router_with(pattern).resolve("GET", path)
    assert params == {"x": value}
    assert route.path == pattern


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a/{x:int}", "/a/-1"),
        ("/a/{x:int}", "/a/1234567890123456789"),
        ("/a/{x}", "/a/b/c"),
        ("/a/{x:uuid}", "/a/1"),
        ("/a", "/A"),
        ("/a/{x:slug}", "/a/ä"),
    ],
)
def test_what_does_not_fit_is_not_found(pattern: str, path: str) -> None:
    with pytest.raises(NotFound):
        router_with(pattern).resolve("GET", path)


@pytest.mark.parametrize("pattern", ["/{x:integer}", "/{1x}", "/{x}/{x}", "/{x", "/x}", "/{}"])
def test_a_malformed_pattern_is_refused_when_it_is_registered(pattern: str) -> None:
    with pytest.raises(ValueError):
        router_with(pattern)


def test_the_more_specific_route_wins_whatever_the_order() -> None:
    router = router_with("/users/{id}", "/{anything:path}", "/users/me", "/users/{id}/posts")
    found = {
        path: router.resolve("GET", path)[0].path
        for path in ("/users/me", "/users/5", "/users/5/posts", "/x/y")
    }
    assert found == {
        "/users/me": "/users/me",
        "/users/5": "/users/{id}",
        "/users/5/posts": "/users/{id}/posts",
        "/x/y": "/{anything:path}",
    }


def test_a_slash_at_the_end_does_not_matter() -> None:
    router = router_with("/a/", "/b/{x}", "/")
    for path in ("/a", "/a/", "/b/1", "/b/1/", "/"):
        router.resolve("GET", path)


def test_another_method_is_told_what_is_allowed() -> None:
    router = Router()
    router.add("/a", view)
    router.add("/a", view, methods=["post"])
    assert router.resolve("HEAD", "/a")[0].methods == ("GET",)
    with pytest.raises(MethodNotAllowed) as caught:
        router.resolve("DELETE", "/a")
    assert caught.value.allowed == ["GET", "HEAD", "OPTIONS", "POST"]


def test_a_method_falls_through_to_a_less_specific_route() -> None:
    router = Router()
    router.add("/a/me", view, methods=["GET"])
    router.add("/a/{x}", view, methods=["PUT"])
    assert router.resolve("PUT", "/a/me")[1] == {"x": "me"}


def test_mounted_routers_are_live_and_named_by_their_namespaces() -> None:
    inner, middle, outer = Router(prefix="/in", namespace="inner"), Router(), Router()
    outer.include_router(middle, prefix="/mid", namespace="mid")
    middle.include_router(inner)
    assert outer.routes == []
    inner.add("/late/{x:int}", view, namespace="late")
    route, params = outer.resolve("GET", "/mid/in/late/5")
    assert (route.name, params) == ("mid:inner:late", {"x": 5})
    assert outer.url_for("mid:inner:late", x=5) == "/mid/in/late/5"


def test_including_leaves_the_original_untouched() -> None:
    original = router_with("/a")
    wrapped = include(original, prefix="/v1", namespace="v1")
    outer = Router()
    outer.include_router(wrapped)
    assert [route.path for route in original.routes] == ["/a"]
    assert [(route.path, route.name) for route in outer.routes] == [("/v1/a", "v1:/a")]


def test_a_router_cannot_contain_itself() -> None:
    one, two = Router(), Router()
    one.include_router(two)
    for inner, outer in ((one, one), (one, two)):
        with pytest.raises(ValueError, match="itself"):
            outer.include_router(inner)


async def test_middleware_runs_from_the_outer_router_to_the_route() -> None:
    order: list[str] = []

    def tracing(label: str) -> Callable[[Any], Any]:
        def middleware(handler: Any) -> Any:
            async def wrapped(request: Request) -> Any:
                order.append(label)
                return await handler(request)

            return wrapped

        return middleware

    inner = Router(middlewares=[tracing("inner")])
    outer = Router(middlewares=[tracing("outer")])
    outer.include_router(inner)

    async def handler(x: str) -> str:
        order.append(f"handler {x}")
        return "answer"

    inner.add("/a/{x}", handler, middlewares=[tracing("route")])
    route, params = outer.resolve("GET", "/a/1")
    request = Request({"type": "http", "headers": [], "path_params": params, "path": "/a/1"})
    assert await route.endpoint(request) == "answer"
    assert order == ["outer", "inner", "route", "handler 1"]


def test_addresses_are_built_and_encoded() -> None:
    router = router_with("/a/{x}/{y:path}", "/i/{n:int}")
    assert router.url_for("/a/{x}/{y:path}", x="b c?", y="d/ä") == "/a/b%20c%3F/d/%C3%A4"
    with pytest.raises(KeyError):
        router.url_for("nope")
    for params in ({}, {"n": "x"}, {"n": "1/2"}):
        with pytest.raises(ValueError):
            router.url_for("/i/{n:int}", **params)
    for value in ("..", "a/b", "a\0"):
        with pytest.raises(ValueError):
            router.url_for("/a/{x}/{y:path}", x=value, y="z")


def test_a_name_used_twice_is_reported_and_the_later_one_wins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    router = Router()
    router.add("/one", view, namespace="same")
    router.add("/two", view, namespace="same")
    with caplog.at_level(logging.WARNING, "openviper.routing"):
        assert router.url_for("same") == "/two"
    assert "'same'" in caplog.text


@pytest.mark.parametrize(
    "path", ["/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a%252fb", "/a\0b", "/..", "/a/..%5cb"]
)
def test_paths_that_could_be_mistaken_are_refused(path: str) -> None:
    with pytest.raises(PathSecurityError):
        sanitize_request_path(path)


@pytest.mark.parametrize(
    ("path", "normal"),
    [("//a///b", "/a/b"), ("/a..b", "/a..b"), ("/100%", "/100%"), ("/a b", "/a b")],
)
def test_the_normal_form_of_paths(path: str, normal: str) -> None:
    assert sanitize_request_path(path) == normal


# Arguments


def request_for(**params: Any) -> Request:
    """Return a request with path parameters."""
    return Request({"type": "http", "headers": [], "path": "/", "path_params": params})


def test_the_request_goes_where_it_is_wanted_and_nowhere_else() -> None:
    request = request_for(id=5)

    def all_kinds(id: int, req: Any, other: Any = "default", **rest: Any) -> Any:
        return id, req, other, rest

    def unannotated(thing, limit=10):  # type: ignore[no-untyped-def]
        return thing, limit

    def annotated(id: int, *, incoming: Request) -> Any:
        return incoming

    def nothing() -> str:
        return "x"

    assert bind(all_kinds, ("id",))(request) == (5, request, "default", {})
    assert bind(unannotated, ())(request) == (request, 10)
    assert bind(annotated, ("id",))(request) is request
    assert bind(nothing, ("id",))(request) == "x"
    assert bind(view, ()) is view


def test_the_rest_of_the_path_parameters_goes_into_keywords() -> None:
    def handler(request: Request, **rest: Any) -> Any:
        return rest

    assert bind(handler, ("a", "b"))(request_for(a=1, b=2)) == {"a": 1, "b": 2}
