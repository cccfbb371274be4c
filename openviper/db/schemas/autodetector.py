"""What differs between models and schema files, and what the files should say afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.schemas.renames import NO_OPTIONS, Ask, RenameOptions, match_renames
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
    ("deferrable", None),
    ("db_default", None),
    ("generated", None),
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
    gone = sorted(files.keys() - wanted.keys())
    moved = _moved_tables(wanted, files, gone, renames)
    found = [
        _model_change(
            app_name,
            name,
            table,
            files.get(moved.get(model, model)),
            model in files,
            force,
            renames,
        )
        for model, (name, table) in sorted(wanted.items())
    ]
    changes = list(filter(None, found))
    left = set(gone).difference(moved.values())
    return changes + [_deletion(model, files[model], model in left) for model in gone]


def _deletion(model: str, schema: Mapping[str, Any], leaves_table: bool) -> FileChange:
    change = FileChange("deleted", model)
    if leaves_table:
        change.warnings.append(
            f"table {schema['table_name']} has no model any more; `migrate` keeps it"
        )
    return change


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
    for model in sorted(wanted.keys() - files.keys()):
        left = [old for old in gone if old not in moved.values()]
        old_model = _chosen(model, wanted[model], left, files, renames.ask)
        if old_model is not None:
            moved[model] = old_model
    return moved


def _chosen(
    model: str,
    wanted: tuple[str, Table],
    left: Sequence[str],
    files: Mapping[str, Mapping[str, Any]],
    ask: Ask,
) -> str | None:
    """Return which of the models that are left a person says was the new one."""
    name, table = wanted
    for old in _look_alikes(table, left, files):
        old_table = files[old]["table_name"]
        if ask(f"Was the model {old} renamed to {model} (table {old_table} to {name})?"):
            return old
    return None


def _look_alikes(
    table: Table, models: Sequence[str], files: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    return [
        model
        for model in models
        if _same_columns(table_of(files[model])["columns"], table["columns"])
    ]


def _same_columns(old: Sequence[Column], new: Sequence[Column]) -> bool:
    return len(old) == len(new) and all(
        before["name"] == after["name"] and not column_differences(before, after)
        for before, after in zip(sorted(old, key=_name), sorted(new, key=_name), strict=True)
    )


def _name(column: Column) -> str:
    return column["name"]


def column_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys of a column in which two versions differ."""
    differing = [key for key, absent in _COMPARED if old.get(key, absent) != new.get(key, absent)]
    # A bare NUMERIC of an old file means the field's own precision.
    if "type" in differing and old["type"] == "NUMERIC" == base_type(new["type"]):
        differing.remove("type")
    return differing


def _model_change(
    app: str,
    table_name: str,
    table: Table,
    existing: Mapping[str, Any] | None,
    has_file: bool,
    force: bool,
    renames: RenameOptions,
) -> FileChange | None:
    if existing is None:
        return _creation(table_name, table)
    change = FileChange("updated" if has_file else "created", table["model"])
    before = table_of(existing)
    _Columns(app, table_name, change, force).compare(before, table, renames)
    _note_table_name(table_name, table, existing, change)
    _note_rest(before, table, change)
    document = schema_document(table_name, table, existing if has_file else None)
    if _says_the_same(document, existing, change):
        return None
    change.document = document
    return change


def _creation(table_name: str, table: Table) -> FileChange:
    change = FileChange("created", table["model"])
    change.document = schema_document(table_name, table, None)
    change.notes.append(f"create table {table_name}")
    return change


def _note_rest(before: Table, table: Table, change: FileChange) -> None:
    for key in ("indexes", "unique_together", "index_together", "constraints", "single"):
        if _comparable(table[key]) != _comparable(before[key]):
            change.notes.append(f"change {key.replace('_', ' ')}")


def _note_table_name(
    table_name: str, table: Table, existing: Mapping[str, Any], change: FileChange
) -> None:
    old_name = existing["table_name"]
    if table_name != old_name:
        table["old_table_name"] = old_name
        change.notes.append(f"rename table {old_name} to {table_name}")
    elif existing.get("old_table_name"):
        table["old_table_name"] = existing["old_table_name"]


def _says_the_same(
    document: Mapping[str, Any], existing: Mapping[str, Any], change: FileChange
) -> bool:
    """Return whether a file can stay: one of another hand, in another order, is not rewritten for its looks."""
    if document == existing:
        return True
    if change.notes or "format" not in existing:
        return False
    return bool(_comparable(document) == _comparable(existing))


def _comparable(value: Any) -> Any:
    """Return a value of a schema file for comparison; the order of lists and the time of the file do not count."""
    if isinstance(value, list):
        return sorted((_comparable_item(item) for item in value), key=repr)
    if isinstance(value, dict):
        kept = sorted(key for key in value if key != "last_modified")
        return {key: _comparable(value[key]) for key in kept}
    return value


def _comparable_item(item: Any) -> Any:
    return _comparable(item) if isinstance(item, dict) else item


class _Columns:
    """Compares the columns of one model with those of its file.

    Args:
        app: The app, for messages.
        table: The table, for messages.
        change: Takes the notes and warnings.
        force: Accept changes of type that are not safe.
    """

    def __init__(self, app: str, table: str, change: FileChange, force: bool) -> None:
        self.app = app
        self.table = table
        self.change = change
        self.force = force

    def compare(self, before: Table, table: Table, renames: RenameOptions) -> None:
        """Compare all columns; those of `table` get the hints by which `migrate` finds what they were."""
        old, new = _by_name(before), _by_name(table)
        removed = [old[name] for name in sorted(old.keys() - new.keys())]
        added = [new[name] for name in sorted(new.keys() - old.keys())]
        pairs = dict(match_renames(self.table, removed, added, renames))
        for old_name, new_name in pairs.items():
            self._rename(old[old_name], new[new_name])
        self._note_new(_without(added, pairs.values()))
        self._note_gone(_without(removed, pairs))
        self._compare_all(old, new)

    def _compare_all(self, old: Mapping[str, Column], new: Mapping[str, Column]) -> None:
        for name in sorted(new.keys() & old.keys()):
            _keep_hints(old[name], new[name])
            self._compare(old[name], new[name])

    def _rename(self, old: Column, new: Column) -> None:
        self.change.notes.append(f"rename column {self.table}.{old['name']} to {new['name']}")
        new["old_name"] = old["name"]
        older = _history(old, new["name"])
        if older:
            new["older_names"] = older
        new["changed_at"] = now()
        self._compare(old, new)

    def _note_new(self, columns: Iterable[Column]) -> None:
        # Here, as without a new column nothing needs the tables of dialects, which take 4 ms.
        from openviper.db.dialects.definitions import fills_itself

        for column in columns:
            where = f"{self.table}.{column['name']}"
            self.change.notes.append(f"add column {where}")
            if not fills_itself(column):
                self._warn(
                    f"new column {where} is NOT NULL without a default; `migrate` stops if the table has rows"
                )

    def _note_gone(self, columns: Iterable[Column]) -> None:
        for column in columns:
            where = f"{self.table}.{column['name']}"
            self.change.notes.append(f"drop column {where}")
            self._warn(f"column {where} will be dropped with its data")

    def _warn(self, text: str) -> None:
        self.change.warnings.append(text)

    def _compare(self, old: Column, new: Column) -> None:
        differences = column_differences(old, new)
        if not differences:
            return
        where = f"{self.table}.{new['name']}"
        words = ", ".join(key.replace("_", " ") for key in differences)
        self.change.notes.append(f"alter column {where}: {words}")
        if "type" in differences:
            self._compare_types(where, old, new)
        self._warn_of_rows(where, old, new)

    def _warn_of_rows(self, where: str, old: Column, new: Column) -> None:
        if old["nullable"] and not new["nullable"]:
            self._warn(f"{where} becomes NOT NULL; `migrate` stops if a row has no value")
        if new.get("unique") and not old.get("unique"):
            self._warn(f"{where} becomes unique; `migrate` stops if values repeat")
        if "generated" in new and "generated" not in old:
            self._warn(f"{where} becomes generated; its values will be lost")

    def _compare_types(self, where: str, old: Column, new: Column) -> None:
        is_refused = bool(new.get("primary_key")) and not self.force
        if is_refused:
            raise MigrationError(
                f"{self.app}: {where}: changing the type of a primary key from {old['type']!r} to {new['type']!r} "
                "needs --force"
            )
        warning = self._judged(where, old, new)
        if warning:
            self._warn(f"{where}: {warning}")
        new["old_type"] = old["type"]
        new["changed_at"] = now()

    def _judged(self, where: str, old: Column, new: Column) -> str | None:
        try:
            return validate_type_change(old["type"], new["type"], force=self.force)
        except MigrationError as error:
            raise MigrationError(f"{self.app}: {where}: {error}") from error


def _by_name(table: Table) -> dict[str, Column]:
    return {column["name"]: column for column in table["columns"]}


def _without(columns: Iterable[Column], names: Collection[str]) -> list[Column]:
    return [column for column in columns if column["name"] not in names]


def _history(old: Column, new_name: str) -> list[str]:
    """Return the earlier names of a renamed column: an environment may have missed the renames in between."""
    earlier = [old["old_name"]] if "old_name" in old else []
    earlier += old.get("older_names", ())
    return [name for name in earlier if name not in (old["name"], new_name)]


def _keep_hints(old: Column, new: Column) -> None:
    for hint in ("old_name", "older_names", "old_type", "changed_at"):
        if hint in old:
            new[hint] = old[hint]
