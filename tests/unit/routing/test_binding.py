"""What a handler is called with, for each form of signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from openviper import Request
from openviper.http import Response, WebSocket
from openviper.routing import Router
from openviper.routing.binding import HandlerError, bind, check_handler, is_typed, make_plan


def asked(**params: Any) -> Request:
    """Return a request with path parameters."""
    return Request({"type": "http", "path": "/", "headers": [], "path_params": params})


def test_the_request_goes_by_its_name_its_annotation_or_its_being_alone() -> None:
    forms: list[Callable[..., Any]] = [
        lambda request: request,
        lambda req: req,
        lambda ws: ws,
        lambda whatever: whatever,
        lambda whatever, limit=5: whatever,
        lambda *, request: request,
        lambda *args, request: request,
        lambda limit=5, *, request: request,
    ]

    def annotated(limit: int = 5, *, incoming: Request) -> Request:
        return incoming

    def by_text(incoming: openviper.Request) -> Any:  # type: ignore[name-defined]  # noqa: F821 - as text only
        return incoming

    request = asked()
    forms += [annotated, by_text]
    for form in forms:
        assert bind(form, ())(request) is request, inspect.signature(form)


def test_parameters_of_the_path_win_over_the_names_of_the_request() -> None:
    assert bind(lambda request: request, ("request",))(asked(request="x")) == "x"
    assert bind(lambda req, request: (req, request), ("req",))(asked(req="x"))[0] == "x"


def test_what_the_path_does_not_have_keeps_its_default() -> None:
    def handler(request: Request, id: int, page: int = 1, *, size: int = 10) -> Any:
        return id, page, size

    assert bind(handler, ("id",))(asked(id=5)) == (5, 1, 10)
    assert bind(handler, ("id", "size"))(asked(id=5, size=3)) == (5, 1, 3)


def test_keywords_take_the_rest_and_only_that() -> None:
    def handler(request: Request, id: int, **rest: Any) -> Any:
        return id, rest

    assert bind(handler, ("id", "a", "b"))(asked(id=5, a=1, b=2)) == (5, {"a": 1, "b": 2})
    assert bind(handler, ("id",))(asked(id=5)) == (5, {})


class View:
    """Handlers of every kind."""

    def method(self, request: Request, id: int) -> Any:
        """Answer."""
        return id

    @classmethod
    def of_class(cls, request: Request, id: int) -> Any:
        """Answer."""
        return id

    @staticmethod
    def static(request: Request, id: int) -> Any:
        """Answer."""
        return id

    def __call__(self, request: Request, id: int) -> Any:
        """Answer."""
        return id


@pytest.mark.parametrize(
    "handler",
    [
        View().method,
        View.of_class,
        View.static,
        View(),
        functools.partial(View.static),
        functools.partial(lambda request, id, unit: id, unit="km"),
    ],
)
def test_whatever_can_be_called(handler: Callable[..., Any]) -> None:
    assert bind(handler, ("id",))(asked(id=5)) == 5
    check_handler(handler, "/{id}", ("id",))


def test_what_tells_nothing_of_itself_gets_the_request() -> None:
    class Opaque:
        """Has no signature that can be read."""

        __signature__ = 5

        def __call__(self, request: Request) -> Any:
            return request

    request = asked()
    handler = Opaque()
    assert bind(handler, ())(request) is request
    check_handler(handler, "/", ())
    assert not is_typed(handler, {})


@pytest.mark.parametrize(
    ("handler", "params", "message"),
    [
        (
            lambda request, idd: 1,
            ("id",),
            "wants 'idd', which the path '/x' does not have; did you mean 'id'?",
        ),
        (lambda request, other: 1, ("id",), "wants 'other', which the path '/x' does not have"),
        (lambda request, *, other: 1, (), "wants 'other', which the path '/x' does not have"),
        (lambda a, b: 1, (), "wants 'b', which the path '/x' does not have"),
    ],
)
def test_a_parameter_that_nothing_fills_is_named(
    handler: Any, params: tuple[str, ...], message: str
) -> None:
    with pytest.raises(HandlerError) as caught:
        check_handler(handler, "/x", params)
    assert str(caught.value).endswith(message)
    assert __name__ in str(caught.value)


def test_one_that_may_be_left_out_is_no_mistake() -> None:
    def handler(request: Request, page: int = 1, *args: Any, size: int = 2, **rest: Any) -> Any:
        return page

    check_handler(handler, "/x", ())
    plan = make_plan(inspect.signature(handler), ("a",))
    assert (plan.keywords, plan.requests, plan.request_first, plan.unfilled) == (
        ["a"],
        [],
        True,
        [],
    )


def untyped(request, id):  # type: ignore[no-untyped-def]
    """Say nothing."""


def of_the_path(request: Request, id: int, name: str) -> Response:
    """Say what the path says."""
    raise NotImplementedError


def of_responses(request: Request) -> dict[str, Any] | None | Response:
    """Answer with what is written as it is."""


def of_a_class(request: Request) -> View:
    """Answer with a class that may have fields."""
    raise NotImplementedError


def of_a_query(request: Request, page: int = 1) -> str:
    """Ask for more than the path has."""
    return ""


def of_another_type(request: Request, id: str) -> str:
    """Ask for another type than the path gives."""
    return ""


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (untyped, False),
        (of_the_path, False),
        (of_responses, False),
        (of_a_class, True),
        (of_a_query, True),
        (of_another_type, True),
        (len, False),
    ],
)
def test_which_handlers_are_typed(handler: Any, expected: bool) -> None:
    assert is_typed(handler, {"id": "int", "name": "slug"}) is expected


@pytest.mark.parametrize("kind", [WebSocket, type("Mine", (WebSocket,), {})])
def test_a_websocket_goes_by_its_annotation_whatever_it_is_called(kind: type) -> None:
    async def handler(socket: Any, room: str) -> None: ...

    handler.__annotations__["socket"] = kind  # As in a module whose annotations are no texts.
    router = Router()
    router.websocket("/rooms/{room}")(handler)
    assert [route.path for route in router.routes] == ["/rooms/{room}"]
