"""`migrate` on real SQLite files: every change is applied, and applied once."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections
from openviper.db.exceptions import DatabaseAliasNotFoundError
from openviper.db.schemas import create_tables
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, Project, project
from tests.unit.db.schemas.builders import FakeField, column, fake_model, foreign_key, schema

TITLE = column("title", "VARCHAR(50)")
FOREIGN = column("shelf_id", "INTEGER", nullable=True, target_table="library_shelf", on_delete="SET NULL")


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
        columns = {each["name"]: each["type"] for each in (await one.schema())["library_book"]["columns"]}
    assert columns == {
        "id": "INTEGER", "c_big": "BIGINT", "c_small": "SMALLINT", "c_real": "REAL", "c_decimal": "NUMERIC(8,2)",
        "c_char": "VARCHAR(10)", "c_text": "TEXT", "c_bool": "INTEGER", "c_stamp": "DATETIME", "c_date": "DATE",
        "c_time": "TIME", "c_uuid": "TEXT", "c_json": "TEXT", "c_blob": "BLOB", "c_array": "TEXT",
    }  # fmt: skip


async def test_an_added_column_fills_the_rows_with_its_default(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        one.sql("INSERT INTO library_book (title) VALUES ('a')")
        added = [entry for entry in ALL_TYPES if entry["default"] is not None]
        await one.settled(book(TITLE, *added))
        assert one.sql("SELECT c_bool, c_json, c_blob FROM library_book") == [(1, '{"a": "it\'s"}', b"\x01\xff")]


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("add a nullable column", book(TITLE), book(TITLE, column("n", nullable=True))),
    ("add a column with default", book(TITLE), book(TITLE, column("n", default=3))),
    ("add a foreign key", book(TITLE), book(TITLE, FOREIGN)),
    ("drop a column", book(TITLE, column("n", nullable=True)), book(TITLE)),
    ("drop a foreign key column", book(TITLE, FOREIGN), book(TITLE)),
    ("longer text", book(TITLE), book(column("title", "VARCHAR(80)"))),
    ("shorter text", book(TITLE), book(column("title", "VARCHAR(10)"))),
    ("integer to big", book(TITLE, column("n", nullable=True)), book(TITLE, column("n", "BIGINT", nullable=True))),
    ("null allowed", book(TITLE), book(column("title", "VARCHAR(50)", nullable=True))),
    ("not null", book(column("title", "VARCHAR(50)", nullable=True)), book(TITLE)),
    ("unique", book(TITLE), book(column("title", "VARCHAR(50)", unique=True))),
    ("not unique", book(column("title", "VARCHAR(50)", unique=True)), book(TITLE)),
    ("foreign key target", book(TITLE, FOREIGN), book(TITLE, {**FOREIGN, "target_table": "library_case"})),
    ("on delete", book(TITLE, FOREIGN), book(TITLE, {**FOREIGN, "on_delete": "CASCADE"})),
    ("no foreign key", book(TITLE, FOREIGN), book(TITLE, column("shelf_id", nullable=True))),
    ("index", book(TITLE), book(TITLE, indexes=[{"name": "i", "fields": ["title"]}])),
    ("no index", book(TITLE, indexes=[{"name": "i", "fields": ["title"]}]), book(TITLE)),
    (
        "index name",
        book(TITLE, indexes=[{"name": "i", "fields": ["title"]}]),
        book(TITLE, indexes=[{"name": "j", "fields": ["title"]}]),
    ),
    (
        "index condition",
        book(TITLE, indexes=[{"name": "i", "fields": ["title"]}]),
        book(TITLE, indexes=[{"name": "i", "fields": ["title"], "condition": "title <> ''"}]),
    ),
    ("unique together", book(TITLE), book(TITLE, unique_together=[["title", "id"]])),
    ("no unique together", book(TITLE, unique_together=[["title", "id"]]), book(TITLE)),
    ("index together", book(TITLE), book(TITLE, index_together=[["title", "id"]])),
    ("check", book(TITLE), book(TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "length(title) < 9"}])),
    ("no check", book(TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "id > 0"}]), book(TITLE)),
    (
        "partial unique",
        book(TITLE),
        book(TITLE, constraints=[{"name": "u", "type": "UNIQUE", "fields": ["title"], "condition": "id > 5"}]),
    ),
    ("single", book(TITLE), book(TITLE, single=True)),
    ("not single", book(TITLE, single=True), book(TITLE)),
    ("drop an indexed column", book(TITLE, column("n", nullable=True), index_together=[["n", "title"]]), book(TITLE)),
    (
        "move the primary key",
        book(TITLE, column("code", primary_key=True)),
        book(column("title", "VARCHAR(50)", primary_key=True), column("code")),
    ),
]
CASE = schema("library_case", column("name", "TEXT", nullable=True))


@pytest.mark.parametrize(("old", "new"), [pytest.param(*change[1:], id=change[0]) for change in CHANGES])
async def test_each_change_is_applied_once_and_equals_a_fresh_database(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any]
) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, CASE, old)
        names = {entry["name"] for entry in old["columns"]}
        extra = ", code" if "code" in names else ""
        one.sql(f"INSERT INTO library_book (title{extra}) VALUES ('one'{', 1' if extra else ''})")
        assert (await one.settled(SHELF, CASE, new)).operations
        migrated = await one.schema()
        assert one.sql("SELECT title FROM library_book") == [("one",)]
        assert one.sql("PRAGMA integrity_check") == [("ok",)]
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(SHELF, CASE, new)
        assert await other.schema() == migrated


async def test_old_sqlite_versions_copy_the_table_to_drop_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openviper.db.dialects.sqlite_ddl.sqlite_version_info", (3, 31, 0))
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, column("n", nullable=True)))
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 1)")
        one.write(book(TITLE))
        assert any("_openviper_new_" in statement for statement in (await one.sync.plan()).statements)
        await one.settled()
        assert one.sql("SELECT * FROM library_book") == [(1, "a")]


async def test_a_copied_table_keeps_rows_references_indexes_triggers_views_and_its_counter(tmp_path: Path) -> None:
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
        assert result.operations == ["alter column library_shelf.name: type VARCHAR(20) -> VARCHAR(30)"]
        assert one.sql("SELECT id, name FROM library_shelf") == [(1, "a"), (2, "b")]
        assert one.sql("SELECT * FROM names") == [("a",), ("b",)]
        names = {row[0] for row in one.sql("SELECT name FROM sqlite_master")}
        assert {"by_hand", "hand", "uq_library_shelf_name", "i"} <= names
        one.sql("INSERT INTO library_shelf (name) VALUES ('d')")
        assert one.sql("SELECT max(id) FROM library_shelf") == [(4,)]
        deletion = ("PRAGMA foreign_keys=ON", "DELETE FROM library_shelf WHERE id = 1")
        assert one.sql(*deletion, "SELECT title, shelf_id FROM library_book") == [("gone", None), ("gone", 2)]
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
        assert "kept library_book.mine, library_book.other, library_book.doubled:" in first.warnings[0]
        await one.settled(SHELF, book(column("title", "VARCHAR(60)"), column("n", "BIGINT", nullable=True)))
        assert one.sql("SELECT id, title, n, mine, other FROM library_book") == [(1, "a", 1, "x", None)]
        (created,) = one.sql("SELECT sql FROM sqlite_master WHERE name = 'library_book'")
        assert "COLLATE NOCASE DEFAULT 'x' CHECK (mine <> ',')" in created[0]
        assert "other INTEGER REFERENCES library_shelf(id)" in created[0]
        assert "GENERATED ALWAYS AS (other * 2)" in created[0]
        assert one.sql("SELECT count(*) FROM sqlite_master WHERE name = 'my_index'") == [(1,)]


async def test_a_column_of_a_database_without_bookkeeping_is_kept(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.sql(
            "CREATE TABLE library_book (id INTEGER PRIMARY KEY, title VARCHAR(50) NOT NULL UNIQUE, old BOOLEAN,"
            " CHECK (title <> 'x'))"
        )
        result = await one.settled(book(column("title", "VARCHAR(50)", unique=True)))
        assert result.operations == []
        assert "kept library_book.old" in result.warnings[0]


async def test_what_was_adopted_without_a_change_can_be_dropped_later(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.sql("CREATE TABLE library_book (id INTEGER PRIMARY KEY, title VARCHAR(50) NOT NULL, old INTEGER)")
        await one.settled(book(TITLE, column("old", nullable=True)))
        assert (await one.settled(book(TITLE))).operations == ["drop column library_book.old"]


@pytest.mark.parametrize(
    ("rows", "old", "new", "problem"),
    [
        ("('a'), (NULL)", column("title", "TEXT", nullable=True), column("title", "TEXT"), r"rows with NULL in .*: 1;"),
        ("('a'), ('a'), ('b')", column("title", "TEXT"), column("title", "TEXT", unique=True), r"are not unique in .*: 2;"),
        ("('abc'), ('abcdef')", column("title", "TEXT"), column("title", "VARCHAR(5)"), r"VARCHAR\(5\) in library_book.title: 1;"),
        ("(40000)", column("title", "INTEGER"), column("title", "SMALLINT"), r"fit SMALLINT .*: 1;"),
        ("('12'), ('x')", column("title", "TEXT"), column("title", "INTEGER"), r"fit INTEGER .*: 1;"),
        ("(12.345)", column("title", "REAL"), column("title", "NUMERIC(5,2)"), r"fit NUMERIC.*: 1;"),
    ],
)
async def test_rows_in_the_way_stop_the_run_before_anything_changes(
    tmp_path: Path, rows: str, old: dict[str, Any], new: dict[str, Any], problem: str
) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(old))
        one.sql(f"INSERT INTO library_book (title) VALUES {rows}")
        before = one.sql("SELECT sql FROM sqlite_master")
        with pytest.raises(MigrationError, match=problem) as caught:
            await one.migrate(schema("library_a", TITLE), book(new))
        assert "SELECT" in str(caught.value)
        assert one.sql("SELECT sql FROM sqlite_master") == before


async def test_a_new_not_null_column_needs_an_empty_table_or_a_default(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        one.sql("INSERT INTO library_book (title) VALUES ('a')")
        with pytest.raises(MigrationError, match="NOT NULL without a default"):
            await one.migrate(book(TITLE, column("n")))
        one.sql("DELETE FROM library_book")
        await one.settled(book(TITLE, column("n")))


async def test_a_check_that_rows_break_and_a_dangling_key_stop_the_run(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, column("shelf_id", nullable=True)))
        one.sql("INSERT INTO library_book (title, shelf_id) VALUES ('a', 9)")
        check = [{"name": "c", "type": "CHECK", "check": "title <> 'a'"}]
        with pytest.raises(MigrationError, match="break the check c of library_book: 1"):
            await one.migrate(SHELF, book(TITLE, column("shelf_id", nullable=True), constraints=check))
        with pytest.raises(MigrationError, match="refer to nothing in table 'library_shelf': 1"):
            await one.migrate(SHELF, book(TITLE, FOREIGN))
        assert one.sql("SELECT id, title, shelf_id FROM library_book") == [(1, "a", 9)]


async def test_a_dropped_column_with_values_is_counted(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, column("n", nullable=True)))
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 1), ('b', NULL)")
        result = await one.settled(book(TITLE))
        assert result.warnings == ["rows that lose their value of library_book.n: 1"]


async def test_a_type_change_converts_the_values(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(column("a", "TEXT"), column("b", "REAL"), column("c", "DATE"), column("d")))
        one.sql("INSERT INTO library_book (a, b, c, d) VALUES ('12', 3.0, '2025-01-02', 7)")
        await one.settled(book(column("a"), column("b"), column("c", "DATETIME"), column("d", "TEXT")))
        assert one.sql("SELECT a, b, c, d FROM library_book") == [(12, 3, "2025-01-02 00:00:00.000000", "7")]


async def test_a_rename_keeps_the_data_also_where_two_renames_arrive_at_once(tmp_path: Path) -> None:
    steps = [
        book(column("a", "TEXT")),
        book(column("b", "TEXT", old_name="a"), indexes=[{"name": "i", "fields": ["b"]}]),
        book(column("c", "TEXT", old_name="b", older_names=["a"]), indexes=[{"name": "i", "fields": ["c"]}]),
    ]
    for number, path in enumerate(([0, 1, 2], [0, 2])):
        (tmp_path / str(number)).mkdir()
        async with project(tmp_path / str(number)) as one:
            await one.settled(steps[0])
            one.sql("INSERT INTO library_book (a) VALUES ('kept')")
            for step in path[1:]:
                assert (await one.settled(steps[step])).operations[0].startswith("rename column")
            assert one.sql("SELECT c FROM library_book") == [("kept",)]


async def test_a_chain_of_renames_takes_each_name_when_it_is_free(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(column("a", "TEXT"), column("b", "TEXT")))
        one.sql("INSERT INTO library_book (a, b) VALUES ('1', '2')")
        await one.settled(book(column("b", "TEXT", old_name="a"), column("c", "TEXT", old_name="b")))
        assert one.sql("SELECT b, c FROM library_book") == [("1", "2")]


async def test_a_renamed_key_is_followed_by_the_tables_that_refer_to_it(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, FOREIGN))
        one.sql(
            "INSERT INTO library_shelf (name) VALUES ('a')",
            "INSERT INTO library_book (title, shelf_id) VALUES ('x', 1)",
        )
        key = column("number", primary_key=True, autoincrement=True, old_name="id")
        wider = schema("library_shelf", key, column("name", "VARCHAR(30)", unique=True))
        await one.settled(wider, book(TITLE, FOREIGN))
        assert one.sql("PRAGMA foreign_key_check") == []
        assert one.sql("SELECT number FROM library_shelf") == [(1,)]


async def test_a_renamed_table_keeps_its_rows_and_references(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, FOREIGN))
        one.sql(
            "INSERT INTO library_shelf (name) VALUES ('a')",
            "INSERT INTO library_book (title, shelf_id) VALUES ('x', 1)",
        )
        rack = schema("library_rack", column("name", "VARCHAR(20)", unique=True), old_table_name="library_shelf")
        result = await one.settled(rack, book(TITLE, {**FOREIGN, "target_table": "library_rack"}))
        assert result.warnings == []
        assert one.sql("SELECT name FROM library_rack") == [("a",)]
        assert one.sql("PRAGMA foreign_key_check") == []


async def test_an_orphan_is_reported_and_dropped_only_when_asked(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE))
        result = await one.settled(book(TITLE))
        assert "library_shelf has no schema file" in result.warnings[0]
        assert one.sql("SELECT count(*) FROM library_shelf") == [(0,)]
        result = await one.settled(drop_orphans=True)
        assert result.operations == ["drop table library_shelf"]
        assert (await one.settled()).warnings == []


async def test_an_orphan_that_is_referred_to_stays(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE))
        one.sql("CREATE TABLE hand (id INTEGER REFERENCES library_shelf)")
        with pytest.raises(MigrationError, match="column hand.id references it"):
            await one.migrate(book(TITLE), drop_orphans=True)


async def test_a_failing_statement_undoes_all_others(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        before = one.sql("SELECT sql FROM sqlite_master")
        broken = schema("library_z", TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "nothing > 1"}])
        with pytest.raises(MigrationError, match=r"library_z: create table library_z: .*nothing"):
            await one.migrate(book(TITLE, column("n", default=1)), broken)
        assert one.sql("SELECT sql FROM sqlite_master") == before
        await one.settled(book(TITLE, column("n", default=1)))


async def test_a_foreign_key_to_nowhere_is_refused(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        with pytest.raises(MigrationError, match="'library_shelf', which no schema file describes"):
            await one.migrate(book(TITLE, FOREIGN))


async def test_tables_that_refer_to_each_other_and_to_themselves_are_created(tmp_path: Path) -> None:
    def pointing(table: str, target: str) -> dict[str, Any]:
        return schema(table, column("to_id", nullable=True, target_table=target, on_delete="CASCADE"))

    async with project(tmp_path) as one:
        await one.settled(
            pointing("library_a", "library_b"), pointing("library_b", "library_a"), pointing("library_c", "library_c")
        )


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


async def test_one_app_alone_can_be_migrated(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.write(book(TITLE))
        two = Project(tmp_path)
        two.directory = tmp_path / "second"
        two.write(schema("second_thing", TITLE))
        one.sync.apps["apps.second"] = str(two.directory)
        assert (await one.migrate(target_app="second")).operations == ["create table second_thing"]
        assert (await one.migrate(target_app="apps.second")).operations == []
        with pytest.raises(MigrationError, match="App 'third' not found"):
            await one.migrate(target_app="third")
        assert (await one.migrate()).operations == ["create table library_book"]


async def test_a_plan_changes_nothing_and_makes_no_file(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.write(book(TITLE))
        plan = await one.sync.plan()
        assert plan.operations == ["create table library_book"]
        assert plan.statements[0].startswith('CREATE TABLE "library_book"')
        assert [entry.name for entry in tmp_path.iterdir()] == ["library"]


async def test_migrate_never_writes_the_schema_files(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(column("a", "TEXT")))
        one.write(book(column("b", "TEXT", old_name="a")))
        files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in one.directory.rglob("*.json")}
        await one.settled()
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in one.directory.rglob("*.json")} == files


async def test_tables_made_from_models_equal_migrated_ones(tmp_path: Path) -> None:
    from openviper.db.schemas.files import schema_document
    from openviper.db.schemas.state import models_state

    shelf = fake_model("Shelf", "library_shelf", {"name": FakeField("VARCHAR(20)", unique=True)})
    models = [
        fake_model(
            "Book",
            "library_book",
            {"shelf": foreign_key(shelf, column_name="shelf_id"), "title": FakeField("TEXT", default="x")},
            unique_together=[("shelf", "title")],
        ),
        shelf,
        fake_model("Only", "library_only", single=True),
    ]
    async with project(tmp_path) as one:
        assert await create_tables(models) == ["library_only", "library_shelf", "library_book"]
        assert await create_tables(models) == []
        created = await one.schema()
        documents = [schema_document(name, table, None) for name, table in models_state(models).items()]
        assert (await one.settled(*documents)).operations == []
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(*documents)
        assert await other.schema() == created
        await create_tables(models, drop_first=True)
        assert await other.schema() == created


async def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
