"""Cookies with prefixes, redirects, policies, header values, ``Accept``, hosts and messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openviper import OpenViper, RedirectResponse, Request, Response, StreamingResponse
from openviper.exceptions import ImproperlyConfigured
from openviper.http import PlainTextResponse, RedirectRefusedError
from openviper.http.accept import coding_weight, media_weight, parse_choices
from openviper.http.asgi import Receive, Scope, Send
from openviper.http.cookies import build_cookie, parse_cookies
from openviper.http.csp import ContentSecurityPolicy
from openviper.http.redirects import check_redirect
from openviper.http.url import URL
from openviper.middleware.base import BaseMiddleware
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import QueryParams, encode_header
from openviper.utils.json_text import encode_json

# Cookies


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("__Host-a", {}),
        ("__host-a", {"secure": True, "path": "/x"}),
        ("__Host-a", {"secure": True, "path": None}),
        ("__Host-a", {"secure": True, "domain": "example.org"}),
        ("__Secure-a", {}),
        ("a", {"partitioned": True}),
        ("a", {"domain": "é.example"}),
    ],
)
def test_cookies_that_browsers_would_drop_are_refused(key: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        build_cookie(key, "1", **options)


def test_cookies_with_prefixes_can_be_set_and_deleted() -> None:
    response = Response()
    response.set_cookie("__Host-a", "1", secure=True, partitioned=True)
    response.delete_cookie("__Host-a", partitioned=True)
    response.delete_cookie("__Secure-b", path="/x")
    response.delete_cookie("plain")
    made, gone, other, plain = response.headers.getlist("set-cookie")
    assert made == "__Host-a=1; Path=/; SameSite=Lax; Secure; Partitioned"
    assert gone.startswith("__Host-a=; Max-Age=0; Expires=") and gone.endswith(
        "Secure; Partitioned"
    )
    assert other.startswith("__Secure-b=") and "Path=/x" in other and "Secure" in other.split("; ")
    assert "Secure" not in plain


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        (r'a="x\054y"', {"a": "x,y"}),
        (r'a="q\"q\\"', {"a": 'q"q\\'}),
        (r'a="\303\244"', {"a": "Ã¤"}),
        ('a="; b=2', {"a": '"', "b": "2"}),
        ("bad; =x; a=1; a=2; b", {"a": "1"}),
        ("a=1; " * 5 + "b=2", {"a": "1", "b": "2"}),
        (";" * 100_000, {}),
    ],
)
def test_cookies_are_read_leniently(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(header) == cookies


# Redirects


@pytest.mark.parametrize(
    "url",
    [
        "//evil.com",
        "///evil.com",
        "/\\evil.com",
        "https://evil.com",
        "https:evil.com",
        "javascript:alert(1)",
        "http://localhost@evil.com",
        "https://localhost:9/",
        "http://localhost:99999/",
        "/a/../../b",
        "/a\r\nset-cookie: x",
        "/a\x0bb",
        "http://[::1",
    ],
)
async def test_an_address_that_leads_elsewhere_is_the_client_s_fault(url: str) -> None:
    app = OpenViper(debug=False)

    @app.get("/go")
    async def go(request: Request) -> RedirectResponse:
        return RedirectResponse(url)

    assert (await app.test_client().get("/go")).status_code == 400
    with pytest.raises(RedirectRefusedError) as caught:
        check_redirect(url)
    assert issubclass(RedirectRefusedError, ValueError)
    assert caught.value.reason


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("/login?next=%2Fhome", ()),
        ("https://localhost/x", ()),
        ("http://localhost:80/", ()),
        ("https://localhost:443/", ()),
        ("https://a.example:8443/", ("a.example:8443",)),
        ("https://sub.example.org/", (".example.org",)),
        ("https://anything.example:99/", ("*",)),
        ("//a.example/x", ("a.example",)),
    ],
)
def test_addresses_that_are_ours_pass(url: str, allowed: tuple[str, ...]) -> None:
    with override(ALLOWED_REDIRECT_HOSTS=allowed):
        check_redirect(url)


async def test_the_port_of_the_request_is_ours() -> None:
    app = OpenViper()
    app.get("/go")(lambda request: RedirectResponse("http://localhost:8000/x"))
    on_port = app.test_client(base_url="http://localhost:8000")
    assert (await on_port.get("/go")).status_code == 307
    assert (await app.test_client(base_url="http://localhost").get("/go")).status_code == 400


# Headers


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), 127])
def test_no_control_character_gets_into_a_header(code: int) -> None:
    with pytest.raises(ValueError, match="'x-a'"):
        encode_header("x-a", f"a{chr(code)}b")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä"])
def test_a_header_s_name_is_a_token(name: str) -> None:
    with pytest.raises(ValueError):
        encode_header(name, "x")


def test_a_header_s_value_is_latin_1_and_may_hold_tabs() -> None:
    assert encode_header("X-A", "a\tä") == (b"x-a", b"a\t\xe4")
    with pytest.raises(ValueError, match="latin-1"):
        encode_header("x-a", "€")


def test_a_query_is_read_leniently() -> None:
    query = QueryParams(b"a=1&a=2&b=%C3%A4+x&c&%zz=%&=e&&d=%ff")
    assert query.getlist("a") == ["1", "2"]
    assert (query["b"], query["c"], query["%zz"], query[""], query["d"]) == (
        "ä x",
        "",
        "%",
        "e",
        "�",
    )


def test_weights_of_accept_headers() -> None:
    choices = parse_choices(
        "text/html;q=0.5, text/*;q=0.2, */*;q=0.1, Image/PNG ; q=1.000 , x/y;q=zero"
    )
    weights = [
        media_weight(choices, kind) for kind in ("text/html", "text/css", "a/b", "image/png")
    ]
    assert weights == [0.5, 0.2, 0.1, 1.0]
    assert coding_weight(parse_choices("br"), "gzip") == 0.0
    assert len(parse_choices(",".join(f"a{n}" for n in range(1000)))) <= 50


# Policies


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (None, ""),
        (
            {"default-src": "'none'"},
            "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'",
        ),
        (
            "default-src 'self'; img-src *",
            "default-src 'self'; img-src *; script-src 'self' 'nonce-N'; style-src 'self' 'nonce-N'",
        ),
        ({"img-src": ["*"]}, "img-src *"),
        ({"script-src": ("'self'",)}, "script-src 'self' 'nonce-N'"),
        (
            "script-src a; script-src-elem b; style-src-elem c",
            "script-src a 'nonce-N'; script-src-elem b 'nonce-N'; style-src-elem c 'nonce-N'",
        ),
        (
            "script-src 'self'; style-src 'self' 'Unsafe-Inline'",
            "script-src 'self' 'nonce-N'; style-src 'self' 'Unsafe-Inline'",
        ),
        (
            "default-src 'self' 'unsafe-inline'",
            "default-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'nonce-N'",
        ),
    ],
)
def test_a_nonce_is_added_where_scripts_and_styles_are_limited(policy: Any, text: str) -> None:
    assert ContentSecurityPolicy(policy).with_nonce("N") == text
    assert "nonce" not in ContentSecurityPolicy(policy).with_nonce(None)


async def test_a_policy_may_only_report() -> None:
    app = OpenViper()
    app.get("/")(lambda request: f"{request.csp_nonce}")
    policy = {"default-src": "'self'"}
    with override(SECURE_CONTENT_SECURITY_POLICY=policy, SECURE_CSP_REPORT_ONLY=True):
        response = await app.test_client().get("/")
    assert response.text in response.headers["content-security-policy-report-only"]
    assert "content-security-policy" not in response.headers


# Ambiguous requests


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ([(b"host", b"localhost"), (b"host", b"evil.com")], "GET"),
        ([(b"host", b"localhost"), (b"host", b"localhost")], "GET"),
        ([(b"host", b"localhost"), (b"content-length", b"1"), (b"content-length", b"2")], "POST"),
        (
            [
                (b"host", b"localhost"),
                (b"content-length", b"1"),
                (b"transfer-encoding", b"chunked"),
            ],
            "POST",
        ),
        ([(b"host", b"localhost"), (b"x-a", b"a\rb")], "GET"),
        ([(b"host", b"localhost"), (b"x-a", b"a\0b")], "GET"),
        ([(b"host", b"localhost")], "get"),
        ([(b"host", b"localhost")], "GE T"),
        ([(b"host", b"localhost")], "G" * 40),
        ([], "GET"),
    ],
)
async def test_what_two_servers_could_read_differently_is_refused(
    headers: list[tuple[bytes, bytes]], method: str
) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "headers": headers, "query_string": b""}
    await OpenViper(debug=False)(scope, receive, send)
    assert sent[0]["status"] == 400
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_several_ordinary_headers_of_one_name_are_fine() -> None:
    app = OpenViper()
    app.get("/")(lambda request: ",".join(request.headers.getlist("x-a")))
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-a", b"1"), (b"x-a", b"2")],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, None, send)  # type: ignore[arg-type]  # the body is not read
    assert sent[1]["body"] == b"1,2"


def test_json_that_contains_itself_is_an_error_and_deep_json_is_none() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        encode_json(loop)
    assert (
        encode_json({"a": [1.5, None, True, "ä", float("nan")]})
        == '{"a":[1.5,null,true,"ä",null]}'.encode()
    )


# Messages and work after the answer


async def test_messages_wait_until_they_are_taken() -> None:
    app = OpenViper()

    @app.get("/")
    async def view(request: Request) -> list[list[str]]:
        request.add_message("one")
        request.add_message("two", "error")
        waiting = [request.has_messages]
        taken = [[message.level, str(message)] for message in request.take_messages()]
        waiting.append(request.has_messages)
        assert (waiting, request.take_messages()) == ([True, False], [])
        with pytest.raises(ValueError, match="loud"):
            request.add_message("x", "loud")
        return taken

    assert (await app.test_client().get("/")).json() == [["info", "one"], ["error", "two"]]


async def test_work_after_the_answer_runs_in_order_and_its_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = OpenViper(debug=False)
    done: list[str] = []

    async def later(word: str, *, loud: bool = False) -> None:
        done.append(word.upper() if loud else word)

    def failing() -> None:
        raise ZeroDivisionError

    @app.get("/good")
    async def good(request: Request) -> str:
        request.after_response(failing)
        request.after_response(later, "first", loud=True)
        request.after_response(done.append, "second")
        return "answer"

    @app.get("/bad")
    async def bad(request: Request) -> str:
        request.after_response(done.append, "never")
        raise LookupError

    client = app.test_client()
    assert (await client.get("/good")).text == "answer"
    assert done == ["FIRST", "second"]
    assert "failing after GET /good failed" in caplog.text
    await client.get("/bad")
    assert done == ["FIRST", "second"]


def after_middleware(done: list[str]) -> type[BaseMiddleware]:
    """Return a middleware that leaves work for after the answer."""

    class Leaving(BaseMiddleware):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                Request(scope, receive).after_response(done.append, scope["path"])
            await self.app(scope, receive, send)

    return Leaving


class Refusing(BaseMiddleware):
    """Answers what begins with ``/no`` itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass it on."""
        refused = scope.get("path", "").startswith("/no")
        await (PlainTextResponse("no", 403) if refused else self.app)(scope, receive, send)


class Copying(BaseMiddleware):
    """Passes a copy of the scope on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        await self.app(dict(scope), receive, send)


@pytest.mark.parametrize("further", [[], [Copying]])
@pytest.mark.parametrize("path", ["/x", "/in/x", "/in/in/x", "/no", "/missing", "/bad", "/in/bad"])
async def test_work_of_middleware_is_done_once_whoever_answers(
    path: str, further: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    apps = [
        OpenViper(debug=False, middleware=[after_middleware(done), Refusing, *further]),
        OpenViper(debug=False),
        OpenViper(debug=False),
    ]
    for app in apps:
        app.get("/x")(lambda request: "x")

        @app.get("/bad")
        async def bad(request: Request) -> str:
            request.after_response(done.append, "of a handler that fails")
            raise LookupError

    apps[0].mount("/in", apps[1])
    apps[1].mount("/in", apps[2])
    await apps[0].test_client().get(path)
    for app in apps:
        await app.background.finish()
    assert done == [path]


@pytest.mark.parametrize("status", [200, 201, 204, 304, 305, 399, 404, 500])
def test_a_redirect_has_a_status_that_redirects(status: int) -> None:
    with pytest.raises(ValueError, match=f"not {status}"):
        RedirectResponse("/x", status)


def test_a_redirect_may_lead_to_the_address_of_a_request() -> None:
    address = URL("http", "localhost", "/ü", "a=b")
    assert RedirectResponse(address).headers["location"] == "http://localhost/%C3%BC?a=b"
    for odd in (None, 5, b"/x"):
        with pytest.raises(TypeError, match=type(odd).__name__):
            RedirectResponse(odd)  # type: ignore[arg-type]  # what the test is about


@pytest.mark.parametrize(
    ("policy", "part"),
    [
        ({"script src": ["x"]}, "'script src'"),
        ({"script-scr": ["x"]}, "did you mean 'script-src'"),
        ("frame-ancestor 'none'", "did you mean 'frame-ancestors'"),
        ({"default-src": "a;b"}, "'a;b' of default-src"),
        ({"default-src": ["'self' b"]}, "of default-src"),
        ({"default-src": ["a\nb"]}, "of default-src"),
        ({"default-src": ["ü"]}, "of default-src"),
        ({"default-src": 5}, "5 of default-src"),
        ({"default-src": ["'self'", 5]}, "5 of default-src"),
        ({"": "x"}, "'' is no directive"),
        ({"default-src": "self"}, "did you mean 'self'?"),
        ({"script-src": ["'self'", "Unsafe-Inline"]}, "did you mean 'Unsafe-Inline'?"),
        ("frame-ancestors none", "did you mean 'none'?"),
        ({"script-src-elem": "sha256-abc="}, "did you mean 'sha256-abc='?"),
        ({"style-src": "'unsafe-inlin'"}, "did you mean 'unsafe-inline'?"),
        ({"style-src": "'self"}, "did you mean 'self'?"),
    ],
)
def test_a_policy_that_browsers_would_pass_over_is_a_mistake(policy: Any, part: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        ContentSecurityPolicy(policy)
    assert part in str(caught.value)


def test_words_of_other_directives_and_new_ones_are_sent() -> None:
    given = (
        "sandbox allow-scripts; trusted-types self 'allow-duplicates'; require-trusted-types-for 'script'; "
        "script-src 'new-word' 'nonce-abc' 'SELF' data: self.example https:; report-to none"
    )
    assert ContentSecurityPolicy(given).text == given


def test_a_policy_may_have_directives_without_sources_and_new_ones() -> None:
    given: Any = {
        "Upgrade-Insecure-Requests": True,
        "sandbox": None,
        "quite-new": ("a", "b"),
        "img-src": "data: *",
    }
    policy = ContentSecurityPolicy(given)
    assert policy.text == "upgrade-insecure-requests; sandbox; quite-new a b; img-src data: *"


@pytest.mark.parametrize("policy", [None, {"default-src": "'self'"}])
async def test_a_nonce_that_comes_too_late_for_the_policy_is_an_error(policy: Any) -> None:
    app = OpenViper(debug=False)

    @app.get("/late")
    async def late(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "head"
            yield request.csp_nonce

        return StreamingResponse(pieces)

    with override(SECURE_CONTENT_SECURITY_POLICY=policy):
        if policy is None:
            assert len((await app.test_client().get("/late")).text) > 20
            return
        with pytest.raises(AssertionError, match="cut short") as caught:
            await app.test_client().get("/late")
    assert "csp_nonce before" in str(caught.value.__cause__)
