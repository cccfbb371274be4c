"""What the test client hands back: text, cookies, redirects, and bodies while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from openviper import OpenViper, Request, Response, StreamingResponse
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.testing import OpenViperTestClient, override_openviper_settings
from openviper.testing.exchange import Exchange
from openviper.testing.responses import StreamedResponse, TestResponse


def response(status: int = 200, content: bytes = b"", **headers: str) -> TestResponse:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return TestResponse(status, raw, content, "http://testserver/x")


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("", "ä".encode(), "ä"),
        ("text/plain", "ä".encode(), "ä"),
        ("text/plain; charset=utf-8", "ä".encode(), "ä"),
        ("text/plain; charset=latin-1", b"\xe4", "ä"),
        ('text/plain; charset="latin-1"', b"\xe4", "ä"),
        ("text/plain; Charset=LATIN-1; x=y", b"\xe4", "ä"),
        ("text/plain; charset=utf-8", b"\xff", "\ufffd"),
        ("text/plain; charset=", "ä".encode(), "ä"),
    ],
)
def test_text_is_read_in_the_character_set_that_is_named(
    content_type: str, content: bytes, text: str
) -> None:
    assert response(content=content, content_type=content_type).text == text


def test_a_character_set_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LookupError, match="klingon"):
        _ = response(content=b"x", content_type="text/plain; charset=klingon").text


@pytest.mark.parametrize(
    ("status", "location", "success", "redirect"),
    [(200, "", True, False), (204, "", True, False), (299, "", True, False), (302, "/x", False, True),
     (302, "", False, False), (304, "/x", False, False), (308, "/x", False, True), (404, "", False, False),
     (199, "", False, False)],
)  # fmt: skip
def test_a_status_tells_success_and_redirect(
    status: int, location: str, success: bool, redirect: bool
) -> None:
    answer = response(status, b"", **({"location": location} if location else {}))
    assert (answer.is_success, answer.is_redirect) == (success, redirect)
    assert repr(answer) == f"<TestResponse [{status}]>"


def test_only_failures_are_raised_with_address_and_text() -> None:
    fine = response(399)
    assert fine.raise_for_status() is fine
    with pytest.raises(AssertionError, match="http://testserver/x answered with 400: no"):
        response(400, b"no").raise_for_status()
    with pytest.raises(AssertionError) as caught:
        response(500, b"x" * 10_000).raise_for_status()
    assert len(str(caught.value)) < 600


def test_cookies_of_an_answer_are_those_it_sets() -> None:
    answer = TestResponse(200, [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")], b"", "")
    assert answer.cookies == {"a": "1", "b": "2"}
    assert response().cookies == {}


# While it is sent


def streamed(*pieces: bytes, complete: bool = True) -> StreamedResponse:
    exchange = Exchange([b""])
    for piece in pieces:
        exchange.pieces.append(piece)
    exchange.is_complete = complete
    exchange.end()
    return StreamedResponse(exchange)


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b\nc"], ["ab", "c"]),
        ([b"a\n", b"\n", b"b"], ["a", "", "b"]),
        (["ä☃\n".encode()[:1], "ä☃\n".encode()[1:3], "ä☃\n".encode()[3:]], ["ä☃"]),
        (["😀".encode()[:2], "😀".encode()[2:]], ["😀"]),
        ([b"a\r\nb"], ["a\r", "b"]),
    ],
)
async def test_lines_are_whole_however_the_pieces_are_cut(
    pieces: list[bytes], lines: list[str]
) -> None:
    assert [line async for line in streamed(*pieces).aiter_lines()] == lines


async def test_a_body_that_is_cut_short_is_an_error_after_its_pieces() -> None:
    found = []
    with pytest.raises(AssertionError, match="the body was cut short"):
        async for piece in streamed(b"a", b"b", complete=False).aiter_bytes():
            found.append(piece)
    assert found == [b"a", b"b"]
    with pytest.raises(AssertionError, match="cut short"):
        await streamed(b"a", complete=False).aread()
    assert await streamed(b"a", b"b").aread() == b"ab"


async def test_a_stream_is_read_while_it_is_sent_and_may_be_left() -> None:
    app = OpenViper()
    told: list[str] = []

    async def count() -> AsyncIterator[bytes]:
        try:
            for number in range(1000):
                yield b"%d\n" % number
        finally:
            told.append("closed")

    @app.get("/")
    async def home() -> Any:
        return StreamingResponse(count(), media_type="text/plain")

    async with OpenViperTestClient(app).stream("GET", "/") as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        assert [await anext(lines), await anext(lines)] == ["0", "1"]
        answer.disconnect()
    assert told == ["closed"]


# What servers would not take


async def run(*messages: dict[str, Any]) -> Exchange:
    exchange = Exchange([b""])
    for message in messages:
        await exchange.send(message)
    return exchange


START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ((BODY,), "comes before its head"),
        ((START, START), "has begun already"),
        ((START, BODY, START), "has begun already"),
        ((START, BODY, BODY), "has ended already"),
    ],
)
async def test_messages_out_of_order_are_errors_as_a_server_has_them(
    messages: tuple[dict[str, Any], ...], problem: str
) -> None:
    with pytest.raises(RuntimeError, match=problem):
        await run(*messages)


async def test_messages_in_order_are_the_answer() -> None:
    exchange = await run(START, {**BODY, "more_body": True}, BODY)
    assert (exchange.status, exchange.content(), exchange.is_complete) == (200, b"xx", True)


async def test_whoever_answers_a_client_that_has_gone_is_told() -> None:
    exchange = await run(START)
    exchange.leave()
    with pytest.raises(OSError, match="the client has gone"):
        await exchange.send(BODY)
    assert await exchange.receive() == {"type": "http.request", "body": b"", "more_body": False}
    assert await exchange.receive() == {"type": "http.disconnect"}


async def test_an_application_that_answers_nothing_is_an_error() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    client = OpenViperTestClient(silent)
    with pytest.raises(AssertionError, match="sent no response to GET http://testserver/x"):
        await client.get("/x")


# Redirects and addresses


@pytest.fixture
def client() -> Iterator[OpenViperTestClient]:
    """A client of an application that tells what it was asked, and sends on."""
    app = OpenViper(middleware=[])

    async def tell(request: Request) -> Any:
        return {
            "method": request.method, "url": str(request.url), "body": (await request.body()).decode(),
            "cookie": request.headers.get("cookie"), "authorization": request.headers.get("authorization"),
            "type": request.headers.get("content-type"), "host": request.headers["host"],
        }  # fmt: skip

    async def move(request: Request) -> Response:
        return Response(
            status_code=int(request.query_params["status"]),
            headers={"location": request.query_params["to"]},
        )

    async def circle(request: Request) -> Response:
        return Response(status_code=302, headers={"location": "/circle"})

    app.get("/circle")(circle)
    app.route("/tell", methods=["GET", "POST", "PUT"])(tell)
    app.route("/move", methods=["GET", "POST", "PUT"])(move)
    with override_openviper_settings(ALLOWED_HOSTS=("*",)):
        yield OpenViperTestClient(app, follow_redirects=True)


@pytest.mark.parametrize(
    ("method", "status", "arrives_as", "keeps_body"),
    [("POST", 301, "GET", False), ("POST", 302, "GET", False), ("POST", 303, "GET", False),
     ("POST", 307, "POST", True), ("POST", 308, "POST", True), ("PUT", 302, "PUT", True),
     ("PUT", 303, "GET", False), ("GET", 302, "GET", False)],
)  # fmt: skip
async def test_a_redirect_is_followed_as_a_browser_does(
    client: OpenViperTestClient, method: str, status: int, arrives_as: str, keeps_body: bool
) -> None:
    body = None if method == "GET" else {"a": 1}
    answer = await client.request(method, f"/move?status={status}&to=/tell", json=body)
    told = answer.json()
    assert told["method"] == arrives_as
    assert (told["body"], told["type"]) == (
        ('{"a": 1}', "application/json") if keeps_body else ("", None)
    )
    assert [each.status_code for each in answer.history] == [status]


@pytest.mark.parametrize(
    ("to", "keeps"), [("/tell", True), ("http://testserver/tell", True), ("http://other.example/tell", False),
                      ("http://testserver:81/tell", False)]
)  # fmt: skip
async def test_another_host_gets_no_credentials(
    client: OpenViperTestClient, to: str, keeps: bool
) -> None:
    answer = await client.get(
        f"/move?status=302&to={to}",
        headers={"Authorization": "secret"},
        cookies={"session": "secret"},
    )
    told = answer.json()
    assert (told["authorization"], told["cookie"]) == (
        ("secret", "session=secret") if keeps else (None, None)
    )
    assert told["host"] == to.removeprefix("http://").removesuffix("/tell") or to == "/tell"


async def test_redirects_in_a_circle_end(client: OpenViperTestClient) -> None:
    with pytest.raises(AssertionError, match="more than 20 redirects"):
        await client.get("/circle")


@pytest.mark.parametrize(
    ("url", "params", "arrives"),
    [
        ("/tell", {"a": 1}, "/tell?a=1"),
        ("/tell?b=2", {"a": 1}, "/tell?b=2&a=1"),
        ("/tell#top", {"a": 1}, "/tell?a=1"),
        ("/tell?b=2#top", {"a": ["1", "2"]}, "/tell?b=2&a=1&a=2"),
        ("tell", {}, "/tell"),
        ("/tell", {"ä": "☃"}, "/tell?%C3%A4=%E2%98%83"),
    ],
)
async def test_parameters_join_the_query(
    client: OpenViperTestClient, url: str, params: Any, arrives: str
) -> None:
    told = (await client.get(url, params=params)).json()
    assert told["url"] == f"http://testserver{arrives}"


# Answers without an end


def breaking(error: Exception | None, *, begins: bool = True) -> ASGIApp:
    """Return an application that stops in the middle of its answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begins:
            await send(START)
            await send({**BODY, "more_body": True})
        if error is not None:
            raise error

    return app


@pytest.mark.parametrize("error", [None, ZeroDivisionError("no")])
async def test_an_answer_without_an_end_is_no_answer(error: Exception | None) -> None:
    client = OpenViperTestClient(breaking(error))
    with pytest.raises(AssertionError) as caught:
        await client.post("/x?a=1")
    assert str(caught.value) == (
        "the answer to POST http://testserver/x?a=1 was cut short: status 200 and 1 bytes, but no end"
    )
    assert caught.value.__cause__ is error


async def test_the_error_itself_is_raised_where_that_is_asked_for() -> None:
    client = OpenViperTestClient(breaking(ZeroDivisionError("no")), raise_app_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        await client.get("/x")
    client = OpenViperTestClient(breaking(ZeroDivisionError("early"), begins=False))
    with pytest.raises(ZeroDivisionError, match="early"):
        await client.get("/x")


async def test_a_handler_that_fails_while_it_streams_fails_the_test() -> None:
    app = OpenViper(middleware=[])

    async def count() -> AsyncIterator[bytes]:
        yield b"1"
        raise ZeroDivisionError

    @app.get("/")
    async def home() -> Any:
        return StreamingResponse(count())

    with override_openviper_settings(ALLOWED_HOSTS=("*",)):
        with pytest.raises(AssertionError, match="GET http://testserver/ was cut short"):
            await OpenViperTestClient(app).get("/")
        async with OpenViperTestClient(app).stream("GET", "/") as answer:
            with pytest.raises(AssertionError, match="cut short"):
                await answer.aread()


# Addresses as they are sent


async def told_by(base_url: str, url: str, root_path: str = "") -> tuple[str, Scope]:
    told: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(scope)
        await send(START)
        await send(BODY)

    answer = await OpenViperTestClient(app, base_url, root_path=root_path).get(url)
    return answer.url, told[0]


@pytest.mark.parametrize(
    ("url", "path", "raw_path", "query"),
    [
        ("/é ü", "/é ü", b"/%C3%A9%20%C3%BC", b""),
        ("/a%2Fb", "/a/b", b"/a%2Fb", b""),
        ("/a%20b?x=%26", "/a b", b"/a%20b", b"x=%26"),
        ("/x?a=é&b=1 2", "/x", b"/x", b"a=%C3%A9&b=1%202"),
        ("/x;p=1?a=/?:@", "/x;p=1", b"/x;p=1", b"a=/?:@"),
        ("/a\x00b", "/a\x00b", b"/a%00b", b""),
        ("/😀", "/😀", b"/%F0%9F%98%80", b""),
        ("?a=1", "/", b"/", b"a=1"),
        ("", "/", b"/", b""),
        ("/x?", "/x", b"/x", b""),
    ],
)
async def test_an_address_is_sent_in_ascii(
    url: str, path: str, raw_path: bytes, query: bytes
) -> None:
    _, scope = await told_by("http://testserver", url)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


@pytest.mark.parametrize(
    ("base", "url", "full"),
    [
        ("http://h", "x", "http://h/x"),
        ("http://h/", "x", "http://h/x"),
        ("http://h/api", "x", "http://h/api/x"),
        ("http://h/api/", "x", "http://h/api/x"),
        ("http://h/api/", "/x", "http://h/x"),
        ("http://h/api", "https://other/y", "https://other/y"),
        ("http://h:8000", "/x#top", "http://h:8000/x#top"),
        ("http://[::1]:8000", "/x", "http://[::1]:8000/x"),
    ],
)
async def test_an_address_is_joined_to_that_of_the_client(base: str, url: str, full: str) -> None:
    told, scope = await told_by(base, url)
    assert told == full
    host = full.partition("//")[2].partition("/")[0]
    assert (b"host", host.encode()) in scope["headers"]


@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("/below/tell", "/below/tell"),
        ("/below", "/below/"),
        ("http://testserver/below/tell?a=1", "/below/tell"),
        ("tell", "/below/tell"),
        ("/belowe", "/below/belowe"),
    ],
)
async def test_a_redirect_below_a_prefix_is_followed_once_below_it(to: str, path: str) -> None:
    paths: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        status = 302 if len(paths) == 1 else 200
        headers = [(b"location", to.encode())]
        await send({**START, "status": status, "headers": headers})
        await send(BODY)

    client = OpenViperTestClient(app, root_path="/below", follow_redirects=True)
    assert (await client.get("/move")).status_code == 200
    assert paths == ["/below/move", path]


async def test_a_body_is_sent_anew_with_each_request() -> None:
    bodies: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        bodies.append(body)
        status = 307 if len(bodies) == 1 else 200
        await send({**START, "status": status, "headers": [(b"location", b"/again")]})
        await send(BODY)

    client = OpenViperTestClient(app, follow_redirects=True)
    await client.put("/x", content=[b"a", b"b", b"c"])
    assert bodies == [b"abc", b"abc"]
    await client.put("/x", content=iter([b"d"]))
    assert bodies[2:] == [b"d"]


async def test_a_body_that_is_gone_cannot_follow_a_redirect() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "status": 308, "headers": [(b"location", b"/again")]})
        await send(BODY)

    client = OpenViperTestClient(app, follow_redirects=True)
    with pytest.raises(AssertionError, match="a body in pieces cannot follow a redirect"):
        await client.put("/x", content=pieces())
    assert (await client.put("/x", content=pieces(), follow_redirects=False)).status_code == 308


async def test_the_wait_is_for_each_answer_and_leaves_the_client_as_it_was() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await asyncio.Event().wait()
        await send(START)
        await send(BODY)

    client = OpenViperTestClient(app)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        await client.get("/slow", timeout=0.01)
    assert (await client.get("/fast")).status_code == 200
    asked = [asyncio.ensure_future(client.get("/slow", timeout=wait)) for wait in (0.02, 0.01, 60)]
    for request in asked[:2]:
        with pytest.raises(TimeoutError):
            await request
    asked[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[2]
    await client.aclose()
