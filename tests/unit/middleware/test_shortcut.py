"""One step through session, authentication and CSRF does what the three do one after the other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper import (
    HTMLResponse,
    JSONResponse,
    OpenViper,
    Request,
    StreamingResponse,
    WebSocket,
)
from openviper.auth.authentications import BaseAuthentication, Identified, SessionAuthentication
from openviper.auth.token_authentications import APIKeyAuthentication, JWTAuthentication
from openviper.core.context import current_exchange, current_user
from openviper.exceptions import AuthenticationFailed, HTTPException
from openviper.http import EventSourceResponse, RedirectResponse
from openviper.http.answer import Answer
from openviper.http.asgi import (
    AUTH,
    CSRF,
    KEPT_SESSION,
    USER,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
)
from openviper.http.connection import Connection
from openviper.http.shortcut import (
    LONGEST_HARMLESS,
    MOST_HARMLESS,
    Fused,
    Shortcut,
    is_complete,
    shortcut_of,
)
from openviper.middleware.auth import AuthenticationMiddleware
from openviper.middleware.base import BaseMiddleware, build_middleware_stack
from openviper.middleware.csrf import CSRFMiddleware
from openviper.middleware.security import SecurityMiddleware
from openviper.sessions.middleware import SessionMiddleware
from openviper.template.context import CSRF_FIELD
from openviper.testing import TestUser
from openviper.testing import override_openviper_settings as override

FUSED = (SecurityMiddleware, SessionMiddleware, AuthenticationMiddleware, CSRFMiddleware)


ROBOT = TestUser(username="robot")
WAYS = (
    "openviper.auth.authentications.SessionAuthentication",
    "openviper.auth.token_authentications.JWTAuthentication",
    "openviper.auth.token_authentications.TokenAuthentication",
    "openviper.auth.token_authentications.APIKeyAuthentication",
)


class PlainSecurity(SecurityMiddleware):
    """Has no shortcut, for what a derived class does is not known."""


class PlainSession(SessionMiddleware):
    """Has no shortcut."""


class PlainAuthentication(AuthenticationMiddleware):
    """Has no shortcut."""


class PlainCSRF(CSRFMiddleware):
    """Has no shortcut."""


UNFUSED = (PlainSecurity, PlainSession, PlainAuthentication, PlainCSRF)


class Between(BaseMiddleware):
    """Stands between them and knows nothing of shortcuts."""


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing but what a test puts around its application, and one token that is good."""
    (tmp_path / "form.html").write_text("<form>{{ csrf_field() and 'a field' }}</form>")
    monkeypatch.setattr(JWTAuthentication, "identify", _identify)
    monkeypatch.setattr(APIKeyAuthentication, "identify", _identify)
    with override(
        SECRET_KEY="k" * 60,
        MIDDLEWARE=(),
        ALLOWED_HOSTS=("localhost",),
        SESSION_STORE="memory",
        TEMPLATES_DIR=str(tmp_path),
        DEFAULT_AUTHENTICATION_CLASSES=WAYS,
    ):
        yield


async def _identify(_way: BaseAuthentication, given: str) -> Identified:
    if given != "right":
        raise AuthenticationFailed
    return ROBOT, {"type": "robot"}


async def pieces() -> AsyncIterator[bytes]:
    """Yield a stream."""
    yield b"one"
    yield b"two"


async def broken_pieces() -> AsyncIterator[bytes]:
    """Fail before the first piece."""
    for piece in list[bytes]():
        yield piece
    raise LookupError("no piece")


class Refuses(BaseMiddleware):
    """Refuses one path, inside of the others."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope.get("path") == "/refused-outside":
            raise HTTPException(418, "not here")
        return self.app(scope, receive, send)


def note(request: Request, seen: list[Any]) -> None:
    exchange = current_exchange.get()
    assert exchange is not None
    assert exchange.watcher is request.scope[KEPT_SESSION]
    scope = request.scope
    seen.append((scope[USER], scope.get(AUTH), current_user.get(), exchange.user, CSRF in scope))


def _add_answers(app: OpenViper, seen: list[Any]) -> None:
    @app.route("/json", methods=["GET", "POST"])
    async def answer_json(request: Request) -> JSONResponse:
        note(request, seen)
        return JSONResponse({"session": len(request.session), "user": str(request.user)})

    @app.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        note(request, seen)
        return StreamingResponse(pieces())

    @app.get("/events")
    async def events(request: Request) -> EventSourceResponse:
        note(request, seen)
        return EventSourceResponse(pieces())

    @app.get("/background")
    async def background(request: Request) -> str:
        request.after_response(seen.append, "worked")
        return "later"

    @app.get("/redirect")
    async def redirect(_request: Request) -> RedirectResponse:
        return RedirectResponse("/json")

    @app.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(f"{socket.user} {socket.auth['type']}")


def _add_errors(app: OpenViper) -> None:
    @app.get("/broken-stream")
    async def broken_stream(_request: Request) -> StreamingResponse:
        return StreamingResponse(broken_pieces())

    @app.get("/error")
    async def error(_request: Request) -> str:
        raise LookupError("wrong")

    @app.get("/refused")
    async def refused(_request: Request) -> str:
        raise HTTPException(409, "taken")


def _add_sessions(app: OpenViper, seen: list[Any]) -> None:
    @app.get("/token")
    async def token(request: Request) -> str:
        note(request, seen)
        return str(len(request.csrf_token))

    @app.get("/text")
    async def text(request: Request) -> str:
        return request.csrf_token

    @app.get("/form")
    async def form(request: Request) -> HTMLResponse:
        note(request, seen)
        return HTMLResponse(template="form.html")

    @app.get("/touch")
    async def touch(request: Request) -> str:
        request.session["what"] = "touched"
        note(request, seen)
        return "touched"

    @app.get("/log-in")
    async def log_in(request: Request) -> str:
        session: Any = request.session
        before = request.csrf_token
        await session.log_in("1", "f")
        note(request, seen)
        return f"{len(before)} {len(request.csrf_token)} {session.user_id}"


def make_app(middleware: tuple[Any, ...], seen: list[Any]) -> OpenViper:
    """Return an application that notes what its handlers find."""
    app = OpenViper(debug=False, middleware=(*middleware, Refuses))
    _add_answers(app, seen)
    _add_errors(app)
    _add_sessions(app, seen)
    return app


async def ask(
    app: ASGIApp, method: str, path: str, *headers: tuple[bytes, bytes], **more: Any
) -> Any:
    """Return status, headers but the values of cookies, and body."""
    scope: Scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers], "scheme": "http", "client": ("127.0.0.1", 5),
        "server": ("localhost", 80), "http_version": "1.1", "root_path": "", **more,
    }  # fmt: skip
    sent: list[Message] = []
    body: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        # A server waits for the client; what listens for its leaving would never let go of the loop otherwise.
        if not body:
            await asyncio.Event().wait()
        return body.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    shown = [
        (name, value.partition(b"=")[0] if name == b"set-cookie" else value)
        for name, value in sent[0]["headers"]
    ]
    return sent[0]["status"], shown, b"".join(message.get("body", b"") for message in sent)


ORIGIN = (b"origin", b"https://elsewhere.example")
REQUESTS: list[tuple[Any, ...]] = [
    ("GET", "/json"),
    ("HEAD", "/json"),
    ("POST", "/json"),
    ("POST", "/json", ORIGIN),
    ("POST", "/json", (b"sec-fetch-site", b"cross-site")),
    ("GET", "/json", ORIGIN),
    ("GET", "/json", (b"cookie", b"other=1")),
    ("POST", "/json", (b"cookie", b"sessionid=x; sessionid=y")),
    ("POST", "/json", (b"host", b"localhost")),
    ("GET", "/json", (b"transfer-encoding", b"chunked"), (b"content-length", b"1")),
    ("GET", "/json", (b"x-odd", b"a\nb")),
    ("GET", "/json", (b"accept", b"a\rb")),
    ("GET", "/json", (b"accept", b"*/*"), (b"accept", b"*/*")),
    ("GET", "/json", (b"accept", b"*/*"), (b"user-agent", b"x"), (b"x-trace", b"1")),
    ("GET", "/json", (b"user-agent", b"a\0b"), (b"accept", b"*/*")),
    ("GET", "/json", (b"host", b"localhost"), (b"accept", b"*/*")),
    ("GET", "/json", (b"host", b"elsewhere")),
    ("POST", "/json", (b"content-type", b"text/a"), (b"content-type", b"text/a")),
    ("POST", "/json", (b"content-length", b"0"), (b"content-type", b"text/a")),
    ("POST", "/json", (b"transfer-encoding", b"chunked")),
    ("POST", "/json", (b"Origin", b"https://elsewhere.example")),
    ("POST", "/json", (b"Cookie", b"sessionid=x")),
    ("GET", "/json", (b"Authorization", b"Bearer right")),
    ("GET", "/json", (b"authorization", b"Bearer right")),
    ("GET", "/json", (b"authorization", b"bearer right"), (b"authorization", b"bearer right")),
    ("POST", "/json", (b"authorization", b"Api-Key right"), ORIGIN),
    ("POST", "/json", (b"authorization", b"Api-Key wrong"), ORIGIN),
    ("POST", "/json", (b"referer", b"")),
    ("POST", "/json", (b"x-odd", b"1"), (b"x-odd", b"2"), ORIGIN),
    ("GET", "/json", (b"cookie", b"")),
    ("POST", "/json", (b"cookie", b"")),
    ("POST", "/json", (b"cookie", b"a=1"), (b"cookie", b"sessionid=x")),
    ("POST", "/json", (b"cookie", b"csrftoken=x")),
    ("get", "/json"),
    ("G@T", "/json"),
    ("PURGE", "/json"),
    ("OPTIONS", "/json"),
    ("DELETE", "/json"),
    ("GET", "/token"),
    ("GET", "/stream"),
    ("GET", "/broken-stream"),
    ("GET", "/error"),
    ("GET", "/refused"),
    ("GET", "/refused-outside"),
    ("GET", "/redirect"),
    ("GET", "/events"),
    ("GET", "/background"),
    ("GET", "/form"),
    ("GET", "/touch"),
    ("GET", "/log-in"),
    ("GET", "/nowhere"),
    ("GET", "/nowhere", (b"accept", b"text/html")),
]


@pytest.mark.parametrize("request_line", REQUESTS, ids=str)
async def test_every_kind_of_answer_is_the_same_in_one_step(request_line: tuple[Any, ...]) -> None:
    fused: list[Any] = []
    unfused: list[Any] = []
    given = [make_app(FUSED, fused), make_app(UNFUSED, unfused)]
    answers = [await ask(app, *request_line) for app in given]
    # A host is known from the second request on, and other headers from the third.
    again = [await ask(app, *request_line) for app in given for _ in range(2)]
    for app in given:
        await app.background.finish()
    assert answers[0] == answers[1]
    assert again == [answers[0]] * 2 + [answers[1]] * 2
    assert fused == unfused


async def _browse(app: OpenViper) -> list[Any]:
    """Return what a browser with cookies sees from its first page to a form it has sent."""
    client = app.test_client(base_url="http://localhost")
    own = {"origin": "http://localhost"}
    refused = await client.post("/json", headers=own)
    token = await client.get("/text")
    wrong = await client.post("/json", headers=own, data={CSRF_FIELD: "x" * 43})
    accepted = await client.post("/json", headers=own, data={CSRF_FIELD: token.text})
    foreign = await client.post("/json", headers={"origin": "https://elsewhere.example"})
    touched = await client.get("/touch")
    carried = await client.post("/json", headers={**own, "x-csrftoken": token.text})
    logged_in = await client.get("/log-in")
    old = await client.post("/json", headers={**own, "x-csrftoken": token.text})
    answers = (refused, wrong, accepted, foreign, touched, carried, logged_in, old)
    return [(answer.status_code, answer.text) for answer in answers]


async def test_a_browser_sees_the_same_and_its_forms_are_checked() -> None:
    fused = await _browse(make_app(FUSED, []))
    assert fused == await _browse(make_app(UNFUSED, []))
    assert [status for status, _ in fused] == [403, 403, 200, 403, 200, 200, 200, 403]


@pytest.mark.parametrize("head", [{}, {"authorization": "Bearer right"}], ids=str)
async def test_a_websocket_takes_the_ordinary_way(head: dict[str, str]) -> None:
    said = []
    for middleware in (FUSED, UNFUSED):
        client = make_app(middleware, []).test_client(base_url="http://localhost")
        async with client.websocket("/socket", headers=head) as socket:
            said.append(await socket.receive_text())
    assert said[0] == said[1]
    assert said[0].endswith("robot" if head else "none")


@pytest.mark.parametrize("cookie", ["renamed", "sessionid"])
async def test_names_of_cookies_may_change_while_an_application_runs(cookie: str) -> None:
    app = make_app(FUSED, [])
    post = ("POST", "/json", (b"cookie", f"{cookie}=1".encode()))
    assert (await ask(app, *post))[0] == (403 if cookie == "sessionid" else 200)
    with override(SESSION_COOKIE_NAME="renamed"):
        assert (await ask(app, *post))[0] == (403 if cookie == "renamed" else 200)


async def test_a_session_is_read_where_no_way_looks_for_cookies() -> None:
    with override(DEFAULT_AUTHENTICATION_CLASSES=WAYS[1:2]):
        client = make_app(FUSED, []).test_client(base_url="http://localhost")
        await client.get("/touch")
        assert (await client.get("/json")).json()["session"] == 1


class ByQuery(BaseAuthentication):
    """Knows who asks by what stands in the address; says no header."""

    async def authenticate(self, request: Connection) -> Identified | None:
        return (ROBOT, {"type": "query"}) if request.scope["query_string"] == b"right" else None


async def test_credentials_that_stand_in_no_header_are_found() -> None:
    seen: list[Any] = []
    with override(DEFAULT_AUTHENTICATION_CLASSES=(*WAYS, f"{__name__}.ByQuery")):
        await ask(make_app(FUSED, seen), "GET", "/json", query_string=b"right")
    assert seen[0][0] is ROBOT


class BySpelling(BaseAuthentication):
    """Says its header in capitals."""

    offered_in = b"X-Who"

    async def authenticate(self, request: Connection) -> Identified | None:
        return (ROBOT, {"type": "who"}) if request.header(b"x-who") else None


async def test_a_header_said_in_capitals_is_the_same_header() -> None:
    seen: list[Any] = []
    with override(DEFAULT_AUTHENTICATION_CLASSES=(f"{__name__}.BySpelling",)):
        await ask(make_app(FUSED, seen), "GET", "/json", (b"x-who", b"me"))
    assert seen[0][0] is ROBOT


def _with_a_guard_inside(app: ASGIApp) -> ASGIApp:
    return CSRFMiddleware(Refuses(app))


async def test_what_a_function_puts_inside_of_a_middleware_is_not_passed_by() -> None:
    entries = (SessionMiddleware, AuthenticationMiddleware, _with_a_guard_inside)
    app = OpenViper(debug=False, middleware=entries)
    assert (await ask(app, "GET", "/refused-outside"))[0] == 418


async def test_a_user_whom_somebody_outside_has_found_stays() -> None:
    seen: list[Any] = []
    await ask(make_app(FUSED, seen), "GET", "/json", user="somebody")
    assert seen[0][0] == seen[0][2] == seen[0][3] == "somebody"


async def test_each_request_has_its_own_session_and_user() -> None:
    made: list[Any] = []
    app = OpenViper(debug=False, middleware=FUSED)

    @app.get("/")
    async def keep(request: Request) -> str:
        made.append((request.scope[KEPT_SESSION], request.scope[USER]))
        return ""

    await ask(app, "GET", "/")
    await ask(app, "GET", "/")
    assert made[0][0] is not made[1][0]
    assert made[0][1] is not made[1][1]


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    """Stand for the application."""


@pytest.mark.parametrize(
    ("entries", "is_fused"),
    [
        (FUSED[1:], True),
        (FUSED[1:3], True),
        (UNFUSED[1:], False),
        ((SessionMiddleware, AuthenticationMiddleware, PlainCSRF), True),
        ((SessionMiddleware, Between, AuthenticationMiddleware, CSRFMiddleware), False),
        (FUSED[2:], False),
        ((SessionMiddleware,), False),
        ((SecurityMiddleware,), True),
        (FUSED, True),
    ],
)
def test_only_neighbours_that_make_what_each_other_needs_become_one_step(
    entries: tuple[Any, ...], is_fused: bool
) -> None:
    stack = build_middleware_stack(_inner, entries)
    assert isinstance(getattr(stack, "__self__", None), Fused) is is_fused


class ByCookie(SessionAuthentication):
    """Is asked for every request, as it does not say itself where its credentials are."""


def test_ways_that_do_not_say_where_their_credentials_are_have_no_shortcut() -> None:
    with override(DEFAULT_AUTHENTICATION_CLASSES=(f"{__name__}.ByCookie",)):
        assert shortcut_of(AuthenticationMiddleware(_inner), _inner) is None
    shortcut = shortcut_of(AuthenticationMiddleware(_inner), _inner)
    assert shortcut is not None
    assert shortcut.headers == {b"cookie", b"authorization"}


def test_what_one_needs_has_to_be_made_outside_of_it() -> None:
    makes = Shortcut(made=(("a", dict, "user"),))
    needs = Shortcut(needs=frozenset({"a"}))
    assert is_complete([makes, needs])
    assert not is_complete([needs, makes])


def test_nothing_is_left_where_something_is_there_already() -> None:
    seen: list[Any] = []

    def ordinary(scope: Scope, _receive: Receive, _send: Send) -> Any:
        seen.append(("ordinary", dict(scope)))

    def inside(scope: Scope, _receive: Receive, _send: Send) -> Any:
        seen.append(("inside", dict(scope)))

    first = Shortcut(made=(("a", list, "user"),), present=frozenset({"b"}))
    second = Shortcut(constants={"c": 1, 'd" in': "x"}, present=frozenset({"e"}))
    step: Any = Fused([first, second], ordinary, inside)
    answer = Answer()
    for there in ("b", "e", "other"):
        step({"type": "http", "headers": [], there: 0}, None, answer)
    left = {"a": [], "c": 1, 'd" in': "x"}
    start = {"type": "http", "headers": []}
    assert seen == [
        ("ordinary", {**start, "b": 0}),
        ("ordinary", {**start, "e": 0}),
        ("inside", {**start, "other": 0, **left}),
    ]
    assert answer.user == [] and answer.user is seen[-1][1]["a"]


SCHEMES = [("http", False), ("https", False), ("http", True), ("https", True), ("odd", True)]


@pytest.mark.parametrize(("scheme", "redirects"), SCHEMES)
async def test_schemes_are_told_apart_in_one_step(scheme: str, redirects: bool) -> None:
    with override(SECURE_SSL_REDIRECT=redirects, SECURE_HSTS_SECONDS=60):
        given = [make_app(middleware, []) for middleware in (FUSED, UNFUSED)]
        answers = [await ask(app, "GET", "/json", scheme=scheme) for app in given for _ in range(2)]
    assert answers == [answers[0]] * 4
    assert answers[0][0] == (301 if redirects and scheme == "http" else 200)


@pytest.mark.parametrize("host", [b"elsewhere", b""])
async def test_a_host_is_judged_whatever_was_asked_before(host: bytes) -> None:
    app = _bare()
    for _ in range(3):
        assert (await ask(app, "GET", "/"))[0] == 200
    assert (await ask(app, "GET", "/", headers=[(b"host", host)]))[0] == 400
    assert (await ask(app, "GET", "/", headers=[(b"accept", b"*/*")]))[0] == 400
    twice = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert (await ask(app, "GET", "/", headers=twice))[0] == 400


def _bare() -> OpenViper:
    """Return an application with nothing but the default middleware."""
    app = OpenViper(debug=False, middleware=FUSED)

    @app.get("/")
    async def answer(_request: Request) -> str:
        return ""

    return app


async def test_headers_in_lists_are_judged_as_well() -> None:
    app = _bare()
    for _ in range(3):
        headers: list[Any] = [[b"host", b"localhost"], [b"accept", b"*/*"]]
        assert (await ask(app, "GET", "/", headers=headers))[0] == 200
        headers = [[b"host", b"localhost"], [b"accept", b"a\nb"]]
        assert (await ask(app, "GET", "/", headers=headers))[0] == 400


def _remembered(app: OpenViper) -> set[tuple[bytes, bytes]]:
    values = inspect.getclosurevars(app._enter).nonlocals
    harmless: set[tuple[bytes, bytes]] = values["harmless"]
    return harmless


async def test_few_headers_are_remembered_and_no_secrets() -> None:
    app = _bare()
    secret = (b"x-api-key", b"secret")
    long = (b"accept", b"x" * (LONGEST_HARMLESS + 1))
    for number in range(MOST_HARMLESS + 5):
        await ask(app, "GET", "/", (b"user-agent", b"%d" % number), secret, long)
    assert len(_remembered(app)) == MOST_HARMLESS
    assert {name for name, _ in _remembered(app)} == {b"user-agent"}


async def test_what_a_way_looks_for_is_not_taken_for_harmless() -> None:
    with override(DEFAULT_AUTHENTICATION_CLASSES=(f"{__name__}.ByAgent",)):
        seen: list[Any] = []
        app = make_app(FUSED, seen)
        for agent in (b"me", b"me", b"other"):
            await ask(app, "GET", "/json", (b"user-agent", agent))
    assert [user is ROBOT for user, *_ in seen] == [True, True, False]


class ByAgent(BaseAuthentication):
    """Knows who asks by a header that most requests have."""

    offered_in = b"user-agent"

    async def authenticate(self, request: Connection) -> Identified | None:
        is_me = request.header(b"user-agent") == b"me"
        return (ROBOT, {"type": "agent"}) if is_me else None
