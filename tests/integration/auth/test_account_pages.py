"""People sign up, log in, and look after their accounts, with pages and with JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.auth import (
    AccountView,
    account_routes,
    create_api_key,
    create_token,
    has_two_factor,
    is_email_verified,
)
from openviper.auth.audit import find_events
from openviper.auth.flows import Field, Fields, LogIn, SignUp
from openviper.auth.flows.routes import PAGES, TOGETHER
from openviper.auth.hashers import make_unusable_password
from openviper.auth.models import (
    APIKey,
    AuthToken,
    RecoveryCode,
    StoredSession,
    TOTPDevice,
    User,
    VerifiedEmail,
)
from openviper.auth.password_rules import PasswordProblem
from openviper.http.responses import Response
from openviper.i18n.lazy import gettext_lazy
from tests.integration.auth.visitors import (
    JSON,
    OTHER_PASSWORD,
    PAGE,
    Visitor,
    app_code,
    link_in,
    mails_to,
    outbox,
    turn_on_second_factor,
    user,
    visited,
)
from tests.integration.auth.web import PASSWORD

OPEN = ("/login", "/login/code", "/login/code/enter", "/logout", "/sign-up", "/password/reset")
CLOSED = ("/", "/confirm", "/password", "/email", "/email/verify", "/two-factor", "/two-factor/end",
          "/two-factor/recovery-codes", "/sessions", "/delete")  # fmt: skip
LINKS = ("/sign-up/x", "/password/reset/x", "/email/verify/x", "/email/change/x")


async def logged_in(app: Any) -> Visitor:
    visitor = Visitor(app)
    await visitor.log_in()
    return visitor


# Signing up


async def test_signing_up_proves_the_address_first(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        asked = await visitor.fill_in("/accounts/sign-up", email="bob@Example.ORG")
        assert asked.status_code == 200 and "on its way" in asked.text
        assert await User.objects.filter(username="bob").count() == 0
        link = link_in(mails_to("bob@example.org")[0])
        shown = await visitor.page(link)
        assert shown.status_code == 200 and 'name="username"' in shown.text
        done = await visitor.new_passwords(link, OTHER_PASSWORD, username="bob")
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert await visitor.name() == "bob"
        assert await is_email_verified(await user("bob"))
        assert (await visitor.page(link)).status_code == 410
        assert (await Visitor(app).log_in("bob@example.org", OTHER_PASSWORD)).status_code == 303


async def test_what_is_wrong_with_a_name_or_password_is_said(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        await visitor.fill_in("/accounts/sign-up", email="bob@example.org")
        link = link_in(outbox()[-1])
        for fields, sentence in (
            ({"username": "b b"}, "Letters of one script"),
            ({"username": "bоb"}, "Letters of one script"),  # A Cyrillic letter between Latin ones.
            ({"username": ""}, "This is needed."),
            ({"username": "ANN"}, "This name is taken."),
            ({"username": "bob", "new_password_again": "x"}, "The two passwords differ."),
        ):
            given = {"new_password": OTHER_PASSWORD, "new_password_again": OTHER_PASSWORD, **fields}
            answer = await visitor.fill_in(link, **given)
            assert answer.status_code == 422 and sentence in answer.text
            assert OTHER_PASSWORD not in answer.text
        for password, sentence in (
            ("short", "At least"),
            ("password123", "tried first"),
            ("bob@example.org", "too similar to your name"),
            ("x" * 513, "At most 512"),
        ):
            answer = await visitor.new_passwords(link, password, username="bob")
            assert answer.status_code in (422, 429) and sentence in answer.text, password
        assert await User.objects.count() == 1


async def test_a_rule_of_the_project_speaks_for_itself(tmp_path: Path) -> None:
    rule = f"{__name__}.no_spaces"
    async with visited(tmp_path, PASSWORD_RULES=(rule,)) as app:
        visitor = await logged_in(app)
        answer = await visitor.new_passwords(
            "/accounts/password", OTHER_PASSWORD, password=PASSWORD
        )
        assert answer.status_code == 422 and "No spaces, please." in answer.text


def no_spaces(password: str, facts: object) -> PasswordProblem | None:
    """A rule of a project's own."""
    return PasswordProblem("spaces", "no spaces, please") if " " in password else None


async def test_what_happens_to_an_account_is_recorded(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        ann = await user()
        secret, codes = await turn_on_second_factor(visitor)
        await visitor.new_passwords("/accounts/password", OTHER_PASSWORD, password=PASSWORD)
        await visitor.fill_in("/accounts/email", email="new@example.org")
        await visitor.fill_in(link_in(mails_to("new@example.org")[0]))
        other = Visitor(app)
        await other.fill_in("/accounts/password/reset", email="new@example.org")
        await other.new_passwords(link_in(mails_to("new@example.org")[-1]), PASSWORD)
        await other.log_in()
        await other.fill_in("/accounts/login/second-factor", code="wrong")
        await other.fill_in("/accounts/login/second-factor", code=codes[0])
        await other.fill_in("/accounts/two-factor/end")
        await other.fill_in("/accounts/delete", understood="on")
        events = [event.event for event in reversed(await find_events(ann.pk))]
        said = [name for name in events if not name.startswith(("session", "login.conf"))]
        assert said == [
            "user.created",
            "login",
            "two_factor.on",
            "password.changed",
            "email.changed",
            "email.verified",
            "password.reset_asked",
            "password.reset",
            "email.verified",
            "two_factor.failed",
            "two_factor.recovery_used",
            "login",
            "two_factor.off",
            "user.deleted",
            "logout",
        ]
        assert secret not in repr([event.details for event in await find_events()])


@pytest.mark.parametrize("email", ["", "x", "a@b", "a b@c.de", "a@b.c\nBcc: x@y.z", "x" * 300])
async def test_what_is_no_address_gets_no_mail(tmp_path: Path, email: str) -> None:
    async with visited(tmp_path) as app:
        answer = await Visitor(app).fill_in("/accounts/sign-up", email=email)
        assert answer.status_code == 422
        assert outbox() == []


# Logging in and out


async def test_logging_in_leads_where_one_wanted_to_go(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        asked = await visitor.page("/members")
        assert asked.headers["location"] == "/accounts/login?next=/members"
        done = await visitor.fill_in(asked.headers["location"], username="ann", password=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/members")


async def test_a_wrong_password_shows_the_page_again_without_it(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        answer = await Visitor(app).log_in(username="<ann>", password="wrong & secret")
        assert answer.status_code == 401
        assert "The name or the password is wrong." in answer.text
        assert 'value="&lt;ann&gt;"' in answer.text
        assert "secret" not in answer.text


async def test_remembered_sessions_outlive_the_browser(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        kept = await Visitor(app).log_in(remember="on")
        assert "Max-Age" in " ".join(kept.headers.getlist("set-cookie"))
        short = await Visitor(app).log_in()
        assert "Max-Age" not in " ".join(short.headers.getlist("set-cookie"))


async def test_logging_out_takes_a_button(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        await visitor.page("/accounts/logout")
        assert await visitor.name() == "ann"
        assert "You are logged out." in (await visitor.fill_in("/accounts/logout")).text
        assert await visitor.name() == ""


async def test_who_is_logged_in_confirms_the_password_before_risky_acts(tmp_path: Path) -> None:
    async with visited(tmp_path, RECENT_LOGIN_SECONDS=3600) as app:
        visitor = await logged_in(app)
        await StoredSession.objects.all().update(authenticated_at=None)
        asked = await visitor.page("/accounts/email")
        assert asked.headers["location"] == "/accounts/confirm?next=/accounts/email"
        assert (await visitor.get("/accounts/email", headers=JSON)).status_code == 401
        wrong = await visitor.fill_in(asked.headers["location"], password="wrong")
        assert wrong.status_code == 403
        done = await visitor.fill_in(asked.headers["location"], password=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/accounts/email")
        assert (await visitor.page("/accounts/email")).status_code == 200


async def test_pages_of_the_project_lead_to_the_confirmation_too(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        await StoredSession.objects.all().update(authenticated_at=None)
        first = await visitor.page("/danger")
        assert first.headers["location"] == "/accounts/login?next=/danger"
        second = await visitor.page(first.headers["location"])
        assert second.headers["location"] == "/accounts/confirm?next=/danger"
        done = await visitor.fill_in(second.headers["location"], password=PASSWORD)
        assert done.headers["location"] == "/danger"
        assert (await visitor.page("/danger")).text == "danger"


async def test_a_code_by_mail_logs_in(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        asked = await visitor.fill_in("/accounts/login/code?next=/members", email="ANN@example.org")
        assert asked.headers["location"] == "/accounts/login/code/enter?next=/members"
        mail = mails_to("ann@example.org")[0]
        assert mail.text is not None and mail.html is not None
        code = mail.text.partition("log in: ")[2][:9]
        assert code in mail.html and len(code.replace(" ", "")) == 8
        wrong = await visitor.fill_in(asked.headers["location"], code="0000 000x")
        assert wrong.status_code == 401
        done = await visitor.fill_in(asked.headers["location"], code=code)
        assert (done.status_code, done.headers["location"]) == (303, "/members")
        assert await visitor.name() == "ann"


async def test_a_code_by_mail_does_not_replace_the_second_factor(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        secret, _ = await turn_on_second_factor(await logged_in(app))
        visitor = Visitor(app)
        await visitor.fill_in("/accounts/login/code", email="ann@example.org")
        text = mails_to("ann@example.org")[-1].text or ""
        done = await visitor.fill_in(
            "/accounts/login/code/enter", code=text.partition("log in: ")[2][:9]
        )
        assert done.headers["location"] == "/accounts/login/second-factor"
        assert await visitor.name() == ""
        await visitor.fill_in("/accounts/login/second-factor", code=app_code(secret))
        assert await visitor.name() == "ann"


# Passwords


async def test_changing_the_password_ends_the_other_sessions(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        here, elsewhere = await logged_in(app), await logged_in(app)
        wrong = await here.new_passwords("/accounts/password", OTHER_PASSWORD, password="wrong")
        assert wrong.status_code == 403
        done = await here.new_passwords("/accounts/password", OTHER_PASSWORD, password=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/accounts")
        assert "Your password is changed." in (await here.page("/accounts/")).text
        assert (await here.name(), await elsewhere.name()) == ("ann", "")
        assert "was changed" in (mails_to("ann@example.org")[-1].text or "")
        assert (await Visitor(app).log_in(password=PASSWORD)).status_code == 401
        assert (await Visitor(app).log_in(password=OTHER_PASSWORD)).status_code == 303


async def test_a_forgotten_password_is_reset_by_mail(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        elsewhere, visitor = await logged_in(app), Visitor(app)
        await visitor.fill_in("/accounts/password/reset", email="ann@example.org")
        link = link_in(mails_to("ann@example.org")[0])
        assert (await visitor.page(link)).status_code == 200
        done = await visitor.new_passwords(link, OTHER_PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/accounts/login")
        assert (await visitor.name(), await elsewhere.name()) == ("", "")
        assert "was reset" in (mails_to("ann@example.org")[-1].text or "")
        assert await is_email_verified(await user())
        assert (await visitor.log_in(password=OTHER_PASSWORD)).status_code == 303
        again = await visitor.new_passwords(link, PASSWORD)
        assert again.status_code == 410 and "not good any more" in again.text


async def test_who_has_no_password_here_gets_none_by_mail(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await User.objects.all().update(password=make_unusable_password())
        answer = await Visitor(app).fill_in("/accounts/password/reset", email="ann@example.org")
        assert answer.status_code == 200 and outbox() == []


# The address


async def test_an_address_is_verified_by_mail(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        assert not await is_email_verified(await user())
        await visitor.fill_in("/accounts/email/verify")
        link = link_in(mails_to("ann@example.org")[0])
        await Visitor(app).page(link)
        assert not await is_email_verified(await user())  # Scanners follow links.
        await Visitor(app).fill_in(link)
        assert await is_email_verified(await user())
        assert (await Visitor(app).fill_in(link)).status_code == 410
        await User.objects.all().update(email="new@example.org")
        assert not await is_email_verified(await user())


async def test_a_new_address_is_confirmed_there_and_told_to_the_old_one(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        await visitor.fill_in("/accounts/email", email="new@Example.ORG")
        assert (await user()).email == "ann@example.org"
        assert "asked to change" in (mails_to("ann@example.org")[0].text or "")
        link = link_in(mails_to("new@example.org")[0])
        await visitor.page(link)
        assert (await user()).email == "ann@example.org"
        await visitor.fill_in(link)
        assert (await user()).email == "new@example.org"
        assert await is_email_verified(await user())
        assert "was changed" in (mails_to("ann@example.org")[-1].text or "")
        assert (await visitor.fill_in(link)).status_code == 410


async def test_an_address_that_was_taken_meanwhile_is_not_given(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        await visitor.fill_in("/accounts/email", email="new@example.org")
        link = link_in(mails_to("new@example.org")[0])
        await User.objects.create_user("bob", "NEW@example.org", PASSWORD)
        assert (await visitor.fill_in(link)).status_code == 410
        assert (await user()).email == "ann@example.org"


# The second factor


async def test_the_second_factor_is_set_up_and_ended_on_pages(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = await logged_in(app)
        shown = (await visitor.page("/accounts/two-factor")).text
        assert "<svg" in shown and "QR code for your authenticator app" in shown
        secret = shown.partition('<code class="accounts-key">')[2].partition("<")[0]
        wrong = await visitor.fill_in("/accounts/two-factor", code="nonsense")
        assert wrong.status_code == 422 and not await has_two_factor(await user())
        done = await visitor.fill_in("/accounts/two-factor", code=app_code(secret))
        assert done.status_code == 200 and done.text.count("<li><code>") == 10
        assert await has_two_factor(await user())
        later = (await visitor.page("/accounts/two-factor")).text
        assert "10 recovery codes are left." in later and secret not in later
        assert "<svg" not in later
        again = await visitor.fill_in("/accounts/two-factor", code=app_code(secret, 1))
        assert again.status_code == 409
        assert (await visitor.fill_in("/accounts/two-factor/recovery-codes")).text.count(
            "<li><code>"
        ) == 10
        await visitor.fill_in("/accounts/two-factor/end")
        assert not await has_two_factor(await user())
        assert len(mails_to("ann@example.org")) == 3


# Sessions and the end


async def test_own_sessions_are_listed_and_ended(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        here, there, third = await logged_in(app), await logged_in(app), await logged_in(app)
        listed = (await here.get("/accounts/sessions", headers=JSON)).json()["sessions"]
        assert len(listed) == 3 and [each["is_current"] for each in listed].count(True) == 1
        other = next(each["id"] for each in listed if not each["is_current"])
        assert (await here.page("/accounts/sessions")).text.count("End this session") == 2
        await here.fill_in("/accounts/sessions", id=other)
        assert sorted([await there.name(), await third.name()]) == ["", "ann"]
        await here.fill_in("/accounts/sessions")
        assert [await there.name(), await third.name(), await here.name()] == ["", "", "ann"]
        gone = await here.fill_in("/accounts/sessions", id=other)
        assert gone.status_code == 404 and "There is no such session." in gone.text
        own = (await here.get("/accounts/sessions", headers=JSON)).json()["sessions"][0]["id"]
        last = await here.fill_in("/accounts/sessions", id=own)
        assert last.headers["location"] == "/accounts/login" and await here.name() == ""


async def test_sessions_that_cannot_be_listed_say_so(tmp_path: Path) -> None:
    async with visited(tmp_path, SESSION_STORE="cookie") as app:
        visitor = await logged_in(app)
        assert "cannot be listed" in (await visitor.page("/accounts/sessions")).text
        assert (await visitor.fill_in("/accounts/sessions")).status_code == 409
        done = await visitor.new_passwords("/accounts/password", OTHER_PASSWORD, password=PASSWORD)
        assert done.status_code == 303


async def test_a_deleted_account_leaves_nothing_behind(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        visitor, elsewhere = await logged_in(app), await logged_in(app)
        await turn_on_second_factor(visitor)
        await create_token(await user())
        await create_api_key(await user())
        await create_api_key(await user("bob"))
        await visitor.fill_in("/accounts/email/verify")
        unsure = await visitor.fill_in("/accounts/delete")
        assert unsure.status_code == 422
        done = await visitor.fill_in("/accounts/delete", understood="on")
        assert "Your account is deleted." in done.text
        assert (await visitor.name(), await elsewhere.name()) == ("", "")
        assert await User.objects.values_list("username", flat=True) == ["bob"]
        for model in (AuthToken, RecoveryCode, TOTPDevice, VerifiedEmail):
            assert await model.objects.count() == 0
        assert await StoredSession.objects.filter(user_id__isnull=False).count() == 0
        assert await APIKey.objects.count() == 1
        assert "was deleted" in (mails_to("ann@example.org")[-1].text or "")


# JSON


async def test_programs_do_all_of_it_with_json(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        asked = await visitor.send("/accounts/sign-up", email="bob@example.org")
        assert asked.status_code == 202 and asked.json()["detail"]
        link = link_in(outbox()[-1])
        new = {"new_password": OTHER_PASSWORD, "new_password_again": OTHER_PASSWORD}
        made = await visitor.send(link, username="bob", **new)
        assert (made.status_code, made.json()["next"]) == (200, "/")
        shown = await visitor.get("/accounts/", headers=JSON)
        assert shown.json()["email"] == "bob@example.org" and shown.json()["is_verified"]
        assert (await visitor.send("/accounts/logout")).json()["detail"] == "Logged out."
        wrong = await visitor.send("/accounts/login", username="bob", password="wrong")
        assert wrong.status_code == 401
        assert wrong.headers["content-type"] == "application/problem+json"
        assert wrong.json()["errors"] == {"form": "The name or the password is wrong."}
        good = await visitor.send("/accounts/login", username="bob", password=OTHER_PASSWORD)
        assert good.json() == {"detail": "", "next": "/"}
        secret, _ = await turn_on_second_factor(visitor)
        other = Visitor(app)
        first = await other.send("/accounts/login", username="bob", password=OTHER_PASSWORD)
        assert (first.status_code, first.json()["second_factor_required"]) == (202, True)
        assert (await other.send(first.json()["next"], code=app_code(secret))).status_code == 200
        assert await other.name() == "bob"
        refused = await other.send("/accounts/delete")
        assert refused.status_code == 422 and list(refused.json()["errors"]) == ["understood"]
        assert (await other.send("/accounts/delete", understood=True)).status_code == 200


async def test_json_tells_of_the_fields_of_a_page(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        shown = (await Visitor(app).get("/accounts/login", headers=JSON)).json()
        assert [field["name"] for field in shown["fields"]] == ["username", "password", "remember"]
        assert shown["fields"][2] == {
            "name": "remember",
            "label": "Stay logged in",
            "type": "boolean",
            "required": False,
            "max_length": 254,
        }
        assert shown["csrf_token"]


@pytest.mark.parametrize(
    "body",
    ["[]", "1", '"x"', "{", '{"username": 5}', '{"username": ["a"], "password": {}}', "", "\ud800",
     '{"username": "\\ud800", "password": "x"}', '{"username": "a\\u0000", "password": "x"}'],
)  # fmt: skip
async def test_odd_json_is_the_clients_mistake(tmp_path: Path, body: str) -> None:
    async with visited(tmp_path) as app:
        visitor = Visitor(app)
        headers = {**JSON, "content-type": "application/json", "x-csrftoken": await visitor.token()}
        content = body.encode("utf-8", "surrogatepass")
        for path in ("/login", "/login/code/enter", "/sign-up", "/password/reset", "/sign-up/x"):
            answer = await visitor.post(f"/accounts{path}", content=content, headers=headers)
            assert 400 <= answer.status_code < 500, path


# Everything


async def test_every_page_can_be_asked_for(tmp_path: Path) -> None:
    async with visited(tmp_path) as app:
        stranger, member = Visitor(app), await logged_in(app)
        assert len(OPEN + CLOSED + LINKS) + 1 == len(PAGES)
        for path in OPEN:
            assert (await stranger.page(f"/accounts{path}")).status_code == 200, path
        for path in CLOSED:
            away = await stranger.page(f"/accounts{path}")
            assert away.headers["location"].startswith("/accounts/login?next=/accounts"), path
            assert (await stranger.get(f"/accounts{path}", headers=JSON)).status_code == 401, path
            assert (await member.page(f"/accounts{path}")).status_code == 200, path
            assert (await member.get(f"/accounts{path}", headers=JSON)).status_code == 200, path
        for path in LINKS:
            assert (await stranger.page(f"/accounts{path}")).status_code == 410, path
            assert (await stranger.get(f"/accounts{path}", headers=JSON)).status_code == 410, path


async def test_no_page_is_kept_framed_or_told_to_others(tmp_path: Path) -> None:
    async with visited(tmp_path, X_FRAME_OPTIONS="SAMEORIGIN") as app:
        stranger, member = Visitor(app), await logged_in(app)
        answers = [await stranger.page(f"/accounts{path}") for path in (*OPEN, *LINKS)]
        answers += [await member.page(f"/accounts{path}") for path in CLOSED]
        answers += [await member.get(f"/accounts{path}", headers=JSON) for path in CLOSED]
        answers.append(await stranger.log_in(password="wrong"))
        for answer in answers:
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "Accept" in answer.headers["vary"]


async def test_texts_are_in_the_language_of_the_visitor(tmp_path: Path) -> None:
    locale = "openviper.middleware.locale.LocaleMiddleware"
    from openviper.conf.base import Settings

    middleware = (*Settings().MIDDLEWARE, locale)
    async with visited(tmp_path, MIDDLEWARE=middleware, LANGUAGES=("en", "de")) as app:
        visitor = Visitor(app)
        german = {**PAGE, "accept-language": "de"}
        shown = await visitor.get("/accounts/login", headers=german)
        assert '<html lang="de">' in shown.text and "Anmelden" in shown.text
        data = {"csrfmiddlewaretoken": await visitor.token(), "email": "ann@example.org"}
        await visitor.post("/accounts/password/reset", data=data, headers=german)
        assert "Passwort" in outbox()[-1].subject
        assert "Passwort" in (outbox()[-1].text or "")


class Company(LogIn):
    """A view of a project's own."""

    title = gettext_lazy("Come in")
    fields: Fields = (*LogIn.fields, Field("company", gettext_lazy("Company"), is_required=True))

    async def submit(self, values: dict[str, str]) -> Response:
        if values["company"] != "ours":
            return self.done("No", "/elsewhere")
        return await super().submit(values)


async def test_each_view_and_each_template_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "templates" / "accounts").mkdir(parents=True)
    (tmp_path / "templates" / "accounts" / "told.html").write_text("ours: {{ sentence }}", "utf-8")
    views = {"login": Company, "delete": None}
    async with visited(tmp_path, views, TEMPLATES_DIR=str(tmp_path / "templates")) as app:
        visitor = Visitor(app)
        shown = (await visitor.page("/accounts/login")).text
        assert "<h1>Come in</h1>" in shown and 'name="company"' in shown
        assert (await visitor.log_in()).status_code == 422
        assert (await visitor.log_in(company="x")).headers["location"] == "/elsewhere"
        assert (await visitor.log_in(company="ours")).status_code == 303
        assert (await visitor.page("/accounts/delete")).status_code == 404
        overview = (await visitor.page("/accounts/")).text
        assert "Change your password" in overview and "Delete" not in overview
        told = await visitor.fill_in("/accounts/password/reset", email="x@example.org")
        assert told.text.startswith("ours: If this address")


async def test_a_site_without_sign_up_has_no_way_to_it(tmp_path: Path) -> None:
    views = {name: None for name in ("sign_up", "finish_sign_up", "login_code", "enter_code")}
    async with visited(tmp_path, views) as app:
        shown = (await Visitor(app).page("/accounts/login")).text
        assert "sign-up" not in shown and "login/code" not in shown


def test_mistakes_in_the_choice_of_views_are_errors_at_once() -> None:
    with pytest.raises(ValueError, match="there is no account page 'log_in'; there are: overview"):
        account_routes(log_in=LogIn)
    with pytest.raises(ValueError, match="'login' cannot be left out"):
        account_routes(login=None)
    with pytest.raises(TypeError, match="is not an AccountView"):
        account_routes(login=SignUp.as_view())  # type: ignore[arg-type]  # the mistake that is meant
    for first, second in TOGETHER:
        with pytest.raises(ValueError, match=f"'{first}' and '{second}' belong together"):
            account_routes(**{second: None})
    assert issubclass(LogIn, AccountView)
