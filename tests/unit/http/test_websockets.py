"""WebSockets."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from openviper import OpenViper, PermissionDenied, Router, WebSocket
from openviper.exceptions import Unauthorized
from openviper.http import WebSocketDisconnected, WebSocketStateError
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.testing import WebSocketRefused
from openviper.testing import override_openviper_settings as override


def app_with(handler: Any, path: str = "/ws", **options: Any) -> OpenViper:
    """Return an application with one WebSocket."""
    app = OpenViper(**options)
    app.websocket(path)(handler)
    return app


async def echo(websocket: WebSocket) -> None:
    """Send back what comes."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"echo {text}")


async def test_text_bytes_and_json_go_both_ways() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text((await websocket.receive_text()).upper())
        await websocket.send_bytes((await websocket.receive_bytes())[::-1])
        await websocket.send_json({"got": await websocket.receive_json()})

    async with app_with(handler).test_client().websocket("/ws") as session:
        await session.send_text("ä")
        assert await session.receive_text() == "Ä"
        await session.send_bytes(b"abc")
        assert await session.receive_bytes() == b"cba"
        await session.send_json([1])
        assert await session.receive_json() == {"got": [1]}
        with pytest.raises(WebSocketDisconnected) as caught:
            await session.receive()
        assert caught.value.code == 1000


async def test_a_conversation_ends_when_the_client_closes() -> None:
    async with app_with(echo).test_client().websocket("/ws") as session:
        for word in ("one", "two"):
            await session.send_text(word)
            assert await session.receive_text() == f"echo {word}"


async def test_bytes_are_iterated_until_the_client_closes() -> None:
    async def reversed_bytes(websocket: WebSocket) -> None:
        await websocket.accept()
        async for content in websocket.iter_bytes():
            await websocket.send_bytes(content[::-1])
        ended.append(True)

    ended: list[bool] = []
    async with app_with(reversed_bytes).test_client().websocket("/ws") as session:
        for content in (b"abc", b"\x00\xff"):
            await session.send_bytes(content)
            assert await session.receive_bytes() == content[::-1]
    assert ended == [True]


async def test_values_of_json_are_iterated_until_one_is_broken() -> None:
    async def doubled(websocket: WebSocket) -> None:
        await websocket.accept()
        async for value in websocket.iter_json():
            await websocket.send_json([value, value])

    async with app_with(doubled).test_client().websocket("/ws") as session:
        for value in ({"a": None}, 7):
            await session.send_json(value)
            assert await session.receive_json() == [value, value]
        await session.send_text("{")
        with pytest.raises(WebSocketDisconnected) as caught:
            await session.receive()
        assert caught.value.code == 1007


async def test_parameters_query_cookies_and_state_are_those_of_requests() -> None:
    async def handler(websocket: WebSocket, room: int) -> None:
        await websocket.accept(headers={"x-a": "b"})
        told = [room, websocket.query_params["q"], websocket.cookies["c"], websocket.path]
        await websocket.send_json(told)

    client = app_with(handler, "/rooms/{room:int}").test_client(cookies={"c": "1"})
    async with client.websocket("/rooms/5?q=x") as session:
        assert await session.receive_json() == [5, "x", "1", "/rooms/5"]
        assert (b"x-a", b"b") in session.headers


async def test_a_protocol_is_chosen_among_those_offered() -> None:
    async def handler(websocket: WebSocket) -> None:
        with pytest.raises(ValueError, match="soap"):
            await websocket.accept("soap")
        await websocket.accept("chat")

    client = app_with(handler).test_client()
    async with client.websocket("/ws", subprotocols=["other", "chat"]) as session:
        assert session.subprotocol == "chat"


@pytest.mark.parametrize(
    ("origin", "allowed", "accepted"),
    [
        (None, (), True),
        ("http://testserver", (), True),
        ("http://TESTSERVER", (), True),
        ("http://evil.example", (), False),
        ("null", (), False),
        ("http://testserver:81", (), False),
        ("http://[bad", (), False),
        ("https://app.example.org", ("https://app.example.org",), True),
        ("http://app.example.org", ("https://app.example.org",), False),
        ("https://anything.example", ("*",), True),
    ],
)
async def test_pages_of_other_origins_are_refused_unless_they_are_named(
    origin: str | None, allowed: tuple[str, ...], accepted: bool
) -> None:
    headers = {} if origin is None else {"origin": origin}
    with override(WEBSOCKET_ALLOWED_ORIGINS=allowed):
        session = app_with(echo).test_client().websocket("/ws", headers=headers)
        if accepted:
            async with session:
                pass
            return
        with pytest.raises(WebSocketRefused) as caught:
            async with session:
                pass
    assert caught.value.code == 1008


@pytest.mark.parametrize("content", ["x" * 101, "ä" * 51, b"x" * 101])
async def test_a_message_that_is_too_long_closes_the_connection(content: str | bytes) -> None:
    with override(WEBSOCKET_MAX_SIZE=100):
        async with app_with(receive_all).test_client().websocket("/ws") as session:
            await send_any(session, content[: len(content) // 2])
            await send_any(session, content)
            with pytest.raises(WebSocketDisconnected) as caught:
                await session.receive()
    assert caught.value.code == 1009


async def receive_all(websocket: WebSocket) -> None:
    """Take whatever comes."""
    await websocket.accept()
    while True:
        await websocket.receive()


async def send_any(session: Any, content: str | bytes) -> None:
    """Send text or bytes."""
    if isinstance(content, str):
        await session.send_text(content)
    else:
        await session.send_bytes(content)


async def test_silence_closes_the_connection() -> None:
    with override(WEBSOCKET_IDLE_TIMEOUT=0.01):
        async with app_with(receive_all).test_client().websocket("/ws") as session:
            with pytest.raises(WebSocketDisconnected) as caught:
                await session.receive()
    assert (caught.value.code, caught.value.reason) == (1001, "idle for too long")


@pytest.mark.parametrize(
    ("method", "sent", "code"),
    [
        ("receive_text", b"x", 1003),
        ("receive_bytes", "x", 1003),
        ("receive_json", "{", 1007),
        ("receive_json", b"\xff", 1007),
        ("receive_json", "[" * 100_000, 1007),
        ("receive_json", '{"a": 1, "a": 2}', 1007),
        ("receive_json", "[NaN]", 1007),
        ("receive_json", '{"a": 1}'.encode("utf-16"), 1007),
        ("receive_json", f'"{"x" * 300_000}', 1007),
    ],
)
async def test_the_wrong_kind_of_message_closes_the_connection(
    method: str, sent: str | bytes, code: int
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await getattr(websocket, method)()

    async with app_with(handler).test_client().websocket("/ws") as session:
        await send_any(session, sent)
        with pytest.raises(WebSocketDisconnected) as caught:
            await session.receive()
    assert caught.value.code == code


async def test_an_error_closes_with_1011_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "openviper"):
        async with app_with(handler).test_client().websocket("/ws") as session:
            with pytest.raises(WebSocketDisconnected) as caught:
                await session.receive()
    assert caught.value.code == 1011
    assert len(caplog.records) == 1


async def test_an_http_error_before_accepting_refuses() -> None:
    async def handler(websocket: WebSocket) -> None:
        raise PermissionDenied("members only")

    class Unable:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app({**scope, "extensions": {}}, receive, send)

    with pytest.raises(WebSocketRefused) as caught:
        async with app_with(handler, middleware=[Unable]).test_client().websocket("/ws"):
            pass
    assert (caught.value.code, caught.value.reason) == (1008, "members only")


async def test_an_http_error_becomes_an_answer_where_the_server_can_send_one() -> None:
    async def handler(websocket: WebSocket) -> None:
        raise Unauthorized("members only: ünï")

    client = app_with(handler).test_client()
    with pytest.raises(WebSocketRefused) as caught:
        async with client.websocket("/ws"):
            pass
    assert (caught.value.code, caught.value.reason) == (401, "members only: ünï")
    assert caught.value.headers["www-authenticate"] == "Bearer"


async def test_half_a_surrogate_pair_ends_no_conversation() -> None:
    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message.get("text", "").encode().decode())  # As servers do.

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    websocket = WebSocket({"type": "websocket", "headers": []}, receive, send)
    await websocket.accept()
    await websocket.send_text("a\ud800\u00fc")
    await websocket.send_text("b")
    assert sent[1:] == ["a?\u00fc", "b"]


@pytest.mark.parametrize("method", ["iter_text", "iter_bytes", "iter_json"])
async def test_messages_end_when_their_handler_has_closed(
    caplog: pytest.LogCaptureFixture, method: str
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in getattr(websocket, method)():
            await websocket.close(4001, "enough")

    async with app_with(handler).test_client().websocket("/ws") as session:
        await session.send_bytes(b"1") if method == "iter_bytes" else await session.send_text("1")
        with pytest.raises(WebSocketDisconnected):
            await session.receive()
    assert caplog.messages == []


@pytest.mark.parametrize("path", ["/nope", "/ws/../x", "/page"])
async def test_what_is_no_websocket_is_not_found(path: str) -> None:
    app = app_with(echo)
    app.get("/page")(lambda: "x")
    with pytest.raises(WebSocketRefused) as caught:
        async with app.test_client().websocket(path):
            pass
    assert caught.value.code == 4404


async def test_a_websocket_is_no_page() -> None:
    assert (await app_with(echo).test_client().get("/ws")).status_code == 404
    assert (await app_with(echo).test_client().request("(WEBSOCKET)", "/ws")).status_code == 400


async def test_a_handler_that_never_accepts_refuses() -> None:
    async def handler(websocket: WebSocket) -> None:
        return

    with pytest.raises(WebSocketRefused):
        async with app_with(handler).test_client().websocket("/ws"):
            pass


async def test_using_it_in_the_wrong_state_is_an_error() -> None:
    async def receive() -> Message:
        return {"type": "websocket.connect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    websocket = WebSocket({"type": "websocket", "path": "/", "headers": []}, receive, send)
    with pytest.raises(WebSocketStateError):
        await websocket.send_text("early")
    await websocket.accept()
    with pytest.raises(WebSocketStateError):
        await websocket.accept()
    await websocket.close(4000, "ä" * 200)
    await websocket.close()
    with pytest.raises(WebSocketStateError):
        await websocket.receive()
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert len(sent[1]["reason"].encode()) <= 123


async def test_routers_mount_websockets_with_prefix_and_middleware() -> None:
    def wrapping(handler: Any) -> Any:
        async def wrapped(websocket: WebSocket) -> None:
            websocket.state["word"] = "wrapped"
            await handler(websocket)

        return wrapped

    router = Router(prefix="/live", middlewares=[wrapping])

    @router.websocket("/{name}")
    async def handler(ws: WebSocket, name: str) -> None:
        await ws.accept()
        await ws.send_text(f"{ws.state['word']} {name}")

    app = OpenViper()
    app.include_router(router)
    async with app.test_client().websocket("/live/a") as session:
        assert await session.receive_text() == "wrapped a"


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000"])
async def test_a_code_that_may_not_be_sent_is_an_error_of_the_handler(code: Any) -> None:
    said: list[Message] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(code)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    scope: Scope = {"type": "websocket", "path": "/ws", "headers": [(b"host", b"localhost")]}
    await app_with(handler)(scope, receive, send)
    assert said[-1]["code"] == 1011
    with pytest.raises(ValueError, match="not a code that a WebSocket can be closed with"):
        await WebSocket(scope, receive, send).close(code)


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
async def test_a_code_that_may_be_sent_is(code: int) -> None:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    websocket = WebSocket({"type": "websocket", "path": "/", "headers": []}, receive, send)
    await websocket.close(code, "gone\ud800")
    assert said == [{"type": "websocket.close", "code": code, "reason": "gone?"}]
