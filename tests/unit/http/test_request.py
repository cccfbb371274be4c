"""Requests."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from openviper import OpenViper
from openviper.conf import Settings
from openviper.exceptions import HTTPException
from openviper.http import BodyLimits, Request
from openviper.http.asgi import BODY, ROUTE, Message, Scope


def make(
    *chunks: bytes, headers: dict[str, str] | None = None, complete: bool = True, **scope: Any
) -> Request:
    """Return a request whose body arrives in chunks."""
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    messages.append(
        {"type": "http.request", "body": b""} if complete else {"type": "http.disconnect"}
    )

    async def receive() -> Message:
        return messages.pop(0)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return Request(
        {"type": "http", "method": "POST", "path": "/a", "headers": raw, **scope}, receive
    )


def test_only_http_and_websocket_scopes_are_requests() -> None:
    with pytest.raises(TypeError, match="lifespan"):
        Request({"type": "lifespan"})


def test_headers_parameters_and_cookies_are_read_when_asked_for() -> None:
    request = make(headers={"x-a": "1", "cookie": "k=v"}, query_string=b"a=1&a=2&b=")
    assert request.headers["X-A"] == "1"
    assert "X-B" not in request.headers
    assert request.query_params["a"] == "1"
    assert request.query_params.getlist("a") == ["1", "2"]
    assert request.query_params["b"] == ""
    assert request.cookies == {"k": "v"}
    assert request.header(b"x-a") == b"1"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("example.org:8000", "example.org:8000"),
        ("evil.org/path", "10.0.0.1:80"),
        ("example.org:65535", "example.org:65535"),
        ("example.org:65536", "10.0.0.1:80"),
        ("example.org:", "10.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("", "10.0.0.1:80"),
    ],
)
def test_the_address_uses_a_valid_host_header_only(host: str, shown: str) -> None:
    request = make(
        headers={"host": host} if host else {}, query_string=b"q=1", server=("10.0.0.1", 80)
    )
    assert str(request.url) == f"http://{shown}/a?q=1"


def test_state_is_shared_through_the_scope() -> None:
    request = make()
    request.state["user_id"] = 5
    assert Request(request.scope).state == {"user_id": 5}


async def test_a_body_is_read_once_and_kept() -> None:
    request = make(b'{"a":', b"1}")
    assert await request.body() == b'{"a":1}'
    assert await request.json() == {"a": 1}
    assert [chunk async for chunk in request.stream()] == [b'{"a":1}']


@pytest.mark.parametrize("body", [b'{"a": [1]}', b"null"])
async def test_json_is_parsed_once_whoever_asks(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = make(body)
    parsed = await request.json()
    monkeypatch.setattr("openviper.http.request.read_short_json", None)
    assert await request.json() is parsed
    assert await Request(request.scope).json() is parsed


class Server:
    """Knows the request that it serves, as servers do."""

    def __init__(self) -> None:
        headers = {"host": "localhost"}
        self.scope: Scope = make(path="/", method="POST", headers=headers).scope

    async def receive(self) -> Message:
        """Return the body."""
        return {"type": "http.request", "body": b'{"a": 1}'}

    async def send(self, message: Message) -> None:
        """Take the answer."""
        assert message.get("status", 200) == 200


async def test_a_request_with_a_body_leaves_nothing_to_the_collector() -> None:
    class Value(dict[str, Any]):
        """Something that can be watched."""

    watched: list[weakref.ref[Any]] = []
    app = OpenViper(debug=False)

    @app.post("/")
    async def handler(request: Request) -> str:
        value = request.scope[BODY].value = Value(await request.json())
        watched.append(weakref.ref(value))
        return "x"

    server = Server()
    watched.append(weakref.ref(server))
    gc.disable()
    try:
        await app(server.scope, server.receive, server.send)
        del server
        assert [each() for each in watched] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [(b'{\n"a":}', 2, "Expecting value"), (b"\xff", 1, "not UTF-8"), (b"[" * 100_000, 1, "")],
)
async def test_malformed_json_is_a_400_that_says_where(body: bytes, line: int, reason: str) -> None:
    with pytest.raises(HTTPException) as caught:
        await make(body).json()
    detail: Any = caught.value.detail
    assert caught.value.status_code == 400
    assert detail["line"] == line
    assert reason in detail["reason"]


async def test_a_body_that_is_too_long_is_a_413_whatever_it_says_of_itself() -> None:
    with pytest.raises(HTTPException, match="413"):
        await make(b"", headers={"content-length": str(Settings().MAX_BODY_SIZE + 1)}).body()
    with pytest.raises(HTTPException, match="413"):
        await make(b"x" * Settings().MAX_BODY_SIZE, b"x").body()


async def test_a_client_that_goes_away_never_leaves_a_short_body() -> None:
    with pytest.raises(HTTPException, match="disconnected"):
        await make(b"half", complete=False).body()


async def test_form_fields() -> None:
    request = make(
        b"a=1&a=2&b=%C3%A4", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    form = await request.form()
    assert (form["a"], form.getlist("a"), form["b"]) == ("1", ["1", "2"], "ä")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"", 400),
        ("text/csv", b"", 415),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001), 400),
    ],
)
async def test_forms_that_cannot_be_read_are_client_errors(
    kind: str, body: bytes, status: int
) -> None:
    with pytest.raises(HTTPException, match=str(status)):
        await make(body, headers={"content-type": kind}).form()


async def test_numbers_too_long_to_convert_are_a_client_error() -> None:
    with pytest.raises(HTTPException, match="400"):
        await make(b"1" * 5000).json()
    with pytest.raises(HTTPException, match="413"):
        await make(b"", headers={"content-length": "1" * 5000}).body()


@pytest.mark.parametrize("digits", [*range(1, 25), 400])
async def test_a_declared_length_is_refused_before_anything_is_received(digits: int) -> None:
    async def receive() -> Message:
        raise AssertionError("nothing has to be received")

    def make(length: bytes) -> Request:
        headers = [(b"content-length", length)]
        scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
        limits = BodyLimits(body=10 ** min(digits - 1, 18))
        scope[ROUTE] = SimpleNamespace(limits=limits)
        return Request(scope, receive)

    with pytest.raises(HTTPException, match="413"):
        await make(b"9" * digits).body()
    with pytest.raises(AssertionError, match="nothing has to be received"):
        await make(b"0" * digits).body()
