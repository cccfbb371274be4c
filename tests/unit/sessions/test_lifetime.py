"""How long sessions live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from openviper.sessions import SessionRecord
from openviper.sessions.lifetime import end_of, idle_seconds, is_past_half
from openviper.testing import override_openviper_settings as override


@pytest.fixture(autouse=True)
def lifetimes() -> Iterator[None]:
    """An hour idle, ten remembered, a day at most."""
    with override(
        SESSION_TIMEOUT=timedelta(hours=1),
        SESSION_REMEMBER_TIMEOUT=timedelta(hours=10),
        SESSION_MAX_AGE=timedelta(days=1),
    ):
        yield


def test_a_session_ends_when_nobody_uses_it() -> None:
    record = SessionRecord(created_at=0.0)
    assert end_of(record, 0.0) == 3600
    assert end_of(record, 1000.0) == 4600
    assert idle_seconds(is_remembered=True) == 36_000


def test_no_use_prolongs_it_beyond_its_longest_life() -> None:
    record = SessionRecord(created_at=0.0)
    assert end_of(record, 86_000.0) == 86_400


@pytest.mark.parametrize(
    ("now", "due"), [(0.0, False), (1800.0, False), (1801.0, True), (3599.0, True)]
)
def test_it_is_prolonged_when_half_of_the_time_is_over(now: float, due: bool) -> None:
    record = SessionRecord(created_at=0.0, expires_at=3600.0)
    assert is_past_half(record, now) is due


def test_a_remembered_one_is_prolonged_later() -> None:
    record = SessionRecord(created_at=0.0, expires_at=36_000.0, is_remembered=True)
    assert not is_past_half(record, 10_000.0)
    assert is_past_half(record, 18_001.0)


def test_at_the_end_of_its_longest_life_there_is_nothing_to_prolong() -> None:
    record = SessionRecord(created_at=0.0, expires_at=86_400.0)
    assert not is_past_half(record, 86_000.0)
