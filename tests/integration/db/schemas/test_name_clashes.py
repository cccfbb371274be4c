"""Names that two tables would share: refused where the database has one list of them, made where it has two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import project
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

TITLE = column("title", "VARCHAR(50)")
NUMBER = column("n")


def table(name: str, *columns: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return schema(f"library_{name}", *(columns or (TITLE, NUMBER)), **keys)


def index(name: str, field: str = "title") -> dict[str, Any]:
    return {"indexes": [{"name": name, "fields": [field]}]}


def constraint(name: str, **entry: Any) -> dict[str, Any]:
    return {"constraints": [{"name": name, "type": "UNIQUE", "fields": ["title"], **entry}]}


CHECK = {"type": "CHECK", "check": "n > 0"}
TARGET: dict[str, Any] = {"nullable": True, "target_table": "library_a", "on_delete": "CASCADE"}
BOTH = {"sqlite", "postgresql"}
CASES: list[tuple[str, list[dict[str, Any]], set[str], str]] = [
    (
        "two indexes",
        [table("a", **index("i")), table("b", **index("i"))],
        BOTH,
        r"library.B: index 'i' has the name of index 'i' of library.A; give one of them another name",
    ),
    (
        "an index and a constraint",
        [table("a", **index("i")), table("b", **constraint("i"))],
        BOTH,
        "library.B: constraint 'i' has the name of index 'i' of library.A",
    ),
    (
        "an index and a table",
        [table("a", **index("library_b")), table("b")],
        BOTH,
        "library.B: table 'library_b' has the name of index 'library_b' of library.A",
    ),
    (
        "derived names",
        [
            table("a", column("b_c"), indexes=[{"name": "idx_library_a_b_c", "fields": ["b_c"]}]),
            table("a_b", column("c"), index_together=[["c"]]),
        ],
        BOTH,
        "library.AB: index 'idx_library_a_b_c' has the name of index 'idx_library_a_b_c' of library.A",
    ),
    (
        "derived names of unique columns",
        [table("a", column("b_c", unique=True)), table("a_b", column("c", unique=True))],
        BOTH,
        "library.AB: constraint 'uq_library_a_b_c' has the name of constraint 'uq_library_a_b_c' of library.A",
    ),
    (
        "names that differ in case",
        [table("a", **index("I")), table("b", **index("i"))],
        {"sqlite"},
        "library.B: index 'i' has the name of index 'I' of library.A",
    ),
    (
        "checks of two tables",
        [table("a", **constraint("c", **CHECK)), table("b", **constraint("c", **CHECK))],
        set(),
        "",
    ),
    (
        "foreign keys",
        [
            table("a", column("b_c", **TARGET)),
            table("a_b", column("c", **TARGET)),
        ],
        {"mysql"},
        "library.AB: foreign key 'fk_library_a_b_c' has the name of foreign key 'fk_library_a_b_c' of library.A",
    ),
]


@pytest.mark.parametrize(
    ("tables", "vendors", "message"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
async def test_names_that_clash_are_refused_and_others_are_made(
    tmp_path: Path, vendor: str, tables: list[dict[str, Any]], vendors: set[str], message: str
) -> None:
    async with project(tmp_path) as one:
        if vendor not in vendors:
            await one.settled(*tables)
            assert set(await one.schema()) >= {each["table_name"] for each in tables}
            return
        with pytest.raises(MigrationError, match=message) as caught:
            await one.migrate(*tables)
        assert str(caught.value).endswith("(database 'default')")
        assert not any(name.startswith("library") for name in await one.schema())
        await one.settled(tables[0])
