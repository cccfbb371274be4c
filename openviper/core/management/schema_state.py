"""What the bookkeeping of a database says was applied, and what the schema files add to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from openviper.db.connection import connections
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, PATCHES_TABLE
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.patches.authorship import AUTHOR
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.sync import SchemaSync, exists

if TYPE_CHECKING:
    from openviper.db.connections.databases import Database

_Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class AppliedTable:
    """A table that `migrate` has made or changed.

    Attributes:
        name: In the database.
        model: ``app.Model``.
        applied_at: The time of the last change, in UTC, as the database has it.
        applied_by: The account and host that made it, ``ada@build-1``; `None` where it was not remembered yet.
    """

    name: str
    model: str
    applied_at: str
    applied_by: str | None


@dataclass(frozen=True)
class AppliedPatch:
    """A data patch that has run: when, in UTC, and by whom."""

    name: str
    applied_at: str
    applied_by: str | None


@dataclass(frozen=True)
class SchemaState:
    """What is applied and what is pending.

    Attributes:
        tables: By model.
        patches: In the order in which they ran.
        operations: What `migrate` would do, one sentence each.
        pending_patches: Patches that have not run.
        warnings: What is kept although no schema file names it.
    """

    tables: list[AppliedTable]
    patches: list[AppliedPatch]
    operations: list[str]
    pending_patches: list[str]
    warnings: list[str]

    @property
    def is_pending(self) -> bool:
        """Whether `migrate` would do anything."""
        return bool(self.operations or self.pending_patches)

    def as_dict(self) -> dict[str, Any]:
        """Return the state for JSON."""
        return asdict(self)


async def read_schema_state(apps: Mapping[str, str], alias: str) -> SchemaState:
    """Read what is applied to a database and plan what is pending; nothing is changed.

    Args:
        apps: The directories of the installed apps by name.
        alias: The database.

    Raises:
        MigrationError: If a schema file cannot be read, or rows stand in the way.
    """
    tables, patches = await _read_bookkeeping(connections.get(alias))
    plan = await SchemaSync(apps).plan(None, database=alias, drop_orphans=False)
    return SchemaState(
        tables=[
            AppliedTable(name, f"{app}.{model}", _moment(applied_at), applied_by)
            for app, model, name, applied_at, applied_by in tables
            if name != "*"  # The fingerprint of everything, no table.
        ],
        patches=[
            AppliedPatch(f"{app}.{name}", _moment(applied_at), applied_by)
            for app, name, applied_at, applied_by in patches
        ],
        operations=plan.operations,
        pending_patches=plan.patches,
        warnings=plan.warnings,
    )


async def _read_bookkeeping(database: Database) -> tuple[_Rows, _Rows]:
    """Return the rows of the tables, and those of the patches; opening an SQLite database would create its file."""
    if not exists(database):
        return [], []
    own = {BOOKKEEPING_TABLE, PATCHES_TABLE}
    async with database.connection() as connection:
        live = await read_live_tables(connection, ddl_dialect(database.vendor), own)
        tables = await _rows(connection, live, BOOKKEEPING_TABLE, "app, model, table_name")
        return tables, await _rows(connection, live, PATCHES_TABLE, "app, name")


async def _rows(connection: Any, live: Mapping[str, LiveTable], table: str, columns: str) -> _Rows:
    if table not in live:
        return []  # Nothing was ever applied.
    order = "applied_at, app" if table == PATCHES_TABLE else "app, model"
    known = AUTHOR["name"] in live[table].columns
    by = AUTHOR["name"] if known else "NULL"
    rows = await connection.fetch_all(
        f"SELECT {columns}, applied_at, {by} FROM {table} ORDER BY {order}"
    )
    return list(rows)


def _moment(value: Any) -> str:
    text = value.isoformat(" ") if isinstance(value, datetime) else str(value)
    return text.partition(".")[0]
