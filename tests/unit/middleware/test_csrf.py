"""Other sites cannot send forms in our users' names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper import HTMLResponse, OpenViper, Request
from openviper.exceptions import ImproperlyConfigured
from openviper.http import BodyLimits
from openviper.http.asgi import AUTH, FORGERY_PROOF, USER, ASGIApp, Receive, Scope, Send
from openviper.middleware import CSRFMiddleware, SessionMiddleware
from openviper.testing import OpenViperTestClient
from openviper.testing import override_openviper_settings as override

SAME = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
CHAIN = (
    "openviper.sessions.middleware.SessionMiddleware",
    "openviper.middleware.csrf.CSRFMiddleware",
)
FOREIGN = "This request may come from another site."


@pytest.fixture(autouse=True)
def settings(tmp_path: Path) -> Iterator[Path]:
    """Sessions in memory, and a template."""
    (tmp_path / "form.html").write_text("<form>{{ csrf_field() }}</form> {{ csrf_token }}")
    with override(
        SECRET_KEY="k" * 60,
        SESSION_STORE="memory",
        TEMPLATES_DIR=str(tmp_path),
        MIDDLEWARE=CHAIN,
    ):
        yield tmp_path


def make_app() -> OpenViper:
    """Return an application with a form and what it is sent to."""
    app = OpenViper(debug=False)

    @app.get("/form")
    async def form(request: Request) -> HTMLResponse:
        return HTMLResponse(template="form.html")

    @app.get("/token")
    async def token(request: Request) -> str:
        return request.csrf_token

    @app.get("/remember/{what}")
    async def remember(request: Request, what: str) -> str:
        request.session["what"] = what
        return "remembered"

    @app.get("/log-in/{user}")
    async def log_in(request: Request, user: str) -> str:
        session: Any = request.session
        before = request.csrf_token
        await session.log_in(user, "f")
        return f"{before} {request.csrf_token}"

    @app.route("/act", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def act(request: Request) -> dict[str, Any]:
        is_form = "form" in (request.headers.get("content-type") or "")
        return {"fields": dict(await request.form()) if is_form else {}}

    @app.post("/large", limits=BodyLimits(form=3_000_000))
    async def large(request: Request) -> int:
        return len((await request.form())["text"])

    @app.post("/files")
    async def files(request: Request) -> str:
        return (await (await request.form()).files["a"].read()).decode()

    return app


class Browser(OpenViperTestClient):
    """A client with a token."""

    async def token(self) -> str:
        """Return a token."""
        return (await self.get("/token")).text


async def reason_of(answer: Any) -> str:
    """Return why a request was refused."""
    assert answer.status_code == 403
    detail = answer.json()["detail"]
    assert detail["message"] == FOREIGN and detail["code"] == "csrf_failed"
    return str(detail["reason"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_changes_something_needs_the_token(method: str) -> None:
    browser = Browser(make_app())
    token = await browser.token()
    refused = await browser.request(method, "/act")
    assert "token is missing" in await reason_of(refused)
    allowed = await browser.request(method, "/act", headers={"X-CSRFToken": token})
    assert allowed.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_changes_nothing_needs_none(method: str) -> None:
    browser = Browser(make_app(), headers={"origin": "https://evil.example"})
    await browser.token()
    assert (await browser.request(method, "/act")).status_code < 300


async def test_the_handler_gets_the_form_that_was_looked_into() -> None:
    browser = Browser(make_app(), headers=SAME)
    data = {"a": "1", "csrfmiddlewaretoken": await browser.token()}
    assert (await browser.post("/act", data=data)).json() == {"fields": data}


async def test_a_form_with_files_is_looked_into_too() -> None:
    browser = Browser(make_app(), headers=SAME)
    refused = await browser.post("/files", files={"a": b"content"})
    assert "cookie is missing" in await reason_of(refused)
    data = {"csrfmiddlewaretoken": await browser.token()}
    assert (await browser.post("/files", files={"a": b"content"}, data=data)).text == "content"
    refused = await browser.post("/files", files={"a": b"content"}, data={"a": "1"})
    assert "token is missing" in await reason_of(refused)


async def test_how_large_a_form_may_be_is_the_routes_to_say() -> None:
    browser = Browser(make_app(), headers=SAME)
    data = {"csrfmiddlewaretoken": await browser.token(), "text": "x" * 2_000_000}
    assert (await browser.post("/large", data=data)).text == "2000000"
    assert (await browser.post("/act", data=data)).status_code == 413
    assert (await browser.post("/nowhere", data=data)).status_code == 413


async def test_each_token_is_another_text_for_one_secret() -> None:
    browser = Browser(make_app())
    tokens = [await browser.token() for _ in range(3)]
    assert len(set(tokens)) == 3
    for token in tokens:
        assert (await browser.post("/act", headers={"X-CSRFToken": token})).status_code == 200


async def test_a_script_may_send_the_cookie_as_it_is() -> None:
    browser = Browser(make_app())
    await browser.token()
    headers = {"x-csrftoken": browser.cookies["csrftoken"], **SAME}
    assert (await browser.post("/act", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token[::-1],
        lambda token: "*" * 43,
        lambda token: "é" * 43,
        lambda token: "A" * 43,
        lambda token: token.partition(".")[0] + ".",
    ],
)
async def test_a_token_that_is_not_ours_is_refused(change: Any) -> None:
    browser = Browser(make_app(), headers=SAME)
    data = {"csrfmiddlewaretoken": change(await browser.token())}
    assert "token is wrong" in await reason_of(await browser.post("/act", data=data))


async def test_templates_have_the_field() -> None:
    browser = Browser(make_app())
    page = (await browser.get("/form")).text
    found = re.fullmatch(
        r'<form><input type="hidden" name="csrfmiddlewaretoken" value="([\w-]{43})"></form> ([\w-]{43})',
        page,
    )
    assert found is not None
    for token in found.groups():
        assert (await browser.post("/act", headers={"x-csrftoken": token})).status_code == 200


async def test_templates_have_nothing_where_nothing_checks() -> None:
    with override(MIDDLEWARE=()):
        assert (await make_app().test_client().get("/form")).text == "<form></form> "


async def test_a_page_without_a_form_gets_no_cookie() -> None:
    answer = await Browser(make_app()).get("/act")
    assert "set-cookie" not in answer.headers and "vary" not in answer.headers


async def test_a_page_with_a_form_is_for_one_browser_only() -> None:
    answer = await Browser(make_app()).get("/form")
    assert answer.headers["vary"] == "Cookie"
    assert answer.headers["cache-control"] == "private"
    again = Browser(make_app())
    await again.get("/form")
    assert "set-cookie" not in (await again.get("/form")).headers


# Where a request comes from


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"origin": "https://evil.example"}, "evil.example"),
        ({"origin": "null"}, "null"),
        ({"origin": ""}, "the page is of ''"),
        ({"origin": "http://testserver.evil.example"}, "evil.example"),
        ({"origin": "http://testserver:8080"}, "8080"),
        ({"origin": "http://evil.testserver", "sec-fetch-site": "same-site"}, "evil.testserver"),
        ({"sec-fetch-site": "cross-site"}, "cross-site"),
        ({"sec-fetch-site": "same-site"}, "same-site"),
        ({"sec-fetch-site": "nonsense"}, "nonsense"),
        ({"referer": "https://evil.example/http://testserver/"}, "another origin"),
        ({"referer": "http://[broken"}, "another origin"),
        ({"referer": "about:blank"}, "another origin"),
    ],
)
async def test_what_comes_from_elsewhere_is_refused_even_with_the_token(
    headers: dict[str, str], why: str
) -> None:
    browser = Browser(make_app())
    token = await browser.token()
    answer = await browser.post("/act", headers={**headers, "x-csrftoken": token})
    assert why in await reason_of(answer)


@pytest.mark.parametrize(
    "headers",
    [
        SAME,
        {"origin": "HTTP://TESTSERVER"},
        {"origin": "http://testserver:80"},
        {"origin": "https://testserver"},  # A proxy that speaks https for us.
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"referer": "http://testserver/form?a=b"},
    ],
)
async def test_what_comes_from_our_own_pages_is_let_through(headers: dict[str, str]) -> None:
    browser = Browser(make_app())
    token = await browser.token()
    answer = await browser.post("/act", headers={**headers, "x-csrftoken": token})
    assert answer.status_code == 200


async def test_a_page_without_https_is_not_ours_where_we_have_it() -> None:
    browser = Browser(make_app(), base_url="https://testserver")
    headers = {"x-csrftoken": await browser.token(), "origin": "http://testserver"}
    assert "http://testserver" in await reason_of(await browser.post("/act", headers=headers))
    assert (
        "Secure"
        in (await Browser(make_app(), "https://testserver").get("/form")).headers["set-cookie"]
    )


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://app.example.org", True),
        ("https://a.sub.example.net", True),
        ("https://sub.example.net", False),
        ("https://evil.example/.sub.example.net", False),
        ("https://app.example.org.evil.example", False),
        ("http://app.example.org", False),
    ],
)
async def test_other_origins_may_be_trusted(origin: str, allowed: bool) -> None:
    trusted = ("https://app.example.org", "https://*.sub.example.net")
    with override(CSRF_TRUSTED_ORIGINS=trusted):
        browser = Browser(make_app())
        headers = {"x-csrftoken": await browser.token(), "origin": origin}
        answer = await browser.post("/act", headers=headers)
        assert answer.status_code == (200 if allowed else 403)


async def test_what_no_browser_has_sent_needs_no_token() -> None:
    answer = await make_app().test_client().post("/act", json={"a": 1})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["sessionid", "csrftoken"])
async def test_what_comes_with_a_cookie_of_ours_does(name: str) -> None:
    client = make_app().test_client(cookies={name: "x" * 64})
    assert "cookie is missing" in await reason_of(await client.post("/act", json={"a": 1}))


# Bound to the session


async def test_a_secret_of_another_session_is_not_taken() -> None:
    app = make_app()
    attacker, victim = Browser(app), Browser(app)
    for browser in (attacker, victim):
        await browser.get("/log-in/7")
    token = await attacker.token()
    # A sub-domain has put the attacker's cookie into the victim's browser.
    cookie = f"sessionid={victim.cookies['sessionid']}; csrftoken={attacker.cookies['csrftoken']}"
    answer = await app.test_client().post(
        "/act", headers={"cookie": cookie, "x-csrftoken": token, **SAME}
    )
    assert "not of this session" in await reason_of(answer)


async def test_nor_is_one_of_nobodys_session() -> None:
    app = make_app()
    attacker, victim = Browser(app), Browser(app)
    token = await attacker.token()
    await victim.get("/log-in/7")
    cookie = f"sessionid={victim.cookies['sessionid']}; csrftoken={attacker.cookies['csrftoken']}"
    answer = await app.test_client().post("/act", headers={"cookie": cookie, "x-csrftoken": token})
    assert "not of this session" in await reason_of(answer)


async def test_a_tossed_cookie_beside_ours_does_no_harm() -> None:
    app = make_app()
    browser = Browser(app)
    token = await browser.token()
    cookie = f"csrftoken=tossed.abc; csrftoken={browser.cookies['csrftoken']}"
    answer = await app.test_client().post("/act", headers={"cookie": cookie, "x-csrftoken": token})
    assert answer.status_code == 200


async def test_two_session_cookies_are_none() -> None:
    app = make_app()
    browser = Browser(app)
    await browser.get("/remember/a")
    cookie = f"sessionid={'x' * 64}; sessionid={browser.cookies['sessionid']}"
    assert "not of this" in await reason_of(
        await app.test_client().post("/act", headers={"cookie": cookie})
    )


async def test_a_login_makes_earlier_tokens_worthless() -> None:
    browser = Browser(make_app())
    old = await browser.token()
    before, after = (await browser.get("/log-in/7")).text.split()
    for token in (old, before):
        answer = await browser.post("/act", headers={"x-csrftoken": token})
        assert "token is wrong" in await reason_of(answer)
    assert (await browser.post("/act", headers={"x-csrftoken": after})).status_code == 200


async def test_a_session_that_only_begins_leaves_open_forms_good() -> None:
    browser = Browser(make_app())
    token = await browser.token()
    await browser.get("/remember/something")
    assert "sessionid" in browser.cookies
    assert (await browser.post("/act", headers={"x-csrftoken": token})).status_code == 200


# Who is let off


class ByToken:
    """Stands for a middleware that has found out who asks from a token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == b"authorization" for name, _ in scope["headers"]):
            scope[USER], scope[AUTH], scope[FORGERY_PROOF] = "robot", {"type": "token"}, True
        await self.app(scope, receive, send)


async def test_only_who_has_a_token_of_ours_in_place_of_a_session_is_let_off() -> None:
    with override(MIDDLEWARE=(CHAIN[0], f"{__name__}.ByToken", CHAIN[1])):
        client = make_app().test_client(headers={"origin": "https://evil.example"})
        assert (await client.post("/act")).status_code == 403
        answer = await client.post("/act", headers={"authorization": "Bearer x"})
        assert answer.status_code == 200


async def test_a_header_that_nobody_has_checked_lets_nobody_off() -> None:
    browser = Browser(make_app(), headers={"authorization": "Bearer nonsense"})
    await browser.token()
    assert (await browser.post("/act")).status_code == 403


# The rest


async def test_people_get_a_page_that_says_why() -> None:
    browser = Browser(make_app(), headers={"accept": "text/html"})
    await browser.token()
    answer = await browser.post("/act")
    assert answer.status_code == 403 and "token is missing" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_refusal_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(make_app())
    token = (await browser.token())[:-2]
    await browser.post("/act", headers={"x-csrftoken": token})
    assert "POST /act refused: the CSRF token is wrong" in caplog.text
    assert token not in caplog.text


async def test_the_settings_say_how_the_cookie_is_set() -> None:
    with override(
        CSRF_COOKIE_NAME="__Host-token", CSRF_COOKIE_HTTPONLY=True, CSRF_COOKIE_SAMESITE="Strict"
    ):
        cookie = (await Browser(make_app()).get("/token")).headers["set-cookie"]
    assert cookie.startswith("__Host-token=")
    assert cookie.endswith("; Path=/; SameSite=Strict; Secure; HttpOnly")


async def test_it_has_to_stand_behind_the_sessions() -> None:
    with override(MIDDLEWARE=("openviper.middleware.csrf.CSRFMiddleware",)):
        client = make_app().test_client(raise_app_exceptions=True)
        with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
            await client.get("/act")


async def test_a_mounted_application_of_others_gets_the_body_once_more() -> None:
    bodies: list[bytes] = []

    async def foreign(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    app = make_app()
    app.mount("/foreign", foreign)
    browser = Browser(app, headers=SAME, raise_app_exceptions=True)
    data = {"csrfmiddlewaretoken": await browser.token(), "a": "1"}
    assert (await browser.post("/foreign/", data=data)).text == "ok"
    assert bodies[0].endswith(b"&a=1")
    # With files, the bytes are gone; it says so instead of waiting for ever.
    with pytest.raises(RuntimeError, match="X-CSRFToken"):
        await browser.post("/foreign/", data=data, files={"f": b"x"})


async def test_other_kinds_of_connections_pass() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    with override():
        chain = SessionMiddleware(CSRFMiddleware(inner))
        for kind in ("lifespan", "websocket"):
            await chain({"type": kind, "headers": []}, None, None)  # type: ignore[arg-type]  # not used
    assert seen == ["lifespan", "websocket"]
