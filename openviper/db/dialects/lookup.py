"""Which dialect writes the schema statements of which kind of database; imported when a schema is looked at."""

from __future__ import annotations

from openviper.db.dialects.ddl import DDLDialect
from openviper.exceptions import MigrationError


def ddl_dialect(vendor: str) -> DDLDialect:
    """Return the schema statements for a vendor.

    Raises:
        MigrationError: If there are none for it.
    """
    if vendor == "sqlite":
        from openviper.db.dialects.sqlite_ddl import SQLiteDDL

        return SQLiteDDL()
    raise MigrationError(f"schema sync does not know databases of kind {vendor!r}")
