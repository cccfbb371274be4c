"""Schema sync: wanted tables in JSON files, the live database, and the difference between them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.db.schemas.autodetector import detect_changes
    from openviper.db.schemas.create import create_tables, init_db
    from openviper.db.schemas.files import (
        delete_json_schema,
        discover_json_schemas,
        read_all_raw_schemas,
        read_json_schema,
        write_json_schema,
    )
    from openviper.db.schemas.introspection import introspect_db_schema
    from openviper.db.schemas.renames import match_renames
    from openviper.db.schemas.sync import SchemaSync
    from openviper.db.schemas.types import validate_type_change

# Imported when asked for: `makemigrations` needs no database, and `migrate` no models.
_HOMES = {
    "SchemaSync": "sync",
    "create_tables": "create",
    "delete_json_schema": "files",
    "detect_changes": "autodetector",
    "discover_json_schemas": "files",
    "init_db": "create",
    "introspect_db_schema": "introspection",
    "match_renames": "renames",
    "read_all_raw_schemas": "files",
    "read_json_schema": "files",
    "validate_type_change": "types",
    "write_json_schema": "files",
}

__all__ = [
    "SchemaSync",
    "create_tables",
    "delete_json_schema",
    "detect_changes",
    "discover_json_schemas",
    "init_db",
    "introspect_db_schema",
    "match_renames",
    "read_all_raw_schemas",
    "read_json_schema",
    "validate_type_change",
    "write_json_schema",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
