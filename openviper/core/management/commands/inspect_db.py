"""`inspect-db`: print models for an existing database."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand


class Command(BaseCommand):
    """Print a module with a typed model for each table of a database."""

    help = "Print models for the tables of an existing database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "tables", nargs="*", metavar="TABLE", help="only these tables (default: all)"
        )
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )

    async def handle(self, **options: Any) -> None:
        """Print it; nothing is changed.

        Raises:
            CommandError: If there is no such database or table.
        """
        # Late: it loads databases; `--help` needs none of them.
        from openviper.core.management.aliases import check_alias
        from openviper.db.connection import connections
        from openviper.db.inspection.inspecting import inspect_database
        from openviper.db.transfer.proof import refuse_missing_file

        alias = check_alias(options["database"])
        refuse_missing_file(connections.get(alias))
        self.stdout(await inspect_database(alias, options["tables"]), ending="")
