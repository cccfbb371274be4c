"""What `parse` takes and what its schema takes, by a validator that is not ours, formats included.

The official suite of JSON Schema tests validators; here a validator tests schemas. Each exception is named in `DIFFERENCES`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, NewType, Required, TypedDict
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from openviper.validation import (
    Alias,
    AllowNaN,
    Between,
    Email,
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
    describe,
    dump,
)
from openviper.validation.json_schema import Schema, Schemas, schema_of


class Colour(Enum):
    RED = "red"
    FIVE = 5
    NONE = None


class Size(IntEnum):
    S = 1
    L = 2


@dataclass
class Point:
    x: int
    y: Annotated[int, Alias("z")] = 0


@dataclass
class Tree:
    name: str
    branches: list[Tree] = field(default_factory=list)


class Pair(NamedTuple):
    left: int
    right: str = ""


class Options(TypedDict, total=False):
    deep: Required[bool]
    words: list[str]


@dataclass
class Cat:
    kind: Literal["cat"]
    lives: int = 9


@dataclass
class Dog:
    kind: Literal["dog"]
    tricks: list[str]


Id = NewType("Id", int)
Short = NewType("Short", Annotated[str, MaxLength(2)])
LONG_AGO = date(2020, 1, 1)

TYPES: list[Any] = [
    *(str, int, float, bool, None, Decimal, bytes, date, time, datetime, timedelta, UUID, Any),
    *(Colour, Size, Literal["a", 1, True, None], Literal[1], Literal[True]),
    *(Literal[Colour.RED, Size.L], int | None, str | None, float | None, date | None),
    *(list[int], set[int], frozenset[str], tuple[int, str], tuple[int, ...], tuple[()]),
    *(list[Any], list[list[int]], list[str | None], dict[str, Any], dict[str, list[int]]),
    *(dict[str, int], dict[int, str], dict[Colour, int], dict[Literal["a", "b"], int]),
    *(dict[UUID, int], dict[bool, int], dict[date, int], dict[float, int], dict[Decimal, int]),
    *(dict[time, int], dict[timedelta, int], dict[Annotated[str, MaxLength(1)], int]),
    *(int | str, int | float, bool | int, list[int] | int, dict[str, int] | list[str]),
    *(
        date | str,
        Decimal | str,
        UUID | int | None,
        datetime | date,
        bytes | int,
        Literal["a"] | int,
    ),
    *(Point, Tree, Pair, Options, Cat | Dog, Cat | None, list[Cat | Dog], Id, Short),
    Annotated[int, Between(1, 10)],
    Annotated[int, Min(3, exclusive=True)],
    Annotated[int, Max(10), Max(5)],
    Annotated[int, Max(5), Max(10)],
    Annotated[float, Max(2.5)],
    Annotated[float, Max(2.5, exclusive=True)],
    Annotated[float, AllowNaN],
    Annotated[Decimal, Between(1, 10)],
    Annotated[str, MinLength(2), MaxLength(4)],
    Annotated[str | None, MaxLength(3)],
    Annotated[list[int], MinLength(1), MaxLength(2)],
    Annotated[tuple[int, ...], MinLength(1)],
    Annotated[set[int], MaxLength(1)],
    Annotated[dict[str, int], MinLength(1)],
    Annotated[bytes, MinLength(3)],
    Annotated[bytes, MaxLength(4)],
    Annotated[str, Pattern("^[a-z]+$")],
    Annotated[str, Pattern(r"\d{2}$")],
    Annotated[str, Pattern("^a"), Pattern("b$")],
    Annotated[str, Email],
    Annotated[str, Url],
    Annotated[int, MultipleOf(3)],
    Annotated[float, MultipleOf(0.5)],
    Annotated[str, OneOf("a", "b")],
    Annotated[int, OneOf(1, 2)],
    Annotated[int | str, OneOf(1, "a")],
    Annotated[date, Min(LONG_AGO)],
    Annotated[timedelta, Max(timedelta(seconds=5))],
    Annotated[int | None, Between(1, 5)],
    list[Annotated[str, MinLength(1)]],
]

SCALARS: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, 5, -1, 10, 11, 99, 2**31, 2**53 + 1, -(2**63), -(2**63) - 1),
    *(2**64 - 1, 2**64, 10**30, 0.0, 1.0, 1.5, 2.5, 2.6, 0.3, -0.0, 5.0, 5.5, 1e16, 1e300, -1e300),
    *("", "a", "b", "1", "ab", "abc", "abcd", "abcde", "red", "5", "cat", "true", "on", "12"),
    *("é", "é" * 4, "\U0001f40d", "\U0001f40d" * 4, "a\n", "12\n", "a b", " 1", "1 ", "\0", "٣"),
    *("1.5", "1e3", "1e9999", "1.", "-.5", ".", "+1", "NaN", "Infinity", "inf", "0x1", "1_0"),
    *("AAAA", "AA==", "AA=", "A", "AAAA\n", "A A=", "_-==", "AAAAAAAA", "é==="),
    *("2020-01-01", "2019-12-31", "2026-02-30", "20200101", "2020-W01-1", "2020-1-1"),
    *("0000-01-01", "9999-12-31", "2020-01-01\n", " 2020-01-01"),
    *("2020-01-01T10:00:00Z", "2020-01-01T10:00:00+02:00", "2020-01-01T10:00:00"),
    *("2020-01-01 10:00:00Z", "2020-01-01t10:00:00z", "2020-01-01T10:00Z", "2020-01-01T10:00:60Z"),
    *("2020-01-01T10:00:00.5Z", "2020-01-01T10:00:00+25:00", "2020-13-01T10:00:00Z"),
    *("10:00", "10:00:00", "10:00:00Z", "10:00:00+01:00", "25:00", "10:00:00.5", "1000", "10"),
    *("P1D", "PT1H", "PT1.5S", "P1Y", "P", "PT", "-PT1H", "P1W", "P1DT2H", "1 day", "P1M", "+P1D"),
    "00000000-0000-4000-8000-000000000000",
    "00000000000040008000000000000000",
    "{00000000-0000-4000-8000-000000000000}",
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    *("a@b.c", "a@b", "@", "ann@example.org", "http://x", "https://example.org/a?b#c", "//x"),
]
SMALL: list[Any] = [None, True, 0, 1, 2, 1.0, 1.5, "a", "1", "", "red", "x"]
KEYS = [
    *("a", "b", "x", "z", "1", "1.0", "01", "true", "True", "red", "5", "None", "left", "right"),
    *("name", "deep", "words", "kind", "lives", "tricks", "branches", "2020-01-01", "10:00"),
    *("00000000-0000-4000-8000-000000000000", "PT1H", "", "ab", "1e3"),
]


@cache
def pool() -> list[Any]:
    """Return values of every form, the same ones each time."""
    chance = random.Random(18)  # noqa: S311 - the same each time
    return [*SCALARS, *_arrays(chance), *_objects(chance)]


def _arrays(chance: random.Random) -> Iterator[list[Any]]:
    yield from ([], [1, 1], [1, 2], [1, 1.0], [True, 1], ["a", "a"], [[1]], [1, "a"], [1, "a", 2])
    for length in (1, 2, 3):
        for _ in range(15):
            yield [chance.choice(SMALL) for _ in range(length)]
    for kind in ("cat", "dog", "cow", 1, None):
        yield from ([{"kind": kind}], [{"kind": kind, "tricks": ["x"]}])


def _objects(chance: random.Random) -> Iterator[dict[str, Any]]:
    yield {}
    for key in KEYS:
        yield from ({key: 1}, {key: "a"}, {key: [1]})
    for length in (1, 2, 3):
        for _ in range(30):
            yield {chance.choice(KEYS): chance.choice(SMALL) for _ in range(length)}
    for value in (1, "a", None, 2**70, 1.0):
        yield from ({"x": value}, {"x": 1, "z": value}, {"left": 1, "right": value})
    yield from ({"deep": True}, {"deep": True, "words": ["a"]}, {"deep": True, "words": [1]})
    yield from ({"name": "a", "branches": [{"name": name}]} for name in ("b", 1))
    for kind in ("cat", "dog", "cow", 1, None):
        yield from ({"kind": kind}, {"kind": kind, "tricks": []}, {"kind": kind, "lives": 3})


def _scalars_in(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _scalars_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _scalars_in(item)
    else:
        yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parts(test: Callable[[Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda _, value: any(map(test, _scalars_in(value)))


def _of(*names: str, test: Callable[[Any], bool]) -> Callable[[Any, Any], bool]:
    """Return a test of values for types in whose names one of some words is."""
    return lambda of, value: any(name in str(of) for name in names) and _parts(test)(of, value)


SCHEMA_TAKES_MORE: dict[str, Callable[[Any, Any], bool]] = {
    "integers have 64 bits, and whole floats are exact": _parts(
        lambda part: (
            _is_number(part)
            and not -(2**63) <= part <= 2**64 - 1
            or isinstance(part, float)
            and abs(part) > 2**53
        )
    ),
    "durations are shorter than a million centuries": _of(
        "timedelta", test=lambda part: _is_number(part) and abs(part) >= 86_400 * 10**9
    ),
    "the validator's own `$` is before a line break too": _parts(
        lambda part: isinstance(part, str) and part.endswith("\n")
    ),
    "two keys that mean the same are one too many": lambda of, value: (
        str(of).startswith("dict[") and {"1.0", "01"} <= set(value)
    ),
    "decimals have at most 400 digits": _of("Decimal", test=lambda part: part == "1e9999"),
    "bounds are about numbers, and of decimals as text only parse knows them": _of(
        "Decimal, Between", test=lambda part: isinstance(part, str)
    ),
    "bounds of dates are a keyword of their own": _of(
        "date, Min", test=lambda part: part == "2019-12-31"
    ),
    "bounds of durations as text are none": _of(
        "timedelta, Max", test=lambda part: isinstance(part, str)
    ),
    "so many characters of base64 are up to two bytes less": _of(
        "bytes", test=lambda part: isinstance(part, str)
    ),
    "formats of addresses are wider than ours": _of(
        "Email", "Url", test=lambda part: isinstance(part, str)
    ),
}
PARSE_TAKES_MORE: dict[str, Callable[[Any, Any], bool]] = {
    "moments without an offset, seconds or `T`": _of(
        "datetime", test=lambda part: isinstance(part, str) and part.startswith("2020-01-01")
    ),
    "UUIDs without hyphens": _of(
        "UUID", test=lambda part: part == "00000000000040008000000000000000"
    ),
    "keys are read as forms are": _of("dict[bool", test=lambda part: part in ("True", "1", "on")),
}
"""All differences between `parse` and the schemas, in words."""


def _validator(schema: Schema) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _takes(parser: Parser[Any], value: Any) -> bool:
    try:
        parser.parse(value)
    except ParseError:
        return False
    return True


def _explained(differences: dict[str, Callable[[Any, Any], bool]], of: Any, value: Any) -> bool:
    return any(test(of, value) for test in differences.values())


@pytest.mark.parametrize("of", TYPES, ids=str)
def test_parse_and_schema_take_the_same_values(of: Any) -> None:
    parser: Parser[Any] = Parser(of)
    validator = _validator(schema_of(parser.node))
    taken = 0
    for value in pool():
        by_parse, by_schema = _takes(parser, value), validator.is_valid(value)
        taken += by_parse
        if by_parse and not by_schema:
            assert _explained(PARSE_TAKES_MORE, of, value), ("schema refuses", value)
        if by_schema and not by_parse:
            assert _explained(SCHEMA_TAKES_MORE, of, value), ("parse refuses", value)
    assert taken, "no value of the pool fits"


@pytest.mark.parametrize("of", TYPES, ids=str)
def test_what_dump_writes_fits_the_schema_of_what_is_sent_and_is_read_again(of: Any) -> None:
    parser: Parser[Any] = Parser(of)
    schemas = Schemas(is_sent=True)
    schema = schemas.of(parser.node)
    validator = _validator({**schema, "$defs": schemas.definitions})
    for value in pool():
        if not _takes(parser, value):
            continue
        read = parser.parse(value)
        sent = json.loads(json.dumps(dump(read, of)))
        # A moment without an offset is written without one, which RFC 3339 does not know.
        is_naive = isinstance(read, datetime) and read.tzinfo is None
        assert is_naive or validator.is_valid(sent), (value, sent)
        again = parser.parse(sent)
        assert (again, type(again)) == (read, type(read))


def test_what_is_nan_is_sent_as_null() -> None:
    of = Annotated[float, AllowNaN]
    schemas = Schemas(is_sent=True)
    assert _validator(schemas.of(describe(of))).is_valid(dump(float("nan"), of))


def test_a_number_may_stand_for_a_decimal_and_is_sent_as_text() -> None:
    received, sent = schema_of(describe(Decimal)), Schemas(is_sent=True).of(describe(Decimal))
    assert [each["type"] for each in received["anyOf"]] == ["string", "number"]
    assert sent["type"] == "string"
    assert dump(Parser(Decimal).parse(1.5)) == "1.5"


def test_members_of_enumerations_in_literals_are_plain_in_a_schema() -> None:
    schema = schema_of(describe(Literal[Colour.RED, Size.L]))
    assert json.loads(json.dumps(schema)) == {"enum": ["red", 2]}


def test_keys_of_maps_are_not_null() -> None:
    with pytest.raises(UnsupportedTypeError, match="keys of a map"):
        describe(dict[None, int])
