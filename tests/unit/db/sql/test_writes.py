"""Statements that change many rows: what is assigned, within which limits, and to which rows."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from openviper.db import Exists, OuterRef, Subquery
from openviper.db.models import F
from openviper.db.sql.functions.text import Lower
from openviper.db.sql.writes import assigned_nodes, delete_rows, update_rows
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, keys_of, plain, plan, table_of, where

THINGS = Thing.objects
NUMBER: Any = 5
WORD: Any = "x"


def update(query: Any, vendor: str = "sqlite", **values: Any) -> tuple[str, list[Any]]:
    """Return the UPDATE of a query and its parameters."""
    made = plan(vendor)
    select = update_rows(made, query.query, assigned_nodes(made, query.query, values))
    return plain(select.sql).removeprefix("UPDATE kinds_thing SET "), select.parameters


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ({"n": 5}, ("n = ?", "n = %s", "n = %s")),
        (
            {"n": F("n") + 1},
            (
                "n = CASE WHEN (n + ?) BETWEEN -2147483648 AND 2147483647 THEN (n + ?) "
                "ELSE openviper_out_of_range((n + ?)) END",
                "n = (CAST(n AS BIGINT) + CAST(%s AS BIGINT))",
                "n = (n + %s)",
            ),
        ),
        (
            {"price": F("price") * F("n")},
            (
                "price = openviper_decimal(openviper_sure(round((price * n), 2), 2), 8, 2)",
                *["price = (price * n)"] * 2,
            ),
        ),
        (
            {"name": Lower("name")},
            (
                "name = CASE WHEN length(openviper_lower(name)) <= 20 THEN openviper_lower(name) "
                "ELSE openviper_out_of_range(openviper_lower(name)) END",
                *["name = LOWER(name)"] * 2,
            ),
        ),
        (
            {"made": F("made") + timedelta(days=1)},
            (
                "made = openviper_shift(made, ?, 1)",
                "made = NULLIF(NULLIF(GREATEST(LEAST(made + (CAST(%s AS BIGINT)) * INTERVAL '1 microsecond', "
                "'10000-01-01'), '0001-12-31 23:59:59.999999 BC'), '10000-01-01'), '0001-12-31 23:59:59.999999 BC')",
                "made = (made + INTERVAL (%s) MICROSECOND)",
            ),
        ),
    ],
)
def test_what_is_assigned_on_each_database(
    values: dict[str, Any], texts: tuple[str, str, str]
) -> None:
    assert tuple(update(THINGS.all(), vendor, **values)[0] for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    ("values", "bound"),
    [
        ({"n": None}, ([None],) * 3),
        ({"maker": Maker(id=2)}, ([2],) * 3),
        ({"maker_id": "3"}, ([3],) * 3),
        ({"data": {"a": 1}}, (['{"a":1}'],) * 3),
        ({"tags": ["x"]}, (['["x"]'], [["x"]], ['["x"]'])),
        ({"ok": True}, ([1], [True], [1])),
        ({"n": 1, "name": "x"}, ([1, "x"],) * 3),
    ],
)
def test_values_are_bound_as_each_driver_takes_them(
    values: dict[str, Any], bound: tuple[list[Any], ...]
) -> None:
    assert tuple(update(THINGS.all(), vendor, **values)[1] for vendor in VENDORS) == bound


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"n": F("name")}, FieldError, "'n' is a whole number and cannot be set to a text"),
        ({"x": 1}, FieldError, "Thing has no field 'x'"),
        ({"n": "x"}, FieldError, "Thing.n cannot take 'x'"),
        ({"price": "100000000"}, FieldError, "price: 100000000 has more than 8 digits"),
        ({"n": F("nothing")}, FieldError, "'nothing'"),
    ],
)
def test_what_cannot_be_assigned(
    values: dict[str, Any], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        update(THINGS.all(), **values)


@pytest.mark.parametrize(
    ("query", "verb", "message"),
    [
        (THINGS.limit(3), "update", "cannot update a queryset with limit() or offset()"),
        (THINGS.order_by("n")[1:], "update", "cannot update a queryset with limit() or offset()"),
        (THINGS.distinct(), "update", "cannot update a queryset with distinct()"),
        (THINGS.distinct(), "delete", "cannot delete a queryset with distinct()"),
    ],
)
def test_rows_that_a_database_would_not_choose_alike_are_not_changed(
    query: Any, verb: str, message: str
) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        if verb == "update":
            update(query, n=1)
        else:
            delete_rows(plan("sqlite"), query.query)


def test_a_slice_can_be_deleted() -> None:
    gone = delete_rows(plan("sqlite"), THINGS.order_by("n")[1:].query)
    with closing(table_of([{"n": n} for n in (3, 1, 2)])) as connection:
        connection.execute(gone.sql, gone.parameters)
        assert connection.execute("SELECT n FROM kinds_thing").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("name", "value", "row", "expected"),
    [
        ("n", F("n") + 1, {"n": 2**31 - 2}, 2**31 - 1),
        ("n", F("n") + 1, {"n": 2**31 - 1}, None),
        ("n", F("n") - 1, {"n": -(2**31)}, None),
        ("name", Lower("name"), {"name": "ÀB"}, "àb"),
    ],
)
def test_sqlite_keeps_columns_within_their_limits(
    name: str, value: Any, row: dict[str, Any], expected: Any
) -> None:
    made, query = plan("sqlite"), THINGS.all().query
    select = update_rows(made, query, assigned_nodes(made, query, {name: value}))
    with closing(table_of([row])) as connection:
        if expected is None:
            with pytest.raises(Exception, match="user-defined function raised"):
                connection.execute(select.sql, select.parameters)
            return
        connection.execute(select.sql, select.parameters)
        assert connection.execute(f"SELECT {name} FROM kinds_thing").fetchone() == (expected,)


def test_only_the_rows_of_the_query_are_changed_and_deleted() -> None:
    made, query = plan("sqlite"), THINGS.filter(n__gt=1).query
    with closing(table_of([{"n": n} for n in (1, 2, 3)])) as connection:
        select = update_rows(made, query, assigned_nodes(made, query, {"n": F("n") * 10}))
        connection.execute(select.sql, select.parameters)
        assert connection.execute("SELECT n FROM kinds_thing ORDER BY id").fetchall() == [
            (1,),
            (20,),
            (30,),
        ]
        gone = delete_rows(made, THINGS.exclude(n=20).query)
        connection.execute(gone.sql, gone.parameters)
        assert connection.execute("SELECT n FROM kinds_thing").fetchall() == [(20,)]


# Queries within queries


@pytest.mark.parametrize(
    ("query", "text", "bound"),
    [
        (
            THINGS.filter(Exists(Maker.objects.filter(pk=OuterRef("maker_id")))),
            "EXISTS (SELECT 1 FROM kinds_maker AS __0 WHERE __0.id = maker_id)",
            [],
        ),
        (
            THINGS.filter(~Exists(Maker.objects.filter(pk=OuterRef("maker")).order_by("name")[:3])),
            "NOT EXISTS (SELECT 1 FROM kinds_maker AS __0 WHERE __0.id = maker_id ORDER BY __0.name LIMIT ?)",
            [3],
        ),
        (
            THINGS.filter(maker__in=Maker.objects.filter(name="x")),
            "maker_id IN (SELECT __0.id FROM kinds_maker AS __0 WHERE __0.name = ?)",
            ["x"],
        ),
        (
            THINGS.filter(n=Subquery(Maker.objects.filter(name=OuterRef("name")).values("id"))),
            "n = (SELECT __0.id FROM kinds_maker AS __0 WHERE __0.name = name LIMIT ?)",
            [1],
        ),
        (
            THINGS.filter(n__not_in=Maker.objects.values("id")),
            "n NOT IN (SELECT __0.id FROM kinds_maker AS __0)",
            [],
        ),
    ],
)
def test_queries_within_queries(query: Any, text: str, bound: list[Any]) -> None:
    assert where(query) == (text, bound)


def test_mariadb_takes_no_limit_right_behind_in() -> None:
    query = THINGS.filter(maker__in=Maker.objects.order_by("name")[:2])
    inner = "(SELECT __0.id FROM kinds_maker AS __0 ORDER BY __0.name LIMIT %s)"
    assert where(query, "mysql") == (f"maker_id IN (SELECT * FROM {inner} AS sliced)", [2])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: Exists(NUMBER), FieldError, "Exists(5): not a queryset"),
        (lambda: Subquery(WORD), FieldError, "Subquery('x'): not a queryset"),
        (
            lambda: THINGS.filter(n__in=Maker.objects.values_list("id", "name")),
            QueryError,
            "'n__in' takes a query of one column, not of 2",
        ),
        (
            lambda: THINGS.filter(n__in=Maker.objects.values("name")),
            FieldError,
            "'n__in': a whole number cannot be compared with a text",
        ),
        (
            lambda: where(THINGS.filter(n=OuterRef("n"))),
            QueryError,
            "OuterRef('n') stands in a query that is not within another one",
        ),
        (lambda: OuterRef(NUMBER), FieldError, "5"),
    ],
)
def test_what_is_no_query_within_a_query(
    ask: Any, error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ask()


def test_rows_of_a_query_within_the_same_table_are_told_apart() -> None:
    same = THINGS.filter(n=OuterRef("n")).exclude(pk=OuterRef("pk"))
    rows: list[dict[str, Any]] = [{"n": 1}, {"n": 2}, {"n": 1}, {"n": None}]
    assert keys_of(THINGS.filter(Exists(same)), rows) == [1, 3]
    assert keys_of(THINGS.filter(~Exists(same)), rows) == [2, 4]
