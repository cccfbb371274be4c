"""Rules for the value of one setting."""

from __future__ import annotations

import pytest

from openviper.conf.rules import at_least, log_level, time_zone


def test_a_number_must_reach_its_least_value() -> None:
    rule = at_least(1)
    assert rule(0) == "must be at least 1"
    assert rule(1) is None
    assert rule(None) is None


def test_levels_are_known_in_any_case() -> None:
    assert log_level("debug") is None
    assert (log_level("loud") or "").startswith("must be one of CRITICAL")


@pytest.mark.parametrize("name", ["UTC", "Europe/Vienna"])
def test_a_known_time_zone_passes(name: str) -> None:
    assert time_zone(name) is None


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../etc/passwd", "/etc/passwd", "Europe", "", "a\0b"]
)
def test_anything_else_is_not_a_time_zone(name: str) -> None:
    assert "must be a known time zone" in (time_zone(name) or "")
