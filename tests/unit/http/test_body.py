"""The body of a request as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import HTTPException
from openviper.http import BodyLimits, BodyTimeoutError, ClientDisconnected
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.body import Body
from openviper.http.coercion import while_connected
from openviper.testing import override_openviper_settings as override
from openviper.testing.bodies import encode_multipart


def messages(*pieces: bytes, gone: bool = False) -> Receive:
    """Return what gives these pieces, and then says that the client is gone or waits."""
    waiting: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    if not gone:
        waiting[-1]["more_body"] = False

    async def receive() -> Message:
        await asyncio.sleep(0)
        if waiting:
            return waiting.pop(0)
        if gone:
            return {"type": "http.disconnect"}
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    return receive


def request_from(receive: Receive, **headers: str) -> Request:
    """Return a request with this body."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def test_a_body_that_takes_its_time_is_complete() -> None:
    request = request_from(messages(b"one ", b"two ", b"three"))
    assert await request.body() == b"one two three"
    assert await request.body() == b"one two three"
    assert [chunk async for chunk in request.stream()] == [b"one two three"]


async def test_a_body_can_be_streamed_once() -> None:
    request = request_from(messages(b"a", b"b"))
    assert [chunk async for chunk in request.stream()] == [b"a", b"b"]
    with pytest.raises(RuntimeError):
        await request.body()


async def test_a_client_that_goes_away_leaves_no_short_body() -> None:
    with pytest.raises(ClientDisconnected):
        await request_from(messages(b"half", gone=True)).body()


async def test_a_client_that_sends_nothing_is_given_up() -> None:
    async def silent() -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    with override(REQUEST_BODY_TIMEOUT=0.02), pytest.raises(BodyTimeoutError) as caught:
        await request_from(silent).body()
    assert (caught.value.status_code, caught.value.headers["connection"]) == (408, "close")


async def test_a_body_that_trickles_is_given_up_though_no_piece_is_late() -> None:
    class Slow(Body):
        async def _next(self, timeout: float) -> tuple[Message, float]:
            return {"type": "http.request", "body": b"x", "more_body": True}, 4.0

    with pytest.raises(BodyTimeoutError):
        async for _ in Slow(messages(b"")).chunks(30.0):
            pass


async def test_a_long_body_may_take_longer_than_one_wait() -> None:
    pieces: Iterable[bytes] = iter([b"x" * 100_000] * 20)

    class Steady(Body):
        async def _next(self, timeout: float) -> tuple[Message, float]:
            piece = next(iter(pieces), None)
            return {"type": "http.request", "body": piece or b"", "more_body": bool(piece)}, 20.0

    sizes = [len(chunk) async for chunk in Steady(messages(b"")).chunks(30.0)]
    assert sum(sizes) == 2_000_000


async def test_limits_of_a_route_stand_in_place_of_the_settings() -> None:
    app = OpenViper()

    @app.post("/small", limits=BodyLimits(body=10, json=5))
    async def small(request: Request) -> int:
        return len(await request.body())

    @app.post("/json", limits=BodyLimits(json=5))
    async def parsed(request: Request) -> object:
        return await request.json()

    @app.post("/general")
    async def general(request: Request) -> int:
        return len(await request.body())

    client = app.test_client()
    assert (await client.post("/small", content=b"x" * 10)).json() == 10
    assert (await client.post("/small", content=b"x" * 11)).status_code == 413
    assert (await client.post("/small", content=[b"x" * 6, b"x" * 6])).status_code == 413
    assert (await client.post("/json", content=b"[1,2]")).json() == [1, 2]
    assert (await client.post("/json", content=b"[1,2,3]")).status_code == 413
    with override(MAX_BODY_SIZE=20):
        assert (await client.post("/general", content=b"x" * 20)).json() == 20
        assert (await client.post("/general", content=b"x" * 21)).status_code == 413


@pytest.mark.parametrize("name", ["body", "json", "form", "fields", "upload", "files", "timeout"])
def test_a_limit_that_lets_nothing_through_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        BodyLimits(**{name: 0})


async def test_a_body_read_by_middleware_is_there_for_the_handler() -> None:
    seen: list[bytes] = []

    class Reading:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                seen.append(await Request(scope, receive).body())
            await self.app(scope, receive, send)

    app = OpenViper(middleware=[Reading])

    @app.post("/x")
    async def view(request: Request) -> dict[str, str]:
        return {"body": (await request.body()).decode(), "a": (await request.form())["a"]}

    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await app.test_client().post("/x", content=b"a=1", headers=headers)
    assert (response.json(), seen) == ({"body": "a=1", "a": "1"}, [b"a=1"])


async def test_a_form_with_files_read_by_middleware_is_there_for_the_handler() -> None:
    class Reading:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                assert (await Request(scope, receive).form())["token"] == "t"
            await self.app(dict(scope), receive, send)

    app = OpenViper(middleware=[Reading])

    @app.post("/x")
    async def view(request: Request) -> str:
        return (await (await request.files())["f"].read()).decode()

    client = app.test_client()
    response = await client.post("/x", data={"token": "t"}, files={"f": ("a.txt", b"content")})
    assert response.text == "content"


async def test_whether_the_client_is_gone_is_known_once_the_body_is_read() -> None:
    gone = asyncio.Event()
    pieces = [b"a", b"b"]

    async def receive() -> Message:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
        await gone.wait()
        return {"type": "http.disconnect"}

    request = request_from(receive)
    assert not await request.is_disconnected()
    assert await request.body() == b"ab"
    assert not await request.is_disconnected()
    gone.set()
    await asyncio.sleep(0)
    assert await request.is_disconnected()


async def test_a_request_without_a_body_knows_at_once() -> None:
    first = True

    async def receive() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.disconnect"}

    assert await request_from(receive).is_disconnected()


async def test_a_handler_is_cancelled_with_its_client_only_where_it_is_asked_for() -> None:
    app = OpenViper(debug=False)
    events: list[str] = []

    async def slow() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            events.append("cancelled")
            raise
        return "never"

    @app.get("/cancelled", cancel_on_disconnect=True)
    async def cancelled(request: Request) -> str:
        events.append("started")
        return await slow()

    @app.get("/quick", cancel_on_disconnect=True)
    async def quick(request: Request) -> str:
        return "done"

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/cancelled",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    await app(scope, _leaving(), send)
    assert events == ["started", "cancelled"]
    assert (await app.test_client().get("/quick")).text == "done"


@pytest.mark.parametrize("kind", ["form", "json", "stream", "nothing"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_who_wants_to_be_cancelled_takes_bodies_as_long_as_others_do(
    kind: str, is_chunked: bool
) -> None:
    app = OpenViper()
    limits = BodyLimits(body=1000, json=100_000)

    @app.post("/x", cancel_on_disconnect=True, limits=limits)
    async def view(request: Request) -> str:
        if kind == "form":
            return str((await request.files())["a"].size)
        if kind == "json":
            return str(len(await request.json()))
        if kind == "stream":
            return str(sum([len(piece) async for piece in request.stream()]))
        return "0"

    client = app.test_client()
    bodies: dict[str, Any] = {
        "form": encode_multipart({}, {"a": b"x" * 50_000}),
        "json": (b'"%s"' % (b"x" * 50_000), "application/json"),
    }
    sent, content_type = bodies.get(kind, (b"x" * 50_000, "text/plain"))
    content = iter([sent]) if is_chunked else sent
    answer = await client.post("/x", content=content, headers={"content-type": content_type})
    assert (answer.status_code, answer.text) == (200, "0" if kind == "nothing" else "50000")


async def test_who_leaves_behind_a_long_body_ends_its_handler() -> None:
    cancelled: list[bool] = []

    async def view(request: Request) -> str:
        assert sum([len(piece) async for piece in request.stream()]) == 40
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.append(True)
        return "never"

    headers = [(b"content-length", b"40")]
    pieces = [
        {"type": "http.request", "body": b"x" * 20, "more_body": more} for more in (True, False)
    ]

    async def receive() -> Message:
        await asyncio.sleep(0)
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    with override(MAX_BODY_SIZE=10), pytest.raises(ClientDisconnected):
        async with asyncio.timeout(10):
            await while_connected(view)(request)
    assert cancelled == [True]


def _leaving() -> Receive:
    waiting: list[Message] = [
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        for _ in range(3):
            await asyncio.sleep(0)
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    return receive


async def test_a_body_longer_than_its_limit_is_not_collected() -> None:
    async def endless() -> Message:
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    with pytest.raises(HTTPException) as caught:
        await request_from(endless).json()
    assert caught.value.status_code == 413


async def ask_again(request: Request) -> list[int]:
    """Return the statuses that a body which cannot be read has, asked for three times."""
    statuses = []
    for read in (request.body, request.json, request.body):
        with pytest.raises(HTTPException) as caught:
            await read()
        statuses.append(caught.value.status_code)
    return statuses


async def test_a_body_that_could_not_be_read_says_so_to_whoever_asks_next() -> None:
    with override(MAX_BODY_SIZE=3, REQUEST_BODY_TIMEOUT=0.02):
        assert await ask_again(request_from(messages(b"12", b"34"))) == [413] * 3
        assert await ask_again(request_from(messages(b"1234"))) == [413] * 3
        assert await ask_again(request_from(messages(b"1", gone=True))) == [400] * 3

        async def silent() -> Message:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        assert await ask_again(request_from(silent)) == [408] * 3
