"""Every kind of header, path and body is read in steps that grow with its length and not faster.

Steps are the lines of Python that run, which a trace function counts, so that no clock decides. What one line does in C is
pumped by `tests/architecture/test_patterns.py`, as far as it is a pattern.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import pytest

from openviper import FileResponse, JSONResponse, OpenViper, RedirectResponse, Request
from openviper.http import check_conditions
from openviper.http.asgi import Message, Scope
from openviper.http.multipart import MultipartError, MultipartParser
from openviper.http.uploads import sanitize_filename
from openviper.middleware import (
    CORSMiddleware,
    CORSPolicy,
    GZipMiddleware,
    LocaleMiddleware,
    RequestIDMiddleware,
    TrustedProxyMiddleware,
)
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import decode_form

SHORT = 400
FACTOR = 8
SLACK = 1.35
"""How much more than `FACTOR` times the steps a text of `FACTOR` times the length may take."""
CONSTANT = 400
"""Steps that any request takes, whatever it says."""


def steps_of(run: Callable[[], None]) -> int:
    """Return how many lines a function runs, those of what it calls included."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before, is_enabled = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
        if is_enabled:
            gc.enable()
    return count


def assert_linear(run: Callable[[str], None], filler: str) -> None:
    """Check that a text that is eight times as long takes eight times the steps at most."""
    short = filler * (SHORT // len(filler))
    run(short)
    less = steps_of(lambda: run(short))
    more = steps_of(lambda: run(short * FACTOR))
    assert more <= less * FACTOR * SLACK + CONSTANT, f"{less} steps became {more}"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> OpenViper:
    """An application that reads everything there is to read in the head of a request."""
    path = tmp_path_factory.mktemp("linear") / "file.txt"
    path.write_text("text")
    app = OpenViper(
        debug=False,
        middleware=[
            (TrustedProxyMiddleware, {"proxies": ["10.0.0.0/8"]}),
            (CORSMiddleware, {"policy": CORSPolicy(["https://*.example.org"])}),
            GZipMiddleware,
            RequestIDMiddleware,
            LocaleMiddleware,
        ],
    )

    @app.route("/file", ["GET", "OPTIONS"])
    async def file(request: Request) -> FileResponse:
        return FileResponse(path)

    @app.get("/head")
    async def head(request: Request) -> object:
        seen = [str(request.url), request.cookies, request.query_params.multi_items()]
        answer = check_conditions(request.headers, "GET", '"v1"')
        return answer or JSONResponse({"seen": len(seen)})

    @app.get("/next")
    async def follow(request: Request) -> RedirectResponse:
        return RedirectResponse(request.query_params["next"])

    async def item(request: Request, **params: str) -> dict[str, str]:
        return params

    patterns = ("/i/{a}/{b}", "/i/{a:slug}-{b:slug}/x", "/i/{a:int}/y", "/d/{y}-{m}-{d}.html")
    for pattern in (*patterns, "/p/{rest:path}/end", "/p/{rest:path}", "/p/q/{a:uuid}"):
        app.get(pattern, name=pattern)(item)
    return app


def ask(app: OpenViper, path: str, query: bytes, *headers: tuple[bytes, bytes]) -> int:
    """Send a request, without a loop, and return the status of the answer."""
    scope: Scope = {
        "type": "http",
        "method": "OPTIONS" if headers and headers[0][0].startswith(b"access") else "GET",
        "scheme": "http",
        "path": path,
        "query_string": query,
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("10.0.0.1", 5000),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    step_through(app(scope, receive, send))
    status: int = sent[0]["status"]
    return status


def step_through(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("it waits for something")


HEADERS = {
    "cookie": ("a=b; ", ";", "=", '"', "a", '\\"', "\\054", '="a', ","),
    "accept": ("text/html,", "a/b;q=0.5,", ",", ";", "q=0.1", "*/*;", "text/html;q=1;"),
    "accept-language": ("de,", "en-", "a;q=0.1,", "*,", "-", ";q=", "_"),
    "accept-encoding": ("gzip;q=0,", ",", "*;q=0.1,", ";"),
    "if-none-match": ('"a",', "W/", '"', ",", '"v1" ', "*,", "a"),
    "if-match": ('"a",', '"', ",", "W/"),
    "if-modified-since": ("1", " ", "Mon, ", "(", ":", "+"),
    "forwarded": ("for=1.1.1.1,", '"', ",", ";", "=", 'a="b\\"', "for=", '"a,', "\\"),
    "x-forwarded-for": ("10.0.0.1,", ",", "1.1.1.1, ", ":", "["),
    "x-forwarded-host": ("a.", "a,", ":", "[", "]"),
    "x-forwarded-proto": ("https,", ","),
    "x-real-ip": ("1,", ":", "10.0.0.1,"),
    "origin": ("https://", "a.", ":", "/", ".example.org", "[", "@"),
    "access-control-request-headers": ("a,", "x-a, ", ","),
    "x-request-id": ("a", "-", " "),
    "user-agent": ("a", "\t", "\xff"),
    "transfer-encoding": ("chunked,", ","),
    "content-length": ("1", " ", "a"),
    "content-type": ("a/b;", '"', ";a=", "boundary=", "charset="),
    "referer": ("/", "http://"),
}


@pytest.mark.parametrize(
    ("name", "filler"), [(name, filler) for name in HEADERS for filler in HEADERS[name]]
)
def test_headers(app: OpenViper, name: str, filler: str) -> None:
    asked = (b"access-control-request-method", b"GET")
    more = [asked, (b"origin", b"https://a.example.org")] if name.startswith("access") else []

    def run(text: str) -> None:
        header = (name.encode(), text.encode("latin-1"))
        assert ask(app, "/head", b"", *more, header) < 500

    with override(LANGUAGES=("en", "de", "pt-br")):
        assert_linear(run, filler)


@pytest.mark.parametrize("host", ["a.", "a", ":", "1", "[", "]", "@", "-", ".localhost", "é"])
def test_hosts(app: OpenViper, host: str) -> None:
    def run(text: str) -> None:
        scope_host = (b"host", text.encode("latin-1"))
        assert 400 <= ask(app, "/head", b"", scope_host) < 500

    assert_linear(run, host)


@pytest.mark.parametrize("filler", ["bytes=0-1,", "0-,", "-", "9", "bytes=", ",", " "])
def test_ranges(app: OpenViper, filler: str) -> None:
    from openviper.http.conditions import parse_range

    assert_linear(lambda text: _ignored(parse_range(f"bytes={text}", 1000)), filler)


def _ignored(_value: object) -> None:
    """Take a value that does not matter."""


PATHS = ("a", "/", "a/", "-", "a-", "-a/", "1/", "%", "%2e", "..", "\\", "1-", ".html", "end/", "é")


@pytest.mark.parametrize("filler", PATHS)
@pytest.mark.parametrize("start", ["/i/", "/d/", "/p/", "/p/q/", "/"])
def test_paths(app: OpenViper, start: str, filler: str) -> None:
    with override(MAX_PATH_LENGTH=100_000):
        assert_linear(lambda text: _ignored(ask(app, start + text, b"")), filler)


QUERIES = ("a=b&", "&", "=", "%41", "%", "+", "%C3%A9", "%ff", "a", "next=/&", "//", "\\", "@", ":")


@pytest.mark.parametrize("filler", QUERIES)
def test_queries_and_redirects(app: OpenViper, filler: str) -> None:
    assert_linear(lambda text: _ignored(ask(app, "/head", text.encode())), filler)
    assert_linear(lambda text: _ignored(ask(app, "/next", b"next=/" + text.encode())), filler)
    assert_linear(lambda text: _ignored(ask(app, "/next", b"next=" + text.encode())), filler)


@pytest.mark.parametrize("filler", QUERIES)
def test_forms(filler: str) -> None:
    assert_linear(lambda text: _ignored(decode_form(text.encode(), "replace")), filler)


PART = '\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'
MULTIPART = (
    "\r", "\r\n", "\n", "-", "--b", "\r\n--", "\r\n--b", "\r\n--b ", "\r\n-", "a", PART,
    PART.replace('"a"', '"a"; filename="f"'), "\r\n--b\r\na:b\r\n", "\r\n--b--",
)  # fmt: skip


@pytest.mark.parametrize("filler", MULTIPART)
@pytest.mark.parametrize("start", ["", "--b\r\n", PART])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_multipart(start: str, filler: str, piece: int) -> None:
    def run(text: str) -> None:
        body = (start + text).encode()
        parser = MultipartParser(b"b")
        try:
            for at in range(0, len(body), piece):
                for _event in parser.feed(body[at : at + piece]):
                    pass
                # What waits is short, so what is searched again with each piece is short too.
                assert len(parser._buffer) <= 8192 + 300
        except MultipartError:
            return

    assert_linear(run, filler)


@pytest.mark.parametrize(
    "filler", ["a: b\r\n", "a", "; a=", '; a="b"', '"', ";", "\\", "filename*=utf-8''%41", "=", " "]
)
def test_headers_of_parts(filler: str) -> None:
    def run(text: str) -> None:
        head = f"--b\r\nContent-Disposition: form-data; name=a{text}\r\n\r\n"
        try:
            for _event in MultipartParser(b"b").feed(head.encode()):
                pass
        except MultipartError:
            return

    assert_linear(run, filler)


@pytest.mark.parametrize("filler", ["a", ".", "/", "\\", "..", " ", "\0", "é", "CON.", "-"])
def test_names_of_files(filler: str) -> None:
    assert_linear(lambda text: _ignored(sanitize_filename(text)), filler)


def test_the_measure_finds_what_is_not_linear() -> None:
    def squared(text: str) -> None:
        for _ in text[::8]:
            for _letter in text[::8]:
                pass

    with pytest.raises(AssertionError, match="steps became"):
        assert_linear(squared, "a")
