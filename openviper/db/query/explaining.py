"""How a database is asked what the steps of a query took."""

from __future__ import annotations

from openviper.db.dialects.base import Dialect
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.executor import read
from openviper.db.fields.model_options import ModelOptions


async def analyzing(meta: ModelOptions, alias: str, dialect: Dialect, sql: str) -> str:
    """Return the statement that runs a query and tells what its steps took.

    Raises:
        DatabaseOperationNotSupportedError: If the database has none.
    """
    if dialect.name == "sqlite":
        raise DatabaseOperationNotSupportedError("SQLite cannot explain(analyze=True)")
    if dialect.name == "postgresql":
        return f"EXPLAIN ANALYZE {sql}"
    versions = await read(meta, alias, "SELECT VERSION()", (), list)
    return f"ANALYZE {sql}" if "MariaDB" in versions[0][0] else f"EXPLAIN ANALYZE {sql}"
