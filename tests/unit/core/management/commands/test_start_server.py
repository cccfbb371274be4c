"""The look at the database before a server starts: it is never silently wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue

import pytest

from openviper.core.management import pending_tables
from openviper.core.management.commands import start_server
from openviper.core.management.commands.start_server import Command
from openviper.db.exceptions import OperationalError
from openviper.testing.settings import override_openviper_settings as override_settings
from tests.unit.core.management.speaking import said, terminal

LONG = 60.0


def warn(monkeypatch: pytest.MonkeyPatch, look: Callable[[], list[str]], seconds: float) -> str:
    """Return what is said at the start when a look comes to its end or does not."""
    monkeypatch.setattr(pending_tables, "find_pending_tables", look)
    monkeypatch.setattr(start_server, "CHECK_SECONDS", seconds)
    where = terminal()
    Command(where)._warn_of_pending_changes()
    return said(where).err


def test_what_is_pending_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    words = warn(monkeypatch, lambda: ["add table x"], LONG)
    assert "the database is behind the schema files (add table x); run: " in words


def test_nothing_is_said_where_nothing_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warn(monkeypatch, list, LONG) == ""


def test_what_stands_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise OperationalError("disk I/O error")

    words = warn(monkeypatch, fail, LONG)
    assert "cannot be told: disk I/O error" in words and "Traceback" not in words


@pytest.mark.parametrize("patience", [0.0, LONG])
def test_a_database_on_a_slow_disk_is_told_of_when_it_answers(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    disk_answers = threading.Event()

    def wait() -> list[str]:
        disk_answers.wait(LONG)
        return ["add table x"]

    findings: Queue[str] = Queue()
    monkeypatch.setattr(Command, "_say", lambda _command, finding: findings.put(finding))
    monkeypatch.setattr(start_server, "PATIENCE", patience)
    assert warn(monkeypatch, wait, 0.0) == ""
    if not patience:
        words = findings.get(timeout=LONG)
        assert "could not be looked at" in words and "schema-status" in words
    assert findings.empty()
    disk_answers.set()
    assert "add table x" in findings.get(timeout=LONG)


def test_a_project_without_a_database_is_not_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(DATABASES={"default": {"OPTIONS": {"URL": ""}}}):
        assert pending_tables.find_pending_tables() == []
    with override_settings(DATABASES={}):
        assert pending_tables.find_pending_tables() == []
