"""Mail through a worker, which loads what it needs for that with the first message."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.tasks.workers import workshop

SEND = """
import asyncio
from openviper.core.email import send_email
assert asyncio.run(send_email("ada@example.com", "Hello there", "Good news.", background=True))
"""
LOADED = """
from openviper.tasks.discovery import discover_tasks
discover_tasks()
import sys
print("openviper.core.email.queue" in sys.modules)
"""


def test_a_worker_delivers_mail_and_loads_what_does_so_when_there_is_some(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        assert shop.python(LOADED) == "False\n"
        shop.python(SEND)
        listed = shop.run("tasks").stdout
        assert "emails" in listed
        worked = shop.run("start-worker", "--until-empty")
        assert worked.returncode == 0
        assert "Hello there" in worked.stdout and "Good news." in worked.stdout
        assert shop.run("tasks").stdout == "No tasks.\n"
