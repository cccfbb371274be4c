"""Short ways to write schema files and models in tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

KEY: dict[str, Any] = {
    "name": "id", "type": "INTEGER", "nullable": False, "primary_key": True, "autoincrement": True, "default": None,
}  # fmt: skip


def column(name: str, type_: str = "INTEGER", **keys: Any) -> Any:
    """Return a column of a schema file, NOT NULL without default unless `keys` say otherwise."""
    return {"name": name, "type": type_, "nullable": False, "default": None, **keys}


def schema(table: str, *columns: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """Return the content of a schema file with the columns after an ``id`` key."""
    key = [] if any(one.get("primary_key") for one in columns) else [dict(KEY)]
    return {
        "format": 1,
        "model": "".join(part.capitalize() for part in table.split("_")[1:]),
        "app": table.split("_")[0],
        "table_name": table,
        "last_modified": "2025-03-02T10:00:00+00:00",
        "columns": sorted(
            [*key, *(dict(one) for one in columns)], key=lambda one: str(one["name"])
        ),
        "indexes": [],
        "unique_together": [],
        "index_together": [],
        "constraints": [],
        "single": False,
        "managed": True,
        **keys,
    }


class FakeField:
    """The part of a field that schema sync reads."""

    def __init__(self, type_: str = "INTEGER", **keys: Any) -> None:
        self.name = self.column_name = ""
        self.type = type_
        self.primary_key = self.null = self.unique = self.db_index = self.auto_increment = False
        self.default: Any = None
        self.choices: Any = None
        self.deferrable: Any = None
        self.__dict__.update(keys)

    def db_type(self) -> str:
        """Return the neutral type."""
        return self.type


def fake_model(
    name: str, table: str, fields: dict[str, FakeField] | None = None, **meta: Any
) -> Any:
    """Return a model class as schema sync sees it, with an ``id`` key unless there is another one."""
    chosen = dict(fields or {})
    if not any(field.primary_key for field in chosen.values()):
        chosen = {"id": FakeField(primary_key=True, auto_increment=True), **chosen}
    for field_name, field in chosen.items():
        field.name = field_name
        field.column_name = field.column_name or field_name
    options = {
        "table_name": table, "app_name": table.split("_")[0], "managed": True, "abstract": False, "proxy": False,
        "virtual": False, "single": False, "backend": "default", "unique_together": [], "index_together": [], "indexes": [],
        "constraints": [],
        **meta,
    }  # fmt: skip
    return type(name, (), {"_meta": SimpleNamespace(**options), "_fields": chosen})


def foreign_key(target: Any, on_delete: str = "CASCADE", **keys: Any) -> FakeField:
    """Return a foreign key field."""
    return FakeField(remote_model=target, on_delete=on_delete, db_index=True, **keys)
