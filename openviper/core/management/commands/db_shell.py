"""`db-shell`: the database's own client, connected."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.core.management.aliases import check_alias, url_of
from openviper.core.management.base import BaseCommand
from openviper.core.management.database_client import open_client
from openviper.db.connections.url import DatabaseURL


class Command(BaseCommand):
    """Run psql, mariadb or sqlite3 on a configured database; the password is in no argument list."""

    help = "Open the database's own client: psql, mariadb or sqlite3."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.usage = "%(prog)s [--database ALIAS] [-- CLIENT_ARGS ...]"
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )

    def run_from_argv(self, argv: Sequence[str]) -> Any:
        """Parse a command line, of which the client gets what follows ``--``, and execute it."""
        own, passed = list(argv), []
        if "--" in own:
            position = own.index("--")
            own, passed = own[:position], own[position + 1 :]
        options = vars(self.create_parser(own[0], own[1]).parse_args(own[2:]))
        return self.execute(client_args=passed, **options)

    def handle(self, **options: Any) -> int:
        """Run the client and return its exit code.

        Raises:
            CommandError: If there is no such database, or its client is not installed.
        """
        url = DatabaseURL.parse(url_of(check_alias(options["database"])))
        return open_client(url, list(options.get("client_args") or ()), self.terminal)
