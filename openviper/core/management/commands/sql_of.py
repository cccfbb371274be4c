"""`sql-of`: the statements that make the table of a model."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.aliases import check_alias
from openviper.core.management.apps import find_installed_apps, import_models_module
from openviper.core.management.base import BaseCommand, CommandError, NoModelsModule
from openviper.core.management.errors import did_you_mean
from openviper.db.connection import connections
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.lookup import ddl_dialect
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
        """
        vendor = options["vendor"] or connections.get(check_alias(options["database"])).vendor
        chosen = list(dict.fromkeys(model for label in options["labels"] for model in named(label)))
        dialect = ddl_dialect(vendor)
        wanted = models_state([*chosen, *generated_joins(chosen)])
        changes = creation_order(
            TableChange(name, dialect.adapted(table), None) for name, table in wanted.items()
        )
        statements = [
            statement
            for change in changes
            for statement in dialect.create_table(change.table, change.wanted)
        ]
        for statement in (*statements, *dialect.late(changes, {})):
            self.stdout(f"{statement};")


def named(label: str) -> list[type[Any]]:
    """Return the models with a table that a label names.

    Raises:
        CommandError: If there is none.
    """
    for app in find_installed_apps(with_builtin=True):
        try:
            import_models_module(app)
        except NoModelsModule:
            continue
    models = [model for model in model_registry.all() if has_table(model)]
    found = [model for model in models if label in names_of(model)]
    if not found:
        known = sorted({name for model in models for name in names_of(model)})
        raise CommandError(f"no model is called {label!r}{did_you_mean(label, known)}")
    return found


def names_of(model: Any) -> tuple[str, str, str]:
    """Return what a model may be called: ``app.Model``, ``Model``, and its app's label."""
    app = model._meta.app_label
    return f"{app}.{model.__name__}", model.__name__, app
