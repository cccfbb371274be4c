"""Types out of the ordinary: each is read, or refused when it is described, and never with the first data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, Flag
from operator import getitem
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    TypedDict,
    Union,
)

import pytest

from openviper.validation import (
    Alias,
    AllowNaN,
    Between,
    Check,
    Description,
    Max,
    MaxLength,
    Min,
    MinLength,
    OneOf,
    ParseError,
    Parser,
    Title,
    UnsupportedTypeError,
    describe,
    dump,
    parse,
)
from openviper.validation.json_schema import Schemas, schema_of


def faults(of: Any, data: Any, **options: Any) -> list[str]:
    with pytest.raises(ParseError) as caught:
        parse(of, data, **options)
    return [str(fault) for fault in caught.value.faults]


@dataclass
class HandedOn:
    kept: int
    once: InitVar[int]
    later: InitVar[str] = "x"
    shared: ClassVar[int] = 5

    def __post_init__(self, once: int, later: str) -> None:
        self.seen = (once, later)


def test_what_the_constructor_hands_on_is_received_and_not_sent() -> None:
    assert parse(HandedOn, {"kept": 1, "once": 2}).seen == (2, "x")
    assert parse(HandedOn, {"kept": 1, "once": 2, "later": "y"}).seen == (2, "y")
    assert faults(HandedOn, {"kept": 1}) == ["once: is missing"]
    assert faults(HandedOn, {"kept": 1, "once": "a", "shared": 1}) == [
        "once: must be an integer, not 'a'",
        "shared: is unknown",
    ]
    assert dump(HandedOn(1, 2), HandedOn) == {"kept": 1}
    node = describe(HandedOn)
    assert set(schema_of(node)["properties"]) == {"kept", "once", "later"}
    assert set(Schemas(is_sent=True).of(node)["properties"]) == {"kept"}


@dataclass
class Made:
    start: int
    twice: int = field(init=False)
    _: KW_ONLY
    name: str = ""

    def __post_init__(self) -> None:
        self.twice = self.start * 2


def test_what_a_class_makes_itself_is_sent_and_not_received() -> None:
    assert parse(Made, {"start": 2, "name": "a"}) == Made(2, name="a")
    assert faults(Made, {"start": 2, "twice": 4}) == ["twice: is read-only"]
    assert dump(Made(2), Made) == {"start": 2, "twice": 4, "name": ""}


class Items(TypedDict):
    a: Required[int]
    b: NotRequired[Annotated[int, Min(3)]]
    c: Annotated[NotRequired[int], Max(5), Min(1)]


def test_marks_of_items_may_stand_within_annotated() -> None:
    assert parse(Items, {"a": 1}) == {"a": 1}
    assert parse(Items, {"a": 1, "b": 3, "c": 5}) == {"a": 1, "b": 3, "c": 5}
    assert faults(Items, {"a": 1, "b": 2, "c": 6}) == [
        "b: must be at least 3, not 2",
        "c: must be at most 5, not 6",
    ]


class Permission(Flag):
    READ = 1
    WRITE = 2


class Nothing(Enum):
    pass


class Pairs(Enum):
    RED = ("r", 1)


class Days(Enum):
    FIRST = date(2026, 1, 1)
    PRICE = Decimal("1.50")
    FLAG = True
    HALF = 0.5


def test_members_are_read_as_they_are_sent() -> None:
    for member in Days:
        sent = dump(member, Days)
        assert parse(Days, sent, strict=True) is member
        assert parse(Days, member, strict=True) is member
        assert sent in schema_of(describe(Days))["enum"]
    assert faults(Days, "2026-01-02") == [
        "must be one of datetime.date(2026, 1, 1), Decimal('1.50'), True, 0.5, not '2026-01-02'"
    ]


class Single(NamedTuple):
    words: list[str]


@dataclass(frozen=True)
class Frozen:
    words: list[str]


@dataclass(frozen=True)
class Good:
    words: tuple[str, ...]


@dataclass(eq=False)
class ByIdentity:
    words: list[str]


def test_sets_hold_what_has_a_hash() -> None:
    assert parse(set[Good], [{"words": ["a"]}]) == {Good(("a",))}
    assert parse(set[tuple[int, str]], [[1, "a"]]) == {(1, "a")}
    assert len(parse(set[ByIdentity], [{"words": []}, {"words": []}])) == 2


NOWHERE = "list[Nowhere]"


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (Permission, "is a Flag, whose members are combined"),
        (Nothing, "Nothing has no members"),
        (Pairs, r"Pairs.RED is \('r', 1\), which is not a single value"),
        (set[Single], "need a hash"),
        (frozenset[Frozen], "need a hash"),
        (set[tuple[list[int], ...]], "need a hash"),
        (tuple[int, *tuple[str, ...]], "varying number of items"),
        (getitem(Union, (int, NOWHERE)), "'list\\[Nowhere\\]' means nothing"),
        (Annotated[int, Between(5, 1)], "nothing is between 5 and 1"),
        (Annotated[float, Min(float("nan"))], "nothing can be compared with nan"),
        (Annotated[float, Max(float("nan"))], "nothing can be compared with nan"),
        (Annotated[float, Between(0, float("nan"))], "nothing is between 0 and nan"),
        (Annotated[str, MaxLength(-1)], "-1 is not a length"),
        (Annotated[str, MinLength(True)], "True is not a length"),
        (Annotated[list[int], MinLength(1.5)], "1.5 is not a length"),  # type: ignore[arg-type]  # the mistake
        (
            Annotated[datetime, Between(datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))],
            "nothing is between",
        ),
        (dict[None, int], "keys of a map"),
    ],
    ids=str,
)
def test_a_type_that_cannot_be_read_is_refused_when_it_is_described(of: Any, reason: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=reason):
        Parser(of)


def test_an_empty_tuple_is_empty() -> None:
    assert parse(tuple[()], []) == ()
    assert faults(tuple[()], [1]) == ["must have 0 items"]
    assert parse(tuple, [1, "a"]) == (1, "a")


def test_a_choice_is_not_true_for_one_and_anything_may_be_asked() -> None:
    of = Annotated[Any, OneOf(1, 2)]
    assert parse(of, 2) == 2
    for wrong in ([1], {"a": 1}, {1}, True, "1"):
        assert faults(of, wrong)[0].startswith("must be one of 1, 2")
    assert parse(Annotated[Any, OneOf([1], 2)], [1]) == [1]
    assert parse(Annotated[bool, OneOf(True)], True) is True


@pytest.mark.parametrize(
    ("bound", "given", "message"),
    [
        (datetime(2020, 1, 1), "2021-01-01T00:00:00Z", "must not have an offset from UTC"),
        (datetime(2020, 1, 1, tzinfo=UTC), "2021-01-01T00:00:00", "must have an offset from UTC"),
        (datetime(2020, 1, 1), "2019-01-01T00:00:00", "must be at least 2020-01-01 00:00:00"),
    ],
)
def test_a_time_that_cannot_be_compared_is_told_why(
    bound: datetime, given: str, message: str
) -> None:
    assert faults(Annotated[datetime, Min(bound)], given) == [f"{message}, not {given!r}"]


@pytest.mark.parametrize(
    ("of", "given"),
    [
        (Literal[1, "a"], 1.0),
        (Literal[Days.HALF], 0.5),
        (Literal[b"x"], "eA=="),
    ],
)
def test_literal_values_are_read_as_json_has_them(of: Any, given: Any) -> None:
    value = parse(of, given, strict=True)
    assert parse(of, dump(value, of), strict=True) == value


def test_what_a_project_s_own_constraint_says_is_its_own() -> None:
    def broken(value: int) -> bool:
        raise ValueError("{oops} {0} {")

    check: Callable[[int], bool] = broken
    assert faults(Annotated[int, Check(check)], 1) == ["{oops} {0} {, not 1"]


@pytest.mark.parametrize("of", [str, int, list[float]])
def test_a_mark_of_numbers_says_nothing_about_others(of: Any) -> None:
    with pytest.raises(UnsupportedTypeError, match="AllowNaN says nothing about"):
        describe(Annotated[of, AllowNaN()])


@pytest.mark.parametrize("mark", [Alias(""), Title(5), Description("")])  # type: ignore[arg-type]  # The mistake.
def test_a_mark_that_needs_a_text_has_one(mark: Any) -> None:
    with pytest.raises(UnsupportedTypeError, match="needs a text, not"):
        describe(Annotated[str, mark])
