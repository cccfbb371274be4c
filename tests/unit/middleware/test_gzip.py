"""Compressed answers."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from openviper import HTMLResponse, OpenViper, Request, Response, StreamingResponse
from openviper.http import EventSourceResponse, check_conditions
from openviper.middleware import GZipMiddleware
from openviper.middleware.gzip import LONG, _Compressor
from openviper.testing import TestResponse

TEXT = "compressible " * 200


async def get(
    answer: Any, accept: str = "gzip", headers: dict[str, str] | None = None, **options: Any
) -> TestResponse:
    """Return what a client that takes some codings gets."""
    app = OpenViper(middleware=[(GZipMiddleware, options)])

    @app.get("/x")
    async def view(request: Request) -> Any:
        return answer if isinstance(answer, (str, Response)) else answer()

    return await app.test_client().get("/x", headers={"accept-encoding": accept, **(headers or {})})


async def test_a_long_answer_is_compressed_and_says_so() -> None:
    response = await get(TEXT)
    assert gzip.decompress(response.content).decode() == TEXT
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("br, *", True),
        ("x-gzip", True),
        ("x-gzip;q=0, *", False),
        ("br, *;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
        ("*;q=1, gzip;q=0", False),
    ],
)
async def test_the_client_decides(accept: str, compressed: bool) -> None:
    response = await get(TEXT, accept)
    assert ("content-encoding" in response.headers) is compressed
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "answer",
    [
        "short",
        Response(TEXT, headers={"content-encoding": "br"}),
        Response(TEXT, headers={"cache-control": "no-transform"}),
        Response(TEXT, media_type="image/png"),
        Response(TEXT, 206),
        Response(None, 204),
        Response(None, 304),
    ],
)
async def test_what_gains_nothing_or_must_stay_is_left_alone(answer: Any) -> None:
    response = await get(answer)
    assert response.headers.get("content-encoding") in (None, "br")


async def test_pictures_made_of_text_are_compressed() -> None:
    response = await get(Response(TEXT, media_type="image/svg+xml"))
    assert response.headers["content-encoding"] == "gzip"


async def test_pages_with_secrets_are_left_alone_unless_it_is_asked_for() -> None:
    def setting() -> Response:
        page = HTMLResponse(TEXT)
        page.set_cookie("a", "1")
        return page

    cookie = {"cookie": "sessionid=1"}
    assert "content-encoding" not in (await get(setting)).headers
    assert "content-encoding" not in (await get(HTMLResponse(TEXT), headers=cookie)).headers
    asked = await get(HTMLResponse(TEXT), headers=cookie, compress_private=True)
    assert asked.headers["content-encoding"] == "gzip"
    assert "content-encoding" in (await get(HTMLResponse(TEXT))).headers


async def test_a_stream_is_compressed_piece_by_piece() -> None:
    pieces: list[bytes] = []

    def content() -> Iterator[bytes]:
        yield b"one " * 10
        yield b"two"

    app = OpenViper(middleware=[GZipMiddleware])
    app.get("/x")(lambda: StreamingResponse(content))
    headers = {"accept-encoding": "gzip"}
    async with app.test_client().stream("GET", "/x", headers=headers) as response:
        unpack = zlib.decompressobj(31)
        async for piece in response.aiter_bytes():
            pieces.append(unpack.decompress(piece))
    assert pieces[:2] == [b"one " * 10, b"two"]


async def test_events_are_never_kept_back() -> None:
    async def events() -> Any:
        yield "x" * 5000

    response = await get(lambda: EventSourceResponse(events()))
    assert "content-encoding" not in response.headers


async def test_a_strong_tag_becomes_a_weak_one() -> None:
    response = await get(Response(TEXT, headers={"etag": '"v1"'}))
    assert response.headers["etag"] == 'W/"v1"'


async def test_the_least_size_can_be_chosen() -> None:
    assert "content-encoding" in (await get("x" * 20, minimum_size=10)).headers
    assert "content-encoding" not in (await get(TEXT, minimum_size=10_000)).headers


@pytest.mark.parametrize(
    ("status", "headers", "has_cookie", "fits"),
    [
        (200, {"content-type": "text/plain"}, False, True),
        (404, {"content-type": "application/json"}, True, True),
        (200, {}, True, True),
        (204, {}, False, False),
        (206, {"content-type": "text/plain"}, False, False),
        (304, {"content-type": "text/plain"}, False, False),
        (200, {"content-encoding": "br"}, False, False),
        (200, {"content-type": "image/png"}, False, False),
        (200, {"content-type": "Image/PNG"}, False, False),
        (200, {"content-type": "image/svg+xml"}, False, True),
        (200, {"content-type": "IMAGE/SVG+XML"}, False, True),
        (200, {"content-type": "font/woff2"}, False, False),
        (200, {"content-type": "application/zip"}, False, False),
        (200, {"content-type": "text/event-stream; charset=utf-8"}, False, False),
        (200, {"cache-control": "public, no-transform"}, False, False),
        (200, {"cache-control": "No-Transform"}, False, False),
        (200, {"content-type": "text/html"}, False, True),
        (200, {"content-type": "text/html; charset=utf-8"}, True, False),
        (200, {"content-type": "Text/HTML"}, True, False),
        (200, {"content-type": "text/html", "set-cookie": "a=1"}, False, False),
        (200, {"content-type": "text/css", "set-cookie": "a=1"}, True, True),
    ],
)
def test_which_answers_are_compressed(
    status: int, headers: dict[str, str], has_cookie: bool, fits: bool
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    middleware = GZipMiddleware(nothing)
    assert middleware.fits(status, raw, has_cookie=has_cookie) is fits
    if headers.get("content-type", "").lower().startswith("text/html"):
        assert GZipMiddleware(nothing, compress_private=True).fits(status, raw, has_cookie=True)


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Stand for an application."""


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 100_000])
@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_what_is_unpacked_is_what_was_sent(size: int, pieces: int) -> None:
    body = bytes(number * number % 251 for number in range(size))
    cut = max(1, -(-size // pieces))
    parts = [body[start : start + cut] for start in range(0, size, cut)] or [b""]
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, data in enumerate(parts):
            more = number < len(parts) - 1
            await send({"type": "http.response.body", "body": data, "more_body": more})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}
    await GZipMiddleware(app, 100)(scope, nothing, send)  # type: ignore[arg-type]  # nobody receives
    start, *rest = sent
    is_packed = (b"content-encoding", b"gzip") in start["headers"]
    packed = b"".join(message["body"] for message in rest)
    assert is_packed is (size >= 100 or len(parts) > 1)
    assert (gzip.decompress(packed) if is_packed else packed) == body
    assert [message.get("more_body", False) for message in rest] == [True] * (len(rest) - 1) + [
        False
    ]
    lengths = [value for name, value in start["headers"] if name == b"content-length"]
    assert all(int(length) == len(packed) for length in lengths)


def app_with_tag(tag: str) -> OpenViper:
    """Return an application with an answer of a tag, before which it looks for the client's copy."""
    app = OpenViper(debug=False, middleware=[GZipMiddleware])

    @app.get("/x")
    async def view(request: Request) -> Response:
        same = check_conditions(request.headers, request.method, tag)
        return same or Response(TEXT, headers={"etag": tag})

    return app


@pytest.mark.parametrize("tag", ['"a,b"', 'W/"a"'])
@pytest.mark.parametrize("accept", ["gzip", "identity"])
async def test_a_304_has_the_tag_and_the_vary_of_what_the_client_keeps(
    accept: str, tag: str
) -> None:
    client = app_with_tag(tag).test_client()
    first = await client.get("/x", headers={"accept-encoding": accept})
    asked = {"accept-encoding": accept, "if-none-match": f'"other", {first.headers["etag"]}'}
    again = await client.get("/x", headers=asked)
    assert (again.status_code, again.content) == (304, b"")
    assert [again.headers[name] for name in ("etag", "vary")] == [
        first.headers["etag"],
        "Accept-Encoding",
    ]


async def test_head_says_that_the_answer_depends_on_the_client() -> None:
    client = app_with_tag('"a"').test_client()
    head = await client.request("HEAD", "/x", headers={"accept-encoding": "gzip"})
    assert (head.headers["vary"], head.headers["content-length"]) == (
        "Accept-Encoding",
        str(len(TEXT)),
    )


async def test_wishes_in_two_lines_are_read_together() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await Response(TEXT)(scope, receive, send)

    lines = [(b"accept-encoding", b"gzip"), (b"accept-encoding", b"br")]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": lines}
    await GZipMiddleware(answer)(scope, receive, send)
    assert (b"content-encoding", b"gzip") in sent[0]["headers"]


async def test_a_long_answer_is_compressed_away_from_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: set[bool] = set()
    pack = _Compressor._pack

    def noting(self: Any, data: bytes, mode: int) -> bytes:
        threads.add(threading.current_thread() is threading.main_thread())
        return pack(self, data, mode)

    monkeypatch.setattr(_Compressor, "_pack", noting)
    long = "ab" * LONG
    assert gzip.decompress((await get(long)).content).decode() == long
    assert threads == {False}
    await get(TEXT)
    assert threads == {False, True}
