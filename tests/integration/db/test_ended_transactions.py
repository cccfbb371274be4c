"""What is said, and stored, when something inside a transaction ends it before its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.db.connection import atomic, connections, get_connection
from openviper.db.exceptions import DatabaseOperationNotSupportedError, OperationalError
from openviper.db.fields import CharField
from openviper.db.models import Model
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Note(Model):
    _app_name = "ended"

    text = CharField(max_length=20)


INSERT = "INSERT INTO ended_note (text) VALUES ('{}')"
COMMITTING = [
    "CREATE TABLE ended_b (id INTEGER)",
    "  create or replace table ended_b (id INTEGER)",
    "/* a note */ ALTER TABLE ended_note ADD COLUMN n INTEGER",
    "-- a note\nDROP TABLE ended_note",
    "# a note\nTRUNCATE TABLE ended_note",
    "RENAME TABLE ended_note TO ended_c",
    "LOCK TABLES ended_note READ",
    "START TRANSACTION",
    "SET autocommit = 1",
    "ANALYZE TABLE ended_note",
    "CREATE INDEX i ON ended_note (text)",
]


def texts(path: Path) -> list[str]:
    """Return what another connection sees."""
    return [row[0] for row in stored(path, "SELECT text FROM ended_note ORDER BY text")]


@pytest.mark.parametrize("statement", COMMITTING)
async def test_what_would_commit_is_refused_before_it_is_sent(
    tmp_path: Path, vendor: str, statement: str
) -> None:
    if vendor != "mysql":
        pytest.skip("another vendor: it undoes such statements with the transaction")
    async with database(tmp_path, Note) as path:
        with pytest.raises(DatabaseOperationNotSupportedError, match=r"run it outside of atomic"):
            async with atomic() as connection:
                await connection.execute(INSERT.format("a"))
                await connection.execute(statement)
        assert texts(path) == []
        async with atomic() as connection:
            await connection.execute(INSERT.format("b"))
            with pytest.raises(DatabaseOperationNotSupportedError):
                await connection.execute(statement)
            await connection.execute(INSERT.format("c"))
        assert texts(path) == ["b", "c"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMPORARY TABLE ended_t (id INTEGER)",
        "INSERT INTO ended_note (text) VALUES ('DROP TABLE x')",
        "UPDATE ended_note SET text = 'start transaction'",
    ],
)
async def test_what_commits_nothing_is_sent(tmp_path: Path, statement: str) -> None:
    async with database(tmp_path, Note) as path:
        with pytest.raises(KeyError):
            async with atomic() as connection:
                await connection.execute(INSERT.format("a"))
                await connection.execute(statement)
                raise KeyError
        assert texts(path) == []


async def test_tables_are_made_outside_of_a_transaction(tmp_path: Path) -> None:
    async with database(tmp_path, Note) as path:
        async with get_connection() as connection:
            await connection.execute("CREATE TABLE ended_b (id INTEGER)")
        assert stored(path, "SELECT * FROM ended_b") == []


@pytest.mark.parametrize(("statement", "left"), [("COMMIT", ["a"]), ("rollback", [])])
async def test_a_transaction_that_a_statement_has_ended_says_what_is_stored(
    tmp_path: Path, statement: str, left: list[str]
) -> None:
    said = "all" if left else "nothing"
    async with database(tmp_path, Note) as path:
        with pytest.raises(OperationalError, match=f"{statement.upper()} has ended .*; {said} of"):
            async with atomic() as connection:
                await Note.objects.create(text="a")
                await connection.execute(statement)
        assert texts(path) == left


async def test_nothing_is_sent_after_the_end_and_nobody_retries(tmp_path: Path) -> None:
    async with database(tmp_path, Note) as path:
        with pytest.raises(OperationalError) as caught:
            async with atomic() as connection:
                await connection.execute(INSERT.format("a"))
                await connection.execute("COMMIT")
                with pytest.raises(OperationalError, match="all of what came before it is stored"):
                    await connection.execute(INSERT.format("b"))
                with pytest.raises(OperationalError, match="COMMIT"):
                    await connection.fetch_all("SELECT 1")
                with pytest.raises(OperationalError, match="COMMIT"):
                    await Note.objects.create(text="c")
        assert not caught.value.retryable
        assert texts(path) == ["a"]
        assert not (await connections.get().pool().read("SELECT 1", (), list)) == []


async def test_the_end_is_seen_in_savepoints_too(tmp_path: Path) -> None:
    async with database(tmp_path, Note) as path:
        with pytest.raises(OperationalError, match="COMMIT has ended the transaction"):
            async with atomic() as outer:
                await outer.execute(INSERT.format("a"))
                async with atomic() as inner:
                    await inner.execute(INSERT.format("b"))
                    await outer.execute("COMMIT")
        assert texts(path) == ["a", "b"]


async def test_a_hidden_commit_of_the_server_is_seen(tmp_path: Path, vendor: str) -> None:
    if vendor != "mysql":
        pytest.skip("another vendor: only MariaDB and MySQL run what stands in such a comment")
    async with database(tmp_path, Note) as path:
        with pytest.raises(OperationalError, match="ended the transaction; all of") as caught:
            async with atomic() as connection:
                await connection.execute(INSERT.format("a"))
                await connection.execute("/*!50000 CREATE TABLE ended_b (id INTEGER) */")
        assert not caught.value.retryable
        assert texts(path) == ["a"]
