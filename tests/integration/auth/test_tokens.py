"""Programs log in with tokens and keys, which end when they should."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper
from openviper.auth import (
    JWTAuthentication,
    create_access_token,
    create_api_key,
    create_token,
    decode_access_token,
    decode_access_token_checked,
    decode_refresh_token_checked,
    issue_tokens,
    list_api_keys,
    refresh_tokens,
    revoke_api_key,
    revoke_auth_token,
    revoke_login,
)
from openviper.auth.models import APIKey, AuthToken, RevokedToken, User
from openviper.auth.tasks import clear_ended_tokens
from openviper.auth.token_blocklist import is_token_revoked, revoke_token
from openviper.auth.tokens import find_token_user
from openviper.core.context import ignore_permissions
from openviper.exceptions import AuthenticationFailed
from openviper.testing import OpenViperTestClient
from tests.integration.auth.web import Browser, site

WAYS = tuple(
    f"openviper.auth.{module}Authentication"
    for module in (
        "token_authentications.JWT",
        "token_authentications.Token",
        "token_authentications.APIKey",
        "authentications.Session",
    )
)
PAST = datetime(2001, 1, 31, tzinfo=UTC)


def tokens(directory: Path, **values: Any) -> Any:
    """Serve the application with every way to say who one is."""
    return site(directory, DEFAULT_AUTHENTICATION_CLASSES=WAYS, **values)


async def ann() -> User:
    with ignore_permissions():
        return await User.objects.get(username="ann")


async def who(app: OpenViper, header: str) -> tuple[str, str]:
    """Return whom the application takes a request with these credentials for, and by which of them."""
    client = OpenViperTestClient(app)
    found = (await client.get("/whoami", headers={"authorization": header})).json()
    return found["user"], found["auth"]


NOBODY = ("", "none")


async def test_an_access_token_tells_who_asks(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        pair = issue_tokens(await ann())
        for word in ("Bearer", "bearer", "BEARER"):
            assert await who(app, f"{word} {pair.access}") == ("ann", "jwt")
        assert await who(app, f"Bearer   {pair.access}  ") == ("ann", "jwt")
        assert await who(app, f"Bearer {create_access_token((await ann()).pk)}") == ("ann", "jwt")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer\u00a0x", "Basic YTpi", "Bearer é.é.é", "é", "Token", "Token x"],
)  # fmt: skip
async def test_credentials_that_are_nobodys_are_nobodys(tmp_path: Path, header: str) -> None:
    async with tokens(tmp_path) as app:
        assert await who(app, header) == NOBODY


async def test_a_header_that_comes_twice_counts_for_nothing(tmp_path: Path) -> None:
    async with tokens(tmp_path):
        access = f"Bearer {issue_tokens(await ann()).access}".encode()
        way = JWTAuthentication()
        assert way.is_offered({"headers": [(b"authorization", access)]})
        assert not way.is_offered({"headers": [(b"authorization", access)] * 2})


async def test_what_needs_a_user_says_401_for_a_bad_token(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        client = OpenViperTestClient(app)
        answer = await client.get("/private", headers={"authorization": "Bearer a.b.c"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        good = {"authorization": f"Bearer {issue_tokens(await ann()).access}"}
        assert (await client.get("/private", headers=good)).status_code == 200


async def test_a_token_needs_no_form_token_since_no_other_site_can_send_it(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        client = Browser(app)
        await client.log_in()
        assert (await client.post("/confirm", data={"password": "x"})).status_code == 403
        good = {"authorization": f"Bearer {issue_tokens(await ann()).access}"}
        answer = await client.post("/confirm", data={"password": "x"}, headers=good)
        assert answer.json() == {"ok": False}


async def test_a_token_for_another_audience_is_nobodys(tmp_path: Path) -> None:
    async with tokens(tmp_path, JWT_AUDIENCE="shop") as app:
        token = create_access_token(await ann())
        assert await who(app, f"Bearer {token}") == ("ann", "jwt")
    other = tmp_path / "bank"
    other.mkdir()
    async with tokens(other, JWT_AUDIENCE="bank") as app:
        assert await who(app, f"Bearer {token}") == NOBODY


async def test_a_new_password_ends_what_the_old_one_has_given(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        user = await ann()
        pair, (raw, _) = issue_tokens(user), await create_token(user)
        with ignore_permissions():
            await user.set_password("another one 2")
            await user.save()
        assert await who(app, f"Bearer {pair.access}") == NOBODY
        assert await who(app, f"Token {raw}") == NOBODY
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(pair.refresh)


async def test_who_is_switched_off_or_gone_has_no_tokens_any_more(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        user = await ann()
        pair, (raw, _), (key, _) = (
            issue_tokens(user),
            await create_token(user.pk),
            await create_api_key(user),
        )
        headers = (f"Bearer {pair.access}", f"Token {raw}", f"Api-Key {key}")
        assert [(await who(app, header))[0] for header in headers] == ["ann"] * 3
        with ignore_permissions():
            await User.objects.filter(pk=user.pk).update(is_active=False)
        assert [await who(app, header) for header in headers] == [NOBODY] * 3
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(pair.refresh)
        with ignore_permissions():
            await User.objects.filter(pk=user.pk).delete()
        assert [await who(app, header) for header in headers] == [NOBODY] * 3


async def test_logging_out_ends_both_tokens_and_their_successors(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        user = await ann()
        other, first = issue_tokens(user), issue_tokens(user)
        second = await refresh_tokens(first.refresh)
        await revoke_login(decode_access_token(second.access))
        for access in (first.access, second.access):
            assert await who(app, f"Bearer {access}") == NOBODY
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(second.refresh)
        assert await who(app, f"Bearer {other.access}") == ("ann", "jwt")


async def test_a_refresh_token_is_good_once_and_used_twice_ends_the_login(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        first = issue_tokens(await ann())
        second = await refresh_tokens(first.refresh)
        assert await who(app, f"Bearer {second.access}") == ("ann", "jwt")
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(first.refresh)
        assert await who(app, f"Bearer {second.access}") == NOBODY
        with pytest.raises(AuthenticationFailed):
            await refresh_tokens(second.refresh)
        with pytest.raises(AuthenticationFailed):
            await decode_refresh_token_checked(second.refresh)


async def test_of_many_refreshes_at_once_one_succeeds(tmp_path: Path) -> None:
    async with tokens(tmp_path):
        pair = issue_tokens(await ann())
        results = await asyncio.gather(
            *(refresh_tokens(pair.refresh) for _ in range(12)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, AuthenticationFailed)]
        assert len(refused) >= 11
        assert len(refused) + sum(isinstance(result, tuple) for result in results) == 12


async def test_a_revoked_token_is_refused_by_those_who_ask(tmp_path: Path) -> None:
    async with tokens(tmp_path):
        token = create_access_token(await ann())
        claims = await decode_access_token_checked(token)
        assert await revoke_token(claims["jti"], "access", claims["sub"], claims["exp"])
        assert not await revoke_token(claims["jti"], "access", claims["sub"], claims["exp"])
        assert await is_token_revoked(claims["jti"])
        with pytest.raises(AuthenticationFailed):
            await decode_access_token_checked(token)
        assert decode_access_token(token) == claims


async def test_what_has_ended_by_itself_is_forgotten(tmp_path: Path) -> None:
    async with tokens(tmp_path):
        user = await ann()
        await revoke_token("old", "access", None, PAST)
        await revoke_token("new", "access", 1, datetime.now(UTC) + timedelta(hours=1))
        await create_token(user, PAST)
        await create_token(user)
        await clear_ended_tokens()
        with ignore_permissions():
            assert await RevokedToken.objects.values_list("jti", flat=True) == ["new"]
            assert await AuthToken.objects.values_list("expires_at", flat=True) == [None]


async def test_a_token_without_content_is_stored_as_a_hash_and_can_be_ended(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        raw, row = await create_token(await ann())
        assert len(raw) == 40
        assert raw not in str(row.to_dict()) and row.key_hash != raw
        assert await who(app, f"Token {raw}") == ("ann", "token")
        assert await who(app, f"Token {row.key_hash}") == NOBODY
        assert await revoke_auth_token(raw)
        assert not await revoke_auth_token(raw)
        assert await who(app, f"Token {raw}") == NOBODY
        old, _ = await create_token(await ann(), PAST)
        assert await who(app, f"Token {old}") == NOBODY


async def test_a_key_is_good_until_it_ends(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        user = await ann()
        raw, row = await create_api_key(user, name="nightly", scopes=["books.read", "a", "a"])
        assert raw.startswith(f"{row.prefix}.")
        assert (row.scopes, row.last_used_at) == ("a books.read", None)
        assert await who(app, f"Api-Key {raw}") == ("ann", "api-key")
        wrong = raw[:-1] + ("A" if raw[-1] != "A" else "B")
        for bad in (
            wrong,
            row.prefix,
            f"{row.prefix}.",
            f".{raw}",
            raw + "x" * 300,
            f"{row.prefix}.{row.key_hash}",
        ):
            assert await who(app, f"Api-Key {bad}") == NOBODY
        assert await revoke_api_key(row.prefix)
        assert not await revoke_api_key(row.prefix)
        assert await who(app, f"Api-Key {raw}") == NOBODY
        old, _ = await create_api_key(user, expires_at=PAST)
        assert await who(app, f"Api-Key {old}") == NOBODY
        assert [key.name for key in await list_api_keys(user)] == ["", "nightly"]


async def test_the_last_use_of_a_key_is_known_to_the_minute(tmp_path: Path) -> None:
    async with tokens(tmp_path) as app:
        raw, row = await create_api_key(await ann())
        await who(app, f"Api-Key {raw}")
        with ignore_permissions():
            first = (await APIKey.objects.get(pk=row.pk)).last_used_at
            assert first is not None
            await who(app, f"Api-Key {raw}")
            assert (await APIKey.objects.get(pk=row.pk)).last_used_at == first
            await APIKey.objects.filter(pk=row.pk).update(last_used_at=PAST)
            await who(app, f"Api-Key {raw}")
            last = (await APIKey.objects.get(pk=row.pk)).last_used_at
            assert last is not None and last > first


@pytest.mark.parametrize(
    "scopes",
    ["books", ["two words"], ['quote"'], ["back\\slash"], [""], ["é"], ["a\0"], ["x" * 101], [f"s{n}" * 9 for n in range(99)]],
    ids=lambda scopes: str(scopes)[:12],
)  # fmt: skip
async def test_scopes_that_are_no_words_are_refused(tmp_path: Path, scopes: Any) -> None:
    async with tokens(tmp_path):
        with pytest.raises(ValueError, match="scope"):
            await create_api_key(await ann(), scopes=scopes)
        assert await list_api_keys() == []


async def test_a_user_that_is_not_stored_can_have_no_key(tmp_path: Path) -> None:
    async with tokens(tmp_path):
        with pytest.raises(ValueError, match="not saved"):
            await create_api_key(User(username="x"))


LOCAL_TIME = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from openviper.conf import Settings, settings
settings.configure(Settings(SECRET_KEY="k" * 60, USE_TZ=False, TIME_ZONE="Asia/Kolkata"))
from openviper.auth import create_api_key, create_token, issue_tokens, refresh_tokens, revoke_api_key
from openviper.auth.api_keys import find_api_key
from openviper.auth.models import User
from openviper.auth.tasks import clear_ended_tokens
from openviper.auth.tokens import find_token_user
from openviper.db.connection import connections
from openviper.db.schemas import create_tables

async def found(user, hours):
    end = datetime.now(UTC) + timedelta(hours=hours)
    key, row = await create_api_key(user, expires_at=end)
    token, _ = await create_token(user, end)
    await clear_ended_tokens()
    both = await find_api_key(key), await find_api_key(key), await find_token_user(token)
    return [each is not None for each in both] + [await revoke_api_key(row.prefix)]

async def main():
    connections.configure({"default": {"URL": f"sqlite:///{sys.argv[1]}"}})
    await create_tables()
    user = await User.objects.create_user("ann", "ann@example.com")
    await refresh_tokens(issue_tokens(user).refresh)
    print([await found(user, hours) for hours in (1, -1)])
    await connections.disconnect_all()

asyncio.run(main())
"""


def test_ends_are_right_where_the_orm_has_local_time(tmp_path: Path) -> None:
    # In a process of its own: how rows are read is settled when the models are made.
    command = [sys.executable, "-c", LOCAL_TIME, str(tmp_path / "local.db")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str([[True] * 4, [False] * 4])


async def test_a_user_model_without_is_active_has_tokens_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain:
        pk = 7

    async def find(user_id: object) -> Plain:
        return Plain()

    async with tokens(tmp_path):
        monkeypatch.setattr("openviper.auth.tokens.get_user_by_id", find)
        raw, _ = await create_token(7)
        assert isinstance(await find_token_user(raw), Plain)
