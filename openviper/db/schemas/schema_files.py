"""The schema files: one JSON document per model in ``<app>/schemas/``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from openviper.conf import settings
from openviper.db.schemas.file_check import FORMAT, schema_problem
from openviper.exceptions import MigrationError
from openviper.utils.importing import import_string
from openviper.utils.resources import is_file, list_names, read_bytes

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State, Table

DIRECTORY = "schemas"
_COLUMN_KEYS = (
    "name", "type", "nullable", "primary_key", "autoincrement", "unique", "default", "db_default", "generated",
    "target_table", "on_delete", "deferrable", "choices", "old_name", "older_names", "old_type", "changed_at",
)  # fmt: skip


def read_json_schema(directory: str | Path, model: str) -> dict[str, Any] | None:
    """Return the content of a model's schema file, or `None` if there is none.

    Args:
        directory: The ``schemas`` directory of an app.
        model: The name of the model class.

    Raises:
        MigrationError: If the file is not a schema file.
    """
    path = os.path.join(directory, f"{model}.json")
    return _read(path) if is_file(path) else None


def read_all_raw_schemas(directory: str | Path) -> dict[str, dict[str, Any]]:
    """Return the content of every schema file of a directory by the name of the model.

    Raises:
        MigrationError: If a file is not a schema file.
    """
    paths = [os.path.join(directory, name) for name in _file_names(directory)]
    return {os.path.basename(path).removesuffix(".json"): _read(path) for path in paths}


def _file_names(directory: str | Path) -> list[str]:
    try:
        entries = list_names(directory)
    except OSError as error:
        # A link that leads nowhere is not an app without schema files.
        if isinstance(error, FileNotFoundError) and not os.path.lexists(directory):
            return []
        raise _unreadable(str(directory), error) from error
    return sorted(name for name in entries if name.endswith(".json") and name[0] != ".")


def _unreadable(path: str, error: OSError) -> MigrationError:
    return MigrationError(f"cannot read {path!r}: {error.strerror or error}")


def _read(path: str) -> dict[str, Any]:
    data = _load(path)
    problem = schema_problem(data)
    if problem is not None:
        raise MigrationError(f"schema file {path!r} {problem}")
    return cast("dict[str, Any]", data)


def _load(path: str) -> Any:
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise MigrationError(f"schema file {path!r} is not JSON: {error}") from error


def table_of(schema: Mapping[str, Any]) -> Table:
    """Return the wanted table that the content of a schema file describes; what old files leave out is filled in."""
    table: Table = {
        "model": schema["model"],
        "app": schema["app"],
        "columns": [_column(column) for column in schema["columns"]],
        "indexes": _list(schema, "indexes"),
        "unique_together": _list(schema, "unique_together"),
        "index_together": _list(schema, "index_together"),
        "constraints": list(map(_constraint, _list(schema, "constraints"))),
        "single": bool(schema.get("single")),
        "managed": schema.get("managed") is not False,
    }
    if old := schema.get("old_table_name"):
        table["old_table_name"] = old
    return table


def _constraint(entry: Mapping[str, Any]) -> Any:
    return {"type": "CHECK" if "check" in entry else "UNIQUE", **entry}


def _list(schema: Mapping[str, Any], key: str) -> list[Any]:
    return schema.get(key) or []


def _column(entry: Mapping[str, Any]) -> Any:
    return {"nullable": False, "default": None, **entry}


def discover_json_schemas(resolved_apps: Mapping[str, str] | None = None) -> State:
    """Return the wanted tables of all apps, by table name.

    Args:
        resolved_apps: The directory of each app by its name; those of ``INSTALLED_APPS`` when not given.

    Raises:
        MigrationError: If a file is not a schema file, or a table is described twice.
    """
    apps = installed_app_directories() if resolved_apps is None else resolved_apps
    state: State = {}
    origins: dict[str, str] = {}
    for directory in dict.fromkeys(apps.values()):
        folder = os.path.join(directory, DIRECTORY)
        for model, name, table in _managed(folder):
            path = os.path.join(folder, f"{model}.json")
            if name in state:
                raise MigrationError(
                    f"table {name!r} is described twice: in {origins[name]!r} and {path!r}"
                )
            state[name], origins[name] = table, path
    return _with_own_user_model(state)


def _managed(folder: str) -> Iterator[tuple[str, str, Table]]:
    """Yield model, name and content of the tables of a folder that OpenViper looks after."""
    for model, schema in read_all_raw_schemas(folder).items():
        table = table_of(schema)
        if table["managed"]:
            yield model, schema["table_name"], table


BUILT_IN_USERS = ("openviper.auth.models.User", "auth_users")
"""The user model that is shipped, and its table, to which the shipped schema files refer."""


def has_own_user_model() -> bool:
    """Return whether the project has a user model of its own in place of the shipped one."""
    return settings.USER_MODEL != BUILT_IN_USERS[0]


def _with_own_user_model(state: State) -> State:
    """Return the tables with the project's own user model in place of the shipped one, if it has one.

    Raises:
        MigrationError: If `USER_MODEL` cannot be imported or is no model.
    """
    table = BUILT_IN_USERS[1]
    is_shipped = table in state and state[table]["app"] == "auth"
    if not (is_shipped and has_own_user_model()):
        return state
    meta = _user_options()
    others = {name: entry for name, entry in state.items() if name != table}
    return {name: _with_target(entry, table, meta) for name, entry in others.items()}


def _user_options() -> Any:
    try:
        return import_string(settings.USER_MODEL)._meta
    except (ImportError, AttributeError) as error:
        raise MigrationError(
            f"USER_MODEL {settings.USER_MODEL!r} is not a model: {error}"
        ) from error


def _with_target(entry: Table, shipped: str, meta: Any) -> Table:
    """Return a table whose references to the shipped user model lead to the project's own."""
    own = {"target_table": meta.table_name, "type": meta.pk.db_type()}
    columns = [
        {**column, **own} if column.get("target_table") == shipped else column
        for column in entry["columns"]
    ]
    return cast("Table", {**entry, "columns": columns})


def installed_app_directories() -> dict[str, str]:
    """Return the directory of every importable app of ``INSTALLED_APPS`` by its name, built-in apps first."""
    apps = sorted(settings.INSTALLED_APPS, key=lambda name: not name.startswith("openviper."))
    directories = {app: _directory_of(app) for app in apps}
    return {app: path for app, path in directories.items() if path is not None}


def _directory_of(app: str) -> str | None:
    from importlib.util import find_spec  # Late: what is given its directories needs no importer.

    try:
        spec = find_spec(app)
    except ModuleNotFoundError:  # The package around it does not exist.
        return None
    if spec is None or spec.origin is None:
        return None
    return os.path.dirname(spec.origin)


def schema_document(
    table_name: str, table: Table, existing: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the content of a schema file; its time stays that of the existing one unless something differs."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "model": table["model"],
        "app": table["app"],
        "table_name": table_name,
        "last_modified": now(),
        "columns": list(map(_ordered, table["columns"])),
        "indexes": table["indexes"],
        "unique_together": table["unique_together"],
        "index_together": table["index_together"],
        "constraints": table["constraints"],
        "single": table["single"],
        "managed": True,
    }
    if old := table.get("old_table_name"):
        document["old_table_name"] = old
    unchanged = {**document, "last_modified": (existing or {}).get("last_modified")}
    return unchanged if unchanged == existing else document


def _ordered(column: Mapping[str, Any]) -> dict[str, Any]:
    return {key: column[key] for key in _COLUMN_KEYS if key in column}


def now() -> str:
    """Return the present time as it stands in schema files: ISO 8601, UTC, whole seconds."""
    from datetime import datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json_schema(directory: str | Path, document: Mapping[str, Any]) -> Path:
    """Write a model's schema file in one step and return its path.

    Args:
        directory: The ``schemas`` directory, made if it does not exist.
        document: The content, see `schema_document`.

    Raises:
        OSError: If the file cannot be written.
    """
    # Late: most runs write nothing.
    from openviper.utils.atomic_files import atomic_write

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['model']}.json"
    with atomic_write(path) as file:
        file.write(dump(document).encode())
    return path


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as text: two spaces of indent, and one line per column, index and constraint."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            items = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in value)
            lines.append(f"  {json.dumps(key)}: [\n{items}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def delete_json_schema(directory: str | Path, model: str) -> bool:
    """Delete a model's schema file and return whether there was one."""
    try:
        os.unlink(os.path.join(directory, f"{model}.json"))
    except FileNotFoundError:
        return False
    return True
