"""People log in and out, and their sessions end when they should."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from openviper import OpenViper, Request
from openviper.auth import (
    SessionManager,
    authenticate,
    has_logged_in_recently,
    login,
    logout,
    reauthenticate,
    session_store,
)
from openviper.auth.models import StoredSession, User
from openviper.core.context import current_user
from openviper.db.connections.observers import DatabaseBackend, DatabaseExecution
from openviper.exceptions import ImproperlyConfigured
from openviper.http import Response
from openviper.sessions import MemorySessionStore, session
from tests.integration.auth.web import PASSWORD, Browser, make_app, site


class Noting(DatabaseExecution):
    """Notes every statement."""

    statements: ClassVar[list[str]] = []

    def post_execute(self, statement: str, parameters: Any, duration: float) -> None:
        self.statements.append(statement)


class NotingBackend(DatabaseBackend):
    """Has the statements noted."""

    def create_execution(self) -> DatabaseExecution:
        return Noting()


async def rows() -> list[Any]:
    """Return the stored sessions."""
    return await StoredSession.objects.all().order_by("pk")


async def test_who_logs_in_is_the_user_of_the_following_requests(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        assert (await browser.get("/whoami")).json() == {"user": "", "current": "", "auth": "none"}
        answer = await browser.log_in()
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        who = (await browser.get("/whoami")).json()
        assert who == {"user": "ann", "current": "ann", "auth": "session"}
        (row,) = await rows()
        assert browser.cookies["sessionid"] not in repr(vars(row))
        assert (row.user_id, row.address) == ("1", "testclient")
        assert current_user.get() is None


async def test_a_wrong_password_lets_nobody_in(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        wrong = await browser.log_in(password="wrong")
        unknown = await browser.log_in("bob")
        assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text)
        assert await browser.name() == "" and await rows() == []


async def test_what_nobody_touches_costs_no_statement_row_cookie_or_vary(tmp_path: Path) -> None:
    async with site(tmp_path, backend=f"{__name__}.NotingBackend") as app:
        browser = Browser(app)
        Noting.statements.clear()
        answer = await browser.get("/plain")
        assert Noting.statements == [] and await rows() == []
        assert not {"set-cookie", "vary"} & set(answer.headers)
        await browser.log_in()
        answer = await browser.get("/plain")
        assert not {"set-cookie", "vary"} & set(answer.headers)
        Noting.statements.clear()
        answer = await browser.get("/whoami")
        assert len(Noting.statements) == 2  # The session and its user.
        assert answer.headers["vary"] == "Cookie"


async def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        thief = Browser(app, cookies={"sessionid": browser.cookies["sessionid"]})
        assert await thief.name() == "ann"
        assert (await browser.submit("/logout")).text == "nobody"
        assert "sessionid" not in browser.cookies
        assert await thief.name() == "" and await rows() == []
        # And for who has not logged in it does no harm.
        assert (await browser.submit("/logout")).text == "nobody"


async def test_a_key_that_was_planted_is_replaced_by_the_login(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        attacker = Browser(app)
        await attacker.get("/set/cart/7")
        planted = attacker.cookies["sessionid"]
        victim = Browser(app, cookies={"sessionid": planted})
        await victim.log_in()
        assert victim.cookies["sessionid"] != planted
        assert (await victim.get("/get/cart")).json() == {"value": "7"}
        assert await attacker.name() == ""
        assert (await attacker.get("/get/cart")).json() == {"value": None}


async def test_another_user_in_the_same_browser_finds_nothing_of_the_first(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        browser = Browser(app)
        await browser.log_in()
        first = browser.cookies["sessionid"]
        await browser.get("/set/secret/x")
        await browser.log_in("bob")
        assert await browser.name() == "bob"
        assert (await browser.get("/get/secret")).json() == {"value": None}
        assert await Browser(app, cookies={"sessionid": first}).name() == ""


async def test_the_user_is_known_in_tasks_of_the_request(tmp_path: Path) -> None:
    async with site(tmp_path):
        app = OpenViper(debug=False)

        async def inner() -> str:
            return str(current_user.get().username)

        @app.get("/")
        async def home(request: Request) -> list[str]:
            user = await User.objects.get(username="ann")
            before = await asyncio.create_task(inner())
            await login(request, user)
            return [before, await asyncio.create_task(inner()), await inner()]

        assert (await app.test_client().get("/")).json() == ["", "ann", "ann"]


async def test_an_inactive_users_session_ends(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        await User.objects.all().update(is_active=False)
        answer = await browser.get("/whoami")
        assert answer.json()["user"] == ""
        assert any("Max-Age=0" in each for each in answer.headers.getlist("set-cookie"))
        await User.objects.all().update(is_active=True)
        assert await browser.name() == "" and await rows() == []


async def test_a_deleted_users_session_ends(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        await User.objects.all().delete()
        assert await browser.name() == "" and await rows() == []


@pytest.mark.parametrize("store", ["database", "cookie"])
async def test_a_changed_password_ends_all_sessions_but_the_one_it_was_changed_in(
    tmp_path: Path, store: str
) -> None:
    async with site(tmp_path, SESSION_STORE=store) as app:
        here, there = Browser(app), Browser(app)
        await here.log_in()
        await there.log_in()
        key = here.cookies["sessionid"]
        ended = (await here.submit("/password", password="another one 2")).json()
        assert ended == {"ended": 1 if store == "database" else 0}
        assert await here.name() == "ann" and here.cookies["sessionid"] != key
        assert await there.name() == ""
        assert await Browser(app, cookies={"sessionid": key}).name() == ""


async def test_a_password_changed_behind_our_back_ends_them_too(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        user = await User.objects.get(username="ann")
        await user.set_password("set by an administrator")
        await user.save()
        assert await browser.name() == "" and await rows() == []


async def test_a_hash_that_is_only_written_anew_ends_nothing(tmp_path: Path) -> None:
    from openviper.auth import hashers

    async with site(tmp_path) as app:
        first, second = Browser(app), Browser(app)
        await first.log_in()
        hashers.SCRYPT_LN = 5
        await second.log_in()
        assert await first.name() == "ann" and await second.name() == "ann"


async def test_people_see_their_sessions_and_end_them(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        phone = Browser(app, headers={"user-agent": "Phone"})
        laptop = Browser(app, headers={"user-agent": "Laptop"})
        tablet = Browser(app, headers={"user-agent": "Tablet"})
        stranger = Browser(app)
        for browser in (phone, laptop, tablet):
            await browser.log_in()
        await stranger.log_in("bob")
        listed = (await laptop.get("/sessions")).json()
        assert sorted(each["agent"] for each in listed) == ["Laptop", "Phone", "Tablet"]
        assert [each["agent"] for each in listed if each["is_current"]] == ["Laptop"]
        of_phone = next(each["id"] for each in listed if each["agent"] == "Phone")
        # Another one's session is none of bob's, whatever id he sends.
        assert (await stranger.submit(f"/sessions/{of_phone}/end")).json() == {"ended": False}
        assert (await laptop.submit(f"/sessions/{of_phone}/end")).json() == {"ended": True}
        assert [await phone.name(), await laptop.name(), await tablet.name()] == ["", "ann", "ann"]
        assert (await laptop.submit("/sessions/others/end")).json() == {"ended": 1}
        assert [await laptop.name(), await tablet.name()] == ["ann", ""]
        own = (await laptop.get("/sessions")).json()[0]["id"]
        assert (await laptop.submit(f"/sessions/{own}/end")).json() == {"ended": True}
        assert await laptop.name() == "" and await stranger.name() == "bob"


async def test_nobody_has_no_sessions_to_list_or_end(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        assert (await browser.get("/sessions")).json() == []
        assert (await browser.submit("/sessions/others/end")).json() == {"ended": 0}
        assert (await browser.submit("/sessions/x/end")).json() == {"ended": False}


async def test_a_remembered_session_has_a_cookie_that_stays(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        answer = await Browser(app).log_in(remember="on")
        assert any("Max-Age=1209600" in each for each in answer.headers.getlist("set-cookie"))
        answer = await Browser(app).log_in()
        assert not any("Max-Age" in each for each in answer.headers.getlist("set-cookie"))


async def test_an_old_session_ends_however_often_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path, SESSION_MAX_AGE=timedelta(hours=3)) as app:
        browser = Browser(app)
        await browser.log_in()
        began = time.time()
        seen = []
        for minutes in range(0, 240, 20):
            for module in (session, session_store):
                monkeypatch.setattr(module, "now", lambda at=began + minutes * 60: at)
            seen.append(await browser.name())
        assert seen == ["ann"] * 9 + [""] * 3


async def test_a_session_that_nobody_uses_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        later = time.time() + 3601
        monkeypatch.setattr(session_store, "now", lambda: later)
        assert await browser.name() == ""


async def test_risky_acts_want_a_fresh_proof(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        assert (await browser.get("/delicate")).status_code == 401
        await browser.log_in()
        assert (await browser.get("/delicate")).text == "delicate"
        await StoredSession.objects.all().update(authenticated_at=None)
        answer = await browser.get("/delicate")
        assert answer.status_code == 401
        assert answer.json()["detail"]["code"] == "recent_login_required"
        key = browser.cookies["sessionid"]
        assert (await browser.submit("/confirm", password="wrong")).json() == {"ok": False}
        assert (await browser.get("/delicate")).status_code == 401
        assert (await browser.submit("/confirm", password=PASSWORD)).json() == {"ok": True}
        assert browser.cookies["sessionid"] != key
        assert (await browser.get("/delicate")).text == "delicate"


async def test_nobody_can_confirm_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        assert (await Browser(app).submit("/confirm", password=PASSWORD)).json() == {"ok": False}


async def test_the_cookie_can_be_put_on_an_answer_of_ones_own(tmp_path: Path) -> None:
    async with site(tmp_path):
        app = OpenViper(debug=False)

        @app.get("/in")
        async def enter(request: Request) -> Response:
            response = Response("in")
            user = await User.objects.get(username="ann")
            key = await login(request, user, response)
            assert key in dict(response.raw_headers)[b"set-cookie"].decode()
            return response

        @app.get("/out")
        async def leave(request: Request) -> Response:
            response = Response("out")
            await logout(request, response)
            return response

        client = app.test_client()
        for path, life in (("/in", ""), ("/out", "Max-Age=0")):
            cookies = (await client.get(path)).headers.getlist("set-cookie")
            assert len(cookies) == 1 and life in cookies[0]


async def test_a_user_that_is_not_stored_cannot_log_in(tmp_path: Path) -> None:
    async with site(tmp_path):
        app = OpenViper(debug=False)

        @app.get("/")
        async def enter(request: Request) -> str:
            with pytest.raises(ValueError, match="not saved"):
                await login(request, User(username="x", email="x@example.org"))
            return "refused"

        assert (await app.test_client().get("/")).text == "refused"


async def test_without_sessions_nobody_can_log_in_and_the_error_says_why(tmp_path: Path) -> None:
    async with site(tmp_path, MIDDLEWARE=()):
        app = OpenViper(debug=False)

        @app.get("/")
        async def enter(request: Request) -> str:
            assert not has_logged_in_recently(request)
            assert not await reauthenticate(request, PASSWORD)
            with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
                await login(request, await User.objects.get(username="ann"))
            with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
                request.session["a"] = 1
            return "tried"

        assert (await app.test_client().get("/")).text == "tried"


async def test_a_manager_keeps_sessions_elsewhere(tmp_path: Path) -> None:
    async with site(tmp_path):
        app = OpenViper(debug=False)
        store = MemorySessionStore()

        @app.get("/in")
        async def enter(request: Request) -> str:
            return await SessionManager(store).login(
                request, await User.objects.get(username="ann")
            )

        @app.get("/out")
        async def leave(request: Request) -> str:
            await SessionManager(store).logout(request)
            return request.user.username or "nobody"

        client = app.test_client()
        key = (await client.get("/in")).text
        assert await store.load(key) is not None and await rows() == []
        assert client.cookies["sessionid"] == key
        assert (await client.get("/out")).text == "nobody"


async def test_the_default_manager_shares_the_session_of_the_request(tmp_path: Path) -> None:
    async with site(tmp_path):
        app = OpenViper(debug=False)

        @app.get("/")
        async def enter(request: Request) -> str:
            request.session["before"] = 1
            await SessionManager().login(request, await User.objects.get(username="ann"))
            return str(request.session["before"])

        assert (await app.test_client().get("/")).text == "1"
        assert len(await rows()) == 1


class Directory:
    """A backend that knows one user from elsewhere."""

    async def authenticate(self, request: Any, username: str, password: str) -> Any | None:
        if (username, password) != ("carl", "from the directory"):
            return None
        user, _ = await User.objects.get_or_create(
            username="carl", defaults={"email": "carl@example.org"}
        )
        return user


async def test_other_backends_are_asked_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = f"{__name__}.Directory"
    both = ("openviper.auth.backends.ModelBackend", own)
    async with site(tmp_path, AUTH_BACKENDS=both) as app:
        browser = Browser(app)
        assert (await browser.log_in("carl", "from the directory")).status_code == 303
        assert await browser.name() == "carl"
        assert not [record for record in caplog.records if "login failed" in record.message]
        assert await authenticate("ann", PASSWORD) is not None
        assert await authenticate("ann", "wrong") is None
        assert re.search("'ann' from unknown: wrong_password", caplog.text)
    async with site(tmp_path / "..", AUTH_BACKENDS=("no.such.Backend",)):
        with pytest.raises(ImproperlyConfigured, match=re.escape("'no.such.Backend'")):
            await authenticate("ann", PASSWORD)


async def test_sessions_work_below_a_prefix_and_in_a_mounted_application(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        outer = OpenViper(debug=False)
        outer.mount("/inner", app)
        browser = Browser(outer, base_url="http://testserver/inner/")
        found = re.search('value="([^"]+)"', (await browser.get("form")).text)
        assert found is not None
        data = {"csrfmiddlewaretoken": found[1], "username": "ann", "password": PASSWORD}
        assert (await browser.post("login", data=data)).status_code == 303
        assert (await browser.get("whoami")).json()["user"] == "ann"
        assert len(await rows()) == 1
        assert make_app() is not app
