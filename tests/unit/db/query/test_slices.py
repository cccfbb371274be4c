"""Slices, limits and offsets: which rows they are, and which are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openviper.db.query.slices import MAX_ROWS, capped, natural, part_of_slice
from openviper.db.sql.description import EVERYTHING
from openviper.db.sql.selects import select_count, select_exists, select_instances
from openviper.exceptions import QueryError
from openviper.testing.settings import override_openviper_settings as override_settings
from tests.unit.db.sql.kinds import VENDORS, Thing, keys_of, plain, plan


@pytest.mark.parametrize("count", [0, 1, MAX_ROWS])
def test_natural_numbers_of_rows(count: int) -> None:
    assert natural("limit", count) == count


def test_more_rows_than_databases_count_are_all_rows() -> None:
    assert natural("limit", MAX_ROWS + 1) == MAX_ROWS == natural("offset", 10**30)


@pytest.mark.parametrize("count", [-1, True, 1.0, "1", None])
def test_other_numbers_of_rows_are_refused(count: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"limit({count!r}): a number of rows")):
        Thing.objects.limit(count)
    with pytest.raises(ValueError, match=re.escape(f"offset({count!r}): a number of rows")):
        Thing.objects.offset(count)


@pytest.mark.parametrize(
    ("limit", "offset", "rows", "expected"),
    [
        (None, 0, slice(None), (None, 0)),
        (None, 0, slice(5, None), (None, 5)),
        (None, 0, slice(None, 5), (5, 0)),
        (None, 0, slice(2, 5), (3, 2)),
        (None, 0, slice(5, 2), (0, 5)),
        (None, 0, slice(2, 5, 1), (3, 2)),
        (None, 10, slice(2, 5), (3, 12)),
        (10, 0, slice(2, None), (8, 2)),
        (10, 0, slice(8, 20), (2, 8)),
        (10, 0, slice(20, 30), (0, 20)),
        (10, 5, slice(None, 3), (3, 5)),
        (None, 0, slice(0, 10**30), (MAX_ROWS, 0)),
        (None, MAX_ROWS, slice(5, None), (None, MAX_ROWS)),
    ],
)
def test_a_slice_is_within_the_slice_there_is(
    limit: int | None, offset: int, rows: slice, expected: tuple[int | None, int]
) -> None:
    query = EVERYTHING.changed(limit=limit, offset=offset)
    assert part_of_slice(query, rows) == expected


@pytest.mark.parametrize("first", [slice(1, 8), slice(3, None), slice(None, 5), slice(0, 0)])
@pytest.mark.parametrize("second", [slice(1, 3), slice(2, None), slice(None, 99), slice(4, 2)])
def test_a_slice_of_a_slice_is_that_of_a_list(first: slice, second: slice) -> None:
    rows: list[dict[str, Any]] = [{} for _ in range(9)]
    expected = list(range(1, 10))[first][second]
    assert keys_of(Thing.objects.order_by("pk")[first][second], rows) == expected


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (5, TypeError, "query[5]: a query has no single items; use a slice such as query[10:20]"),
        ("a", TypeError, "query['a']: a query has no single items"),
        (slice(-1, None), ValueError, "query[-1:]: a slice of a query counts from its beginning"),
        (slice(None, -1), ValueError, "query[-1:]: a slice of a query counts from its beginning"),
        (slice(0, 9, 2), ValueError, "query[::2]: a slice of a query has no step"),
        (slice(None, None, -1), ValueError, "query[::-1]: a slice of a query has no step"),
        (slice("a", None), ValueError, "counts from its beginning"),
        (slice(True, None), ValueError, "counts from its beginning"),
    ],
)
def test_what_is_no_slice_of_a_query(rows: Any, error: type[Exception], message: str) -> None:
    for query in (
        Thing.objects.all(),
        Thing.objects.values("n"),
        Thing.objects.all().union(Thing.objects.all()),
    ):
        with pytest.raises(error, match=re.escape(message)):
            query[rows]


@pytest.mark.parametrize(
    ("limit", "offset", "texts"),
    [
        (None, 0, ("",) * 3),
        (3, 0, (" LIMIT ?", " LIMIT %s", " LIMIT %s")),
        (3, 4, (" LIMIT ? OFFSET ?", " LIMIT %s OFFSET %s", " LIMIT %s OFFSET %s")),
        (None, 4, (" LIMIT -1 OFFSET ?", " OFFSET %s", " LIMIT 18446744073709551615 OFFSET %s")),
    ],
)
def test_limits_in_the_words_of_each_database(
    limit: int | None, offset: int, texts: tuple[str, str, str]
) -> None:
    query = Thing.objects.order_by().offset(offset)
    query = query if limit is None else query.limit(limit)
    for vendor, text in zip(VENDORS, texts, strict=True):
        select = select_instances(plan(vendor), query.query)
        assert plain(select.sql).partition(" FROM kinds_thing")[2] == text
        assert select.parameters == [each for each in (limit, offset) if each]


@pytest.mark.parametrize(
    ("cap", "limit", "expected"), [(None, None, None), (50, None, 50), (50, 80, 80), (50, 0, 0)]
)
def test_a_query_without_a_limit_gets_that_of_the_settings(
    cap: int | None, limit: int | None, expected: int | None
) -> None:
    with override_settings(MAX_QUERY_ROWS=cap):
        assert capped(EVERYTHING.changed(limit=limit)).limit == expected


@pytest.mark.parametrize(
    ("ask", "advice"),
    [(bool, "await query.exists()"), (len, "await query.count()"), (iter, "async for")],
)
def test_a_query_is_no_list(ask: Any, advice: str) -> None:
    for query in (
        Thing.objects.all(),
        Thing.objects.values("n"),
        Thing.objects.all().raw("SELECT 1"),
    ):
        with pytest.raises(TypeError, match=re.escape(advice)):
            ask(query)


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("filter", lambda query: query.filter(n=1)),
        ("exclude", lambda query: query.exclude(n=1)),
        ("order_by", lambda query: query.order_by("n")),
        ("distinct", lambda query: query.distinct()),
    ],
)
def test_what_would_act_on_rows_outside_of_the_slice_is_refused(method: str, call: Any) -> None:
    for query in (Thing.objects.limit(5), Thing.objects.offset(5), Thing.objects.all()[2:]):
        with pytest.raises(
            QueryError, match=re.escape(f"{method}() comes before limit() and offset()")
        ):
            call(query)
    call(Thing.objects.all()[:])


def test_a_count_is_of_the_slice_and_existence_of_one_row() -> None:
    sliced = Thing.objects.order_by("n").limit(3).query
    assert plain(select_count(plan("sqlite"), sliced).sql) == (
        "SELECT COUNT(*) FROM (SELECT 1 AS c0 FROM kinds_thing LIMIT ?) AS counted"
    )
    assert plain(select_count(plan("sqlite"), Thing.objects.order_by("n").query).sql) == (
        "SELECT COUNT(*) FROM kinds_thing"
    )
    exists = select_exists(plan("sqlite"), sliced)
    assert (plain(exists.sql), exists.parameters) == ("SELECT 1 FROM kinds_thing LIMIT ?", [1])
    nothing = select_exists(plan("sqlite"), Thing.objects.limit(0).query)
    assert nothing.parameters == [0]
