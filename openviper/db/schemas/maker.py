"""`makemigrations`: all apps are compared before the first file is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.db.connections.databases import connections
from openviper.db.dialects.support import refuse, refuse_clashes
from openviper.db.exceptions import DatabaseError
from openviper.db.fields.model_options import ModelOptions
from openviper.db.schemas.autodetector import FileChange, detect_changes
from openviper.db.schemas.renames import NO_OPTIONS, RenameOptions
from openviper.db.schemas.schema_files import (
    BUILT_IN_USERS,
    DIRECTORY,
    delete_json_schema,
    has_own_user_model,
    read_all_raw_schemas,
    write_json_schema,
)
from openviper.db.schemas.state import generated_joins, has_table, model_table
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Table


class AppModels(NamedTuple):
    """An app with its models.

    Attributes:
        name: The dotted name.
        directory: The directory that holds, or will hold, ``schemas/``.
    """

    name: str
    directory: str
    models: Sequence[Any]


class AppChanges(NamedTuple):
    """What has to happen to the schema files of an app."""

    app: AppModels
    changes: list[FileChange]


def compare_apps(
    apps: Iterable[AppModels],
    *,
    force: bool = False,
    renames: RenameOptions = NO_OPTIONS,
    others: Sequence[Any] = (),
) -> list[AppChanges]:
    """Compare the models of apps with their schema files; nothing is written.

    Args:
        apps: The apps.
        force: Accept changes of type that are not safe.
        renames: What the caller says about renamed columns.
        others: Models of further apps, whose tables and indexes take names, too.

    Raises:
        MigrationError: If a file cannot be read, a type change is not safe, a rename is ambiguous, a foreign key has no
            target, the database cannot have something, two things would have the same name there, or `renames` names a table that none of the apps has.
    """
    compared = []
    tables = set()
    apps = list(apps)
    _refuse_clashes([*others, *(model for app in apps for model in app.models)])
    for app in apps:
        _refuse_unsupported(app.models)
        files = read_all_raw_schemas(os.path.join(app.directory, DIRECTORY))
        changes = detect_changes(app.models, files, app.name, force=force, renames=renames)
        compared.append(AppChanges(app, changes))
        tables |= {model._meta.table_name for model in app.models}
    unknown = [table for table in renames.explicit if table not in tables]
    if unknown:
        raise MigrationError(f"--rename names the unknown table {unknown[0]!r}")
    return compared


def _refuse_unsupported(models: Iterable[Any]) -> None:
    """Refuse what the model's database cannot have; `migrate` would, but that is another machine's surprise."""
    for model in models:
        meta = model._meta
        vendor = _vendor_of(meta)
        if vendor is not None and has_table(model):
            refuse(vendor, {meta.table_name: model_table(model)}, meta.backend)


def _refuse_clashes(models: Sequence[Any]) -> None:
    """Refuse names that two models would give in the same database, join tables included."""
    by_database: dict[tuple[str, str], list[tuple[str, Table]]] = {}
    for model in dict.fromkeys([*models, *generated_joins(models)]):
        meta = model._meta
        vendor = _vendor_of(meta)
        if vendor is not None and has_table(model) and not _is_replaced(model):
            tables = by_database.setdefault((vendor, meta.backend), [])
            tables.append((meta.table_name, model_table(model)))
    for (vendor, alias), tables in by_database.items():
        refuse_clashes(vendor, tables, alias)


def _is_replaced(model: Any) -> bool:
    return f"{model.__module__}.{model.__name__}" == BUILT_IN_USERS[0] and has_own_user_model()


def _vendor_of(meta: ModelOptions) -> str | None:
    try:
        # With routers it may be any database; migrate sees which.
        if connections.router_config()[0] and meta.backend == "default":
            return None
        return connections.get(meta.backend).vendor
    except DatabaseError:
        return None  # Not configured (yet): writing schema files needs no database.


def write_changes(compared: Iterable[AppChanges]) -> None:
    """Write and delete the schema files; the new ones first, so that a failure loses nothing.

    Raises:
        OSError: If a file cannot be written.
    """
    changes = [(entry.app, change) for entry in compared for change in entry.changes]
    for app, change in changes:
        if change.document is not None:
            write_json_schema(os.path.join(app.directory, DIRECTORY), change.document)
    for app, change in changes:
        if change.document is None:
            delete_json_schema(os.path.join(app.directory, DIRECTORY), change.model)
