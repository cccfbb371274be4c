"""``tasks``: look at the queues and the periodic jobs, and retry, cancel, purge or prune messages."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from openviper.core.management.base import BaseCommand

STATES = ("ready", "running", "delayed", "dead")
ACTIONS = (
    "show",
    "list",
    "schedule",
    "workers",
    "calls",
    "retry",
    "cancel",
    "purge",
    "prune",
    "run-now",
    "pause",
    "resume",
    "metrics",
)


def _pause(text: str) -> float:
    """Return the seconds of ``--interval``."""
    try:
        seconds = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0.1 <= seconds <= 86_400:
        raise ArgumentTypeError(f"must be from 0.1 to 86400 seconds, not {text}")
    return seconds


class Command(BaseCommand):
    """Show how the queues stand, or change what is in them."""

    help = "Look at background tasks; retry, cancel or purge them; see to periodic jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions and what they apply to."""
        parser.add_argument(
            "action",
            nargs="?",
            default="show",
            choices=ACTIONS,
            help="what to do (default: %(default)s the queues)",
        )
        parser.add_argument(
            "ids",
            nargs="*",
            metavar="ID",
            help="messages to retry or cancel; the job for run-now, pause and resume",
        )
        parser.add_argument("--queue", metavar="NAME", help="one queue only")
        parser.add_argument("--state", choices=STATES, help="messages in this state only")
        parser.add_argument("--actor", metavar="NAME", help="messages of this actor only")
        parser.add_argument(
            "--error", metavar="TEXT", help="messages whose error has this text in it only"
        )
        parser.add_argument(
            "--limit", type=int, metavar="N", help="most messages to list (default: 100)"
        )
        parser.add_argument(
            "--older-than",
            metavar="AGE",
            help="messages that were sent longer ago only, such as 90m or 7d; for prune, instead of the ages in TASKS",
        )
        parser.add_argument("--all", action="store_true", help="retry every dead message")
        parser.add_argument("--yes", action="store_true", help="purge or prune without asking")
        parser.add_argument("--json", action="store_true", help="write JSON")
        parser.add_argument("--output", metavar="FILE", help="write metrics into this file")
        parser.add_argument(
            "--watch", action="store_true", help="show it again every second, until Ctrl-C"
        )
        parser.add_argument(
            "--interval",
            type=_pause,
            metavar="S",
            help="seconds between two looks of --watch (default: 1)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Open the broker and do it."""
        # Late: `--help` needs no broker.
        from openviper.core.management.task_actions import TaskActions

        TaskActions(self).run(options)
