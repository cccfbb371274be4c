"""Pages and their cursors: numbers, signatures, and the condition for what comes behind a row."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from openviper.db.models import F
from openviper.db.query.pages import (
    MAX_CURSOR,
    UNKNOWN_VALUE,
    Cursors,
    Page,
    can_be_signed,
    check_page,
    known_values,
)
from openviper.db.sql.nodes import Order
from openviper.db.sql.selects import select_instances
from openviper.exceptions import InvalidPage
from openviper.testing.settings import override_openviper_settings as override_settings
from tests.unit.db.sql.kinds import Maker, Thing, keys_of, plain, plan


def ordered(*terms: Any) -> tuple[Order, ...]:
    """Return the terms of an order of things."""
    return Thing.objects.order_by(*terms).query.order or ()


def cursors(*terms: Any) -> Cursors:
    return Cursors(Thing._meta, ordered(*terms))


@pytest.mark.parametrize(
    ("total", "number", "cursor", "pages", "following", "before"),
    [
        (0, 1, None, 0, None, None),
        (10, 1, None, 1, None, None),
        (11, 1, None, 2, 2, None),
        (11, 2, None, 2, None, 1),
        (10, 1, "next", 1, 2, None),
        (25, 2, None, 3, 3, 1),
        (25, 9, None, 3, None, 8),
    ],
)
def test_pages_know_their_neighbours(
    total: int,
    number: int,
    cursor: str | None,
    pages: int,
    following: int | None,
    before: int | None,
) -> None:
    page = Page(["a"], total, number, 10, cursor)
    assert page.num_pages == pages
    assert (page.next_page_number, page.previous_page_number) == (following, before)
    assert (page.has_next, page.has_previous) == (following is not None, before is not None)
    assert repr(page) == f"<Page {number} of {pages}>" and len(page) == 1 and list(page) == ["a"]


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
def test_numbers_that_no_page_has(number: object) -> None:
    with pytest.raises(
        InvalidPage, match=re.escape(f"page={number!r} is not a number of at least 1")
    ):
        check_page("page", number)
    check_page("page", 10**30)


@pytest.mark.parametrize("values", [[1, 2], [None, 3], ["é/+\0", 1], [2**63 - 1, -1], [1.5, 7]])
def test_a_cursor_gives_back_its_values_and_fits_into_an_address(values: list[Any]) -> None:
    made = cursors("n", "pk").make(values)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", made)
    assert cursors("n", "pk").read(made) == values


@pytest.mark.parametrize(
    "other",
    [
        cursors("-n", "pk"),
        cursors("n", "-pk"),
        cursors("pk", "n"),
        cursors("n"),
        cursors("name", "pk"),
        Cursors(Maker._meta, ordered("n", "pk")),
    ],
)
def test_a_cursor_belongs_to_one_order_of_one_model(other: Cursors) -> None:
    with pytest.raises(InvalidPage, match="does not belong to this query"):
        other.read(cursors("n", "pk").make([1, 2]))


def test_a_cursor_belongs_to_one_project() -> None:
    made = cursors("pk").make([1])
    with override_settings(
        SECRET_KEY="another secret key of more than fifty characters, as it must be"
    ):
        with pytest.raises(InvalidPage):
            cursors("pk").read(made)
    assert cursors("pk").read(made) == [1]


def test_any_change_of_a_cursor_is_noticed() -> None:
    made = cursors("pk").make([1])
    raw = base64.urlsafe_b64decode(made + "=" * (-len(made) % 4))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        forged = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        with pytest.raises(InvalidPage):
            cursors("pk").read(forged)


@pytest.mark.parametrize(
    "cursor", [None, 5, b"abc", "", "a", "ab cd", "=", "é", "a" * (MAX_CURSOR + 1), "A" * 22]
)
def test_what_is_no_cursor_is_refused(cursor: object) -> None:
    with pytest.raises(InvalidPage, match="does not belong to this query"):
        cursors("pk").read(cursor)


@pytest.mark.parametrize(
    ("terms", "values", "text", "bound"),
    [
        (("pk",), [5], "id > ?", [5]),
        (("-pk",), [5], "(id < ? OR id IS NULL)", [5]),
        (("n", "pk"), [1, 5], "(n > ? OR (n = ? AND id > ?))", [1, 1, 5]),
        (("n", "pk"), [None, 5], "(n IS NOT NULL OR (n IS NULL AND id > ?))", [5]),
        (("-n", "pk"), [None, 5], "(n IS NULL AND id > ?)", [5]),
        (
            (F("n").asc(nulls_last=True), "pk"),
            [1, 5],
            "((n > ? OR n IS NULL) OR (n = ? AND id > ?))",
            [1, 1, 5],
        ),
        ((F("n").desc(nulls_last=False),), [1], "n < ?", [1]),
        ((F("n").asc(nulls_last=True),), [None], "(1 = 0)", []),
    ],
)
def test_the_condition_for_what_comes_behind(
    terms: tuple[Any, ...], values: list[Any], text: str, bound: list[Any]
) -> None:
    made = cursors(*terms)
    behind = made.behind(made.make(values))
    query = Thing.objects.order_by().query.changed(where=(behind,))
    select = select_instances(plan("sqlite"), query)
    assert (plain(select.sql).partition(" WHERE ")[2], select.parameters) == (text, bound)


ROWS: list[dict[str, Any]] = [
    {"n": n, "name": name} for n in (2, None, 1, 2) for name in ("b", None, "a")
]


@pytest.mark.parametrize(
    "terms",
    [
        ("n", "pk"),
        ("-n", "pk"),
        ("n", "-name", "pk"),
        ("-n", "-name", "-pk"),
        (F("n").asc(nulls_last=True), F("name").desc(nulls_last=False), "pk"),
    ],
)
def test_cursors_go_through_all_rows_once_and_in_order(terms: tuple[Any, ...]) -> None:
    query = Thing.objects.order_by(*terms)
    expected = keys_of(query, ROWS)
    made = cursors(*terms)
    for place, key in enumerate(expected):
        thing = Thing(id=key, **ROWS[key - 1])
        cursor = made.make(known_values(query.query, made.order, thing))
        behind = query.query.changed(where=(made.behind(cursor),))
        assert (
            keys_of(
                Thing.objects.all()._with(**{"where": behind.where, "order": behind.order}), ROWS
            )
            == expected[place + 1 :]
        )


def test_a_value_that_no_field_takes_is_of_another_query() -> None:
    made = cursors("day")
    with pytest.raises(InvalidPage):
        made.behind(made.make(["not a day"]))


def test_what_a_row_was_not_loaded_with_is_unknown() -> None:
    thing = Thing(id=1, n=2)
    query = Thing.objects.order_by("n", "maker__name", F("n") + 1, "pk").query
    values = known_values(query, query.order or (), thing)
    assert values == [2, UNKNOWN_VALUE, UNKNOWN_VALUE, 1]


@pytest.mark.parametrize(
    ("terms", "values", "is_signed"),
    [
        (("n",), [1], True),
        (("day",), [object()], True),
        ((F("n") + 1,), [2], True),
        ((F("n") + 1,), [None], True),
        ((F("made") - F("made"),), [object()], False),
        (("data__a",), [1], False),
    ],
)
def test_what_a_cursor_can_hold(terms: tuple[Any, ...], values: list[Any], is_signed: bool) -> None:
    assert can_be_signed(ordered(*terms), values) is is_signed
