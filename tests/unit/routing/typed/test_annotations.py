"""What the names in annotations mean, wherever a handler was defined."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from openviper import OpenViper, Request, Router
from openviper.exceptions import ImproperlyConfigured
from openviper.http import Cookie, Header, Path, Provide, Query
from openviper.routing import HandlerError, override_provider
from openviper.routing.typed.annotations import annotations_of

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class Page:
    """All of a query."""

    number: int = 1


class Views:
    """Handlers that are methods."""

    def bound(self, number: int) -> list[int]:
        """Answer with a number of the query."""
        return [number]

    @staticmethod
    def static(number: int) -> list[int]:
        """Answer with a number of the query."""
        return [number]

    @classmethod
    def of_class(cls, number: int) -> list[int]:
        """Answer with a number of the query."""
        return [number]

    def __call__(self, number: int) -> list[int]:
        """Answer with a number of the query."""
        return [number]


def with_unit(number: int, unit: str) -> list[Any]:
    """Answer with both."""
    return [number, unit]


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as projects do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@logged
def decorated(number: int) -> list[int]:
    """Answer with a number of the query."""
    return [number]


async def answer(handler: Callable[..., Any], url: str, path: str = "/x") -> tuple[int, Any]:
    """Return the status and the content of an answer."""
    app = OpenViper(debug=False)
    app.get(path)(handler)
    response = await app.test_client().get(url)
    is_json = "json" in response.headers.get("content-type", "")
    return response.status_code, response.json() if is_json else response.text


@pytest.mark.parametrize(
    "handler",
    [
        Views().bound,
        Views.static,
        Views.of_class,
        Views(),
        decorated,
        logged(Views().bound),
    ],
    ids=["method", "static", "class", "object", "decorated", "decorated-method"],
)
async def test_whatever_can_be_called_is_typed(handler: Callable[..., Any]) -> None:
    assert await answer(handler, "/x?number=5") == (200, [5])
    status, problem = await answer(handler, "/x?number=five")
    assert (status, problem["errors"][0]["pointer"]) == (422, "/query/number")


async def test_what_a_partial_fills_is_not_read_from_the_query_unless_it_is_there() -> None:
    handler = functools.partial(with_unit, unit="km")
    assert await answer(handler, "/x?number=5") == (200, [5, "km"])


async def test_names_of_the_function_around_a_handler_are_known() -> None:
    @dataclass
    class Local:
        """Known here only."""

        number: int

    def handler(page: Annotated[Local, Query()]) -> list[int]:
        return [page.number]

    assert await answer(handler, "/x?number=5") == (200, [5])


def test_names_stay_known_after_the_function_around_has_returned() -> None:
    def made() -> Callable[..., Any]:
        @dataclass
        class Local:
            """Known here only."""

            number: int

        def handler(page: Annotated[Local, Query()]) -> list[int]:
            return [page.number]

        Router().add("/x", handler)
        return handler

    handler = made()
    router = Router()
    router.add("/y", handler)
    router.compile()
    known = annotations_of(handler)
    assert known is annotations_of(handler)
    assert known is not None and "Local" in known.names


def test_a_name_that_only_the_type_checker_knows_is_an_error_at_registration() -> None:
    def handler(price: Decimal) -> str:
        return str(price)

    with pytest.raises(HandlerError) as caught:
        Router().add("/x", handler)
    assert "handler 'price'" not in str(caught.value)
    assert str(caught.value).endswith(
        "the annotation 'Decimal' means nothing: name 'Decimal' is not defined"
    )
    assert "test_annotations" in str(caught.value)


async def test_a_result_that_only_the_type_checker_knows_is_answered_all_the_same() -> None:
    def handler(number: int) -> dict[str, Decimal]:
        return {"number": number}  # type: ignore[dict-item]  # what it says is not looked at

    assert await answer(handler, "/x?number=5") == (200, {"number": 5})


@pytest.mark.parametrize("text", ["list[", "int.nothing", "1 +", "nowhere.Type", ""])
def test_an_annotation_that_is_no_type_is_an_error_at_registration(text: str) -> None:
    def handler(value: int) -> str:
        return str(value)

    handler.__annotations__["value"] = text
    with pytest.raises(HandlerError, match="means nothing"):
        Router().add("/x", handler)


def test_what_tells_nothing_about_its_parameters_is_left_alone() -> None:
    assert annotations_of(type("Opaque", (), {"__call__": 5, "__signature__": 5})()) is None


# Providers


def header_user(user: Annotated[str, Header("X-User")] = "nobody") -> str:
    """Return who asks."""
    return user


class Limits:
    """A provider that is an object."""

    def __init__(self, most: int) -> None:
        self.most = most

    async def __call__(self, number: int = 1) -> int:
        """Return a number of the query, within bounds."""
        return min(number, self.most)


async def test_an_object_provides_and_reads_inputs_of_its_own() -> None:
    limits = Limits(10)

    def handler(number: Annotated[int, Provide(limits)]) -> list[int]:
        return [number]

    assert await answer(handler, "/x?number=99") == (200, [10])
    assert (await answer(handler, "/x?number=a"))[0] == 422


async def test_a_provider_sees_the_parameters_of_the_path() -> None:
    def doubled(id: int) -> int:
        return 2 * id

    def handler(id: int, twice: Annotated[int, Provide(doubled)]) -> list[int]:
        return [id, twice]

    assert await answer(handler, "/x/5", "/x/{id:int}") == (200, [5, 10])


async def test_providers_of_providers_are_called_before_them_and_once() -> None:
    calls: list[str] = []

    def first() -> str:
        calls.append("first")
        return "1"

    def second(one: Annotated[str, Provide(first)]) -> str:
        calls.append("second")
        return one + "2"

    def handler(
        two: Annotated[str, Provide(second)], one: Annotated[str, Provide(first)]
    ) -> list[str]:
        return [one, two]

    assert await answer(handler, "/x") == (200, ["1", "12"])
    assert calls == ["first", "second"]


def test_providers_that_need_each_other_are_an_error() -> None:
    def chicken(it: int) -> int:
        return it

    def egg(it: Annotated[int, Provide(chicken)]) -> int:
        return it

    chicken.__annotations__["it"] = Annotated[int, Provide(egg)]

    def handler(it: Annotated[int, Provide(chicken)]) -> list[int]:
        return [it]

    with pytest.raises(HandlerError, match="needs itself"):
        Router().add("/x", handler)


async def test_a_replacement_holds_inside_its_context_only_and_nests() -> None:
    def handler(user: Annotated[str, Provide(header_user)]) -> list[str]:
        return [user]

    app = OpenViper()
    app.get("/x")(handler)
    client = app.test_client()

    async def asked() -> Any:
        return (await client.get("/x", headers={"x-user": "ada"})).json()

    with override_provider(header_user, lambda: "outer"):
        with override_provider(header_user, lambda: "inner"):
            assert await asked() == ["inner"]
        assert await asked() == ["outer"]
        with pytest.raises(ZeroDivisionError), override_provider(header_user, lambda: "x"):
            raise ZeroDivisionError
        assert await asked() == ["outer"]
    assert await asked() == ["ada"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_provider_that_catches_the_error_does_not_swallow_it(is_async: bool) -> None:
    seen: list[str] = []

    def plain() -> Any:
        try:
            yield 1
        except LookupError as error:
            seen.append(str(error))

    async def asynchronous() -> Any:
        try:
            yield 1
        except LookupError as error:
            seen.append(str(error))

    provider = asynchronous if is_async else plain

    def handler(it: Annotated[int, Provide(provider)]) -> list[int]:
        raise LookupError("lost")

    assert (await answer(handler, "/x"))[0] == 500
    assert seen == ["lost"]


async def test_an_error_that_a_provider_raises_in_its_place_reaches_the_providers_before_it() -> (
    None
):
    seen: list[str] = []

    def outer() -> Any:
        try:
            yield 1
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    def inner(it: Annotated[int, Provide(outer)]) -> Any:
        try:
            yield it
        except LookupError:
            raise PermissionError("translated") from None

    def handler(it: Annotated[int, Provide(inner)]) -> list[int]:
        raise LookupError("lost")

    assert (await answer(handler, "/x"))[0] == 500
    assert seen == ["PermissionError"]


async def test_a_wrong_input_ends_no_provider_that_was_not_begun() -> None:
    seen: list[str] = []

    def connection() -> Any:
        seen.append("begun")
        yield 1
        seen.append("ended")

    def handler(it: Annotated[int, Provide(connection)], number: int) -> list[int]:
        return [it, number]

    assert (await answer(handler, "/x?number=a"))[0] == 422
    assert seen == []
    assert await answer(handler, "/x?number=2") == (200, [1, 2])
    assert seen == ["begun", "ended"]


# Mistakes that are told


@pytest.mark.parametrize(
    ("path", "annotation", "message"),
    [
        ("/x", Annotated[int, Path], "'value' is not a parameter of the path"),
        (
            "/x",
            "Page",
            "'value' comes from the body, which this route has not; mark it with Query()",
        ),
        ("/x/{values:int}", int, "'value' is not in the path; did you mean 'values'?"),
        ("/x", Annotated[Page, Header], "a header cannot hold such values"),
        ("/x", Annotated[dict[str, int], Query], "a query cannot hold such values"),
        ("/x", Annotated[list[list[int]], Query], "a query cannot hold such values"),
        ("/x", Annotated[Page, Cookie], "a cookie cannot hold such values"),
    ],
)
def test_mistakes_of_signatures_name_the_parameter(
    path: str, annotation: Any, message: str
) -> None:
    def handler(request: Request, value: Any) -> str:
        return str(value)

    handler.__annotations__["value"] = annotation
    router = Router()
    with pytest.raises(ImproperlyConfigured) as caught:
        router.add(path, handler)
        router.compile()
    assert message in str(caught.value)
    assert "'value'" in str(caught.value)
