"""Checking who somebody is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import authenticate, hashers
from openviper.auth.models import User
from tests.integration.auth.database import accounts

PASSWORD = "long enough"


class FakeRequest:
    """A request with nothing but its scope."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope


async def test_a_user_logs_in_by_name_or_address(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        found = await authenticate("ann", PASSWORD)
        assert found == user
        # Whoever has shown a password is not in yet; `login` notes it.
        assert (await User.objects.get(pk=user.pk)).last_login is None
        assert await authenticate("ANN@example.org", PASSWORD) == user


async def test_wrong_unknown_and_inactive_all_get_nothing(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        assert await authenticate("ann", "wrong") is None
        assert await authenticate("bob", PASSWORD) is None
        assert await authenticate("", "") is None
        user.is_active = False
        await user.save()
        assert await authenticate("ann", PASSWORD) is None


async def test_a_name_that_is_another_ones_address_locks_nobody_out(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        mallory = await User.objects.create_user(
            "ann@example.org", "mallory@example.org", "mallory's own"
        )
        ann = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        assert await authenticate("ann@example.org", PASSWORD) == ann
        assert await authenticate("ann@example.org", "mallory's own") == mallory


async def test_an_outdated_hash_is_replaced_and_other_columns_stay(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        old = user.password
        await User.objects.filter(pk=user.pk).update(first_name="Ann")
        hashers.SCRYPT_LN = 5
        found = await authenticate("ann", PASSWORD)
        stored = await User.objects.get(pk=user.pk)
        assert found is not None and stored.password == found.password != old
        assert stored.first_name == "Ann"
        assert await authenticate("ann", PASSWORD) == user


async def test_failures_are_logged_with_the_address_and_without_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with accounts(tmp_path, TRUSTED_PROXIES=("10.0.0.1",)):
        await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        headers = [(b"x-forwarded-for", b"6.6.6.6, 203.0.113.9")]
        request = FakeRequest({"client": ("10.0.0.1", 5000), "headers": headers})
        with caplog.at_level(logging.WARNING, "openviper"):
            await authenticate("ann", "hunter22", request)
            await authenticate("bob", "hunter22")
    assert "'ann' from 203.0.113.9: wrong_password" in caplog.text
    assert "'bob' from unknown: unknown_user" in caplog.text
    assert "hunter22" not in caplog.text
