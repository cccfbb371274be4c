"""Functions and aggregates that SQLite gets from us, and the SQL of checks before a column's type changes."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from openviper.db.dialects import sqlite_functions
from openviper.db.dialects.sqlite_functions import FUNCTIONS, register_functions, sqlite_function
from openviper.db.dialects.sqlite_rows import conversion, misfit


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    register_functions(made)
    yield made
    made.close()


def call(connection: sqlite3.Connection, name: str, *arguments: Any) -> Any:
    marks = ", ".join("?" * len(arguments))
    return connection.execute(f"SELECT openviper_{name}({marks})", arguments).fetchone()[0]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("round", (2.5, 0), 3),
        ("round", (-2.5, 0), -3),
        ("round", (2.675, 2), 2.68),
        ("round", (1e300, 2), 1e300),
        ("round", (float("inf"), 2), float("inf")),
        ("round", (2**62, 0), 2**62),
        ("floor", (-0.5,), -1),
        ("ceil", (0.5,), 1),
        ("power", (2, 10), 1024.0),
        ("power", (-1, 0.5), None),
        ("power", (0, -1), None),
        ("power", (10, 400), None),
        ("lower", ("ÀI",), "ài"),
        ("lower", ("İ",), "İ"),
        ("upper", ("ßa",), "ßA"),
        ("fold", ("É",), "é"),
        ("decimal", (1.005, 4, 2), 1.01),
        ("decimal", (99.994, 4, 2), 99.99),
        ("shift", ("2020-02-28", 86_400_000_000, 1), "2020-02-29"),
        ("shift", ("2020-02-28", 86_399_999_999, 1), "2020-02-28"),
        ("shift", ("2020-03-01", -1, 1), "2020-02-29"),
        ("shift", ("2020-03-01", 1, -1), "2020-03-01"),
        ("shift", ("2020-03-01", -1, -1), "2020-03-02"),
        ("decimal_text", (0, 2), "0.00"),
        ("decimal_text", (-0.001, 2), "0.00"),
        ("decimal_text", (1e-7, 10), "0.0000001000"),
        ("sure", (99_999_999_999.99, 2), 99_999_999_999.99),
        ("shift", ("2020-01-01 00:00:00.000000", 1, 1), "2020-01-01 00:00:00.000001"),
        ("shift", ("9999-12-31", 86_400_000_000, 1), None),
        ("shift", ("0001-01-01 00:00:00.000000", 1, -1), None),
        ("between", ("2020-03-01", "2020-02-28"), 172_800_000_000),
        ("between", ("2020-01-01 00:00:00", "2020-01-01 00:00:00.000001"), -1),
        ("json", ('{"b": 1.0, "a": [2]}',), '{"a":[2],"b":1}'),
        ("json", ("1.0",), "1"),
        ("json", ("true",), "true"),
        ("json", ('"é"',), '"é"'),
        ("json_at", ('{"a": [1, null]}', '["a", "0"]'), "1"),
        ("json_at", ('{"a": [1, null]}', '["a", "1"]'), None),
        ("json_at", ('{"a": [1]}', '["a", "1"]'), None),
        ("json_at", ('{"0": 1}', '["0"]'), None),
        ("json_at", ("[1]", '["a"]'), None),
        ("json_number", ("1",), 1.0),
        ("json_number", ("true",), None),
        ("json_number", ('"1"',), None),
        ("json_text", ('"1"',), "1"),
        ("json_text", ("1",), None),
        ("json_has", ('{"a": null}', "a"), 1),
        ("json_has", ('["a"]', "a"), 0),
        ("json_contains", ("[1, 2]", "2"), 1),
        ("json_contains", ("[1, 2]", "[2]"), 1),
        ("json_contains", ("[[1]]", "[1]"), 0),
        ("json_contains", ("[true]", "1"), 0),
        ("json_contains", ('{"a": {"b": 1, "c": 2}}', '{"a": {"c": 2.0}}'), 1),
        ("json_contains", ('{"a": null}', '{"a": null}'), 1),
        ("json_contains", ("{}", '{"a": null}'), 0),
        ("json_contains", ("[]", "{}"), 0),
    ],
)
def test_functions(
    connection: sqlite3.Connection, name: str, arguments: tuple[Any, ...], expected: Any
) -> None:
    found = call(connection, name, *arguments)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_null_gives_null(connection: sqlite3.Connection, name: str) -> None:
    count, _ = FUNCTIONS[name]
    assert call(connection, name.removeprefix("openviper_"), *[None] * count) is None
    assert call(connection, name.removeprefix("openviper_"), *["1"] * (count - 1), None) is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("decimal", (100, 4, 2)), ("decimal", (99.995, 4, 2)), ("out_of_range", (1,))],
)
def test_what_a_column_cannot_hold_is_an_error(
    connection: sqlite3.Connection, name: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="user-defined function raised"):
        call(connection, name, *arguments)
    _, function = FUNCTIONS[f"openviper_{name}"]
    with pytest.raises(ValueError, match="is out of the range of its column"):
        function(*arguments)


def test_a_project_adds_functions_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_functions, "_SAFE", dict(sqlite_functions._SAFE))

    @sqlite_function("twice", 1)
    def twice(number: int) -> int:
        return number * 2

    with closing(sqlite3.connect(":memory:")) as fresh:
        register_functions(fresh)
        assert fresh.execute("SELECT twice(4), twice(NULL)").fetchone() == (8, None)
    assert twice(4) == 8


@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 2.0], [1e9 + 1, 1e9 + 2, 1e9 + 3], [None, 5.0, None, 7.0]]
)
def test_how_far_values_lie_apart(connection: sqlite3.Connection, values: list[Any]) -> None:
    known = [value for value in values if value is not None]
    rows = " UNION ALL ".join(["SELECT ? AS x"] * len(values)) or "SELECT 1 AS x WHERE 0"
    calls = ", ".join(
        f"openviper_{name}(x)" for name in ("var_pop", "var_samp", "stddev_pop", "stddev_samp")
    )
    found = connection.execute(f"SELECT {calls} FROM ({rows})", values).fetchone()
    expected = [
        statistics.pvariance(known) if known else None,
        statistics.variance(known) if len(known) > 1 else None,
        statistics.pstdev(known) if known else None,
        statistics.stdev(known) if len(known) > 1 else None,
    ]
    assert list(found) == [None if each is None else pytest.approx(each) for each in expected]


@pytest.mark.parametrize(
    ("texts", "joined", "once"),
    [
        (["b", "a", "b"], "a-b-b", "a-b"),
        ([None, "a"], "a", "a"),
        ([None], None, None),
        (["é", "z", "Z"], "Z-z-é", "Z-z-é"),
        ([10, 9], "10-9", "10-9"),
    ],
)
def test_texts_are_joined_in_order(
    connection: sqlite3.Connection, texts: list[Any], joined: str | None, once: str | None
) -> None:
    rows = " UNION ALL ".join(["SELECT ? AS x"] * len(texts))
    calls = "openviper_join_all(x, '-'), openviper_join_distinct(x, '-')"
    assert connection.execute(f"SELECT {calls} FROM ({rows})", texts).fetchone() == (joined, once)


def column(neutral: str) -> Any:
    return {"name": "c", "type": neutral, "nullable": True, "default": None}


@pytest.mark.parametrize(
    ("old", "new", "bad", "good"),
    [
        ("VARCHAR(9)", "VARCHAR(3)", ["abcd"], ["abc", ""]),
        ("TEXT", "VARCHAR(3)", ["éééé"], ["ééé"]),
        ("TEXT", "INTEGER", ["x", "1.5", "", "2147483648", " 1"], ["1", "-2147483648"]),
        ("REAL", "BIGINT", [1.5], [1.0, -3.0]),
        ("BIGINT", "INTEGER", [2**31, -(2**31) - 1], [2**31 - 1]),
        ("INTEGER", "SMALLINT", [2**15], [2**15 - 1, -(2**15)]),
        ("TEXT", "REAL", ["", "abc", "1 2"], ["1.5", "-1e5"]),
        ("TEXT", "DATE", ["never", "2020-13-01"], ["2020-01-31"]),
        ("VARCHAR(40)", "UUID", ["x", "0" * 31, "g" * 32], ["0" * 32, "00000000-0000-0000-0000-000000000001"]),
        ("REAL", "NUMERIC(4,2)", [100.0, 1.005], [99.99, -1.5]),
    ],
)  # fmt: skip
def test_rows_that_a_new_type_cannot_hold_are_found(
    connection: sqlite3.Connection, old: str, new: str, bad: list[Any], good: list[Any]
) -> None:
    condition = misfit("x", old, column(new))
    assert condition
    for values, expected in ((bad, 1), (good, 0)):
        for value in values:
            found = connection.execute(
                f"SELECT ({condition}) FROM (SELECT ? AS x)", [value]
            ).fetchone()
            assert found == (expected,), value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("VARCHAR(3)", "VARCHAR(9)"),
        ("VARCHAR(3)", "TEXT"),
        ("INTEGER", "BIGINT"),
        ("INTEGER", "TEXT"),
    ],
)
def test_a_wider_type_holds_all(old: str, new: str) -> None:
    assert misfit("x", old, column(new)) == ""


@pytest.mark.parametrize(
    ("old", "new", "expression"),
    [
        ("TEXT", "INTEGER", "CAST(x AS INTEGER)"),
        ("TEXT", "REAL", "CAST(x AS REAL)"),
        ("INTEGER", "TEXT", "CAST(x AS TEXT)"),
        ("DATE", "DATETIME", "x || ' 00:00:00.000000'"),
        ("DATETIME", "DATE", "substr(x, 1, 10)"),
        ("VARCHAR(3)", "TEXT", "x"),
        ("INTEGER", "BIGINT", "x"),
    ],
)
def test_how_values_become_those_of_the_new_type(old: str, new: str, expression: str) -> None:
    assert conversion("x", old, column(new)) == expression
