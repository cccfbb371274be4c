"""`check` on background tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.checks.tasks import check_tasks
from openviper.testing import override_openviper_settings
from tests.projects import write


def codes(**values: Any) -> list[tuple[str, str]]:
    with override_openviper_settings(**values):
        return [(finding.code, finding.where) for finding in check_tasks()]


@pytest.mark.usefixtures("project")
def test_the_defaults_are_sound() -> None:
    assert codes() == []


@pytest.mark.usefixtures("project")
def test_every_value_that_cannot_work_is_a_finding() -> None:
    tasks = {"broker": "kafka", "lease": -1, "leese": 5}
    assert codes(TASKS=tasks) == [("tasks.E001", "TASKS")] * 3


@pytest.mark.usefixtures("project")
def test_a_broker_in_memory_is_warned_about() -> None:
    assert codes(TASKS={"broker": "stub"}) == [("tasks.W001", "TASKS")]


def test_each_app_whose_tasks_fail_is_named_and_the_others_are_looked_at_all_the_same(
    project: Path,
) -> None:
    write(project, {
        "one/__init__.py": "", "one/tasks.py": "import not_installed_here",
        "two/__init__.py": "1 / 0", "two/tasks.py": "",
        "three/__init__.py": "", "three/tasks.py": "x = 1",
    })  # fmt: skip
    assert codes(INSTALLED_APPS=("one", "two", "three", "nowhere")) == [
        ("tasks.E002", "one.tasks"), ("tasks.E002", "two.tasks"),
    ]  # fmt: skip
