"""The command `api-keys` on a database: what it lists, makes, and refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openviper.auth import create_api_key, revoke_api_key
from openviper.auth.api_keys import find_api_key
from openviper.auth.models import APIKey, User
from openviper.core.management.api_keys import cells, create_key, listed_keys, revoke_key
from openviper.core.management.base import CommandError
from openviper.db.connection import get_connection
from tests.integration.auth.database import accounts


async def user(name: str) -> User:
    return await User.objects.create_user(name, f"{name}@example.com", "long enough 1")


async def test_each_key_is_listed_with_its_state_the_newest_first(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        ann, bob = await user("ann"), await user("bob")
        await create_api_key(ann, name="old", expires_at=datetime.now(UTC) - timedelta(hours=1))
        _, revoked = await create_api_key(bob, name="revoked", scopes=["a", "b"])
        await revoke_api_key(revoked.prefix)
        raw, _ = await create_api_key(ann, name="used")
        assert await find_api_key(raw) is not None
        found = await listed_keys(None)
        assert [(key.name, key.user, key.state) for key in found] == [
            ("used", "ann", "good"),
            ("revoked", "bob", "revoked"),
            ("old", "ann", "expired"),
        ]
        assert [key.last_used is None for key in found] == [False, True, True]
        table = cells(found)
        assert [row[2] for row in table] == ["(no scopes)", "a b", "(no scopes)"]
        assert table[0][3] == "no end" and table[0][4] == f"used {found[0].last_used}"
        assert table[1][3] == f"revoked {found[1].revoked}"
        assert table[2][3] == f"expired {found[2].expires}"
        assert [key.name for key in await listed_keys("bob")] == ["revoked"]


async def test_a_key_of_a_user_who_is_gone_is_listed_and_can_be_revoked(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        ann = await user("ann")
        _, key = await create_api_key(ann)
        # By another program: with the framework its keys go along, see test_more_attacks.
        async with get_connection() as connection:
            await connection.execute("DELETE FROM auth_users")
        (found,) = await listed_keys(None)
        assert found.user is None and cells([found])[0][1] == "(no user)"
        await revoke_key(key.prefix)
        assert (await APIKey.objects.get(pk=key.pk)).revoked_at is not None


async def test_a_key_that_is_made_lets_its_user_in(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await user("ann")
        end = datetime.now(UTC) + timedelta(days=1)
        found = await find_api_key(await create_key("ann", "till", ["x"], end))
        assert found is not None
        assert (found.user.username, found.key.name, found.scopes) == (
            "ann",
            "till",
            frozenset({"x"}),
        )
        assert found.key.expires_at == end


async def test_what_cannot_be_a_key_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        ann = await user("ann")
        with pytest.raises(CommandError, match="user 'bob' not found"):
            await create_key("bob", "", (), None)
        with pytest.raises(CommandError, match="user 'bob' not found"):
            await listed_keys("bob")
        with pytest.raises(CommandError, match="scope 'two words' is no word"):
            await create_key("ann", "", ["two words"], None)
        with pytest.raises(CommandError, match="name"):
            await create_key("ann", "x" * 101, (), None)
        ann.is_active = False
        await ann.save()
        with pytest.raises(CommandError, match="'ann' is switched off"):
            await create_key("ann", "", (), None)
        with pytest.raises(CommandError, match="no key 'abc' that is good"):
            await revoke_key("abc")
        assert await APIKey.objects.count() == 0
