"""`parse`: what fits becomes a value of its type, what does not is told with every fault."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest

from openviper.exceptions import ValidationError
from openviper.validation import (
    AllowNaN,
    Between,
    Check,
    Max,
    MaxLength,
    Min,
    MinLength,
    MultipleOf,
    OneOf,
    ParseError,
    Parser,
    Pattern,
    UnsupportedTypeError,
    Url,
    dump,
    parse,
)
from tests.unit.validation.sample_types import (
    GOOD_ORDER,
    Account,
    Cat,
    Colour,
    Dog,
    Extra,
    Level,
    Line,
    LinePage,
    Order,
    Page,
    Point,
    Total,
    Tree,
)

HALF = "\ud800"
UserId = NewType("UserId", int)


def faults_of(of: Any, data: object, **options: Any) -> dict[str, str]:
    """Return the codes of the faults by their pointers."""
    with pytest.raises(ParseError) as caught:
        parse(of, data, **{"strict": True, **options})
    return {fault.pointer: fault.code for fault in caught.value.faults}


def test_an_order_with_everything_in_it_is_read() -> None:
    order = parse(Order, GOOD_ORDER, strict=True)
    assert order == Order(
        id=1,
        name="Änne",
        mail="a@example.org",
        lines=[Line(1), Line(2, 3)],
        at=datetime(2026, 1, 1, 10, tzinfo=UTC),
        price=Decimal("1.10"),
        colour=Colour.BLUE,
        pet=Cat("cat"),
        extra={"number": 1},
        point=Point(1),
        tags={"a"},
        weights={1: 1.5},
        pair=(1, "a"),
        uuid=UUID("12345678-1234-5678-1234-567812345678"),
        day=date(2026, 1, 1),
        from_=5,
        tree=Tree(1, [Tree(2)]),
        page=Page([Line(1)], 1),
    )


def test_what_was_dumped_is_read_back() -> None:
    order = parse(Order, GOOD_ORDER, strict=True)
    assert parse(Order, dump(order), strict=True) == order


def test_every_fault_is_told_with_its_place() -> None:
    bad = {
        "id": True,
        "name": "",
        "mail": "x",
        "lines": [{"book": "a"}, {"book": 2, "count": 300, "more": 1}, 5],
        "pet": {"kind": "cow"},
        "extra": {},
        "tags": ["a", "a"],
        "weights": {"x": 1.5},
        "pair": [1],
        "from": 10**30,
        "tree": {"value": 1, "children": [{"value": "2"}]},
        "page": {"items": [{"book": None}], "total": math.nan},
        "unheard": 1,
    }
    assert faults_of(Order, bad) == {
        "/id": "type",
        "/name": "min_length",
        "/mail": "email",
        "/lines/0/book": "type",
        "/lines/1/count": "between",
        "/lines/1/more": "unknown",
        "/lines/2": "type",
        "/pet/kind": "one_of",
        "/extra/number": "missing",
        "/tags": "unique",
        "/weights/x": "key",
        "/pair": "length",
        "/from": "size",
        "/tree/children/0/value": "type",
        "/page/items/0/book": "type",
        "/page/total": "type",
        "/unheard": "unknown",
    }


def test_the_error_is_the_one_that_a_request_is_answered_with() -> None:
    with pytest.raises(ValidationError) as caught:
        parse(Line, {"book": "x"}, strict=True)
    assert caught.value.status_code == 422
    assert str(caught.value) == "book: must be an integer, not 'x'"
    assert caught.value.validation_errors == [
        {
            "place": ["book"],
            "pointer": "/book",
            "code": "type",
            "message": "must be an integer",
            "value": "'x'",
        }
    ]


# A JSON-Schema-like contract: what each type takes as JSON has it, and as forms and queries have it.
TAKEN: list[tuple[Any, Any, Any]] = [
    (int, 5, 5),
    (int, 5.0, 5),
    (int, -(2**63), -(2**63)),
    (Annotated[int, Between(0, 2**200)], 2**199, 2**199),
    (float, 5, 5.0),
    (float, 1e308, 1e308),
    (bool, True, True),
    (str, "", ""),
    (str, "\0 \U0001f600 \u202e", "\0 \U0001f600 \u202e"),
    (bytes, "aGk=", b"hi"),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, 1.1, Decimal("1.1")),
    (Decimal, 3, Decimal(3)),
    (date, "2026-02-28", date(2026, 2, 28)),
    (time, "10:30", time(10, 30)),
    (datetime, "2026-02-28t10:30:00z", datetime(2026, 2, 28, 10, 30, tzinfo=UTC)),
    (datetime, "2026-02-28T10:30", datetime(2026, 2, 28, 10, 30)),
    (timedelta, 1.5, timedelta(seconds=1.5)),
    (timedelta, "P1DT2H", timedelta(days=1, hours=2)),
    (UUID, "12345678123456781234567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    (None, None, None),
    (int | None, None, None),
    (Any, {"a": [1]}, {"a": [1]}),
    (Level, 2, Level.HIGH),
    (Literal[1, "a", None], None, None),
    (Literal[Colour.RED], "red", Colour.RED),
    (UserId, 4, 4),
    (list[int], [1, 2], [1, 2]),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[()], [], ()),
    (frozenset[str], ["a"], frozenset("a")),
    (dict[date, int], {"2026-01-01": 1}, {date(2026, 1, 1): 1}),
    (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
    (int | str, "5", "5"),
    (int | str, 5, 5),
    (bool | int, True, True),
    (int | float, 5.5, 5.5),
    (int | float, 5, 5),
    (date | str, "soon", "soon"),
    (UUID | date, "2026-01-01", date(2026, 1, 1)),
    (list[int] | dict[str, int] | int, {"a": 1}, {"a": 1}),
    (Line | Total, {"name": "A"}, {"name": "A"}),
    (Dog | Cat, {"kind": "dog", "bark": 1}, Dog("dog", 1)),
    (Total, {"name": "A", "age": 3}, {"name": "A", "age": 3}),
    (Extra, {"number": 1}, {"number": 1}),
    (LinePage, {"items": [{"book": 1}], "total": 1}, LinePage([Line(1)], 1)),
    (Annotated[float, AllowNaN], math.inf, math.inf),
    (Annotated[float, MultipleOf(0.1)], 0.3, 0.3),
    (Annotated[str, Pattern("^[a-z]+$")], "abc", "abc"),
    (Annotated[str, Url], "https://example.org/?a=1", "https://example.org/?a=1"),
    (Annotated[list[int], MaxLength(2)], [1, 2], [1, 2]),
    (Annotated[int | None, Min(1)], None, None),
    (Annotated[date, Max(date(2026, 1, 1))], "2025-01-01", date(2025, 1, 1)),
    (Annotated[int | str, OneOf(1, "a")], "a", "a"),
]


@pytest.mark.parametrize(("of", "data", "value"), TAKEN)
def test_data_that_fits_is_taken(of: Any, data: Any, value: Any) -> None:
    found = parse(of, data, strict=True)
    assert found == value
    assert type(found) is type(value)
    assert parse(of, dump(found, of), strict=True) == value if value != math.inf else True


REFUSED: list[tuple[Any, Any, str]] = [
    (int, True, "type"),
    (int, "5", "type"),
    (int, 5.5, "type"),
    (int, 1e300, "type"),
    (int, math.nan, "type"),
    (int, 2**64, "size"),
    (float, True, "type"),
    (float, math.nan, "finite"),
    (float, -math.inf, "finite"),
    (float, 10**400, "finite"),
    (bool, 1, "type"),
    (bool, "true", "type"),
    (str, 5, "type"),
    (str, HALF, "text"),
    (bytes, "a", "base64"),
    (bytes, "é", "base64"),
    (Decimal, "1e999999999", "number"),
    (Decimal, "1e9999", "number"),
    (Decimal, "9" * 401, "number"),
    (Decimal, 10**500, "number"),
    (Decimal, "NaN", "number"),
    (Decimal, math.inf, "finite"),
    (Decimal, Decimal("sNaN"), "finite"),
    (date, "2026-02-30", "date"),
    (date, "2026-W01-1", "date"),
    (date, "20260101", "date"),
    (date, datetime(2026, 1, 1), "type"),
    (time, "25:00", "time"),
    (datetime, "2026-01-01", "datetime"),
    (timedelta, "P", "duration"),
    (timedelta, "P1Y", "duration"),
    (timedelta, 1e30, "duration"),
    (timedelta, math.nan, "duration"),
    (UUID, "{12345678-1234-5678-1234-567812345678}", "uuid"),
    (None, 0, "type"),
    (Level, True, "one_of"),
    (Level, "1", "one_of"),
    (Level, [], "one_of"),
    (Literal[1], True, "one_of"),
    (list[int], "12", "type"),
    (list[int], {"a": 1}, "type"),
    (tuple[int, int], [1], "length"),
    (set[int], [1, 1], "unique"),
    (dict[int, int], {"1": 1, "01": 2}, "unique"),
    (int | bool, "x", "type"),
    (Line, [], "type"),
    (Annotated[int, Between(1, 2)], 3, "between"),
    (Annotated[int, Min(1, exclusive=True)], 1, "min"),
    (Annotated[int, Max(1, exclusive=True)], 1, "max"),
    (Annotated[str, MinLength(2)], "a", "min_length"),
    (Annotated[list[int], MaxLength(1)], [1, 2], "max_length"),
    (Annotated[str, Pattern("^[a-z]+$")], "abc\n", "pattern"),
    (Annotated[int, MultipleOf(3)], 4, "multiple_of"),
    (Annotated[float, MultipleOf(0.0001)], 0.00751, "multiple_of"),
    (Annotated[int, OneOf(1, 2)], 3, "one_of"),
    (Annotated[str, Url], "javascript:alert(1)", "url"),
    (Annotated[int, Check(lambda value: value != 7)], 7, "check"),
    (Annotated[datetime, Min(datetime(2026, 1, 1))], "2026-01-02T00:00:00Z", "offset"),
]


@pytest.mark.parametrize(("of", "data", "code"), REFUSED)
def test_data_that_does_not_fit_is_refused(of: Any, data: Any, code: str) -> None:
    assert faults_of(of, data) == {"": code}


LENIENT: list[tuple[Any, Any, Any]] = [
    (int, " 5 ", 5),
    (int, "-05", -5),
    (float, "1e3", 1000.0),
    (bool, "ON", True),
    (bool, "0", False),
    (Level, "2", Level.HIGH),
    (Literal[1, "2"], "1", 1),
    (Literal[1, "1"], "1", "1"),
    (date, " 2026-01-01 ", date(2026, 1, 1)),
    (timedelta, "90", timedelta(seconds=90)),
    (int | None, "", None),
    (str | None, "", ""),
    (int | str, "5", 5),
    (int | str, "x", "x"),
    (list[int], ["1", "2"], [1, 2]),
    (Line, {"book": "1"}, Line(1)),
]


@pytest.mark.parametrize(("of", "data", "value"), LENIENT)
def test_texts_of_forms_are_taken_where_it_is_not_strict(of: Any, data: Any, value: Any) -> None:
    found = parse(of, data)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("of", "data"),
    [(int, ""), (int, "5.0"), (int, "٣"), (int, "9" * 5000), (float, "nan"), (bool, "maybe")],
)
def test_texts_that_say_nothing_are_refused_where_it_is_not_strict(of: Any, data: Any) -> None:
    assert list(faults_of(of, data, strict=False)) == [""]


def test_secrets_and_what_is_made_of_others_are_not_shown() -> None:
    with pytest.raises(ParseError) as caught:
        parse(Account, {"name": {"password": "hunter2"}, "password": "hunter2"}, strict=True)
    assert [fault.value for fault in caught.value.faults] == [None, "********"]
    assert "hunter2" not in str(caught.value)


def test_long_and_odd_values_are_shown_cut_and_in_one_line() -> None:
    with pytest.raises(ParseError) as caught:
        parse(list[int], ["x" * 10**6, f"{HALF}\x1b[2J\n", 10**9000], strict=True)
    shown = [fault.value or "" for fault in caught.value.faults]
    assert len(shown[0]) < 120
    assert shown[1] == r"'\ud800\x1b[2J\n'"
    assert shown[2].endswith("bits")
    str(caught.value).encode()


def test_no_more_than_a_hundred_faults_are_told() -> None:
    with pytest.raises(ParseError) as caught:
        parse(list[int], ["x"] * 100_000, strict=True)
    assert len(caught.value.faults) == 100


def test_recursive_data_is_refused_beyond_a_hundred_levels() -> None:
    data: dict[str, Any] = {"value": 1}
    for _ in range(100):
        data = {"value": 1, "children": [data]}
    assert parse(Tree, data, strict=True).value == 1
    for _ in range(5000):
        data = {"value": 1, "children": [data]}
    assert list(faults_of(Tree, data).values()) == ["depth"]


def test_read_only_fields_are_refused_and_write_only_ones_are_not_sent() -> None:
    assert faults_of(Account, {"name": "A", "password": "12345678", "id": 1}) == {
        "/id": "read_only"
    }
    assert dump(Account("A", "12345678", 4)) == {"name": "A", "id": 4}


def test_unknown_keys_are_passed_over_when_that_is_asked_for() -> None:
    assert parse(Line, {"book": 1, "more": 2}, ignore_unknown=True) == Line(1)


def test_a_patch_has_the_fields_that_were_given_and_no_others() -> None:
    parser = Parser(Line)
    assert parser.parse_fields({"count": 3}, partial=True) == {"count": 3}
    assert parser.parse_fields({"book": 3}) == {"book": 3, "count": 1}
    with pytest.raises(ParseError, match=r"count: must be between 1 and 100, not 0"):
        parser.parse_fields({"count": 0}, partial=True)
    with pytest.raises(TypeError):
        Parser(int).parse_fields({})


@pytest.mark.parametrize(
    "of",
    [
        object.__subclasses__,
        complex,
        [1],
        set[list[int]],
        dict[Line, int],
        list[int] | list[str],
        bytes | str,
        Annotated[int, MaxLength(3)],
        Annotated[str, Min(3)],
        Annotated[int, Between("a", "b")],
        Annotated[int | str, Min(3)],
        Annotated[int, Min],
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_program(of: Any) -> None:
    with pytest.raises(UnsupportedTypeError):
        Parser(of)
