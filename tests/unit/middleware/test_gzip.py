"""Compressed answers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from openviper import HTMLResponse, OpenViper, Request, Response, StreamingResponse
from openviper.http import EventSourceResponse
from openviper.middleware import GZipMiddleware
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
