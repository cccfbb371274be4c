"""Cross-origin requests."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openviper import NotFound, OpenViper, Request
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.views import View
from openviper.middleware import CORSMiddleware, CORSPolicy, cors_policy
from openviper.routing import Router
from openviper.testing import OpenViperTestClient, OpenViperTestingConfigError
from openviper.testing import override_openviper_settings as override

ORIGIN = "https://app.example.org"


def client_with(**policy: Any) -> OpenViperTestClient:
    """Return the client of an application with a policy."""
    policy.setdefault("allowed_origins", (ORIGIN, "https://*.wild.example"))
    app = OpenViper(debug=False, middleware=[(CORSMiddleware, {"policy": CORSPolicy(**policy)})])

    @app.route("/x", ["GET", "PUT"])
    async def view(request: Request) -> str:
        return "x"

    @app.get("/own")
    @cors_policy(CORSPolicy(["https://own.example"], allowed_methods=["GET"]))
    async def own(request: Request) -> str:
        return "own"

    @app.get("/broken")
    async def broken(request: Request) -> str:
        raise ZeroDivisionError

    @app.get("/missing")
    async def missing(request: Request) -> str:
        raise NotFound

    return app.test_client()


def preflight(method: str = "PUT", headers: str = "", **more: str) -> dict[str, str]:
    """Return the headers of a preflight request."""
    sent = {"origin": ORIGIN, "access-control-request-method": method, **more}
    return {**sent, "access-control-request-headers": headers} if headers else sent


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (ORIGIN, True),
        ("HTTPS://APP.EXAMPLE.ORG", True),
        ("http://app.example.org", False),
        ("https://app.example.org.evil.com", False),
        ("https://evil.com", False),
        ("null", False),
        ("https://a.wild.example", True),
        ("https://a.b.wild.example", True),
        ("https://wild.example", False),
        ("https://evil.com/.wild.example", False),
        ("https://a.wild.example.evil.com", False),
    ],
)
async def test_only_named_origins_may_read_answers(origin: str, allowed: bool) -> None:
    response = await client_with().get("/x", headers={"origin": origin})
    assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert response.headers["vary"] == "Origin"
    assert response.text == "x"


@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/missing", 404), ("/no", 404)])
async def test_errors_can_be_read_too(path: str, status: int) -> None:
    response = await client_with().get(path, headers={"origin": ORIGIN})
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_without_settings_nothing_is_allowed() -> None:
    app = OpenViper(middleware=["openviper.middleware.CORSMiddleware"])
    app.get("/x")(lambda: "x")
    response = await app.test_client().get("/x", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in response.headers
    with override(CORS_ALLOWED_ORIGINS=("*",)):
        response = await app.test_client().get("/x", headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "vary" not in response.headers


async def test_a_preflight_request_is_told_what_is_allowed() -> None:
    client = client_with(
        allowed_methods=["GET", "PUT"],
        allowed_headers=["x-a", "x-b"],
        allow_credentials=True,
        max_age=60,
    )
    response = await client.options("/x", headers=preflight(headers="X-A"))
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-allow-methods"] == "GET, PUT"
    assert response.headers["access-control-allow-headers"] == "x-a, x-b"
    assert response.headers["access-control-max-age"] == "60"
    assert "Access-Control-Request-Method" in response.headers["vary"]


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (preflight("DELETE"), "method"),
        (preflight(headers="x-other"), "headers"),
        ({**preflight(), "origin": "https://evil.example"}, "origin"),
    ],
)
async def test_a_preflight_request_for_something_else_is_refused(
    sent: dict[str, str], word: str
) -> None:
    response = await client_with(allowed_methods=["GET", "PUT"]).options("/x", headers=sent)
    assert response.status_code == 400
    assert word in response.text
    assert "access-control-allow-origin" not in response.headers


async def test_any_header_may_be_sent_where_the_star_says_so() -> None:
    client = client_with(allowed_methods=["PUT"], allowed_headers=["*"])
    response = await client.options("/x", headers=preflight(headers="x-1, x-2"))
    assert response.headers["access-control-allow-headers"] == "x-1, x-2"


async def test_private_networks_are_opened_only_where_it_is_asked_for() -> None:
    asking = preflight("GET") | {"access-control-request-private-network": "true"}
    closed = await client_with().options("/x", headers=asking)
    opened = await client_with(allow_private_network=True).options("/x", headers=asking)
    name = "access-control-allow-private-network"
    assert name not in closed.headers and opened.headers[name] == "true"


async def test_a_handler_may_have_a_policy_of_its_own() -> None:
    client = client_with()
    own = {"origin": "https://own.example"}
    assert (await client.get("/own", headers=own)).headers["access-control-allow-origin"]
    assert (
        "access-control-allow-origin"
        not in (await client.get("/own", headers={"origin": ORIGIN})).headers
    )
    response = await client.options("/own", headers=preflight("GET", origin="https://own.example"))
    assert response.status_code == 204


async def test_a_handler_of_one_host_may_have_a_policy_of_its_own() -> None:
    app = OpenViper(middleware=[(CORSMiddleware, {"policy": CORSPolicy([ORIGIN])})])
    router = Router(host="api.example.org")

    @router.put("/items/{id:int}")
    @cors_policy(CORSPolicy(["https://own.example"], allowed_methods=["PUT"]))
    async def change(request: Request, id: int) -> str:
        return str(id)

    app.include_router(router)
    with override(ALLOWED_HOSTS=(".example.org",)):
        client = app.test_client(base_url="http://api.example.org")
        asked = preflight("PUT", origin="https://own.example")
        assert (await client.options("/items/5", headers=asked)).status_code == 204
        assert (await client.options("/items/5", headers=preflight("PUT"))).status_code == 400


async def test_an_ordinary_options_request_reaches_the_application() -> None:
    response = await client_with().options("/x", headers={"origin": ORIGIN})
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


def test_a_star_among_exposed_headers_with_cookies_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expose_headers"):
        CORSPolicy([ORIGIN], allow_credentials=True, expose_headers=["*"])
    assert CORSPolicy([ORIGIN], expose_headers=["*"]).expose_headers == ("*",)


def test_every_origin_with_cookies_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        CORSPolicy(["*"], allow_credentials=True)


@pytest.mark.parametrize(
    ("allowed", "origin", "allows"),
    [
        ("https://a.example/", "https://a.example", True),
        ("HTTPS://A.example", "https://a.EXAMPLE", True),
        ("https://a.example", "https://a.example:443", False),
        ("https://a.example:8443", "https://a.example:8443", True),
        ("https://*.a.example:8443", "https://x.a.example:8443", True),
        ("https://*.a.example:8443", "https://x.a.example", False),
        ("https://*.a.example", "https://x@y.a.example", False),
        ("https://*.a.example", "https://x:1.a.example", False),
        ("https://*.a.example", "https://" + "x" * 254 + ".a.example", False),
        ("https://*.a.example", "https://xXa.example", False),
        ("https://a.example", "https://aXexample", False),
        ("*", "null", True),
        ("null", "null", True),
        ("https://a.example:443", "https://a.example", True),
        ("http://a.example:443", "http://a.example", False),
        ("http://[::1]:80/", "http://[::1]", True),
        ("app://*.a.example", "app://x.a.example", True),
    ],
)
def test_which_origins_a_policy_names(allowed: str, origin: str, allows: bool) -> None:
    assert CORSPolicy([allowed]).allows(origin) is allows
    assert not CORSPolicy([]).allows(origin)


@pytest.mark.parametrize(
    ("policy", "method", "headers", "refusal"),
    [
        ({}, "GET", "", ""),
        ({}, "get", "", ""),
        ({}, "PUT", "", "method"),
        ({"allowed_methods": ["put"]}, "PUT", "", ""),
        ({}, "GET", "x-a", "headers"),
        ({"allowed_headers": ["X-A"]}, "GET", "x-a", ""),
        ({"allowed_headers": ["X-A"]}, "GET", " x-a ,, X-A", ""),
        ({"allowed_headers": ["X-A"]}, "GET", "x-a, x-b", "headers"),
        ({"allowed_headers": ["*"]}, "GET", "x-a, x-b", ""),
        ({}, "GET", " , ", ""),
        ({}, "", "", "method"),
        ({"allowed_methods": ["*"]}, "", "", "method"),
        ({"allowed_methods": ["*"]}, "GE\x01T", "", "method"),
        ({"allowed_methods": ["*"]}, "GÉT", "", "method"),
        ({"allowed_headers": ["*"]}, "GET", "x-a, x b", "headers"),
        ({"allowed_headers": ["*"]}, "GET", "x-\x7f", "headers"),
    ],
)
def test_what_a_page_wants_to_send_is_refused_by_its_first_fault(
    policy: dict[str, Any], method: str, headers: str, refusal: str
) -> None:
    made = CORSPolicy([ORIGIN], **policy)
    assert made.refusal(ORIGIN, method, headers) == refusal
    assert made.refusal("https://evil.example", method, headers) == "origin"


async def raw_preflight(policy: CORSPolicy, *lines: tuple[str, str]) -> Message:
    """Return the head of the answer to a preflight request with headers that no test client sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a preflight request is answered by the middleware")

    pairs = [
        ("origin", ORIGIN),
        *((f"access-control-request-{name}", text) for name, text in lines),
    ]
    scope = {
        "type": "http",
        "method": "OPTIONS",
        "path": "/x",
        "headers": [(name.encode(), text.encode("latin-1")) for name, text in pairs],
    }
    await CORSMiddleware(nothing, policy)(scope, receive, send)
    return sent[0]


@pytest.mark.parametrize(
    "odd", ["\x01", "x\x1f", "\x7f", "x\x85", "a b", "\xa0", "x-ok\x1c, x-too"]
)
async def test_what_no_request_has_is_never_an_error_of_ours(odd: str) -> None:
    policy = CORSPolicy([ORIGIN], allowed_methods=["*"], allowed_headers=["*"])
    for lines in ([("method", odd)], [("method", "GET"), ("headers", odd)]):
        head = await raw_preflight(policy, *lines)
        assert head["status"] in (204, 400)
        values = b" ".join(value for _, value in head["headers"]).decode("latin-1")
        assert values.isascii() and values.isprintable()


async def test_headers_in_several_lines_are_all_looked_at() -> None:
    policy = CORSPolicy([ORIGIN], allowed_headers=["x-a"])
    for second, status in (("x-a", 204), ("x-b", 400)):
        lines = [("method", "GET"), ("headers", "x-a"), ("headers", second)]
        assert (await raw_preflight(policy, *lines))["status"] == status


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {"origin": ORIGIN}),
        ({"allow_credentials": True}, {"origin": ORIGIN, "credentials": "true"}),
        ({"expose_headers": ["X-A", "X-B"]}, {"origin": ORIGIN, "expose-headers": "X-A, X-B"}),
        ({"allowed_origins": ["*"]}, {"origin": "*"}),
    ],
)
def test_what_an_allowed_origin_is_told(options: dict[str, Any], headers: dict[str, str]) -> None:
    told = CORSPolicy(**{"allowed_origins": [ORIGIN], **options}).answer_headers(ORIGIN)
    names = {"origin": "allow-origin", "credentials": "allow-credentials"}
    expected = {f"access-control-{names.get(name, name)}": text for name, text in headers.items()}
    assert dict(told) == expected


@pytest.mark.parametrize(
    "origin",
    [
        "a.example",
        "*.a.example",
        "https://*",
        "https://*.a.*",
        "https://a.example/x",
        "https://",
        "",
    ],
)
def test_what_is_no_origin_is_a_mistake_and_not_silently_nobody(origin: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(origin))):
        CORSPolicy([origin])
    for name in ("CORS_ALLOWED_ORIGINS", "WEBSOCKET_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"):
        with pytest.raises(OpenViperTestingConfigError, match=name), override(**{name: (origin,)}):
            pass


@pytest.mark.parametrize(
    "given",
    [
        {"allowed_origins": "https://a.example"},
        {"allowed_methods": "GET"},
        {"allowed_headers": "X-One"},
        {"expose_headers": "X-One"},
    ],
)
def test_one_text_is_not_several(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="not a text"):
        CORSPolicy(**{"allowed_origins": [ORIGIN], **given})


@pytest.mark.parametrize("words", [["GE T"], [""], ["X:"], ["GET, POST"]])
def test_words_that_no_request_has_are_mistakes(words: list[str]) -> None:
    for name in ("allowed_methods", "allowed_headers", "expose_headers"):
        given: dict[str, Any] = {name: words}
        with pytest.raises(ValueError, match=name):
            CORSPolicy([ORIGIN], **given)


async def test_any_method_may_be_allowed() -> None:
    policy = CORSPolicy([ORIGIN], allowed_methods=["*"])
    app = OpenViper(debug=False, middleware=[(CORSMiddleware, {"policy": policy})])
    response = await app.test_client().options("/x", headers=preflight("PURGE"))
    assert response.headers["access-control-allow-methods"] == "PURGE"


def app_with_views() -> OpenViper:
    """Return an application whose views have policies in every way that one can be given."""
    policy = cors_policy(CORSPolicy([ORIGIN]))
    app = OpenViper(debug=False, middleware=[(CORSMiddleware, {"policy": CORSPolicy([])})])

    @policy
    class Whole(View):
        async def get(self, request: Request) -> str:
            return "x"

    class Made(View):
        async def get(self, request: Request) -> str:
            return "x"

    class Method(View):
        @policy
        async def get(self, request: Request) -> str:
            return "x"

        async def post(self, request: Request) -> str:
            return "x"

    app.router.add("/whole", Whole.as_view())
    app.router.add("/made", policy(Made.as_view()))
    Method.register(app.router, "/method")
    return app


@pytest.mark.parametrize("path", ["/whole", "/made", "/method"])
async def test_views_and_their_methods_have_policies_of_their_own(path: str) -> None:
    client = app_with_views().test_client()
    answer = await client.get(path, headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert (await client.options(path, headers=preflight("GET"))).status_code == 204
    other = await client.options("/method", headers=preflight("POST"))
    assert other.status_code == 400


async def test_a_policy_of_its_own_counts_though_a_middleware_has_copied_the_scope() -> None:
    class Copying:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(dict(scope), receive, send)

    outer = (CORSMiddleware, {"policy": CORSPolicy([])})
    app = OpenViper(debug=False, middleware=[outer, Copying])

    @app.get("/x")
    @cors_policy(CORSPolicy([ORIGIN]))
    async def view(request: Request) -> str:
        return "x"

    response = await app.test_client().get("/x", headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == ORIGIN
