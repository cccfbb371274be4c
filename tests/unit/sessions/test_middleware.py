"""The session of each request: who has none pays nothing, and what is changed is stored whoever answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from openviper import OpenViper, RedirectResponse, Request
from openviper.http import WebSocket
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.sessions import MemorySessionStore, SessionMiddleware
from openviper.sessions.middleware import kept_session, present_session
from openviper.testing import override_openviper_settings as override

NAME = "sessionid"


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """One name for the cookie."""
    with override(SECRET_KEY="k" * 60, SESSION_COOKIE_NAME=NAME, MIDDLEWARE=()):
        yield


class Site:
    """An application with sessions in memory, and nothing else around it."""

    def __init__(self) -> None:
        self.store = MemorySessionStore()
        self.app = OpenViper(debug=False, middleware=[])
        self.served = SessionMiddleware(self.app, self.store)
        self.app.get("/plain")(lambda request: "plain")
        self.app.get("/set/{value}")(self.set_value)
        self.app.get("/get")(self.get_value)
        self.app.get("/fail")(self.fail)
        self.app.get("/away")(self.away)

    async def set_value(self, request: Request, value: str) -> str:
        """Keep a value."""
        request.session["value"] = value
        return "kept"

    async def get_value(self, request: Request) -> str:
        """Answer with the value."""
        return str(request.session.get("value", "none"))

    async def fail(self, request: Request) -> str:
        """Fail after a change."""
        request.session["value"] = "half"
        raise LookupError

    async def away(self, request: Request) -> RedirectResponse:
        """Keep a value and send the browser elsewhere."""
        request.session["value"] = "away"
        return RedirectResponse("/get", 303)

    async def ask(self, path: str, *cookies: str) -> tuple[int, dict[bytes, bytes], bytes]:
        """Return the status, the headers and the body of an answer."""
        headers = [(b"host", b"localhost"), *((b"cookie", each.encode()) for each in cookies)]
        scope: Scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": headers, "scheme": "http", "client": ("127.0.0.1", 5), "server": ("localhost", 80),
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.served(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        return sent[0]["status"], dict(sent[0]["headers"]), body


def cookie_of(headers: dict[bytes, bytes]) -> str:
    """Return the cookie that an answer sets, as a browser sends it back."""
    return headers[b"set-cookie"].decode().partition(";")[0]


async def test_who_has_no_session_and_asks_for_nothing_personal_gets_no_cookie() -> None:
    site = Site()
    status, headers, _ = await site.ask("/plain")
    assert status == 200 and b"set-cookie" not in headers and b"vary" not in headers
    assert site.store._records == {}


async def test_who_asks_for_a_value_gets_vary_and_no_row() -> None:
    site = Site()
    _, headers, body = await site.ask("/get")
    assert body == b"none" and headers[b"vary"].lower() == b"cookie"
    assert b"set-cookie" not in headers and site.store._records == {}


@pytest.mark.parametrize("path", ["/set/1", "/away"])
async def test_what_is_kept_comes_back_with_the_cookie(path: str) -> None:
    site = Site()
    _, headers, _ = await site.ask(path)
    assert headers[b"cache-control"] == b"private"
    _, after, body = await site.ask("/get", cookie_of(headers))
    assert body in (b"1", b"away") and b"set-cookie" not in after


async def test_what_a_failed_handler_has_begun_is_not_kept() -> None:
    site = Site()
    status, headers, _ = await site.ask("/fail")
    assert status == 500 and b"set-cookie" not in headers and site.store._records == {}
    _, headers, _ = await site.ask("/set/1")
    await site.ask("/fail", cookie_of(headers))
    assert (await site.ask("/get", cookie_of(headers)))[2] == b"1"


async def test_of_several_cookies_of_one_name_none_is_believed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    _, headers, _ = await site.ask("/set/1")
    good = cookie_of(headers)
    with caplog.at_level(logging.WARNING, "openviper.sessions"):
        assert (await site.ask("/get", good, f"{NAME}=evil"))[2] == b"none"
        assert (await site.ask("/get", f"{NAME}=evil; {good}"))[2] == b"none"
    assert caplog.text.count("2 session cookies in one request; none is believed") == 2
    assert (await site.ask("/get", f"{good}; {good}"))[2] == b"1"


@pytest.mark.parametrize(
    "value", ["", "x", "a" * 64, "a" * 5000, "é" * 40, '"', "a=b", "../../etc/passwd", "%00"]
)
async def test_a_cookie_of_somebody_else_is_no_session(value: str) -> None:
    site = Site()
    status, _, body = await site.ask("/get", f"{NAME}={value}")
    assert (status, body) == (200, b"none") and site.store._records == {}


async def test_other_kinds_of_scopes_pass_untouched() -> None:
    seen: list[Any] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope))

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await SessionMiddleware(inner, MemorySessionStore())({"type": "lifespan"}, receive, send)
    assert seen == [{"type": "lifespan"}]


def test_where_no_middleware_stands_there_is_no_session() -> None:
    assert kept_session({}) is None and present_session({}) is None


async def test_an_application_that_is_not_ours_has_sessions_too() -> None:
    store = MemorySessionStore()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        kept = kept_session(scope)
        assert kept is not None
        session = kept.open(scope)
        session["count"] = session.get("count", 0) + 1
        await kept_send(scope, send, str(session["count"]).encode())

    async def kept_send(scope: Scope, send: Send, body: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    served = SessionMiddleware(inner, store)

    async def ask(*headers: tuple[bytes, bytes]) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        await served({"type": "http", "method": "GET", "headers": list(headers)}, receive, send)
        return sent

    first = await ask()
    cookies = dict(first[0]["headers"])
    assert first[1]["body"] == b"1" and len(store._records) == 1
    second = await ask((b"cookie", cookie_of(cookies).encode()))
    assert second[1]["body"] == b"2"


async def test_a_web_socket_changes_the_session_that_is_there() -> None:
    site = Site()
    _, headers, _ = await site.ask("/set/1")

    @site.app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.session["value"] = "socket"

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "scheme": "ws", "root_path": "",
        "headers": [(b"host", b"localhost"), (b"cookie", cookie_of(headers).encode())],
        "client": ("127.0.0.1", 5), "server": ("localhost", 80), "subprotocols": [],
    }  # fmt: skip
    await site.served(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert (await site.ask("/get", cookie_of(headers)))[2] == b"socket"
