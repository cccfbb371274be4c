"""`sql-of`: the statements that make the table of a model."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.core.management.aliases import check_alias
from openviper.core.management.apps import find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.errors import did_you_mean
from openviper.db.connection import connections
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.dialects.support import refuse
from openviper.db.models import model_registry
from openviper.db.schemas.diff import creation_order
from openviper.db.schemas.state import generated_joins, has_table, models_state

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
        chosen = [model for label in options["labels"] for model in named(label)]
        for statement in statements_of(list(dict.fromkeys(chosen)), vendor):
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


def named(label: str) -> list[type[Any]]:
    """Return the models with a table that a label names.

    Raises:
        CommandError: If there is none.
    """
    models: dict[str, list[type[Any]]] = {}
    for model in filter(has_table, model_registry.all()):
        for name in names_of(model):
            models.setdefault(name, []).append(model)
    if label not in models:
        raise CommandError(f"no model is called {label!r}{did_you_mean(label, [*models])}")
    return models[label]


def names_of(model: Any) -> tuple[str, str, str]:
    """Return what a model may be called: ``app.Model``, ``Model``, and its app's label."""
    app = model._meta.app_label
    return f"{app}.{model.__name__}", model.__name__, app
