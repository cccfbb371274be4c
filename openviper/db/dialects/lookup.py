"""The dialect of a vendor, imported when it is asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from openviper.db.dialects.base import Dialect
from openviper.db.exceptions import DatabaseBackendNotFoundError
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.ddl import DDLDialect


@lru_cache
def dialect_for(vendor: str) -> Dialect:
    """Return the dialect of a vendor, the same object every time.

    Raises:
        DatabaseBackendNotFoundError: If there is none.
    """
    if vendor == "sqlite":
        # Late, each of them: a project has one dialect.
        from openviper.db.dialects.sqlite import SQLiteDialect

        return SQLiteDialect()
    if vendor == "postgresql":
        from openviper.db.dialects.postgresql import PostgreSQLDialect

        return PostgreSQLDialect()
    if vendor == "mysql":
        from openviper.db.dialects.mysql import MySQLDialect

        return MySQLDialect()
    raise DatabaseBackendNotFoundError(f"no dialect for databases of kind {vendor!r}")


def ddl_dialect(vendor: str) -> DDLDialect:
    """Return the schema statements for a vendor.

    Raises:
        MigrationError: If there are none for it.
    """
    if vendor == "sqlite":
        # Late, each of them: only changes of the schema need it, for one dialect.
        from openviper.db.dialects.sqlite_ddl import SQLiteDDL

        return SQLiteDDL()
    if vendor == "postgresql":
        from openviper.db.dialects.postgresql_ddl import PostgreSQLDDL

        return PostgreSQLDDL()
    if vendor == "mysql":
        from openviper.db.dialects.mysql_ddl import MySQLDDL

        return MySQLDDL()
    raise MigrationError(f"schema sync does not know databases of kind {vendor!r}")
