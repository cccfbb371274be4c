"""A step is made whole or not at all, after its rows were looked at."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.sqlite_ddl import SQLiteDDL
from openviper.db.schemas.apply import Step, all_statements, apply_step
from openviper.db.schemas.diff import diff_states
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.recorder import read_applied
from openviper.db.schemas.schema_files import table_of
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column, schema
from tests.unit.db.schemas.live import live_tables

DIALECT = SQLiteDDL()
NOTHING = Step([], [], {}, [], {})
TITLE = column("title", "TEXT")


def table(name: str, *columns: Any, **keys: Any) -> Any:
    return table_of(schema(name, *columns, **keys))


def creation(name: str, entry: Any) -> Step:
    return Step([TableChange(name, entry, None)], [], {name: entry}, [], {})


async def step_to(connection: Connection, *orphans: str, **wanted: Any) -> Step:
    """Return the step from what the database has to what is wanted."""
    live = await read_live_tables(connection, DIALECT)
    applied = await read_applied(connection) if "openviper_schema" in live else {}
    changes = diff_states(wanted, live, applied, DIALECT).changes
    return Step(changes, orphans, wanted, list(orphans), live)


async def names(connection: Connection) -> list[str]:
    """Return the tables there are, without those of schema sync."""
    rows = await connection.fetch_all("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted(row[0] for row in rows if not row[0].startswith(("openviper_", "sqlite_")))


@pytest.mark.parametrize(
    ("step", "is_something"),
    [
        (NOTHING, False),
        (creation("x_a", table("x_a")), True),
        (NOTHING._replace(orphans=["x_a"]), True),
        (NOTHING._replace(record={"x_a": table("x_a")}), True),
        (NOTHING._replace(forget=["x_a"]), True),
        (NOTHING._replace(live=live_tables("CREATE TABLE x_a (id INTEGER)")), False),
    ],
)
def test_a_step_is_something_when_the_database_or_its_bookkeeping_changes(
    step: Step, is_something: bool
) -> None:
    assert bool(step) is is_something


async def test_a_step_makes_its_tables_and_records_them(memory: Database) -> None:
    entry = table("x_a", TITLE)
    async with memory.connection() as connection:
        assert await apply_step(connection, DIALECT, creation("x_a", entry)) == []
        assert await names(connection) == ["x_a"]
        assert await read_applied(connection) == {"x_a": entry}
        assert not connection.in_transaction


async def test_a_failing_statement_leaves_neither_table_nor_record(memory: Database) -> None:
    async with memory.connection() as connection:
        await connection.execute("CREATE TABLE x_b (hand)")
        changes = [TableChange(name, table(name), None) for name in ("x_a", "x_b")]
        step = Step(changes, [], {}, [], {})
        with pytest.raises(MigrationError, match=r"^x_b: create table x_b: "):
            await apply_step(connection, DIALECT, step)
        assert await names(connection) == ["x_b"]
        assert not connection.in_transaction
        await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        assert await names(connection) == ["x_a", "x_b"]


async def test_a_transaction_around_a_step_is_refused(memory: Database) -> None:
    async with memory.connection() as connection:
        await connection.execute("BEGIN")
        with pytest.raises(MigrationError, match="cannot be part of another transaction"):
            await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        assert connection.in_transaction
        await connection.execute("ROLLBACK")
        assert await names(connection) == []


async def test_rows_in_the_way_are_counted_with_a_query_that_shows_them(memory: Database) -> None:
    async with memory.connection() as connection:
        await apply_step(
            connection, DIALECT, creation("x_a", table("x_a", column("n", nullable=True)))
        )
        await connection.execute("INSERT INTO x_a (n) VALUES (NULL), (1), (NULL)")
        step = await step_to(connection, x_a=table("x_a", column("n")))
        with pytest.raises(
            MigrationError, match=r"^nothing was changed: .*: 2; look at .*SELECT"
        ) as e:
            await apply_step(connection, DIALECT, step)
        query = str(e.value).rpartition("look at them with: ")[2]
        assert len(await connection.fetch_all(query)) == 2
        await connection.execute("UPDATE x_a SET n = 0 WHERE n IS NULL")
        assert await apply_step(connection, DIALECT, step) == []


async def test_rows_that_lose_a_value_are_remarked_upon(memory: Database) -> None:
    async with memory.connection() as connection:
        old = table("x_a", column("n", nullable=True), TITLE)
        await apply_step(connection, DIALECT, creation("x_a", old))
        await connection.execute("INSERT INTO x_a (n, title) VALUES (1, ''), (NULL, ''), (3, '')")
        step = await step_to(connection, x_a=table("x_a", TITLE))
        (remark,) = await apply_step(connection, DIALECT, step)
        assert remark.endswith(": 2")
        assert (
            await apply_step(
                connection, DIALECT, await step_to(connection, x_a=table("x_a", TITLE))
            )
            == []
        )


async def test_orphans_go_with_their_record_although_one_refers_to_the_other(
    memory: Database,
) -> None:
    async with memory.connection() as connection:
        child = table("x_b", column("a_id", target_table="x_a", on_delete="RESTRICT"))
        for name, entry in (("x_a", table("x_a")), ("x_b", child)):
            await apply_step(connection, DIALECT, creation(name, entry))
        await connection.execute("INSERT INTO x_a (id) VALUES (1)")
        await connection.execute("INSERT INTO x_b (a_id) VALUES (1)")
        step = await step_to(connection, "x_a", "x_b")
        assert sorted(all_statements(step, DIALECT)) == ['DROP TABLE "x_a"', 'DROP TABLE "x_b"']
        await apply_step(connection, DIALECT, step)
        assert await names(connection) == []
        assert await read_applied(connection) == {}


async def test_a_row_that_refers_to_nothing_stops_the_step_that_would_copy_it(
    memory: Database,
) -> None:
    async with memory.connection() as connection:
        await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        before = table("x_b", column("a_id"), TITLE)
        await apply_step(connection, DIALECT, creation("x_b", before))
        await connection.execute("INSERT INTO x_b (a_id, title) VALUES (7, '')")
        after = table("x_b", column("a_id", target_table="x_a"), TITLE)
        with pytest.raises(MigrationError, match=r"x_b"):
            await apply_step(
                connection, DIALECT, await step_to(connection, x_a=table("x_a"), x_b=after)
            )
        rows = await connection.fetch_all("SELECT a_id FROM x_b")
        assert [tuple(row) for row in rows] == [(7,)]
        assert (await read_applied(connection))["x_b"] == before


async def test_foreign_keys_are_enforced_again_afterwards_whether_it_worked_or_not(
    memory: Database,
) -> None:
    async with memory.connection() as connection:
        await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        with pytest.raises(MigrationError):
            await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        row = await connection.fetch_one("PRAGMA foreign_keys")
        assert row is not None and row[0] == 1


async def test_a_step_that_only_forgets_touches_no_table(memory: Database) -> None:
    async with memory.connection() as connection:
        await apply_step(connection, DIALECT, creation("x_a", table("x_a")))
        await apply_step(connection, DIALECT, NOTHING._replace(forget=["x_a"]))
        assert await names(connection) == ["x_a"]
        assert await read_applied(connection) == {}
