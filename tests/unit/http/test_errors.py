"""From exceptions to answers."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from openviper import HTTPException, JSONResponse, NotFound, OpenViper, Request, WebSocket
from openviper.db.exceptions import OperationalError
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.hints import hint_for
from openviper.testing import WebSocketRefused
from openviper.testing import override_openviper_settings as override


def app_raising(error: Exception, **options: Any) -> OpenViper:
    """Return an application whose ``/x`` fails."""
    app = OpenViper(**options)

    @app.get("/x")
    async def view(request: Request) -> str:
        raise error

    return app


HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
JSON = {"accept": "application/json"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,*/*;q=0.8", "text/html"),
        ("*/*", "application/problem+json"),
        ("text/html;q=0, */*", "application/problem+json"),
        ("text/html;q=0.5, application/json", "application/problem+json"),
        ("application/json;q=0.5, text/html", "text/html"),
        ("text/plain", "application/problem+json"),
        ("TEXT/HTML", "text/html"),
        ("", "application/problem+json"),
    ],
)
async def test_people_get_pages_and_programs_get_json(accept: str, kind: str) -> None:
    client = app_raising(NotFound()).test_client()
    for path in ("/x", "/no/route"):
        response = await client.get(path, headers={"accept": accept})
        assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (
            404,
            kind,
        )


async def test_the_page_for_a_bad_body_is_a_sentence_and_no_dictionary() -> None:
    app = OpenViper()

    @app.post("/x")
    async def view(request: Request) -> Any:
        return await request.json()

    page = await app.test_client().post("/x", content=b"{", headers=HTML)
    assert page.status_code == 400
    assert "not valid JSON" in page.text and "{" not in page.text.partition("<main>")[2]
    problem = (await app.test_client().post("/x", content=b"{\n  x")).json()
    assert (problem["detail"]["line"], problem["detail"]["column"]) == (2, 3)


async def test_a_project_s_own_pages_are_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "404.html").write_text("<p>{{ status }} {{ request.path }} {{ detail }}</p>")
    (tmp_path / "500.html").write_text("<p>sorry</p>")
    (tmp_path / "403.html").write_text("<p>{{ broken.attribute.of.nothing }}</p>")
    with override(TEMPLATES_DIR=str(tmp_path)):
        client = app_raising(NotFound("<gone>"), debug=False).test_client(headers=HTML)
        assert (await client.get("/x")).text == "<p>404 /x &lt;gone&gt;</p>"
        assert (await client.get("/nope")).text == "<p>404 /nope Not found.</p>"
        failing = app_raising(ZeroDivisionError(), debug=False).test_client(headers=HTML)
        response = await failing.get("/x")
        assert (response.status_code, response.text) == (500, "<p>sorry</p>")
        broken = app_raising(HTTPException(403), debug=False).test_client(headers=HTML)
        assert "403" in (await broken.get("/x")).text
    assert "'403.html'" in caplog.text


async def test_handlers_by_status_class_and_nearness() -> None:
    app = app_raising(NotFound())

    @app.exception_handler(404)
    async def by_status(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"by": "status"}, error.status_code)

    client = app.test_client()
    for path in ("/x", "/no/route"):
        response = await client.get(path)
        assert (response.status_code, response.json()) == (404, {"by": "status"})

    @app.exception_handler(HTTPException)
    async def by_base(request: Request, error: HTTPException) -> str:
        return "base"

    assert (await client.get("/x")).json() == {"by": "status"}

    @app.exception_handler(NotFound)
    async def by_class(request: Request, error: HTTPException) -> str:
        return "class"

    assert (await client.get("/x")).text == "class"


@pytest.mark.parametrize(
    ("error", "status"), [(NotFound(), 404), (HTTPException(409), 409), (KeyError("k"), 500)]
)
@pytest.mark.parametrize("result", [{"what": "it"}, "it", b"it", ["it"]])
async def test_what_is_said_about_an_error_is_no_success(
    error: Exception, status: int, result: Any
) -> None:
    app = app_raising(error, debug=False)
    app.exception_handler(status)(lambda request, error: result)
    assert (await app.test_client().get("/x")).status_code == status
    app.exception_handler(type(error))(lambda request, error: JSONResponse(result, 203))
    if not isinstance(result, bytes):
        assert (await app.test_client().get("/x")).status_code == 203


async def test_a_handler_for_500_answers_unexpected_errors() -> None:
    app = app_raising(ZeroDivisionError(), debug=False)

    @app.exception_handler(500)
    def handler(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"oops": type(error).__name__}, 500)

    response = await app.test_client().get("/x")
    assert (response.status_code, response.json()) == (500, {"oops": "ZeroDivisionError"})


@pytest.mark.parametrize("status", [0, 200, 399, 600])
def test_a_handler_for_what_is_no_error_is_a_mistake(status: int) -> None:
    with pytest.raises(ValueError, match=str(status)):
        OpenViper().exception_handler(status)(lambda request, error: "x")


class Raising:
    """Middleware that fails, before or after the application has answered."""

    error: Exception = HTTPException(418)
    late = False

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self.late:
                await self.app(scope, receive, send)
            raise self.error
        await self.app(scope, receive, send)


@pytest.mark.parametrize("error", [HTTPException(418), ZeroDivisionError()])
async def test_errors_of_middleware_are_answered_inside_of_the_others(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        override(
            MIDDLEWARE=(
                "openviper.middleware.SecurityMiddleware",
                "openviper.middleware.CORSMiddleware",
                f"{__name__}.Failing",
            ),
            CORS_ALLOWED_ORIGINS=("https://a.example",),
        ),
        caplog.at_level(logging.ERROR, "openviper"),
    ):
        Failing.error = error
        response = (
            await OpenViper(debug=False)
            .test_client()
            .get("/x", headers={"origin": "https://a.example"})
        )
    assert response.status_code == (418 if isinstance(error, HTTPException) else 500)
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["access-control-allow-origin"] == "https://a.example"
    assert len(caplog.records) == (0 if isinstance(error, HTTPException) else 1)


class Failing(Raising):
    """Fails before the application is asked."""


async def test_an_error_after_the_answer_goes_to_the_server_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = type("Late", (Raising,), {"late": True, "error": ZeroDivisionError()})
    app = OpenViper(debug=False, middleware=[late])
    app.get("/x")(lambda: "done")
    with caplog.at_level(logging.ERROR):
        response = await app.test_client().get("/x")
    assert (response.status_code, response.text, caplog.records) == (200, "done", [])


async def test_programs_get_the_debug_details_as_json() -> None:
    client = app_raising(LookupError("which"), debug=True).test_client()
    problem = (await client.get("/x", headers=JSON)).json()
    assert (problem["status"], problem["debug"]["type"]) == (500, "LookupError")
    assert problem["debug"]["frames"][0].endswith(" in view")
    assert (await client.get("/x", headers=HTML)).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "text",
    [
        "no such column: tickets_ticket.colour",
        "table tickets_ticket has no column named colour",
        'column tickets_ticket.colour does not exist\nLINE 1: SELECT "x"',
        "(1054, \"Unknown column 'tickets_ticket.colour' in 'field list'\")",
        "no such table: x",
        'relation "x" does not exist',
        "(1146, \"Table 'db.x' doesn't exist\")",
    ],
)
async def test_a_missing_column_says_what_to_do(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = OperationalError(text)
    assert "migrate" in hint_for(error)
    with caplog.at_level(logging.ERROR, "openviper"):
        page = await app_raising(error, debug=True).test_client().get("/x")
    assert "makemigrations" in page.text
    assert "makemigrations" in caplog.text
    assert hint_for(ValueError("something else")) == ""


async def test_a_path_cannot_forge_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = OpenViper(
        debug=False, middleware=[("openviper.middleware.TimingMiddleware", {"slow": 0.0})]
    )

    @app.get("/{name}")
    async def failing(request: Request, name: str) -> None:
        raise ZeroDivisionError

    @app.get("/late/{name}")
    async def late(request: Request, name: str) -> str:
        request.after_response(int, "x")
        return name

    @app.websocket("/{name}")
    async def socket(websocket: WebSocket) -> None:
        raise ZeroDivisionError

    client = app.test_client(raise_app_exceptions=False)
    for path in ("/a%0Aforged", "/late/a%0Aforged"):
        await client.get(path)
    await app.background.finish()
    with pytest.raises(WebSocketRefused):
        async with client.websocket("/a%0Aforged"):
            raise AssertionError
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 5
    for message in told:
        assert "a\\nforged" in message and "\n" not in message


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/*", "text/html"),
        ("text/*;q=0.5, application/json", "application/problem+json"),
        ("application/problem+json, text/html;q=0.9", "application/problem+json"),
        ("text/html;q=0.9, application/problem+json;q=0.8", "text/html"),
        ("application/*, text/html;q=0.9", "application/problem+json"),
        ("*/*, text/html;q=0.1", "application/problem+json"),
        ("text/html, */*", "text/html"),
        ("text/html;level=1;q=0.4, */*;q=0.3", "text/html"),
    ],
)
async def test_odd_wishes_are_weighed(accept: str, kind: str) -> None:
    response = await app_raising(NotFound()).test_client().get("/x", headers={"accept": accept})
    assert response.headers["content-type"].partition(";")[0] == kind


async def test_a_page_of_one_s_own_whose_base_is_missing_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "404.html").write_text('{% extends "gone.html" %}')
    with override(TEMPLATES_DIR=str(tmp_path)):
        response = await app_raising(NotFound()).test_client().get("/x", headers=HTML)
    assert (response.status_code, "404" in response.text) == (404, True)
    assert "'404.html'" in caplog.text and "gone.html" in caplog.text


def groups_of(*errors: Exception) -> list[ExceptionGroup[Exception]]:
    """Return errors in a group, and in a group in a group."""
    group = ExceptionGroup("of tasks", list(errors))
    return [group, ExceptionGroup("of groups", [group])]


@pytest.mark.parametrize("error", groups_of(NotFound("no book")))
async def test_an_http_error_in_a_group_is_its_answer(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = await app_raising(error, debug=False).test_client().get("/x")
    assert (response.status_code, response.json()["detail"]) == (404, "no book")
    assert caplog.records == []


@pytest.mark.parametrize("error", groups_of(NotFound("first"), HTTPException(409)))
async def test_of_several_http_errors_the_first_is_answered(error: Exception) -> None:
    response = await app_raising(error, debug=False).test_client().get("/x")
    assert (response.status_code, response.json()["detail"]) == (404, "first")


@pytest.mark.parametrize("error", groups_of(NotFound(), ZeroDivisionError("why")))
async def test_a_mistake_among_http_errors_is_a_500_with_all_of_it_in_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = await app_raising(error, debug=False).test_client().get("/x")
    assert response.status_code == 500
    assert "why" in caplog.text


async def test_handlers_are_found_for_what_is_alone_in_a_group() -> None:
    class OutOfStock(Exception):
        pass

    app = app_raising(groups_of(OutOfStock("tea"))[1])
    app.exception_handler(OutOfStock)(lambda request, error: {"sold out": str(error)})
    assert (await app.test_client().get("/x")).json() == {"sold out": "tea"}
    app.exception_handler(ExceptionGroup)(lambda request, error: {"group": str(error)})
    assert (await app.test_client().get("/x")).json()["group"].startswith("of groups")


async def test_the_debug_page_shows_what_is_in_a_group() -> None:
    def fails(number: int) -> Exception:
        try:
            raise ValueError(f"part {number}")
        except ValueError as error:
            return error

    error = ExceptionGroup("of tasks", [fails(1), fails(2)])
    client = app_raising(error, debug=True).test_client()
    page = (await client.get("/x", headers=HTML)).text
    assert "part 1" in page and "part 2" in page
    assert page.count(" in fails</p>") == 2


async def test_what_a_handler_awaits_may_be_cancelled_and_is_a_500_with_headers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = OpenViper(debug=False)

    @app.get("/x")
    async def view(request: Request) -> str:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task
        return ""

    response = await app.test_client().get("/x")
    assert (response.status_code, response.headers["x-frame-options"]) == (500, "DENY")
    assert "CancelledError" in caplog.text


async def test_who_is_cancelled_himself_is_not_answered() -> None:
    begun = asyncio.Event()
    app = OpenViper(debug=False)

    @app.get("/x")
    async def view(request: Request) -> str:
        begun.set()
        await asyncio.sleep(60)
        return ""

    request = asyncio.ensure_future(app.test_client().get("/x"))
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
