"""Attacks on logins, sessions and tokens, from the list of the threat model; those on one part alone stand beside its tests."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import create_api_key, create_token, equal_work, issue_tokens
from openviper.auth.hash_pool import in_hash_thread
from openviper.auth.models import StoredSession, User
from openviper.core.context import ignore_permissions
from openviper.sessions.keys import new_key
from openviper.testing.websockets import WebSocketRefused
from tests.integration.auth.test_tokens import tokens
from tests.integration.auth.web import PASSWORD, Browser, site


def session_of(browser: Browser) -> str:
    """Return the session's cookie of a browser."""
    return str(browser.cookies["sessionid"])


# Fixation


@pytest.mark.parametrize("planted", ["", "x" * 64, "../../etc/passwd", "a;b", "k" * 5000])
async def test_a_key_that_the_attacker_knows_never_becomes_a_users(
    tmp_path: Path, planted: str
) -> None:
    async with site(tmp_path) as app:
        attacker, victim = Browser(app), Browser(app)
        await attacker.get("/set/cart/1")  # A session of ours, with a key that the attacker knows.
        key = planted or session_of(attacker)
        token = await victim.token()
        cookies = {"sessionid": key}
        fields = {"csrfmiddlewaretoken": token, "username": "ann", "password": PASSWORD}
        await victim.post("/login", data=fields, cookies=cookies)
        thief = Browser(app, headers={"cookie": f"sessionid={key}"})
        assert await thief.name() == ""
        assert not await StoredSession.objects.filter(session_key=key).exists()


# Replay


async def test_a_cookie_that_was_copied_is_worthless_after_logout_and_password_change(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        copy = session_of(browser)
        thief = Browser(app, headers={"cookie": f"sessionid={copy}"})
        assert await thief.name() == "ann"
        await browser.submit("/password", password="a wandering wolf")
        assert await thief.name() == "" and await browser.name() == "ann"
        copy = session_of(browser)
        await browser.submit("/logout")
        assert await Browser(app, headers={"cookie": f"sessionid={copy}"}).name() == ""


async def test_a_login_form_that_was_recorded_cannot_be_sent_from_another_session(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as app:
        victim, thief = Browser(app), Browser(app)
        await victim.log_in()
        token = await victim.token()
        await thief.token()
        fields = {"csrfmiddlewaretoken": token, "password": "a wandering wolf"}
        assert (await thief.post("/password", data=fields)).status_code == 403


# Token confusion


def _json(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forgeries(token: str, raw: str, key: str) -> Iterator[tuple[str, str]]:
    """Yield credentials that are almost right, with what they are sent as."""
    head, claims, signature = token.split(".")
    prefix, _, secret = key.partition(".")
    yield "Bearer", f"{_json({'alg': 'none'})}.{claims}."
    yield "Bearer", f"{_json({'alg': 'HS256', 'kid': '../../dev/null'})}.{claims}.{signature}"
    yield "Bearer", f"{_json({'alg': 'HS256', 'jwk': {'k': 'AA'}})}.{claims}.{signature}"
    yield "Bearer", f"{_json({'alg': 'RS256'})}.{claims}.{signature}"
    yield "Bearer", f"{head}.{_json({'sub': '1', 'type': 'access'})}.{signature}"
    yield "Bearer", raw
    yield "Bearer", key
    yield "Token", token
    yield "Token", key
    yield "Token", f"{raw}\x00"
    yield "Token", raw[:-1]
    yield "Api-Key", token
    yield "Api-Key", raw
    yield "Api-Key", f"{prefix}.{secret[:-1]}"
    yield "Api-Key", f"{prefix}."
    yield "Api-Key", f"%.{secret}"
    yield "Api-Key", secret
    yield "Basic", base64.b64encode(f"ann:{PASSWORD}".encode()).decode()


async def test_one_kind_of_credential_is_none_of_another_kind(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        with ignore_permissions():
            user = await User.objects.get(username="ann")
        raw, _ = await create_token(user)
        key, _ = await create_api_key(user)
        pair = issue_tokens(user)
        client = Browser(app)
        good = (("Bearer", pair.access), ("Token", raw), ("Api-Key", key))
        for scheme, given in good:
            answer = await client.get("/whoami", headers={"authorization": f"{scheme} {given}"})
            assert answer.json()["user"] == "ann"
        tried = 0
        for scheme, given in forgeries(pair.access, raw, key):
            header = f"{scheme} {given}".replace("\x00", "%00")
            answer = await client.get("/private", headers={"authorization": header})
            assert answer.status_code == 401, (scheme, given)
            tried += 1
        assert tried == 18


# Enumeration


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the passwords that are hashed."""
    work: Counter[str] = Counter()

    async def count(job: Any) -> Any:
        work["hashes"] += 1
        return await in_hash_thread(job)

    with monkeypatch.context() as patch:
        patch.setattr(equal_work, "in_hash_thread", count)
        yield work


async def test_whether_there_is_an_account_shows_in_neither_answer_nor_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=0, LOGIN_FAILURES_PER_ADDRESS=0) as app:
        await User.objects.create_user("idle", "idle@example.org", PASSWORD, is_active=False)
        await User.objects.create_user("sso", "sso@example.org")
        answers, works = set(), set()
        for name in (
            "ann",
            "ANN",
            "ann@example.org",
            "nobody",
            "idle",
            "sso",
            "a\x00b",
            "\ufffd" * 9,
        ):
            browser = Browser(app)
            await browser.token()
            with counted(monkeypatch) as work:
                answer = await browser.log_in(name, "wrong one")
            headers = sorted(
                (key, value) for key, value in answer.headers.items() if key != "set-cookie"
            )
            answers.add((answer.status_code, answer.text, str(headers)))
            works.add(work["hashes"])
        assert len(answers) == 1 and len(works) == 1 and works != {0}


# Brute force


async def test_one_address_that_guesses_at_many_names_is_held_up(tmp_path: Path) -> None:
    # Many addresses and one name: test_throttle.
    async with site(tmp_path, LOGIN_FAILURES_PER_ADDRESS=8) as app:
        answers = Counter[int]()
        for number in range(12):
            answers[(await Browser(app).log_in(f"name{number}", "wrong one")).status_code] += 1
        assert answers == {401: 8, 429: 4}


async def test_many_guesses_at_once_are_not_many_guesses(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browsers = [Browser(app) for _ in range(20)]
        answers = await asyncio.gather(*(each.log_in("ann", "wrong one") for each in browsers))
        codes = Counter(answer.status_code for answer in answers)
        assert codes[401] <= 5 and codes[429] >= 15


# Open redirect


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\x00//evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/%0d%0aSet-Cookie:x=1",
        "http://testserver@evil.example",
        "/ok\r\nLocation: https://evil.example",
    ],
)
async def test_a_login_leads_nowhere_else(tmp_path: Path, wanted: str) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        fields = {
            "csrfmiddlewaretoken": await browser.token(),
            "username": "ann",
            "password": PASSWORD,
        }
        answer = await browser.post(
            "/login", params={"next": wanted}, data=fields, follow_redirects=False
        )
        place = answer.headers["location"]
        assert place.startswith("/") and not place.startswith(("//", "/\\"))
        assert "evil.example" not in place or place.startswith("/%")
        assert "\n" not in place and "\r" not in place


# Riding on the session over WebSockets; see test_websockets, too


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver:81", "file://"]
)
async def test_a_websocket_of_another_origin_is_refused(tmp_path: Path, origin: str) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        with pytest.raises(WebSocketRefused):
            async with browser.websocket("/talk", headers={"origin": origin}):
                pass


# Cookie tossing


async def test_a_cookie_that_a_subdomain_has_set_takes_nobody_into_its_session(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as app:
        attacker, victim = Browser(app), Browser(app)
        await attacker.log_in()
        await victim.get("/set/cart/mine")
        ours, theirs = session_of(victim), session_of(attacker)
        for cookies in (
            f"sessionid={theirs}; sessionid={ours}",
            f"sessionid={ours}; sessionid={theirs}",
        ):
            browser = Browser(app, headers={"cookie": cookies})
            assert await browser.name() == ""
            assert (await browser.get("/get/cart")).json() == {"value": None}
        random = Browser(app, headers={"cookie": f"sessionid={new_key()}; sessionid={ours}"})
        assert (await random.get("/get/cart")).json() == {"value": None}


async def test_a_pair_of_token_and_cookie_from_another_session_changes_nothing(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as app:
        attacker, victim = Browser(app), Browser(app)
        await victim.log_in()
        token = await attacker.token()
        tossed = f"sessionid={session_of(victim)}; csrftoken={attacker.cookies['csrftoken']}"
        browser = Browser(app, headers={"cookie": tossed})
        answer = await browser.post("/logout", data={"csrfmiddlewaretoken": token})
        assert answer.status_code == 403 and await victim.name() == "ann"


async def test_with_a_host_prefix_no_subdomain_can_set_the_cookie_at_all(tmp_path: Path) -> None:
    async with site(tmp_path, SESSION_COOKIE_NAME="__Host-id", SESSION_COOKIE_SECURE=True) as app:
        browser = Browser(app, base_url="https://testserver")
        answer = await browser.log_in()
        cookies = answer.headers.getlist("set-cookie")
        (cookie,) = [value for value in cookies if value.startswith("__Host-id=")]
        assert "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie


# Clickjacking


async def test_no_page_for_users_can_be_framed_or_kept_by_a_cache(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        pages = [await browser.get("/form"), await browser.log_in(), await browser.get("/private")]
        for answer in pages:
            framing = answer.headers.get("x-frame-options", "")
            policy = answer.headers.get("content-security-policy", "")
            assert framing == "DENY" or "frame-ancestors 'none'" in policy
        assert "Cookie" in pages[2].headers["vary"]
        assert "private" in pages[0].headers["cache-control"]


# What has ended stays ended


async def test_a_late_save_does_not_bring_an_ended_session_back(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        key = session_of(browser)
        rows = StoredSession.objects.all()
        await rows.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        thief = Browser(app, headers={"cookie": f"sessionid={key}"})
        await thief.get("/set/a/1")
        assert await Browser(app, headers={"cookie": f"sessionid={key}"}).name() == ""
