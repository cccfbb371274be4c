"""WebSockets of the test client: messages in order, refusals and ends told as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openviper.http.asgi import Receive, Scope, Send
from openviper.http.websockets import WebSocketDisconnected
from openviper.testing import OpenViperTestClient
from openviper.testing.client import WebSocketRefused, WebSocketSession


def session(
    *sent: Any, told: list[Any] | None = None, url: str = "/ws", **options: Any
) -> WebSocketSession:
    """Return a WebSocket of an application that sends some messages and then listens until it is closed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if told is not None:
            told.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        for message in sent:
            await send(message)
        while True:
            heard = await receive()
            if told is not None:
                told.append(heard)
            if heard["type"] == "websocket.disconnect":
                return

    return OpenViperTestClient(app).websocket(url, **options)


ACCEPT: dict[str, Any] = {"type": "websocket.accept"}


async def test_messages_arrive_in_order_as_what_they_are() -> None:
    sent: list[Any] = [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "bytes": b"b"},
            {"type": "websocket.send", "text": '{"c": [1]}'}, {"type": "websocket.send", "text": ""}]  # fmt: skip
    async with session(ACCEPT, *sent) as socket:
        assert await socket.receive() == "a"
        assert await socket.receive_bytes() == b"b"
        assert await socket.receive_json() == {"c": [1]}
        assert await socket.receive_text() == ""


async def test_a_message_of_another_kind_is_an_error() -> None:
    sent: list[Any] = [
        {"type": "websocket.send", "text": "a"},
        {"type": "websocket.send", "bytes": b"b"},
    ]
    with pytest.raises(AssertionError, match="bytes are expected, not 'a'"):
        async with session(ACCEPT, sent[0]) as socket:
            await socket.receive_bytes()
    with pytest.raises(AssertionError, match="text is expected, not b'b'"):
        async with session(ACCEPT, sent[1]) as socket:
            await socket.receive_text()


async def test_what_the_client_sends_arrives_and_the_end_with_its_code() -> None:
    told: list[Any] = []
    async with session(ACCEPT, told=told) as socket:
        await socket.send_text("a")
        await socket.send_bytes(b"b")
        await socket.send_json({"c": None})
        await socket.close(4000, "bye")
    assert told[1:] == [
        {"type": "websocket.receive", "text": "a"},
        {"type": "websocket.receive", "bytes": b"b"},
        {"type": "websocket.receive", "text": '{"c": null}'},
        {"type": "websocket.disconnect", "code": 4000, "reason": "bye"},
    ]


async def test_leaving_the_block_closes_once() -> None:
    told: list[Any] = []
    async with session(ACCEPT, told=told) as socket:
        await socket.close()
        await socket.close(4000)
    assert [message["code"] for message in told[1:]] == [1000]


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({"type": "websocket.close", "code": 4003, "reason": "no"}, 4003, "no"),
        ({"type": "websocket.close"}, 1000, ""),
        ({"type": "websocket.close", "code": 1008, "reason": None}, 1008, ""),
    ],
)
async def test_a_refusal_is_told_with_its_code(
    message: dict[str, Any], code: int, reason: str
) -> None:
    with pytest.raises(WebSocketRefused, match=f"was refused with {code}") as caught:
        async with session(message):
            raise AssertionError("not accepted")
    assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_an_answer_of_http_is_told_with_all_its_pieces() -> None:
    answer: list[Any] = [
        {"type": "websocket.http.response.start", "status": 403, "headers": [(b"x-why", b"y")]},
        {"type": "websocket.http.response.body", "body": b"not ", "more_body": True},
        {"type": "websocket.http.response.body", "body": "n\u00f6w".encode()},
    ]
    with pytest.raises(WebSocketRefused, match="was refused with 403: not n\u00f6w") as caught:
        async with session(*answer):
            raise AssertionError("not accepted")
    assert (caught.value.code, dict(caught.value.headers)) == (403, {"x-why": "y"})


async def test_an_end_by_the_application_is_told_each_time_one_asks() -> None:
    async with session(
        ACCEPT, {"type": "websocket.close", "code": 4001, "reason": "over"}
    ) as socket:
        for _ in range(2):
            with pytest.raises(WebSocketDisconnected) as caught:
                await socket.receive()
            assert (caught.value.code, caught.value.reason) == (4001, "over")


@pytest.mark.parametrize("accepts", [True, False])
async def test_an_error_of_the_application_is_raised_where_one_waits(accepts: bool) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if accepts:
            await send(ACCEPT)
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        async with OpenViperTestClient(broken).websocket("/") as socket:
            await socket.receive()


async def test_an_application_that_ends_without_a_word_is_an_error() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    with pytest.raises(AssertionError, match="has ended without closing the WebSocket"):
        async with OpenViperTestClient(silent).websocket("/"):
            raise AssertionError("not accepted")


async def test_a_wait_ends_with_its_time_and_the_application_with_the_block() -> None:
    ended: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with pytest.raises(TimeoutError):
        async with OpenViperTestClient(slow).websocket("/", timeout=0.01) as socket:
            await socket.receive()
    assert ended == ["cancelled"]


async def test_the_protocol_and_the_headers_of_the_answer_are_kept() -> None:
    accept = {**ACCEPT, "subprotocol": "chat", "headers": [(b"x-a", b"1")]}
    async with session(accept, subprotocols=["chat", "other"]) as socket:
        assert (socket.subprotocol, socket.headers) == ("chat", [(b"x-a", b"1")])
    async with session(ACCEPT) as socket:
        assert (socket.subprotocol, socket.headers) == (None, [])


@pytest.mark.parametrize(
    ("url", "scheme", "path", "query"),
    [("/ws?a=1", "ws", "/ws", b"a=1"), ("https://testserver/x", "wss", "/x", b""), ("wss://h/x", "wss", "/x", b""),
     ("/a%20b", "ws", "/a b", b"")],
)  # fmt: skip
async def test_the_application_is_called_with_the_address(
    url: str, scheme: str, path: str, query: bytes
) -> None:
    told: list[Any] = []
    async with session(ACCEPT, told=told, url=url, headers={"X-A": "1"}, cookies={"c": "2"}):
        pass
    scope = told[0]
    assert (scope["type"], scope["scheme"], scope["path"], scope["query_string"]) == (
        "websocket", scheme, path, query,
    )  # fmt: skip
    assert "method" not in scope
    assert {(b"x-a", b"1"), (b"cookie", b"c=2")} <= set(scope["headers"])


@pytest.mark.parametrize(
    ("url", "port"),
    [("/", 80), ("https://testserver/", 443), ("wss://h/x", 443), ("ws://h/x", 80), ("ws://h:81/", 81)],
)  # fmt: skip
async def test_the_port_is_that_of_the_scheme(url: str, port: int) -> None:
    told: list[Any] = []
    async with session(ACCEPT, told=told, url=url):
        pass
    assert told[0]["server"][1] == port


async def test_nothing_is_sent_over_a_connection_that_is_closed() -> None:
    told: list[Any] = []
    async with session(ACCEPT, told=told) as socket:
        await socket.close(4000, "bye")
        for send in (socket.send_text("a"), socket.send_bytes(b"b"), socket.send_json([])):
            with pytest.raises(WebSocketDisconnected) as caught:
                await send
            assert (caught.value.code, caught.value.reason) == (4000, "bye")
    assert [message["type"] for message in told[1:]] == ["websocket.disconnect"]


async def test_nor_over_one_that_the_application_has_closed() -> None:
    async with session(ACCEPT, {"type": "websocket.close", "code": 4001}) as socket:
        with pytest.raises(WebSocketDisconnected):
            await socket.receive()
        with pytest.raises(WebSocketDisconnected):
            await socket.send_text("late")


async def test_cookies_of_the_answer_are_kept_for_further_requests() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["headers"]).get(b"cookie"))
        await receive()
        await send({**ACCEPT, "headers": [(b"set-cookie", b"seat=7; Path=/ws")]})
        await receive()

    client = OpenViperTestClient(app)
    for url in ("/ws", "/ws/more", "/other"):
        async with client.websocket(url):
            pass
    assert seen == [None, b"seat=7", None]
    assert client.cookies["seat"] == "7"


async def test_who_the_client_is_holds_for_websockets() -> None:
    told: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(scope)
        await receive()
        await send(ACCEPT)
        await receive()

    client = OpenViperTestClient(app, client=("192.0.2.9", 1234), root_path="/below")
    client.user = "ada"
    async with client.websocket("/ws"):
        pass
    (scope,) = told
    assert scope["client"] == ("192.0.2.9", 1234)
    assert (scope["path"], scope["root_path"]) == ("/below/ws", "/below")
    assert "ada" in scope.values()
