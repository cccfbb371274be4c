"""What differs between models and schema files, and what the files should say afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.schemas.renames import NO_OPTIONS, RenameOptions, match_renames
from openviper.db.schemas.schema_files import now, schema_document, table_of
from openviper.db.schemas.state import models_state
from openviper.db.schemas.types import base_type, validate_type_change
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

_COMPARED: tuple[tuple[str, Any], ...] = (
    ("type", None),
    ("nullable", False),
    ("default", None),
    ("unique", False),
    ("primary_key", False),
    ("autoincrement", False),
    ("target_table", None),
    ("on_delete", "NO ACTION"),
)


class FileChange:
    """What has to happen to one schema file.

    Attributes:
        kind: ``created``, ``updated`` or ``deleted``.
        document: The new content, `None` for a deleted file.
        notes: What changes, one sentence each.
        warnings: What may go wrong or lose data, one sentence each.
    """

    __slots__ = ("document", "kind", "model", "notes", "warnings")

    def __init__(self, kind: str, model: str) -> None:
        self.kind = kind
        self.model = model
        self.document: dict[str, Any] | None = None
        self.notes: list[str] = []
        self.warnings: list[str] = []


def detect_changes(
    model_classes: Iterable[Any],
    json_state: Mapping[str, Mapping[str, Any]],
    app_name: str,
    *,
    force: bool = False,
    renames: RenameOptions = NO_OPTIONS,
) -> list[FileChange]:
    """Compare the models of an app with its schema files; nothing is written.

    Args:
        model_classes: The models of the app.
        json_state: The content of each file by the name of the model.
        app_name: The app, for messages.
        force: Accept changes of type that are not safe.
        renames: What the caller says about renamed columns.

    Raises:
        MigrationError: If a type change is not safe, a rename is ambiguous or a foreign key has no target.
    """
    files = {
        model: schema for model, schema in json_state.items() if schema.get("managed") is not False
    }
    wanted = {table["model"]: (name, table) for name, table in models_state(model_classes).items()}
    gone = [model for model in files if model not in wanted]
    moved = _moved_tables(wanted, files, gone, renames)
    changes = []
    for model, (name, table) in sorted(wanted.items()):
        origin = moved.get(model, model)
        change = _model_change(
            app_name, name, table, files.get(origin), model in files, force, renames
        )
        if change is not None:
            changes.append(change)
    for model in gone:
        change = FileChange("deleted", model)
        if model not in moved.values():
            change.warnings.append(
                f"table {files[model]['table_name']} has no model any more; `migrate` keeps it"
            )
        changes.append(change)
    return changes


def _moved_tables(
    wanted: Mapping[str, tuple[str, Table]],
    files: Mapping[str, Mapping[str, Any]],
    gone: Sequence[str],
    renames: RenameOptions,
) -> dict[str, str]:
    """Return which new model a person says is an old one under another name."""
    moved: dict[str, str] = {}
    if renames.ask is None or renames.never:
        return moved
    for model, (name, table) in sorted(wanted.items()):
        if model in files:
            continue
        for old in gone:
            before = table_of(files[old])
            if old in moved.values() or not _same_columns(before["columns"], table["columns"]):
                continue
            if renames.ask(
                f"Was the model {old} renamed to {model} (table {files[old]['table_name']} to {name})?"
            ):
                moved[model] = old
                break
    return moved


def _same_columns(old: Sequence[Column], new: Sequence[Column]) -> bool:
    return len(old) == len(new) and all(
        before["name"] == after["name"] and not column_differences(before, after)
        for before, after in zip(sorted(old, key=_name), sorted(new, key=_name), strict=True)
    )


def _name(column: Column) -> str:
    return column["name"]


def column_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys of a column in which two versions differ."""
    found = [key for key, absent in _COMPARED if old.get(key, absent) != new.get(key, absent)]
    # A bare NUMERIC of an old file means the field's own precision.
    if "type" in found and old["type"] == "NUMERIC" == base_type(new["type"]):
        found.remove("type")
    return found


def _model_change(
    app: str,
    table_name: str,
    table: Table,
    existing: Mapping[str, Any] | None,
    has_file: bool,
    force: bool,
    renames: RenameOptions,
) -> FileChange | None:
    change = FileChange("updated" if has_file else "created", table["model"])
    if existing is None:
        change.document = schema_document(table_name, table, None)
        change.notes.append(f"create table {table_name}")
        return change
    before = table_of(existing)
    _compare_columns(app, table_name, table, before, change, force, renames)
    if table_name != existing["table_name"]:
        table["old_table_name"] = existing["table_name"]
        change.notes.append(f"rename table {existing['table_name']} to {table_name}")
    elif "old_table_name" in before:
        table["old_table_name"] = before["old_table_name"]
    for key in ("indexes", "unique_together", "index_together", "constraints", "single"):
        if _comparable(table[key]) != _comparable(before[key]):
            change.notes.append(f"change {key.replace('_', ' ')}")
    document = schema_document(table_name, table, existing if has_file else None)
    if document == existing:
        return None
    # A file of another hand, in another order or without the new keys, is not rewritten for its looks.
    if not change.notes and "format" in existing and _comparable(document) == _comparable(existing):
        return None
    change.document = document
    return change


def _comparable(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(
            (_comparable(item) if isinstance(item, dict) else item for item in value), key=repr
        )
    if isinstance(value, dict):
        return {
            key: _comparable(item) for key, item in sorted(value.items()) if key != "last_modified"
        }
    return value


def _compare_columns(
    app: str,
    name: str,
    table: Table,
    before: Table,
    change: FileChange,
    force: bool,
    renames: RenameOptions,
) -> None:
    old = {column["name"]: column for column in before["columns"]}
    new = {column["name"]: column for column in table["columns"]}
    removed = [column for key, column in sorted(old.items()) if key not in new]
    added = [column for key, column in sorted(new.items()) if key not in old]
    pairs = match_renames(name, removed, added, renames)
    for old_name, new_name in pairs:
        change.notes.append(f"rename column {name}.{old_name} to {new_name}")
        former = old[old_name]
        column = new[new_name]
        column["old_name"] = old_name
        # An environment may have missed the renames in between; the history lets it find its column.
        older = [
            *([former["old_name"]] if "old_name" in former else []),
            *former.get("older_names", ()),
        ]
        if older := [each for each in older if each not in (old_name, new_name)]:
            column["older_names"] = older
        column["changed_at"] = now()
        _compare_column(app, name, former, column, change, force)
    renamed_from, renamed_to = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    for column in added:
        if column["name"] not in renamed_to:
            change.notes.append(f"add column {name}.{column['name']}")
            if (
                not column["nullable"]
                and column["default"] is None
                and not column.get("autoincrement")
            ):
                change.warnings.append(
                    f"new column {name}.{column['name']} is NOT NULL without a default; "
                    "`migrate` stops if the table has rows"
                )
    for column in removed:
        if column["name"] not in renamed_from:
            change.notes.append(f"drop column {name}.{column['name']}")
            change.warnings.append(f"column {name}.{column['name']} will be dropped with its data")
    for key, column in new.items():
        if key in old:
            for hint in ("old_name", "older_names", "old_type", "changed_at"):
                if hint in old[key]:
                    column[hint] = old[key][hint]
            _compare_column(app, name, old[key], column, change, force)


def _compare_column(
    app: str, table: str, old: Column, new: Column, change: FileChange, force: bool
) -> None:
    differences = column_differences(old, new)
    if not differences:
        return
    where = f"{table}.{new['name']}"
    change.notes.append(
        f"alter column {where}: {', '.join(key.replace('_', ' ') for key in differences)}"
    )
    if "type" in differences:
        if new.get("primary_key") and not force and old["type"] != new["type"]:
            raise MigrationError(
                f"{app}: {where}: changing the type of a primary key from {old['type']!r} to {new['type']!r} "
                "needs --force"
            )
        try:
            warning = validate_type_change(old["type"], new["type"], force=force)
        except MigrationError as error:
            raise MigrationError(f"{app}: {where}: {error}") from error
        if warning:
            change.warnings.append(f"{where}: {warning}")
        new["old_type"] = old["type"]
        new["changed_at"] = now()
    if "nullable" in differences and not new["nullable"]:
        change.warnings.append(f"{where} becomes NOT NULL; `migrate` stops if a row has no value")
    if new.get("unique") and not old.get("unique"):
        change.warnings.append(f"{where} becomes unique; `migrate` stops if values repeat")
