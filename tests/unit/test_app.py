"""The application."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from openviper import (
    HTTPException,
    JSONResponse,
    NotFound,
    OpenViper,
    PermissionDenied,
    RedirectResponse,
    Request,
    Router,
    StreamingResponse,
    ValidationError,
)
from openviper.core.context import (
    current_request,
    current_router,
    current_user,
    request_perms_cache,
)
from openviper.exceptions import FieldError, QueryError, TableNotFound
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.testing import TestResponse
from tests.unit.lifespan import live


@pytest.fixture(autouse=True)
def no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep routes of a project out."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)


async def get(
    app: OpenViper, path: str = "/x", method: str = "GET", **options: Any
) -> TestResponse:
    """Return the answer to one request."""
    return await app.test_client().request(method, path, **options)


def app_returning(value: Any, **options: Any) -> OpenViper:
    """Return an application whose ``/x`` returns, or raises, a value."""
    app = OpenViper(**options)

    @app.route("/x", methods=["GET", "POST"])
    async def view(request: Request) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return app


@pytest.mark.parametrize(
    ("value", "status", "content", "kind"),
    [
        ({"a": 1}, 200, b'{"a":1}', "application/json"),
        ([1], 200, b"[1]", "application/json"),
        ((1, 2), 200, b"[1,2]", "application/json"),
        ("text", 200, b"text", "text/plain; charset=utf-8"),
        (b"bytes", 200, b"bytes", "text/plain; charset=utf-8"),
        (5, 200, b"5", "application/json"),
        (JSONResponse({}, 201), 201, b"{}", "application/json"),
    ],
)
async def test_what_a_handler_returns_becomes_a_response(
    value: Any, status: int, content: bytes, kind: str | None
) -> None:
    response = await get(app_returning(value))
    assert (response.status_code, response.content, response.headers.get("content-type")) == (
        status,
        content,
        kind,
    )


async def test_a_plain_function_may_be_a_handler() -> None:
    app = OpenViper()
    app.get("/sum/{a:int}/{b:int}")(lambda a, b: {"sum": a + b})
    assert (await get(app, "/sum/1/2")).json() == {"sum": 3}


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (NotFound(), 404, "Not found."),
        (PermissionDenied(), 403, "Permission denied."),
        (HTTPException(418), 418, "I'm a Teapot"),
        (ValidationError({"name": ["too long"]}), 422, {"name": ["too long"]}),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
async def test_http_errors_keep_their_status_with_and_without_debug(
    error: HTTPException, status: int, detail: Any, debug: bool
) -> None:
    response = await get(app_returning(error, debug=debug))
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["detail"]) == (status, status, detail)
    assert problem["type"] == "about:blank" and problem["title"]


async def test_a_missing_table_is_503_and_named_in_debug_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = TableNotFound("Post", "blog_post")
    with caplog.at_level(logging.ERROR, "openviper"):
        shown = await get(app_returning(error, debug=True))
        hidden = await get(app_returning(error, debug=False))
    assert shown.status_code == hidden.status_code == 503
    assert shown.json()["detail"] == str(error)
    assert "blog_post" not in hidden.text
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "error", [FieldError("no field 'titel'"), QueryError("bad"), TypeError("x"), KeyError("k")]
)
async def test_a_mistake_of_the_programmer_is_a_500_in_the_log_and_on_the_debug_page(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "openviper"):
        shown = await get(app_returning(error, debug=True))
        hidden = await get(app_returning(error, debug=False))
    assert shown.status_code == hidden.status_code == 500
    assert "raise value" in shown.text
    assert "titel" not in hidden.text
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


async def test_a_handler_that_returns_nothing_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "openviper"):
        response = await get(app_returning(None, debug=False))
    assert response.status_code == 500
    assert "returned nothing" in caplog.text


async def test_an_unexpected_error_is_logged_once_and_hidden(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "openviper"):
        response = await get(app_returning(ZeroDivisionError("secret detail"), debug=False))
    assert (response.status_code, response.json()) == (
        500,
        {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "Internal Server Error",
        },
    )
    assert len(caplog.records) == 1


async def test_the_debug_page_shows_source_and_hides_secrets() -> None:
    app = OpenViper(debug=True)
    app.get("/x")(failing_view)
    response = await get(
        app,
        "/x?token=t0ken&q=visible",
        headers={"authorization": "Bearer b3arer", "user-agent": "seen", "x-key": "k3y"},
    )
    assert response.status_code == 500
    assert "&lt;b&gt;boom" in response.text
    assert "raise ValueError" in response.text
    for secret in ("hunter2", "t0ken", "b3arer", "k3y"):
        assert secret not in response.text
    assert "visible" in response.text and "seen" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_a_browser_gets_a_page_instead_of_json() -> None:
    response = await get(
        app_returning(NotFound("<i>gone</i>")), headers={"accept": "text/html,*/*"}
    )
    assert response.headers["content-type"].startswith("text/html")
    assert "&lt;i&gt;gone" in response.text


async def test_the_most_specific_exception_handler_answers() -> None:
    app = app_returning(KeyError("k"))

    @app.exception_handler(Exception)
    def general(request: Request, error: Exception) -> str:
        return "general"

    @app.exception_handler(LookupError)
    async def specific(request: Request, error: Exception) -> dict[str, str]:
        return {"handled": type(error).__name__}

    assert (await get(app)).json() == {"handled": "KeyError"}


async def test_a_failing_exception_handler_is_an_error_like_any_other() -> None:
    app = app_returning(KeyError("k"), debug=False)

    @app.exception_handler(KeyError)
    def broken(request: Request, error: Exception) -> str:
        raise RuntimeError

    assert (await get(app)).status_code == 500


async def test_head_options_and_wrong_methods() -> None:
    app = app_returning({"a": 1})
    head = await get(app, method="HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "7")
    options = await get(app, method="OPTIONS")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    wrong = await get(app, method="DELETE")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_a_path_that_could_be_mistaken_is_a_400() -> None:
    assert (await get(app_returning("x"), "/a/%2e%2e%2fb")).status_code == 400


async def test_the_landing_page_is_for_debug_and_gives_way_to_any_route() -> None:
    app = OpenViper(debug=True, title="<Shop>")
    app.get("/about")(lambda: "x")
    page = await get(app, "/")
    assert page.status_code == 200
    assert "&lt;Shop&gt;" in page.text and 'href="/about"' in page.text
    assert (await get(OpenViper(debug=False), "/")).status_code == 404
    app.get("/{rest:path}")(lambda: "catch-all")
    app.get("/")(lambda: "late")
    assert (await get(app, "/")).text == "late"


async def test_the_context_holds_until_the_body_is_sent() -> None:
    app = OpenViper()
    seen: list[Any] = []

    @app.get("/x")
    async def view(request: Request) -> StreamingResponse:
        def body() -> Iterator[str]:
            seen.extend([current_request.get(), current_router.get(), request_perms_cache.get()])
            yield "x"

        return StreamingResponse(body)

    await get(app)
    assert isinstance(seen[0], Request)
    assert seen[1] is app.router
    assert seen[2] == {}
    assert (current_request.get(), current_router.get(), current_user.get()) == (None, None, None)


async def test_a_redirect_by_name_uses_the_application_s_routes() -> None:
    app = OpenViper()
    blog = Router(namespace="blog")
    blog.get("/posts/{id:int}", name="show-post")(lambda id: str(id))
    app.include_router(blog, prefix="/blog")

    @app.get("/x")
    async def view() -> RedirectResponse:
        return RedirectResponse("blog:show-post", 303, id=5)

    response = await get(app, follow_redirects=True)
    assert (response.text, response.url, len(response.history)) == (
        "5",
        "http://testserver/blog/posts/5",
        1,
    )


async def test_middleware_of_the_constructor_stands_before_that_of_the_settings() -> None:
    class Stamp:
        def __init__(self, app: ASGIApp, word: str = "none") -> None:
            self.app = app
            self.word = word

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def stamped(message: Message) -> None:
                if message["type"] == "http.response.start":
                    names = [name.decode() for name, _ in message["headers"]]
                    message["headers"].append((self.word.encode(), ",".join(names).encode()))
                await send(message)

            await self.app(scope, receive, stamped)

    app = app_returning("x", middleware=[(Stamp, {"word": "stamp"})])
    assert "x-frame-options" in (await get(app)).headers["stamp"]


async def test_an_error_in_middleware_is_answered() -> None:
    class Broken:
        def __init__(self, app: ASGIApp) -> None:
            pass

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise ZeroDivisionError

    response = await get(OpenViper(debug=False, middleware=[Broken]))
    assert (response.status_code, response.json()["status"]) == (500, 500)


async def test_an_unknown_websocket_is_closed_with_a_code() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    await OpenViper()(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 4404, "reason": ""}]


# Life


async def test_handlers_run_in_order_and_stop_in_reverse() -> None:
    app, order = OpenViper(), []

    @app.on_startup
    def one() -> None:
        order.append("start one")

    @app.on_startup
    async def two() -> None:
        order.append("start two")

    @app.on_shutdown
    def three() -> None:
        order.append("stop three")

    @app.on_shutdown
    async def four() -> None:
        order.append("stop four")

    assert [message["type"] for message in await live(app)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert order == ["start one", "start two", "stop four", "stop three"]
    assert one() is None  # The decorator gives the function back.


async def test_a_failing_start_is_told_to_the_server() -> None:
    app = OpenViper()

    @app.on_startup
    def broken() -> None:
        raise RuntimeError("no disk")

    assert await live(app) == [
        {"type": "lifespan.startup.failed", "message": "RuntimeError: no disk"}
    ]


async def test_middleware_that_cannot_be_imported_fails_the_start_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "openviper"):
        (message,) = await live(OpenViper(middleware=["nowhere.Middleware"]))
    assert caplog.records == []  # The server says it.
    assert message["type"] == "lifespan.startup.failed"
    assert "'nowhere.Middleware'" in message["message"]


async def test_every_shutdown_handler_runs_though_one_fails() -> None:
    app, order = OpenViper(), []

    @app.on_shutdown
    def last() -> None:
        order.append("last")

    @app.on_shutdown
    def broken() -> None:
        raise RuntimeError("stuck")

    messages = await live(app)
    assert messages[1] == {"type": "lifespan.shutdown.failed", "message": "RuntimeError: stuck"}
    assert order == ["last"]


# At the end, so that the lines around the failing one are those of no test.


async def failing_view(request: Request) -> None:
    """Fail with a secret in the source and in the message."""
    password = "hunter2"
    raise ValueError(f"<b>boom</b> postgresql://u:{password}@h/d")


async def test_handlers_can_be_called_by_hand() -> None:
    app = OpenViper()
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})

    async def later(request: Request) -> dict[str, str]:
        return {"path": request.path}

    assert (await app.call_handler(later, request)).body == b'{"path":"/"}'
    assert (await app.call_handler(lambda _request: "text", request)).body == b"text"
    with pytest.raises(TypeError, match="returned nothing"):
        await app.call_handler(lambda _request: None, request)
