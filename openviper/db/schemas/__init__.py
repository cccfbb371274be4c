"""Schema sync: wanted tables in JSON files, the live database, and the difference between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.db.schemas.autodetector import detect_changes as detect_changes
    from openviper.db.schemas.create import create_tables as create_tables
    from openviper.db.schemas.create import init_db as init_db
    from openviper.db.schemas.introspection import introspect_db_schema as introspect_db_schema
    from openviper.db.schemas.renames import match_renames as match_renames
    from openviper.db.schemas.schema_files import delete_json_schema as delete_json_schema
    from openviper.db.schemas.schema_files import discover_json_schemas as discover_json_schemas
    from openviper.db.schemas.schema_files import read_all_raw_schemas as read_all_raw_schemas
    from openviper.db.schemas.schema_files import read_json_schema as read_json_schema
    from openviper.db.schemas.schema_files import write_json_schema as write_json_schema
    from openviper.db.schemas.sync import SchemaSync as SchemaSync
    from openviper.db.schemas.types import validate_type_change as validate_type_change

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.db.schemas.autodetector": ("detect_changes",),
        "openviper.db.schemas.create": ("create_tables", "init_db"),
        "openviper.db.schemas.introspection": ("introspect_db_schema",),
        "openviper.db.schemas.renames": ("match_renames",),
        "openviper.db.schemas.schema_files": (
            "delete_json_schema",
            "discover_json_schemas",
            "read_all_raw_schemas",
            "read_json_schema",
            "write_json_schema",
        ),
        "openviper.db.schemas.sync": ("SchemaSync",),
        "openviper.db.schemas.types": ("validate_type_change",),
    },
)
