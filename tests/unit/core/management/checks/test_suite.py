"""Running the checks in their order, and leaving out what is silenced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.core.management import checks
from openviper.core.management.checks.findings import CODES, GROUPS, LEVELS, Finding
from openviper.core.management.checks.suite import WITHOUT_APPS, run_checks
from openviper.testing import override_openviper_settings


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[str]:
    """Stand-ins for the groups that need no apps: each finds one warning; the list has who was asked."""
    asked: list[str] = []

    def stand_in(group: str) -> Any:
        def check() -> list[Finding]:
            asked.append(group)
            return [Finding(f"{group}.W001", "x"), Finding(f"{group}.E001", "y")]

        return check

    for group in WITHOUT_APPS:
        monkeypatch.setattr(checks, f"check_{group}", stand_in(group), raising=False)
    return asked


def test_groups_run_in_their_own_order_however_they_are_named(groups: list[str]) -> None:
    outcome = run_checks(["security", "tasks", "mail"])
    assert groups == outcome.groups == ["mail", "tasks", "security"]
    assert [finding.code for finding in outcome.findings] == [
        "mail.W001", "mail.E001", "tasks.W001", "tasks.E001", "security.W001", "security.E001",
    ]  # fmt: skip


def test_a_group_named_twice_runs_once_and_none_runs_none(groups: list[str]) -> None:
    assert run_checks(["mail", "mail"]).groups == ["mail"]
    assert run_checks([]) == ([], [], [])
    assert groups == ["mail"]


def test_what_is_silenced_is_kept_apart(groups: list[str]) -> None:
    with override_openviper_settings(SILENCED_SYSTEM_CHECKS=("mail.W001", "tasks.E001")):
        outcome = run_checks(["mail"])
    assert [finding.code for finding in outcome.findings] == ["mail.E001"]
    assert [finding.code for finding in outcome.silenced] == ["mail.W001"]


def test_an_unknown_group_is_refused_before_any_runs(groups: list[str]) -> None:
    with pytest.raises(ValueError, match="unknown group 'mial'"):
        run_checks(["mail", "mial"])
    assert groups == []


def test_the_settings_are_a_group_like_any_other(groups: list[str]) -> None:
    assert run_checks(["settings"]).groups == ["settings"]
    assert groups == []


# Findings


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_group_its_level_and_a_sentence(code: str) -> None:
    finding = Finding(code, "x", "Do it.", "here")
    assert finding.group in GROUPS
    assert finding.level == LEVELS[code.partition(".")[2].startswith("E")]
    assert CODES[code].endswith(".")
    assert finding.as_dict() == {
        "code": code, "level": finding.level, "message": "x", "hint": "Do it.", "where": "here",
    }  # fmt: skip


def test_each_group_has_a_check() -> None:
    others = {"settings", "models", "database"}
    assert set(GROUPS) == others | set(WITHOUT_APPS)
