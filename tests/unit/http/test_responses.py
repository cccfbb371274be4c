"""Responses."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest

from openviper import OpenViper, Request, Router
from openviper.exceptions import HTTPException
from openviper.http import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from openviper.http.asgi import ASGIApp, Message
from openviper.http.redirects import matches_host
from openviper.testing import OpenViperTestClient, TestResponse, override_openviper_settings


async def send(app: ASGIApp, method: str = "GET", **options: Any) -> TestResponse:
    """Return what a client gets from a response."""
    return await OpenViperTestClient(app).request(method, "/", **options)


@dataclasses.dataclass
class Point:
    """A data class."""

    x: int


class Colour(Enum):
    """An enumeration."""

    RED = "red"


async def test_text_gets_a_character_set_and_a_length() -> None:
    response = await send(PlainTextResponse("grüße"))
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["content-length"] == "7"
    assert response.text == "grüße"


async def test_head_and_bodyless_statuses_send_no_body() -> None:
    assert (await send(PlainTextResponse("x"), "HEAD")).content == b""
    empty = await send(Response(None, 204))
    assert empty.content == b""
    assert "content-length" not in empty.headers


@pytest.mark.parametrize("kind", [Response, PlainTextResponse, HTMLResponse])
def test_half_a_surrogate_pair_of_a_client_is_no_error_of_ours(kind: Any) -> None:
    assert kind("a\ud83dü").body == "a?ü".encode()

    class Latin(kind):  # type: ignore[misc]  # a class that is chosen at run time
        charset = "latin-1"

    assert Latin("\udfffü").body == b"?\xfc"
    with pytest.raises(UnicodeEncodeError):
        Latin("☃")


def test_other_content_is_refused() -> None:
    with pytest.raises(TypeError, match="dict"):
        Response({})  # type: ignore[arg-type]


async def test_json_knows_what_applications_return() -> None:
    value = {
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "price": Decimal("1.10"),
        "id": UUID(int=1),
        "set": {1},
        "colour": Colour.RED,
        "point": Point(3),
        "nan": float("nan"),
    }
    response = await send(JSONResponse(value))
    assert response.json() == {
        "at": "2026-01-02T00:00:00+00:00",
        "price": "1.10",
        "id": "00000000-0000-0000-0000-000000000001",
        "set": [1],
        "colour": "red",
        "point": {"x": 3},
        "nan": None,
    }
    assert JSONResponse({"a": 1}).body == b'{"a":1}'
    with pytest.raises(TypeError, match="object"):
        JSONResponse(object())


def test_a_header_cannot_forge_another_one() -> None:
    with pytest.raises(ValueError, match="line breaks"):
        Response(None, headers={"x-a": "1\r\nset-cookie: a=b"})
    with pytest.raises(ValueError, match="line breaks"):
        Response().headers["x"] = "\n"


async def test_cookies_are_set_and_deleted() -> None:
    response = Response()
    response.set_cookie("a", "1")
    response.delete_cookie("b")
    got = await send(response)
    assert got.headers.getlist("set-cookie")[0] == "a=1; Path=/; SameSite=Lax"
    assert "Max-Age=0" in got.headers.getlist("set-cookie")[1]


def test_content_and_template_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="exclude"):
        HTMLResponse("x", template="x.html")


# Streams


async def test_every_kind_of_stream_is_sent_piece_by_piece() -> None:
    async def later() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0)
        yield "ä"

    def now() -> Iterator[bytes]:
        yield b"a"
        yield "ä".encode()

    for content in (later(), later, now(), now, ["a", "ä"]):
        assert (await send(StreamingResponse(content))).text == "aä"


async def test_a_stream_ends_when_the_client_goes_away() -> None:
    ended = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal ended
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0.001)
        finally:
            ended = True

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def ignore(message: Message) -> None:
        pass

    async with asyncio.timeout(5):
        await StreamingResponse(endless())({"type": "http", "method": "GET"}, receive, ignore)
    await asyncio.sleep(0)
    assert ended


async def test_an_error_in_a_stream_is_not_swallowed() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await OpenViperTestClient(StreamingResponse(failing()), raise_app_exceptions=True).get("/")


# Redirects


@pytest.mark.parametrize(
    "url", ["/a", "/login?next=%2Fhome..%2F", "http://localhost/x", "?page=2", "/grüße"]
)
async def test_safe_redirects(url: str) -> None:
    response = await send(RedirectResponse(url, 303))
    assert response.status_code == 303
    assert response.headers["location"].isascii()


@pytest.mark.parametrize(
    "url",
    [
        "//evil.org",
        "http://evil.org",
        "javascript:alert(1)",
        "http:evil",
        "/a\r\nx: y",
        "\\\\evil.org",
        "http://u@localhost/",
        "/a/../b",
        "/%2e%2e/b",
    ],
)
def test_redirects_that_lead_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        RedirectResponse(url)


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("javascript:x", 400),
        ("data:x", 400),
        ("https:evil", 400),
        ("a:b:c", 400),
        ("shop:nothing", 500),
        ("shop:page", 307),
        ("/x", 307),
    ],
)
async def test_an_address_of_a_client_that_looks_like_a_route_is_the_client_s_fault(
    to: str, status: int
) -> None:
    app = OpenViper(debug=False)
    shop = Router(namespace="shop")
    shop.get("/page", name="page")(lambda request: "page")
    app.include_router(shop)

    @app.get("/")
    async def send_on(request: Request) -> RedirectResponse:
        return RedirectResponse(request.query_params["to"])

    response = await app.test_client().get(f"/?to={to}")
    assert response.status_code == status


@pytest.mark.parametrize(
    ("host", "allowed", "expected"),
    [
        ("a.example.org", (".example.org",), True),
        ("example.org", (".example.org",), True),
        ("badexample.org", (".example.org",), False),
        ("LOCALHOST.", ("localhost",), True),
        ("anything", ("*",), True),
        ("x", (), False),
    ],
)
def test_hosts_match_themselves_their_sub_domains_or_a_star(
    host: str, allowed: tuple[str, ...], expected: bool
) -> None:
    assert matches_host(host, allowed) is expected


@pytest.mark.parametrize(
    ("redirects", "hosts", "expected"),
    [
        ((), ("shop.example",), 303),
        (("other.example",), ("shop.example",), None),
        (("shop.example",), (), 303),
    ],
)
def test_the_settings_decide_where_a_redirect_may_lead(
    redirects: tuple[str, ...], hosts: tuple[str, ...], expected: int | None
) -> None:
    with override_openviper_settings(ALLOWED_REDIRECT_HOSTS=redirects, ALLOWED_HOSTS=hosts):
        if expected is None:
            with pytest.raises(ValueError, match="'shop.example' is not in ALLOWED_REDIRECT_HOSTS"):
                RedirectResponse("https://shop.example/x", 303)
        else:
            assert RedirectResponse("https://shop.example/x", 303).status_code == expected


@pytest.mark.parametrize("status", [0, 99, 100, 199, 600, 1000, -200, True, "200", 404.0, None])
def test_a_status_that_is_none_is_refused(status: Any) -> None:
    for make in (
        lambda: Response("a", status),
        lambda: JSONResponse({}, status),
        lambda: JSONResponse({}, status, {"x-a": "b"}),
        lambda: StreamingResponse(iter(()), status),
        lambda: HTTPException(status),
    ):
        with pytest.raises(ValueError, match="a number from 200 to 599"):
            make()


async def test_a_status_may_be_one_of_the_standard_library() -> None:
    response = JSONResponse({}, HTTPStatus.CREATED)
    assert type(response.status_code) is int and response.status_code == 201
    assert JSONResponse({}, 204).raw_headers == [(b"content-type", b"application/json")]


@pytest.mark.parametrize("headers", [{"x-count": 5}, {"x": b"1"}, {"x": None}, {5: "x"}])
def test_headers_that_are_no_texts_are_named(headers: Any) -> None:
    with pytest.raises(TypeError, match="header (5|'x|'x-count)"):
        Response("", headers=headers)


@pytest.mark.parametrize("headers", [[("x", "1")], "x: 1", 5])
def test_headers_are_a_mapping(headers: Any) -> None:
    for kind in (Response, StreamingResponse):
        with pytest.raises(TypeError, match="headers are a mapping"):
            kind("", headers=headers)


@pytest.mark.parametrize(("key", "value"), [("n", 5), ("n", None), ("n", b"x"), (5, "x")])
def test_cookies_that_are_no_texts_are_named(key: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="cookie (5|'n')"):
        Response("").set_cookie(key, value)
