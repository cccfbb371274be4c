"""`flush`: delete all rows, keep the tables."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.agreeing import agree
from openviper.core.management.aliases import check_alias
from openviper.core.management.apps import find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand
from openviper.core.management.rows import count_rows, delete_rows, model_tables
from openviper.core.management.running import run_async_command


class Command(BaseCommand):
    """Delete the rows of every model, in one transaction, after saying how many there are."""

    help = "Delete all rows of the project's models; the tables stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )
        parser.add_argument("--no-input", action="store_true", help="do not ask")

    def handle(self, **options: Any) -> None:
        """Count, ask, delete.

        Raises:
            CommandError: If nobody agrees, or nobody can be asked and `--no-input` is not given; nothing was deleted.
        """
        alias = check_alias(options["database"])
        import_all_models(find_installed_apps(with_builtin=True))
        tables = model_tables()
        counts = run_async_command(count_rows(alias, tables))
        total = sum(counts.values())
        if not total:
            self.stdout("There are no rows.")
            return
        for table, count in counts.items():
            if count:
                self.stdout(f"{table}: {count}")
        agree(
            self.terminal,
            f"Delete these {total} rows of {alias!r}?",
            no_input=options["no_input"],
        )
        run_async_command(delete_rows(alias, [table for table in tables if table in counts]))
        self.stdout(self.style_success(f"Deleted {total} rows."))
