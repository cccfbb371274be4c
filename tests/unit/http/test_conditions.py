"""Conditional requests and ranges: whatever a client sends, it is never an error of ours."""

from __future__ import annotations

import itertools
import random
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from openviper import FileResponse, OpenViper, Request
from openviper.http.conditions import (
    MAX_DATE,
    check_conditions,
    date_seconds,
    etag_list,
    evaluate,
    parse_range,
    requested_range,
)
from openviper.utils.datastructures import Headers

MODIFIED = 1_700_000_000.5
NOW = formatdate(MODIFIED, usegmt=True)
BEFORE = formatdate(MODIFIED - 60, usegmt=True)
AFTER = formatdate(MODIFIED + 60, usegmt=True)
HUGE_YEAR = "31 Dec 70 999999999999:0:0 -0000"


def headers(**values: str) -> Headers:
    """Return the headers of a request."""
    return Headers([(n.replace("_", "-").encode(), v.encode("latin-1")) for n, v in values.items()])


@pytest.mark.parametrize(
    ("given", "method", "verdict"),
    [
        ({}, "GET", "send"),
        ({"if_none_match": '"t"'}, "GET", "not modified"),
        ({"if_none_match": 'W/"t"'}, "GET", "not modified"),
        ({"if_none_match": '"x,y", "t"'}, "GET", "not modified"),
        ({"if_none_match": '"x, "t", y"'}, "GET", "send"),
        ({"if_none_match": "*"}, "GET", "not modified"),
        ({"if_none_match": "*"}, "PUT", "failed"),
        ({"if_none_match": '"t"'}, "PUT", "failed"),
        ({"if_none_match": '"x"', "if_modified_since": AFTER}, "GET", "send"),
        ({"if_modified_since": NOW}, "GET", "not modified"),
        ({"if_modified_since": BEFORE}, "GET", "send"),
        ({"if_modified_since": NOW}, "POST", "send"),
        ({"if_match": '"t"'}, "PUT", "send"),
        ({"if_match": "*"}, "PUT", "send"),
        ({"if_match": '"x"'}, "PUT", "failed"),
        ({"if_match": 'W/"t"'}, "PUT", "failed"),
        ({"if_match": "nonsense"}, "PUT", "failed"),
        ({"if_unmodified_since": BEFORE}, "PUT", "failed"),
        ({"if_unmodified_since": AFTER}, "PUT", "send"),
        ({"if_match": '"t"', "if_unmodified_since": BEFORE}, "PUT", "send"),
        ({"if_modified_since": HUGE_YEAR}, "GET", "send"),
        ({"if_unmodified_since": HUGE_YEAR}, "GET", "send"),
    ],
)
def test_conditions_in_the_order_of_the_standard(
    given: dict[str, str], method: str, verdict: str
) -> None:
    assert evaluate(headers(**given), method, '"t"', MODIFIED) == verdict


def test_nothing_there_fails_a_demand_for_something() -> None:
    assert evaluate(headers(if_match="*"), "PUT", "") == "failed"
    assert evaluate(headers(if_none_match="*"), "PUT", "") == "send"


async def test_a_resource_of_your_own_is_not_overwritten_blindly() -> None:
    app = OpenViper()

    @app.route("/doc", ["GET", "PUT"])
    async def doc(request: Request) -> Any:
        return check_conditions(request.headers, request.method, '"v2"') or {"version": 2}

    client = app.test_client()
    assert (await client.get("/doc", headers={"if-none-match": '"v2"'})).status_code == 304
    assert (await client.put("/doc", headers={"if-match": '"v1"'})).status_code == 412
    assert (await client.put("/doc", headers={"if-match": '"v2"'})).json() == {"version": 2}


@pytest.mark.parametrize(
    ("header", "size", "part"),
    [
        ("bytes=0-3", 10, (0, 3)),
        ("BYTES=0-3", 10, (0, 3)),
        ("bytes=5-", 10, (5, 9)),
        ("bytes=-3", 10, (7, 9)),
        ("bytes=-30", 10, (0, 9)),
        ("bytes=0-99", 10, (0, 9)),
        ("bytes=10-", 10, "unsatisfiable"),
        ("bytes=-0", 10, "ignore"),
        ("bytes=3-2", 10, "ignore"),
        ("bytes=-", 10, "ignore"),
        ("bytes=1-2,4-5", 10, "ignore"),
        ("items=0-1", 10, "ignore"),
        ("bytes=" + "9" * 5000 + "-", 10, "ignore"),
        ("bytes=0-" + "9" * 5000, 10, "ignore"),
        ("bytes=-" + "9" * 5000, 10, "ignore"),
        ("bytes=-5", 0, "unsatisfiable"),
    ],
)
def test_ranges(header: str, size: int, part: Any) -> None:
    assert parse_range(header, size) == part


HEADERS = (
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "accept",
    "accept-encoding",
    "accept-language",
    "cookie",
    "content-type",
    "content-length",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-request-id",
    "last-event-id",
    "referer",
    "user-agent",
    "authorization",
)
WORDS = (
    "bytes=", "0-", "-", ",", "W/", '"', "*", ";", "q=", "=", "%", "\\", "0", "9" * 30, "9" * 5000,
    "Sun, 06 Nov 1994 08:49:37 GMT", HUGE_YEAR, "31 Feb 99", "text/html", "gzip", "multipart/form-data",
    "boundary=", "for=", "[::1]", "1.2.3.4", "http", "\xff", "\t", " ", "a" * 300, "é", "-0000", "+9999",
    "0001 00:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "nan", "inf", "1e999",
)  # fmt: skip


async def test_no_header_that_is_parsed_leads_to_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_bytes(b"content" * 100)
    app = OpenViper(
        debug=False,
        middleware=[
            ("openviper.middleware.TrustedProxyMiddleware", {"proxies": ["10.0.0.0/8"]}),
            "openviper.middleware.RequestIDMiddleware",
            "openviper.middleware.CORSMiddleware",
            "openviper.middleware.GZipMiddleware",
            "openviper.middleware.LocaleMiddleware",
        ],
    )

    @app.get("/file")
    async def file(request: Request) -> FileResponse:
        return FileResponse(tmp_path / "f.txt")

    @app.post("/form")
    async def form(request: Request) -> dict[str, Any]:
        assert str(request.url) and len(request.cookies) >= 0
        return {"fields": len(await request.form()), "host": request.url.host}

    client = app.test_client(raise_app_exceptions=True, client=("10.0.0.1", 1))
    source = random.Random(3)
    for _ in range(500):
        given = {
            name: "".join(source.choices(WORDS, k=source.randrange(1, 6)))
            for name in source.sample(HEADERS, 3)
        }
        for method, path in (("GET", "/file"), ("POST", "/form"), ("OPTIONS", "/file")):
            response = await client.request(method, path, headers=given, content=b"a=1")
            assert response.status_code < 500, (method, given)


MOMENT = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110, 5.6.7."""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 10:49:37 +0200",
    ],
)
def test_every_form_of_a_date_means_the_same_moment_wherever_the_server_stands(
    text: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert date_seconds(text) == MOMENT
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 999999999999 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:61:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999",
        "Sun, 06 Nov 1994 08:49:37 GMT" + " " * MAX_DATE,
        "0" * MAX_DATE,
    ],
)
def test_what_is_no_date_counts_as_none(text: str | None) -> None:
    assert date_seconds(text) is None


@pytest.mark.parametrize("size", [1, 2, 10])
def test_ranges_agree_with_slices(size: int) -> None:
    data = bytes(range(size))
    edges = [*range(size + 2)]
    for start, end in itertools.product(edges, [None, *edges]):
        part = parse_range(f"bytes={start}-{'' if end is None else end}", size)
        expected = data[start:] if end is None else data[start : end + 1]
        if end is not None and end < start:
            assert part == "ignore"
        elif not expected:
            assert part == "unsatisfiable"
        else:
            assert isinstance(part, tuple) and data[part[0] : part[1] + 1] == expected
    for count in edges[1:]:
        part = parse_range(f"bytes=-{count}", size)
        assert isinstance(part, tuple) and data[part[0] : part[1] + 1] == data[-count:]


@pytest.mark.parametrize(
    ("condition", "is_part"),
    [
        ('"a"', True),
        (' "a" ', True),
        ('W/"a"', False),
        ('"b"', False),
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sun, 06 Nov 1994 08:49:38 GMT", False),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_a_part_is_sent_only_of_the_copy_that_the_client_has(condition: str, is_part: bool) -> None:
    headers = Headers([(b"range", b"bytes=0-1"), (b"if-range", condition.encode())])
    part = requested_range(headers, 10, '"a"', MOMENT + 0.5)
    assert part == ((0, 2) if is_part else None)


def test_a_weak_tag_of_ours_never_allows_a_part() -> None:
    headers = Headers([(b"range", b"bytes=0-1"), (b"if-range", b'W/"a"')])
    assert requested_range(headers, 10, 'W/"a"', MOMENT) is None


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a", W/"b","c,d"', ['"a"', 'W/"b"', '"c,d"']),
        ('"a', []),
        ('w/"a"', ['"a"']),
        ('""', ['""']),
        ("*", []),
        ("", []),
    ],
)
def test_tags_of_a_header(header: str, tags: list[str]) -> None:
    assert etag_list(header) == tags
