"""Random schemas, migrated step by step, end up as if they had been created fresh, with the data that survives intact."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.integration.db.schemas.project import SHELF, project
from tests.integration.db.support import seeds
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

# The types a column may have from one state to the next, and a value that all of them hold. A family goes with the name of
# the column, as a change from one to another would need --force.
FAMILIES: dict[str, tuple[list[str], Any]] = {
    "u": (["SMALLINT", "INTEGER", "BIGINT"], 123),
    "v": (["INTEGER", "BIGINT", "NUMERIC(9,2)"], -7),
    "w": (["VARCHAR(20)", "VARCHAR(30)", "TEXT"], "it's"),
    "x": (["VARCHAR(5)", "VARCHAR(300)"], "ü%_\\"),
    "y": (["NUMERIC(6,2)", "NUMERIC(9,2)", "NUMERIC(9,3)"], 12.5),
    "z": (["BOOLEAN"], True),
    "s": (["DATETIME"], "2025-01-02 03:04:05"),
    "r": (["REAL"], 0.25),
}
INDEXABLE = "uvxyzsr"
DEFAULTED = "uvr"
"""Columns that may have a default of the database."""
STEPS = 4


def random_column(chance: random.Random, name: str) -> Any:
    """Return a column whose rows survive any change: nullable, or with a default."""
    if name == "f":
        action = chance.choice(["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"])
        return column(
            "f",
            nullable=True,
            target_table=chance.choice(["library_shelf", "library_case"]),
            on_delete=action,
        )
    types, value = FAMILIES[name]
    keys: dict[str, Any] = {"nullable": chance.random() < 0.6}
    if not keys["nullable"]:
        keys["default"] = value
    if name in DEFAULTED and chance.random() < 0.3:
        keys["db_default"] = chance.choice(
            [literal(value), "NULL" if keys["nullable"] else "1 + 2"]
        )
    return column(name, chance.choice(types), **keys)


def random_formula(chance: random.Random, vendor: str) -> Any:
    """Return a generated column over the column ``u``."""
    stored = vendor == "postgresql" or chance.random() < 0.5
    formula = {"expression": chance.choice(["u + 1", "u * 2", "coalesce(u, 0)"]), "stored": stored}
    return column("g", "BIGINT", nullable=True, generated=formula)


def random_index(chance: random.Random, name: str, columns: list[str], vendor: str) -> Any:
    """Return an index of one of the kinds that a database has."""
    fields = chance.sample(columns, chance.randint(1, len(columns)))
    index: dict[str, Any] = {"name": name, "fields": [chance.choice(["", "-"]) + f for f in fields]}
    if vendor != "mysql" and chance.random() < 0.4:
        index["condition"] = chance.choice(["id > 5", "id <> 3"])
    if vendor != "mysql" and chance.random() < 0.3:
        del index["fields"]
        index["expressions"] = chance.choice([["abs(id)"], ["id + 1 DESC", "abs(id)"]])
    if vendor == "postgresql" and chance.random() < 0.3:
        index["include"] = ["id"]
    return index


def random_schemas(chance: random.Random, vendor: str) -> list[dict[str, Any]]:
    """Return some tables with random columns, indexes and constraints."""
    schemas = [SHELF, schema("library_case", column("name", "VARCHAR(20)", nullable=True))]
    for table in chance.sample(["library_a", "library_b", "library_c"], chance.randint(1, 3)):
        names = chance.sample([*FAMILIES, "f"], chance.randint(1, 6))
        plain = [name for name in names if name in INDEXABLE]
        keys: dict[str, Any] = {}
        if plain and chance.random() < 0.6:
            keys["indexes"] = [random_index(chance, f"i_{table}", plain, vendor)]
        if plain and chance.random() < 0.4:
            keys["unique_together"] = [["id", chance.choice(plain)]]
        if "w" in names and chance.random() < 0.5:
            check = chance.choice(
                [
                    "w <> 'no'",
                    "w IN ('it''s', 'b') OR w IS NULL",
                    "w > 'a' AND w < 'z' OR w IS NULL",
                ]
            )
            keys["constraints"] = [{"name": f"c_{table}", "type": "CHECK", "check": check}]
        columns = [random_column(chance, name) for name in names]
        if "u" in names and chance.random() < 0.5:
            columns.append(random_formula(chance, vendor))
        schemas.append(schema(table, *columns, **keys))
    return schemas


def literal(value: Any) -> str:
    """Return a value as SQL text that every database understands, in a place where it is bound to a column."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if not isinstance(value, str) else "'" + value.replace("'", "''") + "'"


def fill(chance: random.Random, one: dict[str, Any], backslash: str) -> str:
    """Return an INSERT of one row with a value in every column."""
    values = {
        each["name"]: literal(FAMILIES[each["name"]][1])
        for each in one["columns"]
        if each["name"] in FAMILIES
    }
    names = ", ".join(["id", *values])
    text = ", ".join(values.values()).replace("\\", backslash)
    return f"INSERT INTO {one['table_name']} ({names}) VALUES ({', '.join(['1', text] if values else ['1'])})"


@pytest.mark.parametrize("seed", seeds(10))
async def test_stepwise_migrations_end_where_a_fresh_database_begins(
    tmp_path: Path, vendor: str, seed: int
) -> None:
    chance = random.Random(seed)
    states = [random_schemas(chance, vendor) for _ in range(STEPS)]
    (tmp_path / "steps").mkdir()
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "steps") as one:
        await one.settled(*states[0])
        backslash = "\\\\" if vendor == "mysql" else "\\"
        one.sql(*(fill(chance, table, backslash) for table in states[0][2:]))
        for before, state in zip(states, states[1:], strict=False):
            # Columns that were added empty may not become NOT NULL like that, which other tests show.
            one.sql(*updates(before, state, backslash))
            await one.settled(*state, drop_orphans=True)
            one.check()
        stepwise = await one.schema()
        for table in states[0][2:]:
            columns = surviving(table["table_name"], states)
            if columns is not None:
                for name in sorted(columns):
                    ((found,),) = one.sql(f"SELECT {name} FROM {table['table_name']} WHERE id = 1")
                    assert same(found, FAMILIES[name][1]), (name, found)
    async with project(tmp_path / "fresh") as other:
        await other.settled(*states[-1])
        assert json.dumps(await other.schema()) == json.dumps(stepwise)


def updates(before: list[dict[str, Any]], after: list[dict[str, Any]], backslash: str) -> list[str]:
    """Return the UPDATEs that fill what two states have in common."""
    statements = ["SELECT 1"]
    old = {table["table_name"]: {one["name"] for one in table["columns"]} for table in before}
    for table in after:
        for one in table["columns"]:
            name = one["name"]
            if name in FAMILIES and name in old.get(table["table_name"], ()):
                value = literal(FAMILIES[name][1]).replace("\\", backslash)
                statements.append(
                    f"UPDATE {table['table_name']} SET {name} = {value} WHERE {name} IS NULL"
                )
    return statements


def surviving(name: str, states: list[list[dict[str, Any]]]) -> set[str] | None:
    """Return the columns that a table had all the time, or `None` if the table itself went away in between."""
    columns = set(FAMILIES)
    for state in states:
        table = next((one for one in state if one["table_name"] == name), None)
        if table is None:
            return None
        columns &= {one["name"] for one in table["columns"]}
    return columns


def same(found: Any, value: Any) -> bool:
    """Tell whether a stored value is the one that was written."""
    if isinstance(value, str):
        return str(found)[: len(value)] == value
    return float(found) == float(value)
