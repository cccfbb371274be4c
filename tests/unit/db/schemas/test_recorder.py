"""The bookkeeping: what was applied to which table, and no more."""

from __future__ import annotations

from typing import Any

from openviper.db.connections.databases import Database
from openviper.db.schemas.fingerprint import BOOKKEEPING_KEY
from openviper.db.schemas.recorder import outdated, read_applied, record, remember
from openviper.db.schemas.schema_files import table_of
from tests.unit.db.schemas.builders import column, schema

BOOK: Any = table_of(schema("library_book", column("title", "TEXT", default="it's ä ☃")))
SHELF: Any = table_of(schema("library_shelf", column("n")))


async def test_what_was_recorded_reads_back_whatever_is_in_it(memory: Database) -> None:
    async with memory.connection() as connection:
        await record(connection, {"library_book": BOOK}, [])
        assert await read_applied(connection) == {"library_book": BOOK}


async def test_a_table_is_recorded_once_with_its_latest_form(memory: Database) -> None:
    async with memory.connection() as connection:
        await record(connection, {"library_book": SHELF}, [])
        await record(connection, {"library_book": BOOK}, [])
        assert await read_applied(connection) == {"library_book": BOOK}
        rows = await connection.fetch_all("SELECT app, model FROM openviper_schema")
    assert [tuple(row) for row in rows] == [("library", "Book")]


async def test_tables_that_are_gone_leave_the_record_and_unknown_ones_do_no_harm(
    memory: Database,
) -> None:
    async with memory.connection() as connection:
        await record(connection, {"library_book": BOOK, "library_shelf": SHELF}, [])
        await record(connection, {}, ["library_book", "never_there"])
        assert await read_applied(connection) == {"library_shelf": SHELF}


async def test_a_table_that_is_gone_and_wanted_at_once_is_recorded(memory: Database) -> None:
    async with memory.connection() as connection:
        await record(connection, {"library_book": BOOK}, [])
        await record(connection, {"library_book": SHELF}, ["library_book"])
        assert await read_applied(connection) == {"library_book": SHELF}


async def test_recording_nothing_makes_the_empty_table(memory: Database) -> None:
    async with memory.connection() as connection:
        await record(connection, {}, [])
        await record(connection, {}, [])
        assert await read_applied(connection) == {}


async def test_the_digest_is_no_table_and_there_is_one_of_it(memory: Database) -> None:
    async with memory.connection() as connection:
        await record(connection, {"library_book": BOOK}, [])
        await remember(connection, {})
        await connection.execute("CREATE TABLE openviper_patches (app TEXT, name TEXT, phase TEXT)")
        await remember(connection, {})
        assert await read_applied(connection) == {"library_book": BOOK}
        rows = await connection.fetch_all(
            "SELECT applied FROM openviper_schema WHERE table_name = ?", (BOOKKEEPING_KEY,)
        )
    assert len(rows) == 1


async def test_the_digest_changes_with_a_patch_that_has_run(memory: Database) -> None:
    digests = set()
    async with memory.connection() as connection:
        await record(connection, {}, [])
        await connection.execute("CREATE TABLE openviper_patches (app TEXT, name TEXT, phase TEXT)")
        for name in ("a", "b"):
            await connection.execute(
                "INSERT INTO openviper_patches VALUES ('x', ?, 'pre')", (name,)
            )
            await remember(connection, {})
            row = await connection.fetch_one(
                "SELECT applied FROM openviper_schema WHERE table_name = ?", (BOOKKEEPING_KEY,)
            )
            digests.add(row and row[0])
    assert len(digests) == 2


def test_outdated_are_tables_in_another_form_than_the_recorded_one() -> None:
    wanted = {"library_book": BOOK, "library_shelf": SHELF}
    assert outdated(wanted, {}) == wanted
    assert outdated(wanted, {"library_book": BOOK}) == {"library_shelf": SHELF}
    other: Any = {**BOOK, "single": True}
    assert outdated(wanted, {"library_book": other, "library_shelf": SHELF}) == {
        "library_book": BOOK
    }
    assert outdated({}, wanted) == {}
