"""What `migrate` does on SQLite files alone: copied tables, and what they keep."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections
from openviper.db.exceptions import DatabaseAliasNotFoundError
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, project
from tests.unit.db.schemas.builders import column, schema

TITLE = column("title", "VARCHAR(50)")
FOREIGN = column(
    "shelf_id", "INTEGER", nullable=True, target_table="library_shelf", on_delete="SET NULL"
)


def book(*columns: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return schema("library_book", *columns, **keys)


ALL_TYPES = [
    column("c_big", "BIGINT"),
    column("c_small", "SMALLINT"),
    column("c_real", "REAL"),
    column("c_decimal", "NUMERIC(8,2)"),
    column("c_char", "VARCHAR(10)"),
    column("c_text", "TEXT"),
    column("c_bool", "BOOLEAN", default=True),
    column("c_stamp", "DATETIME"),
    column("c_date", "DATE"),
    column("c_time", "TIME"),
    column("c_uuid", "UUID"),
    column("c_json", "JSON", default={"a": "it's"}),
    column("c_blob", "BINARY", default="01ff"),
    column("c_array", "INTEGER[]"),
]


async def test_every_neutral_type_has_a_column(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(*ALL_TYPES))
        columns = {
            each["name"]: each["type"] for each in (await one.schema())["library_book"]["columns"]
        }
    assert columns == {
        "id": "INTEGER", "c_big": "BIGINT", "c_small": "SMALLINT", "c_real": "REAL", "c_decimal": "NUMERIC(8,2)",
        "c_char": "VARCHAR(10)", "c_text": "TEXT", "c_bool": "INTEGER", "c_stamp": "DATETIME", "c_date": "DATE",
        "c_time": "TIME", "c_uuid": "CHAR(36)", "c_json": "TEXT", "c_blob": "BLOB", "c_array": "TEXT",
    }  # fmt: skip


async def test_an_added_column_fills_the_rows_with_its_default(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        one.sql("INSERT INTO library_book (title) VALUES ('a')")
        added = [entry for entry in ALL_TYPES if entry["default"] is not None]
        await one.settled(book(TITLE, *added))
        assert one.sql("SELECT c_bool, c_json, c_blob FROM library_book") == [
            (1, '{"a": "it\'s"}', b"\x01\xff")
        ]


async def test_old_sqlite_versions_copy_the_table_to_drop_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openviper.db.dialects.sqlite_ddl.sqlite_version_info", (3, 31, 0))
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, column("n", nullable=True)))
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 1)")
        one.write(book(TITLE))
        assert any(
            "_openviper_new_" in statement for statement in (await one.sync.plan()).statements
        )
        await one.settled()
        assert one.sql("SELECT * FROM library_book") == [(1, "a")]


async def test_a_copied_table_keeps_rows_references_indexes_triggers_views_and_its_counter(
    tmp_path: Path,
) -> None:
    keys: dict[str, Any] = {"indexes": [{"name": "i", "fields": ["shelf_id"]}]}
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, FOREIGN, **keys))
        one.sql(
            "INSERT INTO library_shelf (name) VALUES ('a'), ('b'), ('c')",
            "DELETE FROM library_shelf WHERE id = 3",
            "INSERT INTO library_book (title, shelf_id) VALUES ('x', 1), ('y', 2)",
            "CREATE VIEW names AS SELECT name FROM library_shelf",
            "CREATE INDEX by_hand ON library_shelf (lower(name) DESC)",
            "CREATE TRIGGER hand AFTER DELETE ON library_shelf BEGIN UPDATE library_book SET title = 'gone'; END",
        )
        wider = schema("library_shelf", column("name", "VARCHAR(30)", unique=True))
        result = await one.settled(wider, book(TITLE, FOREIGN, **keys))
        assert result.operations == [
            "alter column library_shelf.name: type VARCHAR(20) -> VARCHAR(30)"
        ]
        assert one.sql("SELECT id, name FROM library_shelf") == [(1, "a"), (2, "b")]
        assert one.sql("SELECT * FROM names") == [("a",), ("b",)]
        names = {row[0] for row in one.sql("SELECT name FROM sqlite_master")}
        assert {"by_hand", "hand", "uq_library_shelf_name", "i"} <= names
        one.sql("INSERT INTO library_shelf (name) VALUES ('d')")
        assert one.sql("SELECT max(id) FROM library_shelf") == [(4,)]
        deletion = ("PRAGMA foreign_keys=ON", "DELETE FROM library_shelf WHERE id = 1")
        assert one.sql(*deletion, "SELECT title, shelf_id FROM library_book") == [
            ("gone", None),
            ("gone", 2),
        ]
        async with connections.get().connection() as connection:
            assert await connection.fetch_one("PRAGMA foreign_keys") == (1,)


async def test_the_counter_of_an_emptied_table_survives_a_copy(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF)
        one.sql("INSERT INTO library_shelf (name) VALUES ('a'), ('b')", "DELETE FROM library_shelf")
        await one.settled(schema("library_shelf", column("name", "TEXT", unique=True)))
        one.sql("INSERT INTO library_shelf (name) VALUES ('c')")
        assert one.sql("SELECT id FROM library_shelf") == [(3,)]


async def test_hand_made_columns_indexes_and_checks_survive(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, column("n", nullable=True)))
        one.sql(
            "ALTER TABLE library_book ADD COLUMN mine TEXT COLLATE NOCASE DEFAULT 'x' CHECK (mine <> ',')",
            "ALTER TABLE library_book ADD COLUMN other INTEGER REFERENCES library_shelf(id)",
            "ALTER TABLE library_book ADD COLUMN doubled INTEGER GENERATED ALWAYS AS (other * 2)",
            "CREATE INDEX my_index ON library_book (n, title)",
            "INSERT INTO library_book (title, n) VALUES ('a', 1)",
        )
        first = await one.settled()
        assert (
            "kept library_book.mine, library_book.other, library_book.doubled:" in first.warnings[0]
        )
        await one.settled(
            SHELF, book(column("title", "VARCHAR(60)"), column("n", "BIGINT", nullable=True))
        )
        assert one.sql("SELECT id, title, n, mine, other FROM library_book") == [
            (1, "a", 1, "x", None)
        ]
        (created,) = one.sql("SELECT sql FROM sqlite_master WHERE name = 'library_book'")
        assert "COLLATE NOCASE DEFAULT 'x' CHECK (mine <> ',')" in created[0]
        assert "other INTEGER REFERENCES library_shelf(id)" in created[0]
        assert "GENERATED ALWAYS AS (other * 2)" in created[0]
        assert one.sql("SELECT count(*) FROM sqlite_master WHERE name = 'my_index'") == [(1,)]


async def test_a_failing_statement_undoes_all_others(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        before = one.sql("SELECT sql FROM sqlite_master")
        broken = schema(
            "library_z", TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "nothing > 1"}]
        )
        with pytest.raises(MigrationError, match=r"library_z: create table library_z: .*nothing"):
            await one.migrate(book(TITLE, column("n", default=1)), broken)
        assert one.sql("SELECT sql FROM sqlite_master") == before
        await one.settled(book(TITLE, column("n", default=1)))


async def test_only_the_given_alias_is_touched_and_an_unknown_one_refused(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        connections.configure(
            {alias: {"URL": f"sqlite:///{tmp_path / alias}.db"} for alias in ("default", "other")}
        )
        await one.migrate(book(TITLE), database="other")
        assert (tmp_path / "other.db").exists()
        assert not (tmp_path / "default.db").exists()
        with pytest.raises(DatabaseAliasNotFoundError, match="default, other"):
            await one.migrate(database="nope")


async def test_a_plan_changes_nothing_and_makes_no_file(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.write(book(TITLE))
        plan = await one.sync.plan()
        assert plan.operations == ["create table library_book"]
        assert plan.statements[0].startswith('CREATE TABLE "library_book"')
        assert [entry.name for entry in tmp_path.iterdir()] == ["library"]


async def test_a_locked_database_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openviper.db.schemas.apply.LOCK_TIMEOUT", 0.1)
    async with project(tmp_path) as one:
        connections.configure({"default": {"URL": f"sqlite:///{one.path}", "BUSY_TIMEOUT": 0.05}})
        await one.settled(book(TITLE))
        busy = sqlite3.connect(one.path, isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(MigrationError, match="cannot begin: database is locked"):
            await one.migrate(book(TITLE, column("n", default=1)))
        busy.execute("ROLLBACK")
        busy.close()
        await one.settled()
