"""What has happened to accounts is recorded, and the record harms nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import (
    AccountEvent,
    AuditEvent,
    AuthHookContext,
    AuthHookReject,
    auth_hooks,
    authenticate,
    check_second_factor,
    clear_account_events,
    create_api_key,
    create_token,
    end_two_factor,
    find_events,
    issue_tokens,
    record_event,
    refresh_tokens,
    revoke_api_key,
    revoke_auth_token,
    two_factor,
)
from openviper.auth.closing import close_account
from openviper.auth.emails import change_email, mark_email_verified
from openviper.auth.models import (
    APIKey,
    AuthToken,
    ContentType,
    Permission,
    RecoveryCode,
    Role,
    RolePermission,
    StoredSession,
    TOTPDevice,
    User,
    UserRole,
    VerifiedEmail,
)
from openviper.auth.tasks import clear_old_account_events
from openviper.auth.tokens import digest_of
from openviper.conf import settings
from openviper.db.connection import atomic, get_connection
from openviper.exceptions import AuthenticationFailed
from openviper.testing import override_openviper_settings as override
from tests.integration.auth.database import accounts
from tests.integration.auth.web import PASSWORD, Browser, site


@pytest.fixture(autouse=True)
def no_hooks() -> Iterator[None]:
    """Forget the hooks of a test."""
    yield
    auth_hooks.clear()


async def events(*names: str) -> list[tuple[str, str | None, str]]:
    """Return event, user and actor of what has happened, the first first."""
    rows = await find_events(events=names, limit=1000)
    return [(row.event, row.user_id, row.actor) for row in reversed(rows)]


async def last(name: str) -> AccountEvent:
    """Return the latest event of a name."""
    return (await find_events(events=(name,), limit=1))[0]


async def test_a_login_says_who_when_from_where_and_with_what(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        started = datetime.now(UTC) - timedelta(seconds=1)
        browser = Browser(app, headers={"user-agent": "Wolf/1.0 (bidi)"})
        await browser.log_in()
        event = await last("login")
        assert (event.event, event.user_id, event.username, event.actor) == (
            "login",
            "1",
            "ann",
            "1",
        )
        assert event.address == "testclient" and event.user_agent == "Wolf/1.0 (bidi)"
        assert event.details == {"by": "session"}
        assert started <= event.happened_at <= datetime.now(UTC) + timedelta(seconds=1)
        await browser.submit("/logout")
        assert await events("logout") == [("logout", "1", "1")]


async def test_a_failed_login_names_the_account_but_never_what_was_typed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        with caplog.at_level(logging.INFO, "openviper.auth.audit"):
            await browser.log_in(password="wrong one")
            await browser.log_in("my secret, typed into the wrong field")
            await browser.log_in("my secret, typed into the wrong field")
            await browser.log_in("another")
        known, *unknown = reversed(await find_events(events=("login.failed",)))
        assert (known.user_id, known.username, known.details) == (
            "1",
            "ann",
            {"reason": "wrong_password"},
        )
        assert [event.username for event in unknown] == ["", "", ""]
        first, same, other = [event.details["typed"] for event in unknown]
        assert first == same != other  # Equal ones can be told, and no more.
        audit_log = [r.getMessage() for r in caplog.records if r.name == "openviper.auth.audit"]
        assert len(audit_log) == 4
        assert not any("my secret" in line or "wrong one" in line for line in audit_log)


async def test_what_a_user_does_to_the_account_is_recorded(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser, other = Browser(app), Browser(app)
        await browser.log_in()
        await other.log_in()
        await browser.submit("/confirm", password="wrong one")
        await browser.submit("/confirm", password=PASSWORD)
        await browser.submit("/sessions/others/end")
        await browser.submit("/sessions/others/end")  # There are none any more.
        await other.log_in()
        await browser.submit("/password", password="another wandering wolf")
        found = [event for event, user, actor in await events() if user == "1"]
        assert found == [
            "user.created",
            "login",
            "login",
            "login.failed",
            "login.confirmation_failed",
            "login.confirmed",
            "session.ended",
            "login",
            "password.changed",
            "session.ended",
        ]
        assert (await last("session.ended")).details == {"count": 1, "why": "password changed"}


async def test_changes_of_users_and_rights_are_recorded_however_they_are_made(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        root = await User.objects.create_superuser("root", "root@example.org", PASSWORD)
        role = await Role.objects.create(name="editor")
        await user.assign_role(role)
        await user.assign_role(role)
        await user.remove_role(role)
        user.email, user.is_staff = "new@example.org", True
        await user.save()
        user.username = "anna"
        user.first_name = "Anna"
        await user.save(update_fields=["username"])
        await user.set_password("a wandering wolf")
        await user.save(update_fields=["password"])
        user.last_name = "Berg"
        await user.save()
        await User.objects.filter(pk=user.pk).update(is_active=False)
        await ContentType.objects.create(app_label="notes", model="Note")
        permission = await Permission.objects.create(codename="publish", name="Publish")
        await RolePermission.objects.bulk_create([RolePermission(role=role, permission=permission)])
        await RolePermission.objects.filter(role=role).delete()
        await root.delete()
        found = [(row.event, row.user_id, row.details) for row in reversed(await find_events())]
        assert found == [
            ("user.created", "1", {}),
            ("user.created", "2", {"is_superuser": True, "is_staff": True}),
            (
                "rights.changed",
                None,
                {"model": "Role", "change": "insert", "id": 1, "name": "editor"},
            ),
            ("role.given", "1", {"role": "editor"}),
            ("role.taken", "1", {"role": "editor"}),
            ("email.changed", "1", {"from": "ann@example.org", "to": "new@example.org"}),
            ("rights.changed", "1", {"is_staff": True}),
            ("user.renamed", "1", {"from": "ann", "to": "anna"}),
            ("password.changed", "1", {}),
            (
                "rights.changed",
                None,
                {"model": "User", "change": "update", "rows": 1, "fields": ["is_active"]},
            ),
            (
                "rights.changed",
                None,
                {
                    "model": "Permission",
                    "change": "insert",
                    "id": 1,
                    "codename": "publish",
                    "name": "Publish",
                },
            ),
            (
                "rights.changed",
                None,
                {"model": "RolePermission", "change": "insert", "rows": 1, "fields": []},
            ),
            (
                "rights.changed",
                None,
                {"model": "RolePermission", "change": "delete", "rows": 1, "fields": []},
            ),
            ("user.deleted", "2", {}),
        ]
        assert {row.actor[:3] for row in await find_events()} == {"os:"}


async def test_tokens_and_keys_are_recorded_without_being_told(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        raw, _ = await create_token(user)
        key, row = await create_api_key(user, name="backup", scopes=("read",))
        await revoke_auth_token(raw)
        await revoke_auth_token(raw)
        await revoke_api_key(row.prefix)
        await revoke_api_key(row.prefix)
        pair = issue_tokens(user)
        await refresh_tokens(pair.refresh)
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(pair.refresh)
        assert [event for event, *_ in await events("token", "api_key")] == [
            "token.created",
            "api_key.created",
            "token.revoked",
            "api_key.revoked",
            "token.reused",
        ]
        text = str([vars(each) for each in await find_events()])
        assert raw not in text and key not in text and key.partition(".")[2] not in text
        assert row.prefix in text


async def test_details_hold_no_secrets_control_characters_or_novels(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        details: dict[str, Any] = {f"n{number}": number for number in range(50)}
        await record_event(
            AuditEvent.TWO_FACTOR_ON,
            None,
            details={
                "password": "hunter2",
                "api_key": ["k"],
                "note": f"line\nline {settings.SECRET_KEY} \x1b[31m\ud800\x00" + "x" * 1000,
                "url": "postgres://u:hunter2@db/x",
                "many": [object()] * 500,
                "yes": True,
                **details,
            },
        )
        found = (await last("two_factor")).details
        assert found["password"] == found["api_key"] == "********"
        assert "hunter2" not in str(found) and settings.SECRET_KEY not in str(found)
        assert found["note"].startswith("lineline ******** [31m") and len(found["note"]) <= 200
        assert found["yes"] is True and len(found["many"]) == 20 and len(found) == 20


async def test_what_a_browser_calls_itself_is_cut_and_cleaned(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app, headers={"user-agent": "W\xa0olf" + "x" * 400})
        await browser.log_in()
        agent = (await last("login")).user_agent
        assert agent == "Wolf" + "x" * 196


async def test_a_table_that_is_not_there_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(tmp_path) as app:
        async with get_connection() as connection:
            await connection.execute("DROP TABLE auth_account_events")
        browser = Browser(app)
        with caplog.at_level(logging.ERROR, "openviper.auth.audit"):
            await browser.log_in()
        assert await browser.name() == "ann"
        assert "run migrate" in caplog.text


async def test_a_row_that_cannot_be_written_stops_nobody_even_in_a_transaction(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        async with get_connection() as connection:
            await connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON auth_account_events "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        with caplog.at_level(logging.ERROR, "openviper.auth.audit"):
            async with atomic():
                user.email = "new@example.org"
                await user.save()
        assert (await User.objects.get(pk=user.pk)).email == "new@example.org"
        assert "email.changed could not be stored" in caplog.text


async def test_without_a_secret_key_and_without_a_database_logins_fail_in_their_own_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with accounts(tmp_path):
        with override(SECRET_KEY=""):
            assert await authenticate("nobody", "wrong one") is None
        assert (await last("login.failed")).details == {"reason": "unknown_user"}
    with caplog.at_level(logging.ERROR, "openviper.auth.audit"):
        await record_event(AuditEvent.LOGGED_OUT, 7)
    assert "logout could not be stored" in caplog.text or "run migrate" in caplog.text


async def test_what_is_undone_leaves_no_row(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await User.objects.create_user("ann", "ann@example.org", PASSWORD)
                raise ZeroDivisionError
        assert await events() == []


async def test_a_cancelled_act_is_not_swallowed(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        task = asyncio.ensure_future(record_event(AuditEvent.LOGGED_IN))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_where_it_is_recorded_is_a_setting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with accounts(tmp_path):
        with override(AUTH_AUDIT="log"), caplog.at_level(logging.INFO, "openviper.auth.audit"):
            await record_event(AuditEvent.LOGGED_OUT, 7)
        assert "logout user='7'" in caplog.text
        caplog.clear()
        with override(AUTH_AUDIT="off"), caplog.at_level(logging.DEBUG, "openviper.auth.audit"):
            await record_event(AuditEvent.LOGGED_OUT, 7)
        assert caplog.text == "" and await events() == []


async def test_old_events_are_thrown_away_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openviper.auth.audit.DELETED_AT_ONCE", 3)
    async with accounts(tmp_path, AUTH_AUDIT_KEEP=timedelta(days=30)):
        for _ in range(10):
            await record_event(AuditEvent.LOGGED_IN, 1)
        await AccountEvent.objects.filter(pk__lte=7).update(
            happened_at=datetime.now(UTC) - timedelta(days=31)
        )
        assert await clear_account_events() == 7
        assert await AccountEvent.objects.all().count() == 3
        await AccountEvent.objects.all().update(happened_at=datetime.now(UTC) - timedelta(days=31))
        await clear_old_account_events()
        assert await events() == []


async def test_events_are_found_by_user_actor_kind_address_and_time(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await record_event(AuditEvent.LOGIN_FAILED, 1)
        await record_event(AuditEvent.LOGGED_IN, 1)
        await record_event(AuditEvent.PASSWORD_CHANGED, 2)
        await AccountEvent.objects.filter(event="password.changed").update(
            actor="1", address="10.0.0.1"
        )
        await AccountEvent.objects.filter(event="login").update(
            happened_at=datetime.now(UTC) - timedelta(days=2)
        )
        assert len(await find_events(1)) == 3 and len(await find_events(2)) == 1
        assert len(await find_events(events=("login",))) == 2
        assert len(await find_events(events=("login.failed", "password"))) == 2
        assert len(await find_events(address="10.0.0.1")) == 1
        assert len(await find_events(since=datetime.now(UTC) - timedelta(days=1))) == 2
        assert len(await find_events(limit=1)) == 1


async def test_hooks_run_once_for_each_login_failure_and_logout(tmp_path: Path) -> None:
    seen: list[tuple[str, Any, Any]] = []

    def note(name: str) -> Any:
        def hook(context: AuthHookContext) -> None:
            request = context.request
            assert request is not None and request.url.path
            seen.append((name, getattr(context.user, "username", None), dict(context.metadata)))

        return hook

    auth_hooks.before_login(note("before"))
    auth_hooks.on_login(note("in"))
    auth_hooks.on_login_failed(note("failed"))
    auth_hooks.on_logout(note("out"))
    auth_hooks.on_password_changed(note("password"))
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in(password="wrong one")
        await browser.log_in("nobody")
        await browser.log_in()
        await browser.submit("/password", password="another wandering wolf")
        await browser.submit("/logout")
        await browser.submit("/logout")
        assert seen == [
            ("failed", "ann", {"reason": "wrong_password"}),
            ("failed", None, {"reason": "unknown_user"}),
            ("before", "ann", {"remember": False}),
            ("in", "ann", {"remember": False}),
            ("password", "ann", {"ended_sessions": 0}),
            ("out", "ann", {}),
        ]


async def test_a_hook_can_refuse_a_login(tmp_path: Path) -> None:
    @auth_hooks.before_login
    async def refuse(context: AuthHookContext) -> None:
        raise AuthHookReject("on holiday")

    async with site(tmp_path) as app:
        browser = Browser(app)
        assert (await browser.log_in()).status_code == 401
        assert await browser.name() == ""
        assert await events("login") == []


async def test_many_failures_are_counted_and_each_stored_once(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        await asyncio.gather(*(authenticate("ann", "wrong one") for _ in range(20)))
        assert len(await events("login.failed")) == 20


async def test_a_role_that_is_given_by_a_row_is_recorded_too(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org")
        role = await Role.objects.create(name="editor")
        given = await UserRole.objects.create(user=user, role=role)
        await given.delete()
        assert [event for event, *_ in await events("role")] == ["role.given", "role.taken"]


# One transaction


Change = Callable[[User], Awaitable[object]]


async def _saved(user: User) -> None:
    user.email, user.is_staff = "new@example.org", True
    await user.save()


async def _raised(user: User) -> None:
    await User.objects.filter(pk=user.pk).update(is_superuser=True)


async def _granted(user: User) -> None:
    await UserRole.objects.bulk_create([UserRole(user=user, role=await Role.objects.get())])


async def _roles_renamed(_user: User) -> None:
    await Role.objects.all().update(name="chief")


async def _roles_deleted(_user: User) -> None:
    await Role.objects.all().delete()


async def _token_ended(_user: User) -> None:
    assert await revoke_auth_token("kept-token")


async def _key_ended(_user: User) -> None:
    assert await revoke_api_key("kept-key")


async def _code_used(user: User) -> None:
    assert await check_second_factor(user, "kept code")


CHANGES: list[Change] = [
    _saved, User.delete, _raised, _granted, _roles_renamed, _roles_deleted, _token_ended, _key_ended, _code_used,
    create_token, create_api_key, end_two_factor, mark_email_verified, close_account,
    lambda user: change_email(user, "new@example.org"), lambda user: user.assign_role(Role(pk=1)),
    lambda _: User.objects.create_user("bob", "bob@example.org"),
]  # fmt: skip
KEPT_IN = (
    User, Role, UserRole, AuthToken, APIKey, TOTPDevice, RecoveryCode, VerifiedEmail, AccountEvent,
)  # fmt: skip


async def all_rows() -> list[Any]:
    """Return all that the tables hold."""
    return [list(await model.objects.order_by("pk").values()) for model in KEPT_IN]


async def with_everything() -> User:
    """Store a user who has one of each."""
    user = await User.objects.create_user("ann", "ann@example.org")
    owner, now = str(user.pk), datetime.now(UTC)
    await Role.objects.create(pk=1, name="editor")
    await AuthToken.objects.create(user_id=owner, key_hash=digest_of("kept-token"), created_at=now)
    await APIKey.objects.create(user_id=owner, prefix="kept-key", key_hash="x", created_at=now)
    await TOTPDevice.objects.create(
        user_id=owner, secret="JBSWY3DP", created_at=now, confirmed_at=now, last_step=2**40
    )
    code = two_factor._recovery_hash(str(user.pk), "kept code")
    await RecoveryCode.objects.create(user_id=owner, code_hash=code, created_at=now)
    return user


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_that_is_cut_off_before_it_is_recorded_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    async def cut_off(_event: AccountEvent) -> None:
        raise asyncio.CancelledError

    async with accounts(tmp_path):
        user = await with_everything()
        before = await all_rows()
        with monkeypatch.context() as patch:
            patch.setattr(AccountEvent, "save", cut_off)
            with pytest.raises(asyncio.CancelledError):
                await change(user)
        assert await all_rows() == before
        assert await change(await User.objects.get(username="ann")) is not False
        assert await all_rows() != before


async def test_a_login_that_is_cut_off_leaves_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        token = await browser.token()
        with monkeypatch.context() as patch:

            async def broken(_user: User) -> None:
                raise ZeroDivisionError

            patch.setattr("openviper.auth.session_login.note_last_login", broken)
            form = {"csrfmiddlewaretoken": token, "username": "ann", "password": PASSWORD}
            assert (await browser.post("/login", data=form)).status_code == 500
        assert await StoredSession.objects.filter(user_id="1").count() == 0
        assert await events("login") == [] and await browser.name() == ""


async def test_what_is_kept_in_another_database_is_changed_there(tmp_path: Path) -> None:
    from openviper.db.connection import connections
    from openviper.db.schemas import create_tables

    async with accounts(tmp_path):
        first = f"sqlite:///{tmp_path / 'accounts.db'}"
        other = f"sqlite:///{tmp_path / 'other.db'}"
        connections.configure({"default": {"URL": first}, "other": {"URL": other}})
        await create_tables(using="other")
        role = Role(name="there")
        await Role.objects.using("other").bulk_create([role])
        assert await Role.objects.using("other").filter(name="there").update(name="moved") == 1
        assert await Role.objects.count() == 0
        assert [event for event, *_ in await events()] == ["rights.changed"] * 2


async def test_the_last_login_is_that_of_who_is_in(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in(password="wrong one")
        assert (await User.objects.get()).last_login is None
        await browser.log_in()
        first = (await User.objects.get()).last_login
        assert first is not None
        await browser.submit("/confirm", password=PASSWORD)
        assert (await User.objects.get()).last_login == first
