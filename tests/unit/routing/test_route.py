"""Routes and how their handlers are called."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from openviper import Request
from openviper.routing import Router
from openviper.routing.binding import bind


def request_with(**params: Any) -> Request:
    """Return a request with path parameters."""
    return Request({"type": "http", "path": "/", "headers": [], "path_params": params})


def plain(handler: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    """Return a handler decorated as users do, calling the request what they like."""

    @functools.wraps(handler)
    async def wrapper(req: Request, **params: Any) -> str:
        return "around " + await handler(req, **params)

    return wrapper


@plain
async def decorated(request: Request, id: int) -> str:
    """Answer with the parameter."""
    return str(id)


async def test_a_decorated_handler_is_called_as_its_decorator_expects() -> None:
    assert await bind(decorated, ("id",))(request_with(id=7)) == "around 7"


def test_a_handler_may_want_nothing_or_only_keywords() -> None:
    def nothing() -> str:
        return "nothing"

    def keywords(*, request: Request, id: int = 0) -> tuple[Request, int]:
        return request, id

    request = request_with(id=3)
    assert bind(nothing, ("id",))(request) == "nothing"
    assert bind(keywords, ("id",))(request) == (request, 3)
    assert bind(keywords, ())(request) == (request, 0)


def test_an_object_may_be_a_handler() -> None:
    class View:
        """Callable, as handlers are."""

        def __call__(self, request: Request, slug: str) -> str:
            return slug

    assert bind(View(), ("slug",))(request_with(slug="a")) == "a"


def test_a_rest_below_more_literal_segments_wins_over_single_parameters() -> None:
    router = Router()
    router.add("/files/{a}/{b}", decorated, namespace="pair")
    router.add("/files/raw/{rest:path}", decorated, namespace="rest")
    assert router.resolve("GET", "/files/raw/x")[0].name == "rest"
    assert router.resolve("GET", "/files/raw/x/y")[0].name == "rest"
    assert router.resolve("GET", "/files/cooked/x")[0].name == "pair"
