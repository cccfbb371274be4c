"""What strangers try with the account pages, and do not get."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import is_email_verified
from openviper.auth.mailed_codes import clear_mailed_codes
from openviper.auth.models import LoginAttempt, MailedCode, User
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import BACKGROUND, Scope
from tests.integration.auth.visitors import (
    JSON,
    OTHER_PASSWORD,
    PAGE,
    SITE,
    Visitor,
    link_in,
    mails_to,
    outbox,
    user,
    visited,
)
from tests.integration.auth.web import PASSWORD

ENTER = "/accounts/login/code/enter"


def shown(answer: Any) -> tuple[Any, ...]:
    """Return all that an answer tells, but for what differs each time."""
    text = answer.text
    for mark in ('name="csrfmiddlewaretoken" value="',):
        while mark in text:
            before, _, rest = text.partition(mark)
            text = before + rest.partition('"')[2]
    names = ("content-type", "location", "cache-control", "vary")
    return answer.status_code, text, *(answer.headers.get(name) for name in names)


async def code_for(visitor: Visitor, email: str = "ann@example.org") -> str:
    """Have a code sent, and return it."""
    await visitor.fill_in("/accounts/login/code", email=email)
    text = mails_to(email)[-1].text
    assert text is not None
    return text.partition("log in: ")[2][:9]


async def reset_link(visitor: Visitor) -> str:
    """Have a link to reset the password sent, and return it."""
    await visitor.fill_in("/accounts/password/reset", email="ann@example.org")
    return link_in(mails_to("ann@example.org")[-1])


# Who has an account


@pytest.mark.parametrize(
    "path", ["/accounts/password/reset", "/accounts/login/code", "/accounts/sign-up"]
)
async def test_no_answer_tells_whether_there_is_an_account(tmp_path: Path, path: str) -> None:
    async with visited(tmp_path) as app:
        await User.objects.create_user("gone", "gone@example.org", PASSWORD, is_active=False)
        await User.objects.create_user("idle", "idle@example.org")
        for send in (Visitor.fill_in, Visitor.send):
            answers: set[tuple[Any, ...]] = set()
            for name in ("ann", "nobody", "gone", "idle"):
                visitor = Visitor(app, client=(f"192.0.2.{len(answers)}", 1))
                answers.add(shown(await send(visitor, path, email=f"{name}@example.org")))
            assert len(answers) == 1


async def test_both_kinds_of_addresses_get_a_mail_at_sign_up(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await Visitor(app).fill_in("/accounts/sign-up", email="ANN@example.org")
        await Visitor(app).fill_in("/accounts/sign-up", email="new@example.org")
        known, new = outbox()
        assert known.recipients == ["ann@example.org"] and "have one already" in (known.text or "")
        assert link_in(known) == "/accounts/login"
        assert new.recipients == ["new@example.org"]


async def test_a_new_address_that_is_taken_is_not_told_of(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        visitor = Visitor(app)
        await visitor.log_in()
        answers = {
            shown(await visitor.fill_in("/accounts/email", email=f"{name}@example.org"))
            for name in ("bob", "free")
        }
        assert len(answers) == 1
        assert "have one already" in (mails_to("bob@example.org")[0].text or "")


async def test_the_account_is_looked_for_after_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the time of the answer cannot tell: whatever comes after `after_response` is not waited for.
    asked: list[str] = []

    async def find(email: str) -> None:
        asked.append(email)

    monkeypatch.setattr("openviper.auth.flows.passwords.find_user_by_email", find)
    seen: list[int] = []

    def start(scope: Scope) -> None:
        if scope[BACKGROUND]:
            seen.append(len(scope[BACKGROUND]))
            scope[BACKGROUND].clear()

    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        monkeypatch.setattr(app.background, "start", start)
        answer = await visitor.fill_in("/accounts/password/reset", email="ann@example.org")
        assert answer.status_code == 200
        assert (seen, asked) == ([1], [])


async def test_mails_go_to_the_stored_address_whatever_was_typed(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await Visitor(app).fill_in("/accounts/password/reset", email="ANN@EXAMPLE.org")
        assert [mail.recipients for mail in outbox()] == [["ann@example.org"]]


# Floods


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
async def test_strangers_are_not_flooded_with_mail(tmp_path: Path, email: str) -> None:
    async with visited(tmp_path) as app:
        statuses = []
        for number in range(7):
            visitor = Visitor(app, client=(f"192.0.2.{number}", 1))
            answer = await visitor.fill_in("/accounts/password/reset", email=email)
            statuses.append(answer.status_code)
        assert statuses == [200] * 5 + [429] * 2
        assert int(answer.headers["retry-after"]) > 0 and "Too many attempts" in answer.text
        assert len(outbox()) <= 5
        # Nobody is kept from logging in by that.
        assert (await Visitor(app).log_in()).status_code == 303


async def test_one_address_cannot_ask_for_mails_to_all(tmp_path: Path) -> None:
    async with visited(tmp_path, LOGIN_FAILURES_PER_ADDRESS=3) as app:
        visitor = Visitor(app)
        statuses = [
            (await visitor.fill_in("/accounts/sign-up", email=f"u{n}@example.org")).status_code
            for n in range(5)
        ]
        assert statuses == [200, 200, 200, 429, 429]


async def test_names_cannot_be_tried_one_after_the_other(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.fill_in("/accounts/sign-up", email="bob@example.org")
        link = link_in(outbox()[-1])
        statuses = [
            (await visitor.new_passwords(link, OTHER_PASSWORD, username="ann")).status_code
            for _ in range(7)
        ]
        assert statuses == [422] * 5 + [429] * 2


# Where links lead


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:9999"])
async def test_no_host_header_leads_a_link_elsewhere(tmp_path: Path, host: str) -> None:
    hosts = ("testserver", "*")
    settings: tuple[dict[str, Any], ...] = ({}, {"SITE_URL": ""})
    for number, given in enumerate(settings):
        directory = tmp_path / str(number)
        directory.mkdir()
        async with visited(directory, ALLOWED_HOSTS=hosts, **given) as app:
            visitor = Visitor(app)
            token = await visitor.token()
            answer = await visitor.post(
                "/accounts/password/reset",
                data={"csrfmiddlewaretoken": token, "email": "ann@example.org"},
                headers={
                    **PAGE,
                    "host": host,
                    "x-forwarded-host": host,
                    "forwarded": f"host={host}",
                },
            )
            texts = [mail.text or "" for mail in outbox()]
            assert not any("evil" in text or "9999" in text for text in texts)
            assert (answer.status_code == 500) == (bool(number) and "evil" in host)


async def test_a_site_without_an_address_says_what_to_set(tmp_path: Path) -> None:
    from openviper.auth.flows.mails import site_link
    from openviper.http.request import Request

    async with visited(tmp_path, SITE_URL="", ALLOWED_HOSTS=("*",)):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"host", b"evil.example")],
        }
        with pytest.raises(
            ImproperlyConfigured, match="'evil.example' is not named in ALLOWED_HOSTS; set SITE_URL"
        ):
            site_link(Request(scope), "accounts:login")


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "\\/evil.example", "javascript:alert(1)",
     "/%0d%0aSet-Cookie:x=1", "/\tevil", "///evil.example", "http:evil.example"],
)  # fmt: skip
async def test_no_login_leads_to_another_site(tmp_path: Path, wanted: str) -> None:
    from urllib.parse import quote

    async with visited(tmp_path) as app:
        for path in ("/accounts/login", "/accounts/confirm"):
            visitor = Visitor(app)
            if path.endswith("confirm"):
                await visitor.log_in()
            answer = await visitor.fill_in(
                f"{path}?next={quote(wanted)}", username="ann", password=PASSWORD
            )
            assert answer.status_code == 303
            location = answer.headers["location"]
            # Encoded, it is a path on this host like any other.
            assert location in ("/", "/%0d%0aSet-Cookie:x=1")


# Sessions


async def test_a_planted_session_does_not_become_the_users(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        for how in ("password", "code"):
            attacker = Visitor(app)
            await attacker.get("/set/cart/1")
            victim = Visitor(app)
            victim.cookies["sessionid"] = attacker.cookies["sessionid"]
            if how == "password":
                await victim.log_in()
            else:
                await victim.fill_in(ENTER, code=await code_for(victim))
            assert (await victim.name(), await attacker.name()) == ("ann", "")


async def test_a_code_is_good_in_the_browser_that_has_asked_for_it_only(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        victim, attacker = Visitor(app), Visitor(app)
        code = await code_for(victim)
        assert (await attacker.fill_in(ENTER, code=code)).status_code == 401
        await code_for(attacker)
        assert (await attacker.fill_in(ENTER, code=code)).status_code == 401
        assert (await victim.fill_in(ENTER, code=code)).status_code == 303


async def test_a_code_is_good_once_and_five_wrong_ones_end_it(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        code = await code_for(visitor)
        twin = Visitor(app)
        twin.cookies.update(visitor.cookies)
        statuses = [(await each.fill_in(ENTER, code=code)).status_code for each in (visitor, twin)]
        assert statuses == [303, 401]
        third = Visitor(app)
        code = await code_for(third)
        for _ in range(5):
            assert (await third.fill_in(ENTER, code="00000000x")).status_code == 401
        assert (await third.fill_in(ENTER, code=code)).status_code == 401
        assert await third.name() == ""


async def test_two_requests_with_one_code_are_one_login(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        code = await code_for(visitor)
        data = {"csrfmiddlewaretoken": await visitor.token(), "code": code}
        twins = [Visitor(app) for _ in range(6)]
        for twin in twins:
            twin.cookies.update(visitor.cookies)
        answers = await asyncio.gather(
            *(twin.post(ENTER, data=data, headers=PAGE) for twin in twins)
        )
        statuses = sorted(answer.status_code for answer in answers)
        # Once one is in, the form of the others is one of a session that is no more.
        assert statuses[0] == 303 and set(statuses[1:]) <= {401, 403}


async def test_an_old_code_and_one_before_the_last_are_worthless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        first, second = await code_for(visitor), await code_for(visitor)
        assert first == second or (await visitor.fill_in(ENTER, code=first)).status_code == 401
        from datetime import UTC, datetime, timedelta

        await MailedCode.objects.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        assert (await visitor.fill_in(ENTER, code=second)).status_code == 401
        assert await clear_mailed_codes() == 1


async def test_who_was_switched_off_meanwhile_does_not_get_in(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        code = await code_for(visitor)
        await User.objects.all().update(is_active=False)
        assert (await visitor.fill_in(ENTER, code=code)).status_code == 401


async def test_a_code_for_nobody_leads_nowhere(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.fill_in("/accounts/login/code", email="nobody@example.org")
        assert (await MailedCode.objects.get()).user_id == ""
        assert (await visitor.fill_in(ENTER, code="00000000")).status_code == 401


async def test_no_code_or_address_can_be_read_from_the_tables(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        code = (await code_for(Visitor(app))).replace(" ", "")
        rows = repr(
            [*await MailedCode.objects.all().values(), *await LoginAttempt.objects.all().values()]
        )
        assert code not in rows and "example.org" not in rows


# Links


async def test_of_two_resets_at_once_one_wins(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitors = [Visitor(app) for _ in range(6)]
        link = await reset_link(visitors[0])
        for visitor in visitors:
            visitor.token_text = await visitor.token()  # type: ignore[attr-defined]  # kept for below
        passwords = [f"a new password {number}" for number in range(6)]

        async def reset(visitor: Any, password: str) -> int:
            data = {
                "csrfmiddlewaretoken": visitor.token_text,
                "new_password": password,
                "new_password_again": password,
            }
            return int((await visitor.post(link, data=data, headers=PAGE)).status_code)

        statuses = await asyncio.gather(
            *(reset(*each) for each in zip(visitors, passwords, strict=True))
        )
        assert sorted(statuses) == [303] + [410] * 5
        ann = await user()
        fits = [await ann.check_password(password) for password in passwords]
        assert fits == [status == 303 for status in statuses]


async def test_a_link_ends_with_the_password_the_address_and_the_account(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        for change in ({"email": "x@example.org"}, {"is_active": False}):
            link = await reset_link(visitor)
            await User.objects.all().update(**change)
            assert (await visitor.page(link)).status_code == 410
            await User.objects.all().update(email="ann@example.org", is_active=True)
            assert (await visitor.page(link)).status_code == 200
        ann = await user()
        await ann.set_password(OTHER_PASSWORD)
        await ann.save()
        assert (await visitor.new_passwords(link, PASSWORD)).status_code == 410
        await User.objects.all().delete()
        assert (await visitor.page(link)).status_code == 410


async def test_a_link_is_over_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        link = await reset_link(visitor)
        later = time.time() + 3601
        monkeypatch.setattr("openviper.auth.links.time.time", lambda: later)
        assert (await visitor.page(link)).status_code == 410


async def test_a_link_is_good_for_its_purpose_only_and_cannot_be_written(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        token = (await reset_link(visitor)).rpartition("/")[2]
        for path in ("sign-up", "email/verify", "email/change"):
            assert (await visitor.fill_in(f"/accounts/{path}/{token}")).status_code == 410
        content, _, signature = token.partition(".")
        facts = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))
        forged = base64.urlsafe_b64encode(json.dumps({**facts, "user": "2"}).encode()).decode()
        for wrong in (
            f"{forged.rstrip('=')}.{signature}",
            f"{content}.{'0' * 64}",
            f"{content}.",
            f".{signature}",
            content,
            f"{token}x",
            token[:-1],
            "x" * 1900,
            "%00",
        ):
            answer = await visitor.page(f"/accounts/password/reset/{wrong}")
            assert answer.status_code in (400, 410), wrong
        assert not await is_email_verified(await user())


async def test_a_link_of_another_key_is_worthless(tmp_path: Path) -> None:
    from openviper.conf import settings
    from openviper.testing import override_openviper_settings as override

    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        link = await reset_link(visitor)
        former = settings.SECRET_KEY
        with override(SECRET_KEY="z" * 60, SECRET_KEY_FALLBACKS=(former,)):
            assert (await visitor.page(link)).status_code == 200
        with override(SECRET_KEY="z" * 60):
            assert (await visitor.page(link)).status_code == 410


async def test_resetting_does_not_log_in_nor_end_the_second_factor(tmp_path: Path) -> None:
    from tests.integration.auth.visitors import turn_on_second_factor

    async with visited(tmp_path) as app:
        owner = Visitor(app)
        await owner.log_in()
        await turn_on_second_factor(owner)
        thief = Visitor(app)
        await thief.new_passwords(await reset_link(thief), OTHER_PASSWORD)
        assert await thief.name() == ""
        answer = await thief.log_in(password=OTHER_PASSWORD)
        assert answer.headers["location"] == "/accounts/login/second-factor"


# Other sites


@pytest.mark.parametrize(
    "path", ["/login", "/logout", "/password", "/email", "/two-factor", "/sessions", "/delete", "/confirm"]
)  # fmt: skip
async def test_no_other_site_can_send_these_forms(tmp_path: Path, path: str) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.log_in()
        forged = {"origin": "https://evil.example", **PAGE}
        data = {"username": "ann", "password": PASSWORD, "understood": "on"}
        assert (
            await visitor.post(f"/accounts{path}", data=data, headers=forged)
        ).status_code == 403
        assert (await visitor.post(f"/accounts{path}", data=data, headers=PAGE)).status_code == 403
        as_text = {**forged, "content-type": "text/plain"}
        body = json.dumps(data).encode()
        assert (
            await visitor.post(f"/accounts{path}", content=body, headers=as_text)
        ).status_code == 403
        assert await visitor.name() == "ann"


async def test_nothing_of_others_is_seen_or_ended(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        ann, bob = Visitor(app), Visitor(app)
        await ann.log_in()
        await bob.log_in("bob")
        sessions = (await ann.get("/accounts/sessions", headers=JSON)).json()["sessions"]
        assert len(sessions) == 1
        assert (await bob.fill_in("/accounts/sessions", id=sessions[0]["id"])).status_code == 404
        await bob.fill_in("/accounts/sessions")
        assert (await ann.name(), await bob.name()) == ("ann", "bob")


async def test_what_people_type_is_text_in_pages_and_mails(tmp_path: Path) -> None:
    name = '<img src=x onerror="x">'
    async with visited(tmp_path, PROJECT_NAME=name) as app:
        visitor = Visitor(app)
        await visitor.fill_in("/accounts/sign-up", email="bob@example.org")
        assert name not in (outbox()[-1].html or "") and name in (outbox()[-1].text or "")
        answer = await visitor.log_in(name, "x")
        assert name not in answer.text
        assert SITE in (outbox()[-1].text or "")
