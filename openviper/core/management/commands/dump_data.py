"""`dump-data`: write rows as lines of JSON."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand


class Command(BaseCommand):
    """Write the rows of models as lines of JSON, which any of the databases can load."""

    help = "Write rows as lines of JSON, which any database can load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="LABEL",
            help="app.Model, Model or app (default: all models)",
        )
        parser.add_argument(
            "--exclude",
            action="append",
            default=[],
            metavar="LABEL",
            help="leave out a model or app; may be given several times",
        )
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )
        parser.add_argument(
            "--output",
            "-o",
            metavar="FILE",
            help="the file, for its owner only; compressed if it ends in .gz (default: standard output)",
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replace the file if it exists"
        )
        parser.add_argument(
            "--natural",
            action="store_true",
            help="call rows by their natural keys, where models have some, and not by their numbers",
        )
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help="also write hashes of passwords and encrypted texts",
        )

    async def handle(self, **options: Any) -> None:
        """Write them.

        Raises:
            CommandError: If it cannot be done, or was interrupted; there is no file then.
        """
        # Late: it loads models and databases; `--help` needs none of them.
        from openviper.core.management.files_of_rows import Dumping

        await Dumping(self).run(options)
