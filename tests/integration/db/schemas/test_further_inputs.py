"""Three findings about schemas with further inputs of their kinds: keys of another type, tables that go, and long names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, project
from tests.unit.db.schemas.builders import KEY, column, schema

pytestmark = pytest.mark.one_version

EVERY_DATABASE = True

TITLE = column("title", "VARCHAR(40)")
UUID_KEY = column("id", "UUID", primary_key=True)
TEXT_KEY = column("id", "VARCHAR(12)", primary_key=True)
BIG_KEY = {**KEY, "type": "BIGINT"}
LONG = "t" * 45


def refers(name: str, target: str, type_: str = "INTEGER", **keys: Any) -> Any:
    options = {"nullable": True, "on_delete": "CASCADE", "db_index": True, **keys}
    return column(name, type_, target_table=f"library_{target}", **options)


def keyed(key: Any, type_: str) -> dict[str, list[dict[str, Any]]]:
    """Return tables whose keys are of a type, by how they refer to each other."""
    return {
        "itself": [schema("library_node", key, refers("up_id", "node", type_))],
        "one to one": [
            schema("library_shelf", key, TITLE),
            schema("library_card", refers("shelf_id", "shelf", type_, unique=True)),
        ],
        "unique pair": [
            schema("library_shelf", key, TITLE),
            schema(
                "library_card",
                TITLE,
                refers("shelf_id", "shelf", type_, on_delete="SET NULL"),
                unique_together=[["title", "shelf_id"]],
            ),
        ],
        "circle": [
            schema("library_a", key, refers("b_id", "b", type_)),
            schema("library_b", key, refers("a_id", "a", type_)),
        ],
        "two": [
            schema("library_shelf", key, TITLE),
            schema("library_a", refers("shelf_id", "shelf", type_, nullable=False)),
            schema("library_b", key, refers("shelf_id", "shelf", type_)),
        ],
    }


NUMBERED = keyed(KEY, "INTEGER")


@pytest.mark.parametrize("relation", NUMBERED)
async def test_keys_of_empty_tables_change_their_type_and_change_back(
    tmp_path: Path, relation: str, capfd: pytest.CaptureFixture[str]
) -> None:
    others = [keyed(UUID_KEY, "UUID"), keyed(TEXT_KEY, "VARCHAR(12)"), keyed(BIG_KEY, "BIGINT")]
    async with project(tmp_path) as one:
        await one.settled(*NUMBERED[relation])
        for other in others:
            await one.settled(*other[relation])
            one.check()
        await one.settled(*others[0][relation])
        await one.settled(*NUMBERED[relation])
    # Nothing of the drivers reaches the terminal.
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("new", ["INTEGER", "NUMERIC(8,2)", "BOOLEAN", "DATE", "JSON", "BINARY"])
async def test_what_leads_nowhere_changes_while_it_is_empty_only(
    tmp_path: Path, vendor: str, new: str
) -> None:
    old = [schema("library_book", column("taken", "UUID", nullable=True))]
    wanted = [schema("library_book", column("taken", new, nullable=True))]
    async with project(tmp_path) as one:
        await one.settled(*old)
        await one.settled(*wanted)
        await one.settled(*old)
        if vendor == "postgresql":
            value = "'6f9619ff-8b86-d011-b42d-00cf4fc964ff'"
            one.sql(f"INSERT INTO library_book (taken) VALUES ({value}), (NULL)")
            with pytest.raises(MigrationError, match=r"library_book\.taken: 1;"):
                await one.migrate(*wanted)
            assert len(one.sql("SELECT id FROM library_book WHERE taken IS NOT NULL")) == 1


ORPHANS: dict[str, list[dict[str, Any]]] = {
    "itself": [schema("library_node", refers("up_id", "node"))],
    "chain": [
        schema("library_a", refers("b_id", "b", nullable=False)),
        schema("library_b", refers("c_id", "c", nullable=False)),
        schema("library_c", refers("d_id", "d", nullable=False)),
        schema("library_d", refers("shelf_id", "shelf", nullable=False)),
    ],
    "circle of three": [
        schema("library_a", refers("b_id", "b")),
        schema("library_b", refers("c_id", "c")),
        schema("library_c", refers("a_id", "a"), refers("shelf_id", "shelf")),
    ],
    "no action": [
        schema("library_a", refers("z_id", "z", on_delete="NO ACTION", nullable=False)),
        schema("library_z", TITLE),
    ],
    "pairs": [
        schema("library_a", TITLE),
        schema(
            "library_a_friends",
            refers("from_id", "a", nullable=False),
            refers("to_id", "a", nullable=False),
            unique_together=[["from_id", "to_id"]],
        ),
    ],
    "text keys": [
        schema("library_a", refers("x_id", "x", "VARCHAR(12)", unique=True)),
        schema("library_x", TEXT_KEY, TITLE),
    ],
}


@pytest.mark.parametrize("relation", ORPHANS)
async def test_tables_that_refer_to_each_other_go_and_come_again(
    tmp_path: Path, relation: str
) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, *ORPHANS[relation])
        await one.settled(SHELF, drop_orphans=True)
        live = await one.schema()
        assert [name for name in live if name.startswith("library_")] == ["library_shelf"]
        await one.settled(SHELF, *ORPHANS[relation])


NAMES: dict[str, list[dict[str, Any]]] = {
    "indexed columns": [
        schema(
            f"library_{LONG}",
            *(column(f"{'n' * 50}_{letter}", db_index=True) for letter in "ab"),
            column(f"{'n' * 50}_c", unique=True),
        )
    ],
    "tables alike": [schema(f"library_{'t' * 50}_{letter}", TITLE) for letter in "ab"],
    "foreign keys": [
        schema(f"library_{LONG}", TITLE),
        schema(
            f"library_{'u' * 50}", *(refers(f"{'r' * 50}_{letter}_id", LONG) for letter in "ab")
        ),
    ],
    "unique together": [
        schema(
            "library_book",
            *(column(f"{'n' * 55}_{letter}") for letter in "abc"),
            unique_together=[[f"{'n' * 55}_a", f"{'n' * 55}_{letter}"] for letter in "bc"],
            index_together=[[f"{'n' * 55}_b", f"{'n' * 55}_c"]],
        )
    ],
    "letters of two bytes": [
        schema(
            "library_book",
            *(column(f"{'é' * 30}_{letter}", db_index=True) for letter in "ab"),
            column("ж" * 31, unique=True),
        )
    ],
    "just fitting": [
        schema(
            f"library_{'t' * 55}", column("n" * 63, db_index=True), column("m" * 63, unique=True)
        )
    ],
}


@pytest.mark.parametrize("kind", NAMES)
async def test_long_names_that_begin_alike_stay_apart(tmp_path: Path, kind: str) -> None:
    def more(table: dict[str, Any]) -> dict[str, Any]:
        further = column("zz", nullable=True, db_index=True)
        return {**table, "columns": [*table["columns"], further]}

    async with project(tmp_path) as one:
        await one.settled(*NAMES[kind])
        one.check()
        await one.settled(*map(more, NAMES[kind]))
        await one.settled(*NAMES[kind])
        await one.settled(SHELF, drop_orphans=True)
