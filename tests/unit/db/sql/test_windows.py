"""Windows: their clauses, frames, types and refusals, and what SQLite computes over them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from openviper.db import (
    ArrayAgg,
    CumeDist,
    DenseRank,
    FirstValue,
    Frame,
    JSONAgg,
    Lag,
    LastValue,
    Lead,
    NthValue,
    NTile,
    PercentRank,
    Rank,
    RowNumber,
    StringAgg,
    Window,
)
from openviper.db.models import Avg, Count, F, Max, Sum
from openviper.db.sql.windows import WindowFunction
from openviper.exceptions import FieldError, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, computed, keys_of, text, values_of


@pytest.mark.parametrize(
    ("frame", "sql"),
    [
        (Frame(), "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"),
        (Frame(-2, 3), "ROWS BETWEEN 2 PRECEDING AND 3 FOLLOWING"),
        (Frame(0, None), "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"),
        (Frame(1, 2), "ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING"),
        (Frame(-3, -1), "ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING"),
        (Frame(None, None, "range"), "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
        (Frame(0, 0, "range"), "RANGE BETWEEN CURRENT ROW AND CURRENT ROW"),
    ],
)
def test_frames_in_words(frame: Frame, sql: str) -> None:
    assert frame.sql() == f" {sql}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0), "ends before it starts"),
        ((0, -1), "ends before it starts"),
        ((True, 1), "True is not a number of rows"),
        ((0, "1"), "'1' is not a number of rows"),
        ((0.5, 1), "0.5 is not a number of rows"),
        ((-1, 0, "range"), "a range begins and ends at 0 or None"),
        ((0, 2, "range"), "a range begins and ends at 0 or None"),
        ((0, 0, "groups"), "the unit is 'rows' or 'range'"),
    ],
)
def test_frames_that_no_database_has(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Frame(*arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NTile(0), "NTile(): 0 is not a whole number of at least 1"),
        (lambda: NTile(True), "NTile(): True is not"),
        (lambda: NTile(2**31 + 1), "is not a whole number of at least 1"),
        (lambda: Lag("n", -1), "Lag(): -1 is not a whole number of at least 0"),
        (lambda: Lead("n", 1.5), "Lead(): 1.5 is not"),  # type: ignore[arg-type]  # what is under test
        (lambda: NthValue("n", 0), "NthValue(): 0 is not a whole number of at least 1"),
    ],
)
def test_numbers_of_window_functions(make: Callable[[], WindowFunction], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("window", "sql"),
    [
        (Window(RowNumber(), order_by="n"), "ROW_NUMBER() OVER ( ORDER BY n)"),
        (
            Window(Rank(), partition_by="ok", order_by="-n"),
            "RANK() OVER (PARTITION BY ok ORDER BY n DESC)",
        ),
        (
            Window(DenseRank(), partition_by=["ok", "name"], order_by=["n", "pk"]),
            "DENSE_RANK() OVER (PARTITION BY ok, name ORDER BY n, id)",
        ),
        (Window(NTile(4), order_by="n"), "NTILE(4) OVER ( ORDER BY n)"),
        (Window(Lag("n", 2), order_by="pk"), "LAG(n, 2) OVER ( ORDER BY id)"),
        (Window(Lead(F("n") + 1), order_by="pk"), "LEAD((n + ?), 1) OVER ( ORDER BY id)"),
        (Window(NthValue("n", 2), order_by="pk"), "NTH_VALUE(n, 2) OVER ( ORDER BY id)"),
        (Window(Sum("n")), "SUM(n) OVER ()"),
        (
            Window(Sum("n"), order_by="pk", frame=Frame(-1, 0)),
            "SUM(n) OVER ( ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        ),
        (Window(Count("*"), partition_by="ok"), "COUNT(*) OVER (PARTITION BY ok)"),
        (Window(Sum("price")), "round(SUM(price) OVER (), 2)"),
        (Window(Sum("n", filter=F("ok"))), "SUM(CASE WHEN ok THEN n END) OVER ()"),
    ],
)
def test_windows_in_words(window: Window, sql: str) -> None:
    assert text(window) == sql


def test_an_order_says_where_postgresql_puts_missing_values() -> None:
    window = Window(RowNumber(), order_by=["n", "-name"])
    assert text(window, "postgresql") == (
        "ROW_NUMBER() OVER ( ORDER BY n NULLS FIRST, name DESC NULLS LAST)"
    )
    assert text(window, "mysql") == "ROW_NUMBER() OVER ( ORDER BY n, name DESC)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Window(RowNumber()), "Window(RowNumber()) needs order_by"),
        (lambda: Window(Lag("n")), "Window(Lag('n', 1)) needs order_by"),
        (lambda: Window("n"), "neither a window function nor an aggregate"),  # type: ignore[arg-type]  # what is under test
        (lambda: Window(StringAgg("name")), "this aggregate cannot be over a window"),
        (lambda: Window(ArrayAgg("n")), "this aggregate cannot be over a window"),
        (lambda: Window(JSONAgg("n")), "this aggregate cannot be over a window"),
        (lambda: Window(Sum("n", distinct=True)), "no database takes distinct=True"),
    ],
)
def test_what_has_no_meaning_over_a_window(make: Callable[[], Window], message: str) -> None:
    with pytest.raises(FieldError, match=re.escape(message)):
        make()


def test_windows_are_over_rows_and_not_over_windows_or_relations() -> None:
    inner = Thing.objects.annotate(r=Window(RowNumber(), order_by="n"))
    with pytest.raises(FieldError, match="a window over a window"):
        inner.annotate(x=Window(Lag("r"), order_by="n"))
    with pytest.raises(FieldError, match="an aggregate of a window"):
        inner.annotate(x=Sum(F("r") + 1))
    with pytest.raises(FieldError, match="leads to many rows"):
        Maker.objects.annotate(x=Window(Lag("things__n"), order_by="pk"))


def test_a_condition_on_a_window_is_about_the_rows_before_it() -> None:
    ranked = Thing.objects.alias(r=Window(RowNumber(), order_by="-n"))
    rows = [{"n": 1}, {"n": 5}, {"n": 3}, {"n": 5}]
    assert sorted(keys_of(ranked.filter(r__lte=2), rows)) == [2, 4]
    assert keys_of(ranked.filter(r=1, n__lt=5), rows) == []
    assert keys_of(
        Thing.objects.filter(n__lt=5).alias(r=Window(RowNumber(), order_by="-n")).filter(r=1), rows
    ) == [3]


def test_a_condition_on_a_shown_or_sliced_window_is_refused() -> None:
    window = Window(RowNumber(), order_by="n")
    with pytest.raises(QueryError, match=re.escape("use alias(r=Window(...))")):
        Thing.objects.annotate(r=window).filter(r=1)
    with pytest.raises(QueryError, match="comes before limit"):
        Thing.objects.alias(r=window).limit(1).filter(r=1)
    with pytest.raises(QueryError, match=re.escape("alias() the window first")):
        Thing.objects.filter(n=window)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(RowNumber(), order_by=["-n", "pk"]), [3, 1, 2, 4]),
        (Window(Rank(), order_by="-n"), [3, 1, 1, 4]),
        (Window(DenseRank(), order_by="-n"), [2, 1, 1, 3]),
        (Window(PercentRank(), order_by="pk"), [0.0, 1 / 3, 2 / 3, 1.0]),
        (Window(CumeDist(), order_by="-n"), [0.75, 0.5, 0.5, 1.0]),
        (Window(NTile(2), order_by="pk"), [1, 1, 2, 2]),
        (Window(Lag("n"), order_by="pk"), [None, 1, 5, 5]),
        (Window(Lag("n", 0), order_by="pk"), [1, 5, 5, None]),
        (Window(Lead("price", 2), order_by="pk"), [Decimal("0.30"), Decimal("0.40"), None, None]),
        (Window(FirstValue("n"), order_by="pk"), [1, 1, 1, 1]),
        (Window(LastValue("n"), order_by="pk"), [1, 5, 5, None]),
        (Window(LastValue("pk"), order_by="pk", frame=Frame(None, None)), [4, 4, 4, 4]),
        (Window(NthValue("n", 2), order_by="pk"), [None, 5, 5, 5]),
        (Window(Sum("n"), order_by="pk"), [1, 6, 11, 11]),
        (Window(Sum("n"), order_by="pk", frame=Frame(-1, 0)), [1, 6, 10, 5]),
        (Window(Sum("price"), order_by="pk"), [Decimal(each) for each in ("0.10", "0.30", "0.60", "1.00")]),
        (Window(Avg("n")), [11 / 3] * 4),
        (Window(Max("name"), partition_by="n"), ["a", "c", "c", None]),
        (Window(Count("*"), partition_by="n"), [1, 2, 2, 1]),
        (Window(Count("n", filter=F("ok"))), [2] * 4),
    ],
)  # fmt: skip
def test_values_over_windows(window: Window, expected: list[Any]) -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "name": "a", "price": Decimal("0.10"), "ok": True},
        {"n": 5, "name": "b", "price": Decimal("0.20"), "ok": True},
        {"n": 5, "name": "c", "price": Decimal("0.30"), "ok": False},
        {"n": None, "name": None, "price": Decimal("0.40"), "ok": True},
    ]
    assert values_of(window, rows) == expected


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_number_and_frame_has_a_text_of_its_own(vendor: str) -> None:
    windows = [
        Window(function, order_by="pk", frame=frame)
        for function in (Lag("n", 1), Lag("n", 2), Lead("n", 1), NthValue("n", 1), FirstValue("n"))
        for frame in (None, Frame(-1, 0), Frame(-2, 0))
    ]
    texts = [computed(window, vendor).sql for window in windows]
    assert len(set(texts)) == len(windows)
    assert [computed(window, vendor).sql for window in windows] == texts
