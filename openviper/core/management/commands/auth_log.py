"""`auth-log`: what has happened to accounts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper import auth
from openviper.core.context import ignore_permissions
from openviper.core.management.account_events import ListedEvent, cells, listed_events, moment_of
from openviper.core.management.aligned_rows import aligned
from openviper.core.management.base import BaseCommand, UsageError
from openviper.core.management.running import run_async_command

MOST_LINES = 100_000


class Command(BaseCommand):
    """Show what has happened to accounts: logins, failed ones, changes of passwords, roles and keys."""

    help = "Show what has happened to accounts, the latest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "user", nargs="?", help="only what this user has done, or was done to the account"
        )
        parser.add_argument(
            "--event",
            action="append",
            default=[],
            dest="events",
            metavar="EVENT",
            help="only this, such as login.failed, or password for all that concerns passwords; repeatable",
        )
        parser.add_argument("--address", default="", help="only what came from this address")
        parser.add_argument(
            "--since", metavar="DATE", help="not what happened before, such as 2031-01-31"
        )
        parser.add_argument(
            "--limit", type=int, default=50, metavar="N", help="how many (default: %(default)s)"
        )
        parser.add_argument("--json", action="store_true", help="print them as JSON")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="first delete those older than AUTH_AUDIT_KEEP, as a worker does once a day",
        )

    def handle(self, **options: Any) -> None:
        """Look them up and print them.

        Raises:
            CommandError: If the table cannot be read.
            UsageError: If an option makes no sense.
        """
        if not 1 <= options["limit"] <= MOST_LINES:
            raise UsageError(f"--limit must be 1 to {MOST_LINES}, not {options['limit']}")
        since = None if options["since"] is None else moment_of(options["since"])
        if options["prune"]:
            count = run_async_command(auth.clear_account_events())
            self.stderr(f"Deleted {count} old events.")
        found = run_async_command(self._found(options, since))
        if options["json"]:
            import json  # Late: most people read the lines.

            document = [event._asdict() for event in found]
            self.stdout(json.dumps(document, indent=2, ensure_ascii=False))
            return
        for line in aligned(cells(found)) if found else ():
            self.stdout(line)
        if not found:
            self.stdout("No events.")

    @staticmethod
    async def _found(options: dict[str, Any], since: Any) -> list[ListedEvent]:
        with ignore_permissions():
            return await listed_events(
                options["user"],
                events=options["events"],
                address=options["address"],
                since=since,
                limit=options["limit"],
            )
