"""`migrate` on every database: every change is applied, and applied once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections
from openviper.db.schemas import create_tables
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, Project, project
from tests.unit.db.schemas.builders import FakeField, column, fake_model, foreign_key, schema

EVERY_DATABASE = True

TITLE = column("title", "VARCHAR(50)")
FOREIGN = column(
    "shelf_id", "INTEGER", nullable=True, target_table="library_shelf", on_delete="SET NULL"
)


def book(*columns: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return schema("library_book", *columns, **keys)


BY_HAND = {
    "sqlite": "id INTEGER PRIMARY KEY",
    "postgresql": "id SERIAL PRIMARY KEY",
    "mysql": "id INTEGER AUTO_INCREMENT PRIMARY KEY",
}
CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("add a nullable column", book(TITLE), book(TITLE, column("n", nullable=True))),
    ("add a column with default", book(TITLE), book(TITLE, column("n", default=3))),
    ("add a foreign key", book(TITLE), book(TITLE, FOREIGN)),
    ("drop a column", book(TITLE, column("n", nullable=True)), book(TITLE)),
    ("drop a foreign key column", book(TITLE, FOREIGN), book(TITLE)),
    ("longer text", book(TITLE), book(column("title", "VARCHAR(80)"))),
    ("shorter text", book(TITLE), book(column("title", "VARCHAR(10)"))),
    (
        "integer to big",
        book(TITLE, column("n", nullable=True)),
        book(TITLE, column("n", "BIGINT", nullable=True)),
    ),
    ("null allowed", book(TITLE), book(column("title", "VARCHAR(50)", nullable=True))),
    ("not null", book(column("title", "VARCHAR(50)", nullable=True)), book(TITLE)),
    ("unique", book(TITLE), book(column("title", "VARCHAR(50)", unique=True))),
    ("not unique", book(column("title", "VARCHAR(50)", unique=True)), book(TITLE)),
    (
        "foreign key target",
        book(TITLE, FOREIGN),
        book(TITLE, {**FOREIGN, "target_table": "library_case"}),
    ),
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
    (
        "check",
        book(TITLE),
        book(TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "length(title) < 9"}]),
    ),
    (
        "no check",
        book(TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "title <> ''"}]),
        book(TITLE),
    ),
    (
        "partial unique",
        book(TITLE),
        book(
            TITLE,
            constraints=[
                {"name": "u", "type": "UNIQUE", "fields": ["title"], "condition": "id > 5"}
            ],
        ),
    ),
    ("single", book(TITLE), book(TITLE, single=True)),
    ("not single", book(TITLE, single=True), book(TITLE)),
    (
        "drop an indexed column",
        book(TITLE, column("n", nullable=True), index_together=[["n", "title"]]),
        book(TITLE),
    ),
    (
        "move the primary key",
        book(TITLE, column("code", primary_key=True)),
        book(column("title", "VARCHAR(50)", primary_key=True), column("code")),
    ),
]
CASE = schema("library_case", column("name", "TEXT", nullable=True))


@pytest.mark.parametrize(
    ("old", "new"), [pytest.param(*change[1:], id=change[0]) for change in CHANGES]
)
async def test_each_change_is_applied_once_and_equals_a_fresh_database(
    tmp_path: Path, vendor: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, CASE, old)
        if vendor == "mysql" and "condition" in str(new):
            with pytest.raises(MigrationError, match="know no partial indexes"):
                await one.migrate(SHELF, CASE, new)
            return
        names = {entry["name"] for entry in old["columns"]}
        others = [name for name in ("code", "id") if name in names]
        one.sql(
            f"INSERT INTO library_book ({', '.join(['title', *others])}) VALUES ('one'{', 1' * len(others)})"
        )
        assert (await one.settled(SHELF, CASE, new)).operations
        migrated = await one.schema()
        assert one.sql("SELECT title FROM library_book") == [("one",)]
        one.check()
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(SHELF, CASE, new)
        assert await other.schema() == migrated


async def test_a_column_of_a_database_without_bookkeeping_is_kept(
    tmp_path: Path, vendor: str
) -> None:
    async with project(tmp_path) as one:
        one.sql(
            f"CREATE TABLE library_book ({BY_HAND[vendor]}, title VARCHAR(50) NOT NULL UNIQUE, old BOOLEAN,"
            " CHECK (title <> 'x'))"
        )
        result = await one.settled(book(column("title", "VARCHAR(50)", unique=True)))
        # MariaDB names the index of an unnamed constraint like the column.
        assert result.operations == ["rename index title to uq_library_book_title"] * (
            vendor == "mysql"
        )
        assert "kept library_book.old" in result.warnings[0]


async def test_what_was_adopted_without_a_change_can_be_dropped_later(
    tmp_path: Path, vendor: str
) -> None:
    async with project(tmp_path) as one:
        one.sql(
            f"CREATE TABLE library_book ({BY_HAND[vendor]}, title VARCHAR(50) NOT NULL, old INTEGER)"
        )
        await one.settled(book(TITLE, column("old", nullable=True)))
        assert (await one.settled(book(TITLE))).operations == ["drop column library_book.old"]


@pytest.mark.parametrize(
    ("rows", "old", "new", "problem"),
    [
        (
            "('a'), (NULL)",
            column("title", "TEXT", nullable=True),
            column("title", "TEXT"),
            r"rows with NULL in .*: 1;",
        ),
        (
            "('a'), ('a'), ('b')",
            TITLE,
            column("title", "VARCHAR(50)", unique=True),
            r"are not unique in .*: 2;",
        ),
        (
            "('abc'), ('abcdef')",
            column("title", "TEXT"),
            column("title", "VARCHAR(5)"),
            r"VARCHAR\(5\) in library_book.title: 1;",
        ),
        (
            "(40000)",
            column("title", "INTEGER"),
            column("title", "SMALLINT"),
            r"fit SMALLINT .*: 1;",
        ),
        (
            "('12'), ('x')",
            column("title", "TEXT"),
            column("title", "INTEGER"),
            r"fit INTEGER .*: 1;",
        ),
        (
            "(12.345)",
            column("title", "REAL"),
            column("title", "NUMERIC(5,2)"),
            r"fit NUMERIC.*: 1;",
        ),
    ],
)
async def test_rows_in_the_way_stop_the_run_before_anything_changes(
    tmp_path: Path, rows: str, old: dict[str, Any], new: dict[str, Any], problem: str
) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(old))
        one.sql(f"INSERT INTO library_book (title) VALUES {rows}")
        before = await one.schema()
        with pytest.raises(MigrationError, match=problem) as caught:
            await one.migrate(schema("library_a", TITLE), book(new))
        assert "SELECT" in str(caught.value)
        assert await one.schema() == before


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
            await one.migrate(
                SHELF, book(TITLE, column("shelf_id", nullable=True), constraints=check)
            )
        with pytest.raises(
            MigrationError, match="refer to nothing in (table )?'?library_shelf'?: 1"
        ):
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
        await one.settled(
            book(column("a", "TEXT"), column("b", "REAL"), column("c", "DATE"), column("d"))
        )
        one.sql("INSERT INTO library_book (a, b, c, d) VALUES ('12', 3.0, '2025-01-02', 7)")
        await one.settled(
            book(column("a"), column("b"), column("c", "DATETIME"), column("d", "TEXT"))
        )
        ((a, b, c, d),) = one.sql("SELECT a, b, c, d FROM library_book")
        assert (a, b, str(c)[:19], d) == (12, 3, "2025-01-02 00:00:00", "7")


async def test_a_rename_keeps_the_data_also_where_two_renames_arrive_at_once(
    tmp_path: Path,
) -> None:
    steps = [
        book(column("a", "TEXT")),
        book(column("b", "TEXT", old_name="a"), indexes=[{"name": "i", "fields": ["b"]}]),
        book(
            column("c", "TEXT", old_name="b", older_names=["a"]),
            indexes=[{"name": "i", "fields": ["c"]}],
        ),
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
        await one.settled(
            book(column("b", "TEXT", old_name="a"), column("c", "TEXT", old_name="b"))
        )
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
        one.check()
        assert one.sql("SELECT number FROM library_shelf") == [(1,)]


async def test_a_renamed_table_keeps_its_rows_and_references(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, FOREIGN))
        one.sql(
            "INSERT INTO library_shelf (name) VALUES ('a')",
            "INSERT INTO library_book (title, shelf_id) VALUES ('x', 1)",
        )
        rack = schema(
            "library_rack",
            column("name", "VARCHAR(20)", unique=True),
            old_table_name="library_shelf",
        )
        result = await one.settled(rack, book(TITLE, {**FOREIGN, "target_table": "library_rack"}))
        assert result.warnings == []
        assert one.sql("SELECT name FROM library_rack") == [("a",)]
        one.check()


async def test_an_orphan_is_reported_and_dropped_only_when_asked(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE))
        result = await one.settled(book(TITLE))
        assert "library_shelf has no schema file" in result.warnings[0]
        assert one.sql("SELECT count(*) FROM library_shelf") == [(0,)]
        result = await one.settled(drop_orphans=True)
        assert result.operations == ["drop table library_shelf"]
        assert (await one.settled()).warnings == []


async def test_orphans_that_refer_to_each_other_go_in_an_order_that_works(tmp_path: Path) -> None:
    first = column("b_id", nullable=True, target_table="library_b", on_delete="CASCADE")
    second = column("a_id", nullable=True, target_table="library_a", on_delete="SET NULL")
    parent = column("z_id", nullable=True, target_table="library_shelf", on_delete="NO ACTION")
    circle = [schema("library_a", first, parent), schema("library_b", second)]
    child = schema("library_zz", column("a_id", target_table="library_a", on_delete="CASCADE"))
    async with project(tmp_path) as one:
        await one.settled(SHELF, *circle, child, book(TITLE))
        await one.settled(book(TITLE), drop_orphans=True)
        assert set(await one.schema()) == {"library_book"}


async def test_a_run_that_was_killed_between_two_drops_is_gone_on_with(tmp_path: Path) -> None:
    child = schema("library_zz", column("s_id", target_table="library_shelf", on_delete="CASCADE"))
    async with project(tmp_path) as one:
        await one.settled(SHELF, child, book(TITLE))
        one.sql("DROP TABLE library_zz")
        result = await one.settled(book(TITLE), drop_orphans=True)
        assert result.operations == ["drop table library_shelf"]


@pytest.mark.parametrize("filled", [False, True])
async def test_a_numbered_key_becomes_a_uuid_on_empty_tables_only(
    tmp_path: Path, filled: bool
) -> None:
    key = column("id", "UUID", primary_key=True)
    reference = {**FOREIGN, "type": "UUID"}
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, FOREIGN))
        if filled:
            one.sql("INSERT INTO library_shelf (name) VALUES ('a')")
            with pytest.raises(MigrationError, match=r"fit UUID in library_shelf\.id: 1;"):
                await one.migrate(
                    schema("library_shelf", key, name_column()), book(TITLE, reference)
                )
            return
        await one.settled(schema("library_shelf", key, name_column()), book(TITLE, reference))
        one.sql(
            "INSERT INTO library_shelf (id, name) VALUES ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'a')"
        )
        one.check()
        migrated = await one.schema()
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(schema("library_shelf", key, name_column()), book(TITLE, reference))
        assert await other.schema() == migrated


def name_column() -> dict[str, Any]:
    entry: dict[str, Any] = column("name", "VARCHAR(20)", unique=True)
    return entry


async def test_on_delete_set_default_reads_the_default_when_it_comes_later(
    tmp_path: Path, vendor: str
) -> None:
    later = {**FOREIGN, "on_delete": "SET DEFAULT", "default": 1}
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE, {**FOREIGN, "default": 1}))
        if vendor == "mysql":
            with pytest.raises(MigrationError, match="know no ON DELETE SET DEFAULT"):
                await one.migrate(SHELF, book(TITLE, later))
            return
        await one.settled(SHELF, book(TITLE, later))
        one.sql(
            "INSERT INTO library_shelf (id, name) VALUES (1, 'a'), (2, 'b')",
            "INSERT INTO library_book (title, shelf_id) VALUES ('t', 2)",
            *(["PRAGMA foreign_keys=ON"] if vendor == "sqlite" else []),
            "SELECT 1",
        )
        async with connections.get().connection() as connection:
            await connection.execute("DELETE FROM library_shelf WHERE id = 2")
        assert one.sql("SELECT shelf_id FROM library_book") == [(1,)]


async def test_an_orphan_that_is_referred_to_stays(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, book(TITLE))
        one.sql("CREATE TABLE hand (id INTEGER REFERENCES library_shelf)")
        with pytest.raises(MigrationError, match="column hand.id references it"):
            await one.migrate(book(TITLE), drop_orphans=True)


async def test_a_foreign_key_to_nowhere_is_refused(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        with pytest.raises(
            MigrationError, match="'library_shelf', which is neither there nor to be made"
        ):
            await one.migrate(book(TITLE, FOREIGN))


async def test_tables_that_refer_to_each_other_and_to_themselves_are_created(
    tmp_path: Path,
) -> None:
    def pointing(table: str, target: str) -> dict[str, Any]:
        return schema(
            table, column("to_id", nullable=True, target_table=target, on_delete="CASCADE")
        )

    async with project(tmp_path) as one:
        await one.settled(
            pointing("library_a", "library_b"),
            pointing("library_b", "library_a"),
            pointing("library_c", "library_c"),
        )


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


async def test_migrate_never_writes_the_schema_files(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(column("a", "TEXT")))
        one.write(book(column("b", "TEXT", old_name="a")))
        files = {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in one.directory.rglob("*.json")
        }
        await one.settled()
        assert {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in one.directory.rglob("*.json")
        } == files


async def test_tables_made_from_models_equal_migrated_ones(tmp_path: Path) -> None:
    from openviper.db.schemas.schema_files import schema_document
    from openviper.db.schemas.state import models_state

    shelf = fake_model("Shelf", "library_shelf", {"name": FakeField("VARCHAR(20)", unique=True)})
    models = [
        fake_model(
            "Book",
            "library_book",
            {
                "shelf": foreign_key(shelf, column_name="shelf_id"),
                "title": FakeField("VARCHAR(20)", default="x"),
            },
            unique_together=[("shelf", "title")],
        ),
        shelf,
        fake_model("Only", "library_only", single=True),
    ]
    async with project(tmp_path) as one:
        assert await create_tables(models) == ["library_only", "library_shelf", "library_book"]
        assert await create_tables(models) == []
        created = await one.schema()
        documents = [
            schema_document(name, table, None) for name, table in models_state(models).items()
        ]
        assert (await one.settled(*documents)).operations == []
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(*documents)
        assert await other.schema() == created
        await create_tables(models, drop_first=True)
        assert await other.schema() == created


async def test_tables_that_refer_to_each_other_in_a_circle_are_dropped_and_made_again(
    tmp_path: Path,
) -> None:
    first = fake_model("A", "library_a", {})
    second = fake_model("B", "library_b", {"a": foreign_key(first, column_name="a_id")})
    third = fake_model(
        "C",
        "library_c",
        {"b": foreign_key(second, column_name="b_id"), "a": foreign_key(first, column_name="a_id")},
    )
    own = FakeField(column_name="c_id", remote_model=third, on_delete="SET NULL", null=True)
    own.name = "c"
    first._fields["c"] = own
    itself = FakeField(column_name="a_id", remote_model=first, on_delete="CASCADE", null=True)
    itself.name = "a"
    first._fields["a"] = itself
    models = [first, second, third]
    async with project(tmp_path) as one:
        assert sorted(await create_tables(models)) == ["library_a", "library_b", "library_c"]
        created = await one.schema()
        one.sql("INSERT INTO library_a (id) VALUES (1)")
        assert len(await create_tables(models, drop_first=True)) == 3
        assert await one.schema() == created
        assert one.sql("SELECT * FROM library_a") == []
