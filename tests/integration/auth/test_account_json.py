"""The JSON of each account page: what is wrong, too fast, too late, or comes a second time is said in one form (RFC 9457)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from openviper.auth.flows.routes import PAGES
from openviper.auth.models import MailedCode, StoredSession, User
from tests.integration.auth.test_account_attacks import code_for, reset_link
from tests.integration.auth.test_two_factor import with_second_factor
from tests.integration.auth.visitors import (
    JSON,
    OTHER_PASSWORD,
    PAGE,
    Visitor,
    app_code,
    link_in,
    mails_to,
    user,
    visited,
)
from tests.integration.auth.web import PASSWORD

NEW = {"new_password": OTHER_PASSWORD, "new_password_again": OTHER_PASSWORD}


def problem_of(answer: Any, status: int) -> dict[str, str]:
    """Return the errors of an answer, which is a problem of a status as all are."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert (body["type"], body["status"]) == ("about:blank", status) and body["title"]
    errors: dict[str, str] = body["errors"]
    assert body["detail"] == " ".join(errors.values()) and errors
    return errors


async def member(app: Any) -> Visitor:
    """Return somebody who has logged in."""
    visitor = Visitor(app)
    await visitor.log_in()
    return visitor


async def link_of(app: Any, kind: str) -> str:
    """Return a link from a mail, for one of the pages that need one."""
    visitor = await member(app)
    if kind == "new_password":
        return await reset_link(Visitor(app))
    path, address = {
        "finish_sign_up": ("/accounts/sign-up", "bob@example.org"),
        "verify_email": ("/accounts/email/verify", "ann@example.org"),
        "change_email": ("/accounts/email", "new@example.org"),
    }[kind]
    await visitor.send(path, email=address)
    return link_in(mails_to(address)[-1])


LINKED = {
    "finish_sign_up": {"username": "bob", **NEW},
    "new_password": NEW,
    "verify_email": {},
    "change_email": {},
}
"""What is sent to the pages that a link leads to."""


class Wrong(NamedTuple):
    """Something wrong, and the answer.

    Attributes:
        page: The page, by its name in `PAGES`.
        sent: What is sent.
        status: The status of the answer.
        field: The field that it names.
    """

    page: str
    sent: dict[str, Any]
    status: int
    field: str


WRONG = [
    Wrong("login", {}, 422, "username"),
    Wrong("login", {"username": "ann", "password": "wrong"}, 401, "form"),
    Wrong("login", {"username": "ann", "password": ["x"]}, 422, "password"),
    Wrong("login", {"username": "ann\x00", "password": "x"}, 422, "username"),
    Wrong("login", {"username": "a" * 255, "password": "x"}, 422, "username"),
    Wrong("login", {"username": "ann", "password": "x" * 4097}, 422, "password"),
    Wrong("login", {"username": "\u202eann", "password": "x"}, 401, "form"),
    Wrong("login", {"username": "\ud800", "password": "x"}, 422, "username"),
    Wrong("login", {"username": "😀", "password": "😀"}, 401, "form"),
    Wrong("second_factor", {"code": "123456"}, 401, "form"),
    Wrong("second_factor", {"code": None}, 422, "code"),
    Wrong("login_code", {"email": ""}, 422, "email"),
    Wrong("login_code", {"email": 5}, 422, "email"),
    Wrong("enter_code", {"code": "12345678"}, 401, "form"),
    Wrong("enter_code", {"code": "1" * 65}, 422, "code"),
    Wrong("sign_up", {"email": "no address"}, 422, "email"),
    Wrong("sign_up", {"email": "a@b.c\nBcc: x@y.z"}, 422, "email"),
    Wrong("reset_password", {}, 422, "email"),
    Wrong("confirm", {"password": "wrong"}, 403, "password"),
    Wrong("password", {"password": "wrong", **NEW}, 403, "password"),
    Wrong("password", {"password": PASSWORD, **NEW, "new_password": "short"}, 422, "new_password"),
    Wrong("password", {"password": PASSWORD, **NEW, "new_password_again": "x"}, 422, "new_password_again"),
    Wrong("email", {"email": "no address"}, 422, "email"),
    Wrong("email", {"email": "ann@example.org"}, 422, "email"),
    Wrong("two_factor", {"code": "nonsense"}, 422, "code"),
    Wrong("recovery_codes", {}, 409, "form"),
    Wrong("end_two_factor", {}, 409, "form"),
    Wrong("sessions", {"id": "x"}, 404, "form"),
    Wrong("sessions", {"id": ["x"]}, 422, "id"),
    Wrong("sessions", {"device": "7"}, 404, "form"),
    Wrong("delete", {}, 422, "understood"),
    Wrong("delete", {"understood": "yes"}, 422, "understood"),
    *(Wrong(name, {**sent, "token": "x"}, 410, "form") for name, sent in LINKED.items()),
    Wrong("finish_sign_up", {"username": "ann", **NEW}, 422, "username"),
    Wrong("finish_sign_up", {"username": "b b", **NEW}, 422, "username"),
    Wrong("finish_sign_up", {"username": "bob", **NEW, "new_password": "bob"}, 422, "new_password"),
    Wrong("new_password", {**NEW, "new_password": "password123"}, 422, "new_password"),
    Wrong("new_password", {**NEW, "new_password": "x" * 5000}, 422, "new_password"),
]  # fmt: skip
OPEN = ("login", "second_factor", "login_code", "enter_code", "logout", "sign_up", "reset_password")


def test_every_page_but_two_can_be_asked_for_something_wrong() -> None:
    # The overview takes nothing; these need nothing, so what they are sent does not matter.
    assert PAGES.keys() - {case.page for case in WRONG} == {
        "overview",
        "logout",
        "send_verification",
    }


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case.page}-{case.status}-{case.field}")
async def test_what_is_wrong_is_said_by_field(tmp_path: Path, case: Wrong) -> None:
    async with visited(tmp_path) as app:
        path = f"/accounts{PAGES[case.page][0]}"
        sent = dict(case.sent)
        if case.page in LINKED:
            path = path.replace("{token}", sent.pop("token", ""))
            path = path if path.endswith("x") else await link_of(app, case.page)
        visitor = Visitor(app) if case.page in (*OPEN, *LINKED) else await member(app)
        answer = await visitor.send(path, **sent)
        assert case.field in problem_of(answer, case.status)
        for secret in (PASSWORD, OTHER_PASSWORD, "wrong"):
            assert f'"{secret}"' not in answer.text


@pytest.mark.parametrize("name", [name for name in PAGES if name not in (*OPEN, *LINKED)])
async def test_who_has_not_logged_in_is_told_so(tmp_path: Path, name: str) -> None:
    async with visited(tmp_path) as app:
        path, visitor = f"/accounts{PAGES[name][0]}", Visitor(app)
        answers = [await visitor.get(path, headers=JSON)]
        if name != "overview":
            answers.append(await visitor.send(path))
        assert [answer.status_code for answer in answers] == [401] * len(answers)
        assert all("www-authenticate" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "name", [name for name, (_, view) in PAGES.items() if view.needs_recent_login]
)
async def test_a_proof_that_is_old_is_asked_for_again_with_a_code(
    tmp_path: Path, name: str
) -> None:
    async with visited(tmp_path) as app:
        visitor, path = await member(app), f"/accounts{PAGES[name][0]}"
        old = datetime.now(UTC) - timedelta(hours=1)
        await StoredSession.objects.all().update(authenticated_at=old)
        for answer in (await visitor.get(path, headers=JSON), await visitor.send(path)):
            assert answer.status_code == 401
            assert answer.json()["detail"]["code"] == "recent_login_required"
        assert (await visitor.send("/accounts/confirm", password=PASSWORD)).status_code == 200
        assert (await visitor.get(path, headers=JSON)).status_code == 200


# Too fast

MANY: dict[str, dict[str, Any]] = {
    "login": {"username": "ann", "password": "wrong"},
    "confirm": {"password": "wrong"},
    "password": {"password": "wrong", **NEW},
    "login_code": {"email": "ann@example.org"},
    "reset_password": {"email": "ann@example.org"},
    "sign_up": {"email": "bob@example.org"},
    "email": {"email": "new@example.org"},
    "send_verification": {},
    "second_factor": {"code": "123456"},
    "finish_sign_up": {"username": "ann", **NEW},
}
"""What can be sent again and again, and is held up after a while."""


@pytest.mark.parametrize("name", MANY)
async def test_too_many_attempts_are_told_when_to_come_back(tmp_path: Path, name: str) -> None:
    async with visited(tmp_path) as app:
        if name == "finish_sign_up":
            path, visitor = await link_of(app, name), Visitor(app)
        else:
            path = f"/accounts{PAGES[name][0]}"
            visitor = Visitor(app) if name in OPEN else await member(app)
        if name == "second_factor":
            await with_second_factor()
            await visitor.log_in()
        answers = [await visitor.send(path, **MANY[name]) for _ in range(6)]
        errors = problem_of(answers[-1], 429)
        assert errors == {"form": "Too many attempts. Try again later."}
        assert int(answers[-1].headers["retry-after"]) > 0
        assert 429 not in [answer.status_code for answer in answers[:-1]]


# Too late


async def test_codes_and_steps_that_are_over_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        code = await code_for(visitor)
        await MailedCode.objects.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        problem_of(await visitor.send("/accounts/login/code/enter", code=code), 401)
        secret, _ = await with_second_factor()
        monkeypatch.setattr("openviper.auth.login_steps.PENDING_SECONDS", -1)
        first = await visitor.send("/accounts/login", username="ann", password=PASSWORD)
        assert first.status_code == 202
        late = problem_of(await visitor.send(first.json()["next"], code=app_code(secret)), 401)
        assert late == {"form": "Too much time has passed. Log in again."}


@pytest.mark.parametrize("name", LINKED)
async def test_a_link_that_is_over_says_so_to_programs_and_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import time

    async with visited(tmp_path) as app:
        path, visitor = await link_of(app, name), Visitor(app)
        assert (await visitor.get(path, headers=JSON)).status_code == 200
        later = time.time() + 86401
        monkeypatch.setattr("openviper.auth.links.time.time", lambda: later)
        problem_of(await visitor.get(path, headers=JSON), 410)
        problem_of(await visitor.send(path, **LINKED[name]), 410)
        page = await visitor.page(path)
        assert page.status_code == 410 and "Ask for a new link" in page.text
        assert "<form" not in page.text.partition("<main")[2]


# A second time


@pytest.mark.parametrize("name", LINKED)
async def test_a_link_is_good_once(tmp_path: Path, name: str) -> None:
    async with visited(tmp_path) as app:
        path = await link_of(app, name)
        first = await Visitor(app).send(path, **LINKED[name])
        assert first.status_code == 200 and set(first.json()) == {"detail", "next"}
        for answer in (
            await Visitor(app).get(path, headers=JSON),
            await Visitor(app).send(path, **LINKED[name]),
        ):
            assert problem_of(answer, 410) == {
                "form": "This link is not good any more. Ask for a new one."
            }


async def test_codes_are_good_once(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        code = await code_for(visitor)
        twin = Visitor(app)
        twin.cookies.update(visitor.cookies)
        enter = "/accounts/login/code/enter"
        assert (await visitor.send(enter, code=code)).status_code == 200
        problem_of(await twin.send(enter, code=code), 401)
        secret, codes = await with_second_factor()
        for given in (app_code(secret), codes[0]):
            statuses = []
            for _ in range(2):
                other = Visitor(app)
                await other.log_in()
                answer = await other.send("/accounts/login/second-factor", code=given)
                statuses.append(answer.status_code)
            assert statuses == [200, 401]
            problem_of(answer, 401)


async def test_what_is_done_already_is_a_conflict(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await member(app)
        shown = (await visitor.get("/accounts/two-factor", headers=JSON)).json()
        code = app_code(shown["secret"], -1)
        assert (await visitor.send("/accounts/two-factor", code=code)).status_code == 200
        later = app_code(shown["secret"])
        problem_of(await visitor.send("/accounts/two-factor", code=later), 409)
        assert (await visitor.send("/accounts/two-factor/recovery-codes")).status_code == 200
        assert (await visitor.send("/accounts/two-factor/end")).json()["detail"]
        problem_of(await visitor.send("/accounts/two-factor/end"), 409)
        assert (await visitor.send("/accounts/delete", understood=True)).status_code == 200
        assert (await visitor.send("/accounts/delete", understood=True)).status_code == 401
        assert await User.objects.count() == 0


async def test_logging_out_twice_harms_nobody(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await member(app)
        for _ in range(2):
            answer = await visitor.send("/accounts/logout")
            assert answer.json() == {"detail": "Logged out.", "next": "/"}
        assert (await user()).is_active


# Which form an answer has


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True), ("text/html", False), ("*/*", False), ("", False), ("application/*", True),
        ("text/html;q=0.4, application/json;q=0.5", True), ("text/html, application/json", False),
        ("application/json;q=0", False), ("nonsense", False), ("application/json;q=x", None), ("," * 500, False),
    ],
)  # fmt: skip
async def test_who_asks_for_json_gets_it(tmp_path: Path, accept: str, is_json: bool | None) -> None:
    async with visited(tmp_path) as app:
        answer = await Visitor(app).get("/accounts/login", headers={"accept": accept})
        assert answer.status_code == 200
        kind = answer.headers["content-type"].partition(";")[0]
        assert is_json is None or kind == ("application/json" if is_json else "text/html")


async def test_a_page_and_its_json_ask_for_the_same(tmp_path: Path) -> None:
    async with visited(tmp_path, TWO_FACTOR_DEVICE_DAYS=30) as app:
        visitor = await member(app)
        for name, (path, _) in PAGES.items():
            if name in LINKED or name in (
                "login",
                "second_factor",
                "overview",
                "sessions",
                "two_factor",
            ):
                continue
            fields = (await visitor.get(f"/accounts{path}", headers=JSON)).json()["fields"]
            page = (await visitor.get(f"/accounts{path}", headers=PAGE)).text
            for field in fields:
                assert f'name="{field["name"]}"' in page, name
