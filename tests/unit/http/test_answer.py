"""What the messages of an answer go through, and how middleware completes its headers."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from openviper import JSONResponse, OpenViper, Request, Response
from openviper.core.context import current_exchange, current_request
from openviper.http.answer import Answer, begun, finishing
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.middleware import (
    CORSMiddleware,
    GZipMiddleware,
    RequestIDMiddleware,
    SecurityMiddleware,
    TimingMiddleware,
    TrustedProxyMiddleware,
)
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import RawHeaders


def scope_of(path: str = "/", method: str = "GET", *headers: tuple[bytes, bytes]) -> Scope:
    """Return the scope of a request as a server makes it."""
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
    }


async def receive() -> Message:
    """Receive an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


class Sent(list[Message]):
    """Collects what is sent."""

    async def __call__(self, message: Message) -> None:
        self.append(message)


def adding(name: bytes) -> Any:
    """Return a function that adds a header."""

    def finish(answer: Answer, headers: RawHeaders) -> RawHeaders:
        return [*headers, (name, str(answer.status).encode())]

    return finish


async def test_headers_are_completed_from_the_inside_to_the_outside() -> None:
    sent = Sent()
    answer = begun(scope_of(), receive, sent)
    for name in (b"x-outer", b"x-middle", b"x-inner"):
        answer.finish_with(adding(name))
    await Response("a", 201)(answer.scope, receive, answer)
    names = [name for name, _ in sent[0]["headers"]]
    assert names == [b"content-length", b"x-inner", b"x-middle", b"x-outer"]
    assert sent[0]["headers"][-1] == (b"x-outer", b"201")
    assert answer.is_started and answer.status == 201


async def test_a_message_that_no_response_of_ours_sends_is_completed_too() -> None:
    sent = Sent()
    answer = begun(scope_of(), receive, sent)
    answer.finish_with(adding(b"x-added"))
    await answer({"type": "http.response.start", "status": 204})
    await answer({"type": "http.response.body", "body": b""})
    assert sent[0]["headers"] == [(b"x-added", b"204")]
    assert sent[1] == {"type": "http.response.body", "body": b""}


async def test_headers_of_a_response_are_not_changed_by_being_sent() -> None:
    response = Response("a")
    for _ in range(2):
        answer = begun(scope_of(), receive, Sent())
        answer.finish_with(adding(b"x-added"))
        await response(answer.scope, receive, answer)
    assert response.raw_headers == [(b"content-length", b"1")]


async def test_a_send_that_middleware_has_replaced_is_wrapped() -> None:
    sent = Sent()
    wrapped = finishing(adding(b"x-added"), scope_of(), receive, sent)
    assert wrapped is not sent
    await Response("a", 202)(scope_of(), receive, wrapped)
    assert sent[0]["headers"][-1] == (b"x-added", b"202")


async def test_the_send_of_an_answer_stays_as_it_is() -> None:
    answer = begun(scope_of(), receive, Sent())
    assert finishing(adding(b"x-a"), answer.scope, receive, answer) is answer
    assert finishing(adding(b"x-b"), answer.scope, receive, answer) is answer


class Passing:
    """Middleware that hands on copies, as much of that of others does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            await send(message)

        await self.app({**scope}, receive, sending)


ALL: tuple[Any, ...] = (
    SecurityMiddleware,
    CORSMiddleware,
    GZipMiddleware,
    (TimingMiddleware, {"header": True}),
    RequestIDMiddleware,
)


def names_of(headers: RawHeaders) -> list[str]:
    """Return the names of headers."""
    return sorted(name.decode() for name, _ in headers)


@pytest.mark.parametrize("path", ["/", "/missing", "/failing"])
@pytest.mark.parametrize("place", [0, 2, len(ALL)])
async def test_middleware_gives_the_same_headers_whatever_stands_around_it(
    path: str, place: int
) -> None:
    answers = []
    for middleware in (list(ALL), [*ALL[:place], Passing, *ALL[place:]]):
        app = OpenViper(debug=False, middleware=middleware)

        @app.get("/")
        async def index() -> dict[str, str]:
            return {"a": "b"}

        @app.get("/failing")
        async def failing() -> None:
            raise ZeroDivisionError

        client = app.test_client(raise_app_exceptions=False)
        response = await client.get(path, headers={"origin": "https://other.example"})
        answers.append((response.status_code, sorted(name for name in response.headers)))
    assert answers[0] == answers[1]
    assert {"server-timing", "vary", "x-frame-options", "x-request-id"} <= set(answers[0][1])


async def test_a_nonce_reaches_the_policy_through_copies_of_the_scope() -> None:
    app = OpenViper(middleware=[Passing])

    @app.get("/")
    async def page(request: Request) -> str:
        assert request.csp_nonce == request.csp_nonce
        return request.csp_nonce

    with override(SECURE_CONTENT_SECURITY_POLICY={"script-src": "'self'"}):
        response = await app.test_client().get("/")
    assert f"'nonce-{response.text}'" in response.headers["content-security-policy"]


async def test_the_request_is_made_once_and_follows_the_scope() -> None:
    answer = begun(scope_of(), receive, Sent())
    first = answer.request
    assert answer.request is first is answer.request_for(answer.scope, receive)
    copy = {**answer.scope}
    assert answer.request_for(copy, receive) is answer.request is not first


async def test_outside_an_application_there_is_no_exchange() -> None:
    seen: list[Any] = []
    app = OpenViper()

    @app.get("/")
    async def index(request: Request) -> str:
        seen.extend([current_request.get() is request, current_exchange.get()])
        return ""

    await app.test_client().get("/")
    assert seen[0] and seen[1].is_over and seen[1].is_started
    assert current_exchange.get() is None and current_request.get() is None


# What a request costs. The counts are of this code; they may only go up with a reason.


def calls_of(app: ASGIApp, scope: Scope) -> int:
    """Return how many functions in Python are called until a request is answered."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    def run() -> None:
        coroutine: Any = app(dict(scope), receive, Sent())
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("the application waits for something")

    run()  # The host is learnt,
    run()  # and the headers that clients send again and again.
    before, is_enabled = sys.getprofile(), gc.isenabled()
    gc.disable()  # What it collects of others may call functions too.
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
        if is_enabled:
            gc.enable()
    return count


@pytest.fixture
def app() -> Iterator[OpenViper]:
    """An application with the default middleware and many routes."""
    app = OpenViper(debug=False)

    @app.get("/hello")
    async def hello(_request: Request) -> JSONResponse:
        return JSONResponse({"message": "hello"})

    async def item(_request: Request, id: int) -> JSONResponse:
        return JSONResponse({"id": id})

    for number in range(100):
        app.get(f"/r{number}/items/{{id:int}}", name=f"item-{number}")(item)
    yield app


@pytest.mark.parametrize(
    ("path", "most"),
    # One for each of the four middleware, and one to see that no session of a user has come.
    [("/hello", 14), ("/r0/items/1", 16), ("/r99/items/1", 16), ("/missing/x", 17)],
)
def test_a_small_request_takes_few_calls(app: OpenViper, path: str, most: int) -> None:
    assert calls_of(app, scope_of(path)) <= most


@pytest.mark.parametrize(
    ("middleware", "most"),
    [
        # Three of them bring the request to the default middleware, which nothing but the server does otherwise.
        (TrustedProxyMiddleware, 3),
        ((TimingMiddleware, {"slow": 1.0}), 8),
        (CORSMiddleware, 17),
        (GZipMiddleware, 10),
    ],
)
def test_middleware_takes_little_from_a_request_that_does_not_use_it(
    app: OpenViper, middleware: Any, most: int
) -> None:
    without = calls_of(app, scope_of("/hello"))
    app._middleware = [middleware]
    app.invalidate_middleware_cache()
    assert calls_of(app, scope_of("/hello")) - without <= most


@pytest.mark.parametrize("path", ["/hello", "/r5/items/1", "/missing/x"])
def test_a_request_leaves_nothing_for_the_garbage_collector(app: OpenViper, path: str) -> None:
    scope = scope_of(path)
    calls_of(app, dict(scope))
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            calls_of(app, dict(scope))
        assert gc.collect() == 0
    finally:
        gc.enable()


# The last message is sent when the context has what was before: timers of the server copy it.


def _watched(seen: list[Any]) -> Send:
    async def send(message: Message) -> None:
        exchange = current_exchange.get()
        seen.append((message["type"].rpartition(".")[2], exchange is not None))

    return send


async def _asked(app: OpenViper, path: str, send: Send) -> None:
    for _ in range(2):  # The first time the host is not known yet.
        await app(scope_of(path), receive, send)


class Late(JSONResponse):
    """Has something to do when it is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse(1).__call__(scope, receive, send)
        self.body = str(current_request.get().path).encode()


async def test_nothing_of_an_answer_is_left_in_timers_of_the_server(app: OpenViper) -> None:
    seen: list[Any] = []
    await _asked(app, "/hello", _watched(seen))
    assert seen[2:] == [("start", True), ("body", False)]
    assert current_exchange.get() is None


async def test_a_response_that_goes_on_after_its_answer_knows_the_request(app: OpenViper) -> None:
    late, seen = Late(1), list[Any]()

    @app.get("/late")
    async def answer(_request: Request) -> Late:
        return late

    await _asked(app, "/late", _watched(seen))
    assert late.body == b"/late"
    assert seen[2:] == [("start", True), ("body", True)]


async def test_work_after_the_answer_knows_the_request(app: OpenViper) -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append(current_request.get().path)

    @app.get("/later")
    async def later(request: Request) -> Response:
        request.after_response(work)
        return Response("later")

    await _asked(app, "/later", Sent())
    await app.background.finish()
    assert seen == ["/later", "/later"]


async def test_middleware_knows_the_request_when_it_is_answered(app: OpenViper) -> None:
    seen: list[str] = []

    def noting(inner: ASGIApp) -> ASGIApp:
        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            await inner(scope, receive, send)
            seen.append(current_request.get().path)

        return noted

    app._middleware = [noting]
    await _asked(app, "/hello", Sent())
    assert seen == ["/hello", "/hello"]


async def test_an_application_within_a_request_gives_that_back(app: OpenViper) -> None:
    outer = OpenViper(debug=False)
    seen: list[Any] = []

    @outer.get("/outside")
    async def outside(request: Request) -> str:
        await _asked(app, "/hello", _watched(seen))
        assert current_request.get() is request
        return "outside"

    sent = Sent()
    await _asked(outer, "/outside", sent)
    assert [message.get("status") for message in sent] == [200, None] * 2
    assert seen == [("start", True), ("body", True)] * 4


async def test_a_server_that_fails_at_the_last_message_is_told_its_own_error(
    app: OpenViper,
) -> None:
    seen: list[str] = []

    async def send(message: Message) -> None:
        seen.append(message["type"])
        if message["type"] == "http.response.body" and len(seen) > 2:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await _asked(app, "/hello", send)
    assert seen == ["http.response.start", "http.response.body"] * 2
    assert current_exchange.get() is None
