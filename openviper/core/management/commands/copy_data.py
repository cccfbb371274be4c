"""`copy-data`: copy rows from one database into another."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand


class Command(BaseCommand):
    """Copy rows from one configured database into another: all of them or none, compared at the end."""

    help = "Copy rows from one database into another, whatever their vendors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="LABEL",
            help="app.Model, Model or app (default: all models)",
        )
        parser.add_argument(
            "--from",
            dest="source",
            required=True,
            metavar="ALIAS",
            help="the database that the rows are in",
        )
        parser.add_argument(
            "--to",
            dest="target",
            required=True,
            metavar="ALIAS",
            help="the database that they go to; migrate has made its tables",
        )
        parser.add_argument(
            "--replace", action="store_true", help="delete the rows of the target first"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="read and check every row, and write none",
        )
        parser.add_argument(
            "--no-input", action="store_true", help="do not ask before rows are deleted"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    async def handle(self, **options: Any) -> None:
        """Copy, and print what was copied.

        Raises:
            CommandError: If it cannot be done, or was interrupted; the target is as it was.
        """
        # Late: it loads models and databases; `--help` needs none of them.
        from openviper.core.management.moving import Copying

        await Copying(self).run(options)
