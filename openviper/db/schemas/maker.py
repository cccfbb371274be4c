"""`makemigrations`: all apps are compared before the first file is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from openviper.db.exceptions import DatabaseError
from openviper.db.fields.constraints import Constraint
from openviper.db.fields.model_options import ModelOptions
from openviper.db.schemas.autodetector import FileChange, detect_changes
from openviper.db.schemas.renames import NO_OPTIONS, RenameOptions
from openviper.db.schemas.schema_files import (
    DIRECTORY,
    delete_json_schema,
    read_all_raw_schemas,
    write_json_schema,
)
from openviper.exceptions import MigrationError


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
    apps: Iterable[AppModels], *, force: bool = False, renames: RenameOptions = NO_OPTIONS
) -> list[AppChanges]:
    """Compare the models of apps with their schema files; nothing is written.

    Args:
        apps: The apps.
        force: Accept changes of type that are not safe.
        renames: What the caller says about renamed columns.

    Raises:
        MigrationError: If a file cannot be read, a type change is not safe, a rename is ambiguous, a foreign key has no
            target, a partial index is for a database that has none, or `renames` names a table that none of the apps has.
    """
    compared = []
    tables = set()
    for app in apps:
        _check_conditions(app.models)
        files = read_all_raw_schemas(os.path.join(app.directory, DIRECTORY))
        tables |= {model._meta.table_name for model in app.models}
        compared.append(
            AppChanges(
                app, detect_changes(app.models, files, app.name, force=force, renames=renames)
            )
        )
    for table in renames.explicit:
        if table not in tables:
            raise MigrationError(f"--rename names the unknown table {table!r}")
    return compared


def _check_conditions(models: Iterable[Any]) -> None:
    """Refuse partial indexes where the model's database has none; `migrate` would, but that is another machine's surprise."""
    for model in models:
        meta = model._meta
        for one in (*meta.indexes, *meta.constraints):
            if (
                getattr(one, "condition", None) is None
                or (vendor := _vendor_without_partial_indexes(meta)) is None
            ):
                continue
            kind = "constraint" if isinstance(one, Constraint) else "index"
            raise MigrationError(
                f"{meta.label}: {kind} {one.name or one.fields!r} has a condition, and the database {meta.backend!r} ({vendor}) "
                "knows no partial indexes; drop the condition, or check it in validate()"
            )


def _vendor_without_partial_indexes(meta: ModelOptions) -> str | None:
    from openviper.db.connections.databases import connections

    try:
        # With routers it may be any database; migrate sees which.
        if connections.router_config()[0] and meta.backend == "default":
            return None
        dialect = connections.get(meta.backend).dialect
    except DatabaseError:
        return None  # Not configured (yet): writing schema files needs no database.
    return None if dialect.features.supports_partial_indexes else "MariaDB or MySQL"


def write_changes(compared: Iterable[AppChanges]) -> None:
    """Write and delete the schema files; the new ones first, so that a failure loses nothing.

    Raises:
        OSError: If a file cannot be written.
    """
    changes = [
        (os.path.join(app.directory, DIRECTORY), change)
        for app, found in compared
        for change in found
    ]
    for directory, change in changes:
        if change.document is not None:
            write_json_schema(directory, change.document)
    for directory, change in changes:
        if change.document is None:
            delete_json_schema(directory, change.model)
