"""``start-worker``: run background tasks and send periodic jobs."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.utils.printable import printable

MAX_NAME = 200
"""Characters of the name of a queue."""
MAX_GRACE = 86_400
"""Seconds: a day."""


def positive(text: str) -> int:
    """Return a number of at least 1 from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def queue(text: str) -> str:
    """Return the name of a queue from the command line: one that messages can have."""
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ArgumentTypeError(f"{text!r} is not the name of a queue")
    return text


def seconds(text: str) -> float:
    """Return a number of seconds, 0 or more, from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_GRACE:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {MAX_GRACE}")
    return value


class Command(BaseCommand):
    """Load the project's actors and work until a signal says to stop."""

    help = "Run background tasks and send periodic jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is consumed, and how much at a time."""
        parser.add_argument(
            "--modules", nargs="+", default=[], metavar="M", help="further modules with actors"
        )
        parser.add_argument(
            "--queues",
            nargs="+",
            type=queue,
            metavar="Q",
            help="take from these queues only (default: all)",
        )
        parser.add_argument(
            "--threads",
            type=positive,
            default=8,
            help="plain tasks at a time in each process (default: %(default)s)",
        )
        parser.add_argument(
            "--processes", type=positive, default=1, help="processes (default: %(default)s)"
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            metavar="S",
            help="seconds that running tasks are given to end (default: TASKS['grace'], 30)",
        )
        parser.add_argument(
            "--max-tasks-per-child",
            type=positive,
            metavar="N",
            help="replace a process after so many tasks (default: TASKS['max_tasks_per_child'], never)",
        )
        parser.add_argument("--no-scheduler", action="store_true", help="send no periodic jobs")
        parser.add_argument(
            "--until-empty",
            action="store_true",
            help="stop when nothing is left that could run at once",
        )
        parser.add_argument(
            "--health",
            action="store_true",
            help="only tell whether workers live and settle what is due: exit 0 if so, 1 if not",
        )

    def handle(self, *args: Any, **options: Any) -> int:
        """Work, or look whether somebody does."""
        if options["health"]:
            return self._health()
        # Late, as in all commands: the list of commands is shown without loading what they do.
        from openviper.tasks.worker.start import run

        return run(
            processes=options["processes"],
            threads=options["threads"],
            queues=options["queues"],
            no_scheduler=options["no_scheduler"],
            until_empty=options["until_empty"],
            modules=options["modules"],
            grace=options["grace"],
            max_tasks_per_child=options["max_tasks_per_child"],
            say=self.stdout,
            complain=self.stderr,
        )

    def _health(self) -> int:
        # Late, as in all commands: the list of commands is shown without loading what they do.
        from openviper.core.management.worker_health import worker_health

        health, now = worker_health(), time.time()
        for worker in health.workers:
            seen = max(0.0, now - worker.seen_at)
            host = printable(worker.host.partition("/")[0])
            self.stdout(f"worker {worker.pid} on {host}: seen {seen:.0f} s ago")
        for problem in health.problems:
            self.stderr(f"Error: {printable(problem)}")
        return 1 if health.problems else 0
