"""What the table of the OWASP ASVS promises and no other test shows; see docs/reference/asvs.md."""

from __future__ import annotations

import dataclasses
import math
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import mailed_codes, totp, two_factor
from openviper.auth.flows.routes import PAGES
from openviper.auth.models import User
from openviper.conf import Settings
from openviper.sessions.stores.configured import session_store
from tests.integration.auth.database import accounts
from tests.integration.auth.visitors import Visitor, outbox, user, visited
from tests.integration.auth.web import PASSWORD, Browser, site

DOCS = Path(__file__).resolve().parents[3] / "docs"


async def test_a_password_ends_by_no_age(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        long_ago = datetime.now(UTC) - timedelta(days=20 * 365)
        await User.objects.all().update(date_joined=long_ago, updated_at=long_ago)
        browser = Browser(app)
        await browser.log_in()
        assert await browser.name() == "ann"


async def test_there_is_no_account_before_somebody_makes_one(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        assert await User.objects.count() == 0


def test_no_page_asks_a_secret_question() -> None:
    asked = {field.name for _, view in PAGES.values() for field in view.fields}
    assert asked == {
        "username", "password", "remember", "code", "email", "new_password", "new_password_again", "understood",
        "id", "device",
    }  # fmt: skip


async def test_codes_come_from_the_source_of_the_system_and_have_bits_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def random_bytes(number: int) -> bytes:
        asked.append(8 * number)
        return bytes(number)

    def below(bound: int) -> int:
        asked.append(math.log2(bound))
        return 0

    async with visited(tmp_path) as app:
        monkeypatch.setattr(two_factor, "secrets", _Source(random_bytes, below))
        monkeypatch.setattr(totp, "secrets", _Source(random_bytes, below))
        monkeypatch.setattr(mailed_codes, "secrets", _Source(random_bytes, below))
        assert await two_factor.new_recovery_codes(await user()) == ["aaaa-aaaa-aaaa-aaaa"] * 10
        assert totp.new_secret() == "A" * 32
        await Visitor(app).fill_in("/accounts/login/code", email="ann@example.org")
        assert "0000 0000" in (outbox()[-1].text or "")
    recovery, secret, mailed = asked[:10], asked[10], asked[11]
    assert recovery == [80] * 10 and secret == 160 and mailed >= 20


@dataclasses.dataclass
class _Source:
    """Stands for the module `secrets`."""

    token_bytes: Any
    randbelow: Any
    token_urlsafe: Any = secrets.token_urlsafe


def test_the_ends_of_sessions_are_written_down() -> None:
    text = (DOCS / "how-to" / "sessions.md").read_text("utf-8")
    defaults = Settings()
    for name, shown in (
        ("SESSION_TIMEOUT", f"{defaults.SESSION_TIMEOUT.total_seconds() / 3600:.0f} hour"),
        ("SESSION_REMEMBER_TIMEOUT", f"{defaults.SESSION_REMEMBER_TIMEOUT.days} days"),
        ("SESSION_MAX_AGE", f"{defaults.SESSION_MAX_AGE.days} days"),
    ):
        assert f"| `{name}` | {shown} |" in text


async def test_an_administrator_ends_the_sessions_of_others(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        anns, bobs = [Browser(app), Browser(app)], Browser(app)
        for browser in anns:
            await browser.log_in()
        await bobs.log_in("bob")
        assert await session_store().delete_user_sessions(str((await user()).pk)) == 2
        assert [await browser.name() for browser in (*anns, bobs)] == ["", "", "bob"]
