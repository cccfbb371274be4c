"""Which tests of whole processes run on every version of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
EVERY_VERSION = frozenset(
    {
        "backup/test_commands.py",
        "commands/test_every_command.py",
        "commands/test_failures.py",
        "commands/test_front_ends.py",
        "commands/test_output.py",
        "commands/test_serving.py",
        "tasks/test_command.py",
        "tasks/test_worker.py",
        "test_create_project.py",
        "test_tutorial.py",
    }
)
"""What starts every command, the server and a worker, and makes a project. The others act out what operators and visitors
do, by starting the same processes again and again; `check.py --full` does so on each version."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a further version of Python tells nothing new about."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        if item.path.relative_to(HERE).as_posix() not in EVERY_VERSION:
            item.add_marker(pytest.mark.one_version)
