"""Schema statements of PostgreSQL, as text: their words and their order."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.postgresql_ddl import PostgreSQLDDL
from openviper.db.dialects.server_ddl import ForeignKeyName, LiveSource
from openviper.db.schemas.diff import diff_table
from openviper.db.schemas.schema_files import table_of
from tests.unit.db.schemas.builders import column, schema

DIALECT = PostgreSQLDDL()


def wanted(*columns: Any, **keys: Any) -> Any:
    return table_of(schema("shop_a", *columns, **keys))


def live_column(name: str, type_: str = "INTEGER", **keys: Any) -> Any:
    return {"name": name, "type": type_, "nullable": True, "default": None, **keys}


KEY = live_column("id", nullable=False, primary_key=True, autoincrement=True)


def live(
    *columns: Any, indexes: Any = (), checks: Any = (), **foreign: ForeignKeyName
) -> LiveTable:
    by_name = {each["name"]: each for each in (KEY, *columns)}
    return LiveTable(
        "shop_a", by_name, list(indexes), list(checks), LiveSource(foreign, "shop_a_pkey")
    )


def change(table: Any, database: LiveTable, before: Any = None) -> TableChange:
    applied = {} if before is None else {"shop_a": before}
    return diff_table("shop_a", table, {"shop_a": database}, {"shop_a": table}, applied, DIALECT)


def statements(table: Any, database: LiveTable, before: Any = None) -> list[str]:
    """Return the statements without what all of them begin with."""
    found = DIALECT.alter_table(change(table, database, before))
    return [text.removeprefix('ALTER TABLE "shop_a" ') for text in found]


@pytest.mark.parametrize(
    ("entry", "sql"),
    [
        ({"fields": ["-a", "b"]}, '("a" DESC, "b")'),
        ({"expressions": ["lower(a) DESC"]}, "((lower(a)) DESC)"),
        ({"fields": ["a"], "include": ["b"]}, '("a") INCLUDE ("b")'),
        ({"fields": ["a"], "using": "gin", "opclasses": ["x_ops"]}, 'USING gin ("a" x_ops)'),
        ({"fields": ["a"], "condition": "b > 1"}, '("a") WHERE b > 1'),
    ],
)
def test_each_kind_of_index_has_its_words(entry: dict[str, Any], sql: str) -> None:
    table = wanted(
        column("a", nullable=True),
        column("b", nullable=True),
        indexes=[{"name": "i", **entry}],
    )
    found = statements(table, live(live_column("a"), live_column("b")))
    assert found == [f'CREATE INDEX "i" ON "shop_a" {sql}']


@pytest.mark.parametrize(
    ("entry", "sql"),
    [
        (
            {"deferrable": "deferred", "include": ["b"]},
            'ADD CONSTRAINT "u" UNIQUE ("a") INCLUDE ("b") DEFERRABLE INITIALLY DEFERRED',
        ),
        (
            {"deferrable": "immediate", "nulls_distinct": False},
            'ADD CONSTRAINT "u" UNIQUE NULLS NOT DISTINCT ("a") DEFERRABLE INITIALLY IMMEDIATE',
        ),
        (
            {"nulls_distinct": False},
            'CREATE UNIQUE INDEX "u" ON "shop_a" ("a") NULLS NOT DISTINCT',
        ),
    ],
)
def test_a_unique_constraint_that_waits_is_one_and_others_are_indexes(
    entry: dict[str, Any], sql: str
) -> None:
    constraint = {"name": "u", "type": "UNIQUE", "fields": ["a"], **entry}
    table = wanted(column("a", nullable=True), column("b", nullable=True), constraints=[constraint])
    assert statements(table, live(live_column("a"), live_column("b"))) == [sql]


def test_a_generated_column_goes_before_and_comes_after_what_it_is_worked_out_from() -> None:
    def formula(text: str) -> Any:
        return {"expression": text, "stored": True}

    before = wanted(
        column("n", nullable=True),
        column("g", nullable=True, generated=formula("n + 1")),
        column("old", nullable=True, generated=formula("n + 9")),
    )
    table = wanted(
        column("n", "BIGINT", nullable=True),
        column("g", nullable=True, generated=formula("n + 1")),
        column("m", nullable=True),
        column("h", nullable=True, generated=formula("m + n")),
    )
    database = live(
        live_column("n"),
        live_column("g", generated=formula("(n + 1)")),
        live_column("old", generated=formula("(n + 9)")),
    )
    order = [text.partition(" USING")[0] for text in statements(table, database, before)]
    assert order == [
        'DROP COLUMN "g"',
        'DROP COLUMN "old"',
        'ADD COLUMN "m" INTEGER',
        'ALTER COLUMN "n" DROP DEFAULT',
        'ALTER COLUMN "n" TYPE BIGINT',
        'ADD COLUMN "h" INTEGER GENERATED ALWAYS AS (m + n) STORED',
        'ADD COLUMN "g" INTEGER GENERATED ALWAYS AS (n + 1) STORED',
    ]


def test_a_key_stops_numbering_itself_before_it_becomes_a_uuid() -> None:
    table = wanted(column("id", "UUID", primary_key=True))
    assert statements(table, live()) == [
        'ALTER COLUMN "id" DROP IDENTITY IF EXISTS',
        'ALTER COLUMN "id" DROP DEFAULT',
        'ALTER COLUMN "id" DROP DEFAULT',
        'ALTER COLUMN "id" TYPE UUID USING CAST(CAST("id" AS text) AS UUID)',
    ]


def test_foreign_keys_leave_only_what_changes_their_columns() -> None:
    key = ForeignKeyName("fk", "b_id", "shop_b", "CASCADE")
    reference = column("b_id", target_table="shop_b", on_delete="CASCADE")
    database = live(live_column("b_id", target_table="shop_b", on_delete="CASCADE"), b_id=key)
    for harmless in (
        {**reference, "nullable": False},
        {**reference, "nullable": True, "db_default": "7"},
    ):
        found = change(wanted(harmless), database)
        assert found.altered
        assert DIALECT.early([found], {"shop_a": database}) == []
        assert DIALECT.late([found], {"shop_a": database}) == []
    other = change(wanted({**reference, "type": "BIGINT"}), database)
    assert len(DIALECT.early([other], {"shop_a": database})) == 1
    (added,) = DIALECT.late([other], {"shop_a": database})
    assert 'FOREIGN KEY ("b_id") REFERENCES "shop_b" ("id") ON DELETE CASCADE' in added


def test_defaults_are_set_and_dropped_by_what_the_database_keeps() -> None:
    table = wanted(column("n", nullable=True, db_default="1 + 1"))
    assert statements(table, live(live_column("n"))) == ['ALTER COLUMN "n" SET DEFAULT (1 + 1)']
    gone = statements(
        wanted(column("n", nullable=True)), live(live_column("n", db_default="(1 + 1)")), table
    )
    assert gone == ['ALTER COLUMN "n" DROP DEFAULT']
    filled = statements(wanted(column("n", default=3)), live())
    assert filled == [
        'ADD COLUMN "n" INTEGER NOT NULL DEFAULT 3',
        'ALTER COLUMN "n" DROP DEFAULT',
    ]


def test_constraints_and_their_indexes_are_dropped_as_what_they_are() -> None:
    plain = Definition((Part("a"),), unique=True)
    indexes = [
        LiveIndex("u", plain, True, ""),
        LiveIndex("v", plain._replace(condition="a > 1"), False, ""),
    ]
    constraint = {"name": "u", "type": "UNIQUE", "fields": ["a"]}
    before = wanted(
        column("a"),
        constraints=[
            constraint,
            {**constraint, "name": "v", "condition": "a > 1"},
            {"name": "c", "type": "CHECK", "check": "a > 0"},
        ],
    )
    database = live(live_column("a", nullable=False), indexes=indexes, checks=[Check("c", "a > 0")])
    assert statements(wanted(column("a")), database, before) == [
        'DROP INDEX "v"',
        'DROP CONSTRAINT "u"',
        'DROP CONSTRAINT "c"',
    ]


@pytest.mark.parametrize(
    ("old", "new", "condition"),
    [
        ("CHARACTER VARYING(9)", "VARCHAR(5)", 'char_length(CAST("a" AS text)) > 5'),
        ("CHARACTER VARYING(5)", "VARCHAR(9)", ""),
        ("TEXT", "VARCHAR(9)", 'char_length(CAST("a" AS text)) > 9'),
        ("BIGINT", "SMALLINT", '"a" >= 32768 OR "a" < -32768'),
        ("SMALLINT", "BIGINT", ""),
        ("INTEGER", "REAL", ""),
        ("TEXT", "INTEGER", "\"a\" !~ '^\\s*[-+]?[0-9]+\\s*$'"),
        ("UUID", "UUID", ""),
    ],
)
def test_rows_that_a_type_cannot_hold_are_looked_for(old: str, new: str, condition: str) -> None:
    assert DIALECT.misfit('"a"', old, column("a", new)) == condition


def test_a_number_with_a_fraction_is_not_whole_and_one_too_large_not_a_decimal() -> None:
    assert '"a" <> trunc("a")' in DIALECT.misfit('"a"', "DOUBLE PRECISION", column("a", "INTEGER"))
    assert ">= 1e3 OR round(" in DIALECT.misfit('"a"', "NUMERIC(9,2)", column("a", "NUMERIC(5,2)"))
    assert "!~*" in DIALECT.misfit('"a"', "INTEGER", column("a", "UUID"))
