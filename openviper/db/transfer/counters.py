"""What number the next row of a table gets: read from one database, set in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from openviper.db.connections.databases import Connection
from openviper.db.transfer.tables import TransferTable


async def read_counter(connection: Connection, table: TransferTable) -> int:
    """Return the highest number that a table has given away so far, 0 if that is not known or none."""
    if not table.numbered:
        return 0
    read = _READERS[connection.vendor]
    return max(await read(connection, table), await _highest(connection, table))


async def _highest(connection: Connection, table: TransferTable) -> int:
    quote = connection.dialect.quote
    rows = await connection.fetch_all(
        f"SELECT coalesce(max({quote(table.key.name)}), 0) FROM {quote(table.name)}"
    )
    return int(rows[0][0])


async def _read_sqlite(connection: Connection, table: TransferTable) -> int:
    if not await _has_sequences(connection):
        return 0
    rows = await connection.fetch_all(
        "SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)
    )
    return int(rows[0][0] or 0) if rows else 0


async def _has_sequences(connection: Connection) -> bool:
    found = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    return bool(await connection.fetch_all(found))


async def _read_postgresql(connection: Connection, table: TransferTable) -> int:
    name = await _sequence(connection, table)
    if name is None:
        return 0
    rows = await connection.fetch_all(
        f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"
    )
    return int(rows[0][0])


async def _sequence(connection: Connection, table: TransferTable) -> str | None:
    quoted = connection.dialect.quote(table.name)
    rows = await connection.fetch_all(
        "SELECT pg_get_serial_sequence(%s, %s)", (quoted, table.key.name)
    )
    return None if rows[0][0] is None else str(rows[0][0])


async def _read_mysql(connection: Connection, table: TransferTable) -> int:
    rows = await connection.fetch_all(
        "SELECT auto_increment FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name = %s",
        (table.name,),
    )
    return int(rows[0][0] or 1) - 1 if rows else 0


_READERS: dict[str, Callable[[Connection, TransferTable], Awaitable[int]]] = {
    "sqlite": _read_sqlite,
    "postgresql": _read_postgresql,
    "mysql": _read_mysql,
}


async def set_counter(connection: Connection, table: TransferTable, used: int) -> None:
    """Have the next row of a table get a number above all that were given away.

    Part of the transaction, which is why PostgreSQL's ``setval`` is not used. MariaDB moves its counter by itself as
    rows come; what is beyond their highest is for `raise_counter`.

    Args:
        connection: The target, in its transaction.
        table: The table, with its rows.
        used: The highest number given away.
    """
    if not table.numbered:
        return
    used = max(used, await _highest(connection, table))
    if connection.vendor == "postgresql":
        name = await _sequence(connection, table)
        if name is not None:
            await connection.execute(f"ALTER SEQUENCE {name} RESTART WITH {used + 1}")
    elif connection.vendor == "sqlite" and await _has_sequences(connection):
        await _set_sqlite(connection, table, used)


async def _set_sqlite(connection: Connection, table: TransferTable, used: int) -> None:
    await connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
    await connection.execute(
        "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, used)
    )


async def raise_counter(connection: Connection, table: TransferTable, used: int) -> None:
    """Do outside of the transaction what MariaDB can only do there: raise the counter beyond the highest row."""
    if connection.vendor != "mysql" or not table.numbered:
        return
    if await _read_mysql(connection, table) < used:
        name = connection.dialect.quote(table.name)
        await connection.execute(f"ALTER TABLE {name} AUTO_INCREMENT = {used + 1}")
