"""WebSockets: which handler gets one, how it ends, and how it is refused."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from openviper import OpenViper, Router
from openviper.exceptions import HTTPException, NotFound
from openviper.http import WebSocket
from openviper.http.asgi import Message, Scope
from openviper.http.websockets import INTERNAL_ERROR, NORMAL, NOT_FOUND, POLICY
from openviper.routing.serving import serve_websocket
from openviper.testing import override_openviper_settings as override


class Browser:
    """The other end of a WebSocket.

    Args:
        path: What it asks for.
        texts: What it sends after it was accepted.
        headers: Further headers.
        extensions: What its server can do.
    """

    def __init__(
        self,
        path: str = "/ws",
        *texts: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        extensions: dict[str, Any] | None = None,
    ) -> None:
        self.scope: Scope = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "ws",
            "root_path": "", "headers": [(b"host", b"localhost"), *headers], "subprotocols": [],
            "client": ("127.0.0.1", 5), "server": ("localhost", 80), "extensions": extensions or {},
        }  # fmt: skip
        self.sent: list[Message] = []
        self._messages: list[Message] = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in texts),
        ]

    async def receive(self) -> Message:
        """Give the next message; in the end the browser has gone."""
        if self._messages:
            return self._messages.pop(0)
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(self, message: Message) -> None:
        """Keep what it is sent."""
        self.sent.append(message)

    async def visit(self, router: Router) -> list[tuple[str, Any]]:
        """Return the kinds of messages that come, each with what it says."""
        await serve_websocket(router, self.scope, self.receive, self.send)
        return [
            (
                message["type"].removeprefix("websocket."),
                message.get("code", message.get("text", message.get("status"))),
            )
            for message in self.sent
        ]


def router_with(handler: Any, path: str = "/ws") -> Router:
    """Return a router with one WebSocket."""
    router = Router()
    router.websocket(path)(handler)
    return router


async def echo(websocket: WebSocket) -> None:
    """Send back what comes."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def test_a_handler_talks_until_the_browser_goes() -> None:
    assert await Browser("/ws", "a", "\U0001f40d\0").visit(router_with(echo)) == [
        ("accept", None),
        ("send", "a"),
        ("send", "\U0001f40d\0"),
    ]


async def test_a_handler_that_returns_ends_it() -> None:
    async def short(websocket: WebSocket) -> None:
        await websocket.accept()

    async def never(websocket: WebSocket) -> None:
        """Not even accept it."""

    assert await Browser().visit(router_with(short)) == [("accept", None), ("close", NORMAL)]
    assert await Browser().visit(router_with(never)) == [("close", NORMAL)]


def plain(websocket: WebSocket) -> None:
    """Be a plain function."""
    assert websocket.path_params == {"room": "7"}


async def test_a_plain_function_may_be_a_handler_and_gets_parts_of_the_path() -> None:
    browser = Browser("/rooms/7")
    assert await browser.visit(router_with(plain, "/rooms/{room}")) == [("close", NORMAL)]
    assert browser.scope["path_params"] == {"room": "7"}


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/ws/more", "/w", "/../ws", "/%2e%2e/ws", "/ws\0", "//"]
)
async def test_where_no_handler_is_it_is_closed(path: str) -> None:
    router = router_with(echo)
    router.get("/nope")(lambda request: "only HTTP")
    assert await Browser(path).visit(router) == [("close", NOT_FOUND)]


async def test_an_origin_that_is_not_ours_is_refused_before_the_handler() -> None:
    calls: list[WebSocket] = []
    router = router_with(calls.append)
    evil = ((b"origin", b"https://evil.example"),)
    assert await Browser(headers=evil).visit(router) == [("close", POLICY)]
    assert calls == []
    with override(WEBSOCKET_ALLOWED_ORIGINS=("https://evil.example",)):
        assert await Browser(headers=evil).visit(router) == [("close", NORMAL)]
    own = ((b"origin", b"http://localhost"),)
    assert await Browser(headers=own).visit(router) == [("close", NORMAL)]
    assert len(calls) == 2


@pytest.mark.parametrize("accepts", [False, True])
async def test_an_error_of_a_handler_is_logged_and_told_by_a_code_only(
    caplog: pytest.LogCaptureFixture, accepts: bool
) -> None:
    async def fails(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept()
        raise LookupError("secret")

    browser = Browser("/ws\x1b[31m")
    with caplog.at_level(logging.ERROR, "openviper.request"):
        said = await browser.visit(router_with(fails, "/{rest}"))
    assert said[-1] == ("close", INTERNAL_ERROR)
    assert "secret" not in repr(browser.sent)
    assert caplog.messages == ["WebSocket /ws\\x1b[31m failed"]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (HTTPException(403, "Not you."), 403, b"Not you."),
        (NotFound(), 404, None),
        (HTTPException(429, "é\u202e"), 429, "é\u202e".encode()),
    ],
)
async def test_a_refusal_is_an_answer_of_http_where_the_server_can(
    error: HTTPException, status: int, text: bytes | None
) -> None:
    async def refuses(websocket: WebSocket) -> None:
        raise error

    able = Browser(extensions={"websocket.http.response": {}})
    assert await able.visit(router_with(refuses)) == [
        ("http.response.start", status),
        ("http.response.body", None),
    ]
    assert text is None or able.sent[1]["body"] == text
    assert await Browser().visit(router_with(refuses)) == [("close", POLICY)]


async def test_a_refusal_after_the_beginning_closes_it() -> None:
    async def refuses(websocket: WebSocket) -> None:
        await websocket.accept()
        raise HTTPException(403, "Not any more.")

    able = Browser(extensions={"websocket.http.response": {}})
    assert await able.visit(router_with(refuses)) == [("accept", None), ("close", POLICY)]
    assert able.sent[1]["reason"] == "Not any more."


async def test_a_mounted_application_answers_for_itself() -> None:
    inner, outer = OpenViper(), OpenViper()
    seen: list[tuple[str, str]] = []

    @inner.websocket("/rooms/{room:int}")
    async def rooms(websocket: WebSocket, room: int) -> None:
        seen.append((websocket.scope["root_path"], websocket.scope["path"]))
        await websocket.accept()
        await websocket.send_text(str(room + 1))

    outer.mount("/chat", inner)
    assert await Browser("/chat/rooms/6").visit(outer.router) == [
        ("accept", None),
        ("send", "7"),
        ("close", NORMAL),
    ]
    assert seen == [("/chat", "/chat/rooms/6")]
    assert await Browser("/chat/rooms/x").visit(outer.router) == [("close", NOT_FOUND)]
    assert await Browser("/chat").visit(outer.router) == [("close", NOT_FOUND)]


async def test_middlewares_of_routes_stand_around_web_sockets_too() -> None:
    order: list[str] = []

    def noting(handler: Any) -> Any:
        async def wrapped(websocket: WebSocket) -> None:
            order.append("before")
            await handler(websocket)
            order.append("after")

        return wrapped

    router = Router(middlewares=[noting])
    router.websocket("/ws")(echo)
    assert await Browser("/ws", "a").visit(router) == [("accept", None), ("send", "a")]
    assert order[0] == "before"


async def test_a_refusal_keeps_its_headers_and_is_a_sentence() -> None:
    async def refuses(websocket: WebSocket) -> None:
        raise HTTPException(429, {"message": "Slowly.", "reason": "busy"}, {"Retry-After": "7"})

    able = Browser(extensions={"websocket.http.response": {}})
    await able.visit(router_with(refuses))
    headers = dict(able.sent[0]["headers"])
    assert (headers[b"retry-after"], able.sent[1]["body"]) == (b"7", b"Slowly. busy.")
    assert headers[b"content-length"] == b"%d" % len(able.sent[1]["body"])


async def test_an_error_before_the_beginning_is_a_500_where_the_server_can() -> None:
    async def fails(websocket: WebSocket) -> None:
        raise LookupError("secret")

    able = Browser(extensions={"websocket.http.response": {}})
    said = await able.visit(router_with(fails))
    assert said == [("http.response.start", 500), ("http.response.body", None)]
    assert "secret" not in repr(able.sent)


async def test_tasks_that_talk_beside_each_other_end_with_their_browser(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talks(websocket: WebSocket) -> None:
        await websocket.accept()
        async with asyncio.TaskGroup() as group:
            group.create_task(websocket.receive())

    assert await Browser().visit(router_with(talks)) == [("accept", None)]
    assert caplog.records == []


async def test_an_http_error_in_a_group_refuses() -> None:
    async def refuses(websocket: WebSocket) -> None:
        raise ExceptionGroup("of tasks", [HTTPException(403, "Not you.")])

    browser = Browser()
    assert await browser.visit(router_with(refuses)) == [("close", POLICY)]
    assert browser.sent[0]["reason"] == "Not you."


async def test_who_has_gone_before_the_beginning_is_not_let_in() -> None:
    browser = Browser()
    browser._messages.clear()
    assert await browser.visit(router_with(echo)) == []


async def test_what_a_handler_awaits_may_be_cancelled_and_is_an_error_like_any_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def waits(websocket: WebSocket) -> None:
        await websocket.accept()
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other

    assert (await Browser().visit(router_with(waits)))[-1] == ("close", INTERNAL_ERROR)
    assert caplog.messages == ["WebSocket /ws failed"]

    async def ends(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.get_running_loop().create_future()

    visit = asyncio.ensure_future(Browser().visit(router_with(ends)))
    await asyncio.sleep(0)
    visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit
