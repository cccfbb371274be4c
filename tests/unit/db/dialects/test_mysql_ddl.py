"""Schema statements of MariaDB and MySQL, as text."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.connections.drivers.mysql_commits import ENDS_TRANSACTION
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.mysql_ddl import MySQLDDL
from openviper.db.dialects.server_ddl import ForeignKeyName, LiveSource
from openviper.db.schemas.schema_files import table_of
from tests.servers import run_on_server
from tests.unit.db.schemas.builders import column, schema

DIALECT = MySQLDDL()


def live(name: str, **targets: str) -> LiveTable:
    """Return a table with a foreign key to each of some tables, by column."""
    columns: dict[str, Any] = {
        key: column(key, target_table=target) for key, target in targets.items()
    }
    keys = {
        key: ForeignKeyName(f"fk_{name}_{key}", key, target, "CASCADE")
        for key, target in targets.items()
    }
    return LiveTable(name, columns, [], [], LiveSource(keys, "PRIMARY"))


def test_tables_are_dropped_before_those_they_refer_to() -> None:
    tables = [live("a"), live("b", x="a"), live("c", x="b", y="a"), live("z")]
    statements = DIALECT.drop_tables(["a", "b", "c", "z"], {table.name: table for table in tables})
    order = [statement.split("`")[1] for statement in statements]
    assert order.index("c") < order.index("b") < order.index("a")
    assert len(statements) == 4


def test_a_circle_is_cut_before_it_is_dropped() -> None:
    tables = {"a": live("a", x="b"), "b": live("b", y="a", self="b")}
    statements = DIALECT.drop_tables(["a", "b"], tables)
    assert len(statements) == 3
    cut = next(index for index, text in enumerate(statements) if "DROP FOREIGN KEY" in text)
    kept = statements[cut].split("`")[1]
    assert statements[cut + 1].startswith("DROP TABLE") and f"`{kept}`" not in statements[cut + 1]


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("10.5.23-MariaDB", 1),
        ("10.7.8-MariaDB-log", 1),
        ("10.8.1-MariaDB", 0),
        ("10.11.6-MariaDB-0+deb12u1", 0),
        ("11.4.2-MariaDB", 0),
        ("8.0.36", 0),
    ],
)
def test_a_server_that_would_sort_upwards_all_the_same_is_told_by_its_version(
    version: str, old: int
) -> None:
    table = table_of(schema("shop_a", column("n"), indexes=[{"name": "i", "fields": ["-n"]}]))
    (check,) = DIALECT.row_checks(TableChange("shop_a", DIALECT.adapted(table), None), {})
    rows = run_on_server("mysql", check.counting.replace("VERSION()", f"'{version}'"))
    assert [tuple(row) for row in rows] == [(old,)]


@pytest.mark.parametrize(
    ("sql", "ends"),
    [
        ("DROP TABLE a", True),
        ("drop temporary table a", False),
        ("CREATE OR REPLACE TEMPORARY TABLE a (id INT)", False),
        ("/* x */ -- y\n CREATE VIEW v AS SELECT 1", True),
        ("ANALYZE SELECT 1", False),
        ("ANALYZE LOCAL TABLE a", True),
        ("SET @a = 1", False),
        ("SET SESSION autocommit = 1", True),
        ("SET PASSWORD = 'x'", True),
        ("CREATED", False),
        ("SELECT 'DROP TABLE a'", False),
        ("LOAD DATA INFILE 'x' INTO TABLE a", False),
        ("LOAD INDEX INTO CACHE a", True),
    ],
)
def test_what_commits_by_itself_is_known(sql: str, ends: bool) -> None:
    assert bool(ENDS_TRANSACTION.match(sql)) is ends
