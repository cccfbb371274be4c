"""`load-data`: store the rows of a file of `dump-data`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand


class Command(BaseCommand):
    """Store the rows of a file of `dump-data`, or one written by hand: all of them or none."""

    help = "Store the rows of a file of dump-data: all of them or none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "file", metavar="FILE", help="the file, compressed or not; - is standard input"
        )
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )
        parser.add_argument(
            "--update",
            action="store_true",
            help="give rows that exist the values of the file, where they are an error otherwise",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="try everything, and take it back"
        )

    async def handle(self, **options: Any) -> None:
        """Store them.

        Raises:
            CommandError: If it cannot be done, or was interrupted; the database is as it was.
        """
        # Late: it loads models and databases; `--help` needs none of them.
        from openviper.core.management.files_of_rows import Loading

        await Loading(self).run(options)
