"""``start-worker``: carry out background tasks and send periodic jobs."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from openviper.core.management.base import BaseCommand


def positive(text: str) -> int:
    """Return a number of at least 1 from the command line."""
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


class Command(BaseCommand):
    """Load the project's actors and work until a signal says to stop."""

    help = "Carry out background tasks and send periodic jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is consumed, and how much at a time."""
        parser.add_argument(
            "--modules", nargs="+", default=[], metavar="M", help="further modules with actors"
        )
        parser.add_argument(
            "--queues", nargs="+", metavar="Q", help="take from these queues only (default: all)"
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
        parser.add_argument("--no-scheduler", action="store_true", help="send no periodic jobs")
        parser.add_argument(
            "--until-empty",
            action="store_true",
            help="stop when nothing is left that could run at once",
        )
        parser.add_argument(
            "--health",
            action="store_true",
            help="only tell whether a worker lives: exit 0 if so, 1 if not",
        )

    def handle(self, *args: Any, **options: Any) -> int:
        """Work, or look whether somebody does."""
        if options["health"]:
            return self._health()
        from openviper.tasks.worker.start import run

        return run(
            processes=options["processes"],
            threads=options["threads"],
            queues=options["queues"],
            no_scheduler=options["no_scheduler"],
            until_empty=options["until_empty"],
            modules=options["modules"],
            say=self.stdout,
            complain=self.stderr,
        )

    def _health(self) -> int:
        import time

        from openviper.tasks.broker import get_broker, tasks_config
        from openviper.tasks.brokers.base import live_workers

        now = time.time()
        alive = live_workers(get_broker(), float(tasks_config()["lease"]))
        for one in alive:
            self.stdout(
                f"worker {one.pid} on {one.host.partition('/')[0]}: seen {max(0.0, now - one.seen_at):.0f} s ago"
            )
        if not alive:
            self.stderr("Error: no worker is alive")
        return 0 if alive else 1
