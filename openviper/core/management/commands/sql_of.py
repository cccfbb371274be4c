"""`sql-of`: the statements that make the table of a model."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.core.management.aliases import check_alias
from openviper.core.management.apps import find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand
from openviper.core.management.labels import all_named
from openviper.db.connection import connections
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.dialects.support import refuse
from openviper.db.schemas.diff import creation_order
from openviper.db.schemas.state import generated_joins, models_state

VENDORS = ("sqlite", "postgresql", "mysql")


class Command(BaseCommand):
    """Print the SQL of a model, or of all models of an app, for one kind of database."""

    help = "Show the SQL that makes the tables of a model or app."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("labels", nargs="+", metavar="LABEL", help="app.Model, Model or app")
        parser.add_argument(
            "--database", default="default", metavar="ALIAS", help="as in this database"
        )
        parser.add_argument("--vendor", choices=VENDORS, help="as in %(choices)s")

    def handle(self, **options: Any) -> None:
        """Print the statements; no database is asked.

        Raises:
            CommandError: If no model has a label.
            MigrationError: If the database cannot have something of a model.
        """
        vendor = options["vendor"] or connections.get(check_alias(options["database"])).vendor
        import_all_models(find_installed_apps(with_builtin=True))
        for statement in statements_of(all_named(options["labels"]), vendor):
            self.stdout(f"{statement};")


def statements_of(models: Sequence[type[Any]], vendor: str) -> list[str]:
    """Return the statements that make the tables of models, and of the joins between them.

    Raises:
        MigrationError: If the vendor cannot have something of a model; `migrate` would refuse it too.
    """
    dialect = ddl_dialect(vendor)
    wanted = models_state([*models, *generated_joins(models)])
    refuse(vendor, wanted, vendor)
    changes = creation_order(
        TableChange(name, dialect.adapted(table), None) for name, table in wanted.items()
    )
    statements: list[str] = []
    for change in changes:
        statements += dialect.create_table(change.table, change.wanted)
    return [*statements, *dialect.late(changes, {})]
