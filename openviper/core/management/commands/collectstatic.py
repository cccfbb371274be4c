"""`collectstatic`: collect the static files of project and apps in one directory."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand


class Command(BaseCommand):
    """Collect the static files of project and apps in STATIC_ROOT."""

    help = "Collect the static files of project and apps in STATIC_ROOT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--no-input", action="store_true", help="do not ask")
        parser.add_argument(
            "--clear",
            action="store_true",
            help="also remove everything else from a STATIC_ROOT that was collected into before",
        )
        parser.add_argument(
            "-i",
            "--ignore",
            action="append",
            default=[],
            metavar="PATTERN",
            help="leave out files and folders of this name, or path below a source; may be given again",
        )
        parser.add_argument(
            "--no-default-ignore",
            action="store_true",
            help="take hidden files and what editors leave behind as well",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done; change nothing"
        )
        parser.add_argument(
            "--hash",
            action="store_true",
            help="also give each file a name with its content's hash; url(), imports and source maps follow",
        )
        parser.add_argument(
            "--gzip", action="store_true", help="also write a .gz file beside what becomes smaller"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the result as one JSON object"
        )
        parser.add_argument(
            "-v",
            "--verbose",
            action="store_true",
            help="show every file, and files that are hidden or left out",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, ask, collect, and print how many files there are."""
        # Late: `--help` needs none of what collects.
        from openviper.core.management.collecting import Collecting

        Collecting(self).run(options)
