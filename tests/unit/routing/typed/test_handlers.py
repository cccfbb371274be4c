"""Typed handlers: what the parameters get, what the client is told, what is a mistake of the program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from http import HTTPStatus
from typing import Annotated, Any, NotRequired, TypedDict

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import ImproperlyConfigured
from openviper.http import (
    Body,
    Cookie,
    FormInput,
    Header,
    Path,
    PlainTextResponse,
    Provide,
    Query,
    Response,
    UploadFile,
)
from openviper.routing import HandlerError, Router, override_provider
from openviper.testing import OpenViperTestClient
from openviper.validation import Alias, Between, MaxLength, MinLength, Secret


class Sort(Enum):
    """A choice in a query."""

    NEW = "new"
    OLD = "old"


class Extra(TypedDict):
    """A body that is a dict."""

    note: NotRequired[str]


@dataclass
class Filter:
    """All of a query."""

    page: Annotated[int, Between(1, 1000)] = 1
    tags: list[str] = field(default_factory=list)
    since: date | None = None


@dataclass
class Login:
    """All of a form."""

    name: str
    password: Annotated[str, MinLength(8), Secret]
    remember: bool = False
    age: int | None = None


@dataclass
class Line:
    """A part of a body."""

    book: int
    count: Annotated[int, Between(1, 100)] = 1


@dataclass
class Order:
    """A body."""

    name: Annotated[str, MinLength(1), MaxLength(20)]
    lines: list[Line]


async def ask(app: OpenViper, method: str, url: str, **options: Any) -> tuple[int, Any]:
    """Return the status and the content of an answer."""
    async with OpenViperTestClient(app) as client:
        answer = await client.request(method, url, **options)
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.status_code, answer.json() if is_json else answer.text


async def faults(app: OpenViper, method: str, url: str, **options: Any) -> dict[str, str]:
    """Return the codes of the faults in an answer by their pointers."""
    status, problem = await ask(app, method, url, **options)
    assert status == 422, problem
    return {fault["pointer"]: fault["code"] for fault in problem["errors"]}


# What parameters get


async def test_annotated_parameters_come_from_the_query() -> None:
    app = OpenViper()

    @app.get("/books")
    async def books(
        page: int = 1,
        tags: list[str] | None = None,
        sort: Sort = Sort.NEW,
        day: date | None = None,
    ) -> dict[str, object]:
        return {"page": page, "tags": tags, "sort": sort, "day": day}

    assert await ask(app, "GET", "/books?page=2&tags=a&tags=b&sort=old&day=2026-01-01") == (
        200,
        {"page": 2, "tags": ["a", "b"], "sort": "old", "day": "2026-01-01"},
    )
    assert (await ask(app, "GET", "/books?page=&utm=x"))[1]["page"] == 1
    assert await faults(app, "GET", "/books?page=abc&sort=x&day=x&page=1") == {
        "/query/page": "multiple",
        "/query/sort": "one_of",
        "/query/day": "date",
    }


async def test_what_a_query_must_have_is_told_when_it_is_missing() -> None:
    app = OpenViper()

    @app.get("/search")
    async def search(q: str, ids: list[int]) -> dict[str, object]:
        return {"q": q, "ids": ids}

    assert await faults(app, "GET", "/search") == {"/query/q": "missing", "/query/ids": "missing"}
    assert await faults(app, "GET", "/search?q=a&ids=1&ids=x") == {"/query/ids/1": "integer"}


async def test_a_class_with_fields_is_all_of_the_query() -> None:
    app = OpenViper()

    @app.get("/books")
    async def books(filter: Annotated[Filter, Query()]) -> Filter:
        return filter

    assert await ask(app, "GET", "/books?tags=a&page=3&since=&utm_source=x") == (
        200,
        {"page": 3, "tags": ["a"], "since": None},
    )
    assert await faults(app, "GET", "/books?page=0") == {"/query/page": "between"}


async def test_headers_and_cookies() -> None:
    app = OpenViper()

    @app.get("/")
    async def show(
        user_agent: Annotated[str, Header],
        token: Annotated[int, Header("X-Token")],
        theme: Annotated[str, Cookie()] = "light",
    ) -> list[object]:
        return [user_agent, token, theme]

    headers = {"user-agent": "me", "x-token": "5"}
    assert await ask(app, "GET", "/", headers=headers, cookies={"theme": "dark"}) == (
        200,
        ["me", 5, "dark"],
    )
    assert await faults(app, "GET", "/", headers={"user-agent": "me", "x-token": "a"}) == {
        "/header/X-Token": "integer"
    }


async def test_parts_of_the_path_are_read_by_their_annotation() -> None:
    app = OpenViper()

    @app.get("/days/{day}/{number:int}/{sort}")
    async def show(
        day: date, number: Annotated[int, Between(1, 9)], kind: Annotated[Sort, Path("sort")]
    ) -> list[object]:
        return [day, number, kind]

    assert await ask(app, "GET", "/days/2026-01-01/3/old") == (200, ["2026-01-01", 3, "old"])
    assert await faults(app, "GET", "/days/monday/10/x") == {
        "/path/day": "date",
        "/path/number": "between",
        "/path/sort": "one_of",
    }


async def test_a_body_is_strict_json() -> None:
    app = OpenViper()

    @app.post("/orders")
    async def create(order: Order) -> Order:
        return order

    good = {"name": "Ada", "lines": [{"book": 1}]}
    assert await ask(app, "POST", "/orders", json=good) == (
        200,
        {"name": "Ada", "lines": [{"book": 1, "count": 1}]},
    )
    bad = {"name": "", "lines": [{"book": "1", "count": 101}], "more": 1}
    assert await faults(app, "POST", "/orders", json=bad) == {
        "/body/name": "min_length",
        "/body/lines/0/book": "type",
        "/body/lines/0/count": "between",
        "/body/more": "unknown",
    }
    assert (await ask(app, "POST", "/orders", data={"name": "Ada"}))[0] == 415
    assert (await ask(app, "POST", "/orders", content=b"{"))[0] == 400
    assert (await ask(app, "POST", "/orders"))[0] == 400


async def test_a_long_body_is_read_too() -> None:
    app = OpenViper()

    @app.post("/orders")
    async def create(lines: list[Line]) -> dict[str, int]:
        return {"count": len(lines)}

    many = [{"book": number} for number in range(40_000)]
    assert await ask(app, "POST", "/orders", json=many) == (200, {"count": 40_000})
    many[39_999] = {"book": "x"}  # type: ignore[dict-item]  # what a client may send
    assert await faults(app, "POST", "/orders", json=many) == {"/body/39999/book": "type"}


async def test_a_body_may_be_left_out_where_it_has_a_default() -> None:
    app = OpenViper()

    @app.post("/extra")
    async def create(extra: Extra | None = None, count: Annotated[int, Query()] = 1) -> Any:
        return {"extra": extra, "count": count}

    assert await ask(app, "POST", "/extra?count=2") == (200, {"extra": None, "count": 2})
    assert await ask(app, "POST", "/extra", json={"note": "a"}) == (
        200,
        {"extra": {"note": "a"}, "count": 1},
    )


async def test_a_body_of_one_value_is_marked() -> None:
    app = OpenViper()

    @app.put("/name")
    async def rename(name: Annotated[str, Body(), MaxLength(3)]) -> str:
        return name

    assert await ask(app, "PUT", "/name", json="abc") == (200, "abc")
    assert await faults(app, "PUT", "/name", json="abcd") == {"/body": "max_length"}


async def test_forms_and_files() -> None:
    app = OpenViper()

    @app.post("/login")
    async def login(form: Annotated[Login, FormInput()]) -> list[object]:
        return [form.name, form.remember, form.age]

    @app.post("/upload")
    async def upload(
        title: Annotated[str, FormInput()], file: UploadFile, more: list[UploadFile] | None = None
    ) -> list[object]:
        return [title, file.filename, (await file.read()).decode(), more]

    data = {"name": "A", "password": "12345678", "remember": "on", "age": ""}
    assert await ask(app, "POST", "/login", data=data) == (200, ["A", True, None])
    short = {"name": "A", "password": "hunter2", "more": "x"}
    status, problem = await ask(app, "POST", "/login", data=short)
    assert "hunter2" not in str(problem)
    assert [fault["code"] for fault in problem["errors"]] == ["min_length", "unknown"]
    files = {"file": ("a.txt", b"hello", "text/plain")}
    assert await ask(app, "POST", "/upload", data={"title": "t"}, files=files) == (
        200,
        ["t", "a.txt", "hello", None],
    )
    assert await faults(app, "POST", "/upload", data={"title": "t"}) == {"/form/file": "missing"}
    # As a browser sends a form without enctype="multipart/form-data"; nothing chosen is an empty text.
    text = {"title": "t", "file": "a.txt", "more": ""}
    assert await faults(app, "POST", "/upload", data=text) == {"/form/file": "type"}
    text = {"title": "t", "more": "a.txt"}
    assert await faults(app, "POST", "/upload", data=text, files=files) == {"/form/more": "type"}


async def test_a_class_that_is_the_whole_form_says_which_files_there_are() -> None:
    app = OpenViper()

    @app.post("/login")
    async def login(
        form: Annotated[Login, FormInput()], photo: UploadFile | None = None
    ) -> list[object]:
        return [form.name, photo and photo.filename]

    data = {"name": "A", "password": "12345678"}
    sent = ("a.png", b"x", "image/png")
    assert await ask(app, "POST", "/login", data=data, files={"photo": sent}) == (
        200,
        ["A", "a.png"],
    )
    wrong = {"photo": sent, "foto": sent}
    assert await faults(app, "POST", "/login", data=data, files=wrong) == {"/form/foto": "unknown"}


async def test_everything_wrong_is_one_answer() -> None:
    app = OpenViper()

    @app.post("/{id}")
    async def change(
        id: int, order: Order, page: int, token: Annotated[str, Header("x-token")]
    ) -> None: ...

    status, problem = await ask(app, "POST", "/x?page=y", json={"name": "A"})
    assert status == 422
    assert problem["title"] == HTTPStatus(422).phrase
    assert [fault["place"] for fault in problem["errors"]] == [
        ["path", "id"],
        ["body", "lines"],
        ["query", "page"],
        ["header", "x-token"],
    ]
    page = await ask(app, "POST", "/x?page=<b>", json={}, headers={"accept": "text/html"})
    assert page[0] == 422
    assert "query.page: must be an integer, not &#x27;&lt;b&gt;&#x27;" in page[1]


async def test_odd_text_in_addresses_and_bodies_is_no_error_of_ours() -> None:
    app = OpenViper()

    @app.post("/{name}")
    async def show(name: str, body: dict[str, str], q: str = "") -> dict[str, str]:
        return {**body, "q": q}

    for content in (b'{"\\ud800": "x"}', b'{"a": "\\ud800"}', b'{"a": 1e400}', b'{"a":' * 500):
        status, _ = await ask(
            app,
            "POST",
            "/a?q=%00%ff",
            content=content,
            headers={"content-type": "application/json"},
        )
        assert status in (200, 400, 422)


# What was there before


async def test_requests_and_defaults_go_on_working_beside_typed_parameters() -> None:
    app = OpenViper()
    marker = object()

    @app.get("/{id:int}/{slug}")
    async def show(req, page: int = 1, *, own: object = marker, **rest: Any) -> Any:  # type: ignore[no-untyped-def]
        return [type(req).__name__, page, own is marker, rest]

    assert await ask(app, "GET", "/3/a?page=2&own=x") == (
        200,
        ["Request", 2, True, {"id": 3, "slug": "a"}],
    )


async def test_plain_handlers_may_be_typed() -> None:
    app = OpenViper()

    @app.get("/")
    def show(page: int = 1) -> dict[str, int]:
        return {"page": page}

    assert await ask(app, "GET", "/?page=4") == (200, {"page": 4})


async def test_a_handler_without_typed_parameters_is_called_as_it_is() -> None:
    async def show(request: Request) -> Response:
        return Response(None, 204)

    router = Router()
    router.get("/")(show)
    (route,) = router.routes
    assert route.endpoint is show
    assert route.plan is None


# Results


async def test_results_are_written_by_the_annotation() -> None:
    app = OpenViper()

    @dataclass
    class Book:
        title: str
        from_: Annotated[int, Alias("from")] = 0

    @app.get("/one")
    async def one() -> Book | None:
        return Book("A", 1)

    @app.get("/many")
    async def many() -> list[Book]:
        return [Book("A"), Book("B")]

    @app.get("/other")
    async def other() -> Book | PlainTextResponse:
        return PlainTextResponse("gone", 410)

    @app.get("/wrong")
    async def wrong() -> Book:
        return {"title": "A"}  # type: ignore[return-value]  # a mistake

    assert await ask(app, "GET", "/one") == (200, {"title": "A", "from": 1})
    assert (await ask(app, "GET", "/many"))[1] == [
        {"title": "A", "from": 0},
        {"title": "B", "from": 0},
    ]
    assert await ask(app, "GET", "/other") == (410, "gone")
    assert (await ask(app, "GET", "/wrong"))[0] == 500


# Providers

EVENTS: list[str] = []


@pytest.fixture(autouse=True)
def _no_events() -> None:
    EVENTS.clear()


async def connection(request: Request) -> AsyncIterator[str]:
    EVENTS.append(f"open {request.path}")
    try:
        yield "connection"
    except RuntimeError as error:
        EVENTS.append(f"failed: {error}")
        raise
    finally:
        EVENTS.append("close")


def clock() -> Iterator[int]:
    EVENTS.append("clock")
    yield 5
    EVENTS.append("clock ends")


async def current_name(
    conn: Annotated[str, Provide(connection)], token: Annotated[str, Header("x-token")] = "none"
) -> str:
    return f"{conn} of {token}"


async def test_providers_are_called_once_and_ended_after_the_answer() -> None:
    app = OpenViper()

    @app.get("/")
    async def show(
        conn: Annotated[str, Provide(connection)],
        name: Annotated[str, Provide(current_name)],
        now: Annotated[int, Provide(clock)],
    ) -> list[object]:
        EVENTS.append("handler")
        return [conn, name, now]

    status, content = await ask(app, "GET", "/", headers={"x-token": "t"})
    assert (status, content) == (200, ["connection", "connection of t", 5])
    assert EVENTS == ["open /", "clock", "handler", "clock ends", "close"]


async def test_providers_see_the_error_of_the_handler() -> None:
    app = OpenViper(debug=False)

    @app.get("/")
    async def show(conn: Annotated[str, Provide(connection)], page: int = 1) -> str:
        raise RuntimeError("no")

    assert (await ask(app, "GET", "/"))[0] == 500
    assert EVENTS == ["open /", "failed: no", "close"]
    EVENTS.clear()
    assert (await ask(app, "GET", "/?page=x"))[0] == 422
    assert EVENTS == []


async def test_a_provider_that_fails_at_its_end_is_logged_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = OpenViper(debug=False)

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("at the end")

    @app.get("/")
    async def show(
        conn: Annotated[str, Provide(connection)], number: Annotated[int, Provide(broken)]
    ) -> str:
        return conn

    assert await ask(app, "GET", "/") == (200, "connection")
    assert EVENTS[-1] == "close"
    assert "broken after / failed" in caplog.text


async def test_a_provider_that_yields_nothing_or_twice_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = OpenViper(debug=False)

    def empty() -> Iterator[int]:
        yield from ()

    async def double() -> AsyncIterator[int]:
        yield 1
        yield 2

    @app.get("/empty")
    async def first(number: Annotated[int, Provide(empty)]) -> str:
        return "x"

    @app.get("/double")
    async def second(number: Annotated[int, Provide(double)]) -> str:
        return "x"

    assert (await ask(app, "GET", "/empty"))[0] == 500
    assert "yields nothing" in caplog.text
    assert (await ask(app, "GET", "/double"))[0] == 200
    assert "it yields twice" in caplog.text


async def test_providers_are_replaced_in_tests() -> None:
    app = OpenViper()

    @app.get("/")
    async def show(name: Annotated[str, Provide(current_name)]) -> str:
        return name

    with override_provider(connection, lambda: "fake"):
        assert await ask(app, "GET", "/") == (200, "fake of none")
        assert EVENTS == []
    assert (await ask(app, "GET", "/"))[1] == "connection of none"


async def test_providers_do_not_outlive_a_streamed_answer() -> None:
    app = OpenViper()

    @app.get("/")
    async def show(conn: Annotated[str, Provide(connection)]) -> Response:
        from openviper.http import StreamingResponse

        async def pieces() -> AsyncIterator[bytes]:
            EVENTS.append("piece")
            yield b"x"

        return StreamingResponse(pieces())

    assert (await ask(app, "GET", "/"))[0] == 200
    assert EVENTS == ["open /", "piece", "close"]


# Mistakes of the program


async def unreadable(request: Request, it: complex) -> str:
    return ""


async def unknown_name(request: Request, it: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
    return ""


async def nested_query(request: Request, it: Annotated[dict[str, int], Query()]) -> str:
    return ""


async def nested_header(request: Request, it: Annotated[Order, Header()]) -> str:
    return ""


@pytest.mark.parametrize("handler", [unreadable, unknown_name, nested_query, nested_header])
def test_types_that_cannot_be_read_are_errors_at_registration(handler: Callable[..., Any]) -> None:
    with pytest.raises(HandlerError, match="it"):
        Router().get("/")(handler)


async def body_of_get(order: Order) -> str:
    return ""


async def two_bodies(order: Order, line: Line) -> str:
    return ""


async def body_and_form(order: Order, login: Annotated[Login, FormInput()]) -> str:
    return ""


async def no_such_path(id: Annotated[int, Path()]) -> str:
    return ""


async def misspelt(order_idd: int) -> str:
    return ""


@pytest.mark.parametrize(
    ("method", "path", "handler"),
    [
        ("GET", "/", body_of_get),
        ("POST", "/", two_bodies),
        ("POST", "/", body_and_form),
        ("GET", "/{other}", no_such_path),
        ("GET", "/{order_id}", misspelt),
    ],
)
async def test_parameters_that_nothing_fills_are_errors_at_start_and_in_check(
    method: str, path: str, handler: Callable[..., Any]
) -> None:
    router = Router()
    router.add(path, handler, [method])
    with pytest.raises(ImproperlyConfigured, match=handler.__name__):
        router.compile()
    (route,) = router.routes
    with pytest.raises(HandlerError):
        route.check()


def test_a_provider_that_needs_itself_is_an_error() -> None:
    def circle(it: Annotated[int, Provide(lambda: 1)]) -> int:
        return it

    circle.__annotations__["it"] = Annotated[int, Provide(circle)]

    async def show(it: Annotated[int, Provide(circle)]) -> str:
        return ""

    with pytest.raises(HandlerError, match="needs itself"):
        Router().get("/")(show)


def test_the_route_keeps_what_openapi_needs() -> None:
    router = Router()

    async def show(id: int, page: int = 1, token: Annotated[str, Header("x-token")] = "") -> Order:
        raise NotImplementedError

    router.get("/{id}")(show)
    (route,) = router.routes
    assert route.plan is not None
    told = [(note.source, note.key, note.is_required) for note in route.plan.inputs]
    assert told == [("path", "id", True), ("query", "page", False), ("header", "x-token", False)]
    assert route.plan.returns is not None
