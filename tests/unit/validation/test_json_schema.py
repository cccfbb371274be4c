"""JSON schemas of types: what `parse` takes fits the schema, and what it refuses does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest

from openviper.validation import (
    Alias,
    Between,
    Description,
    Example,
    Max,
    MaxLength,
    Min,
    MinLength,
    MultipleOf,
    OneOf,
    ParseError,
    Parser,
    Pattern,
    ReadOnly,
    Secret,
    Title,
    WriteOnly,
    describe,
    dump,
)
from openviper.validation.json_schema import Schema, Schemas, schema_of

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_ABOUT_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
    "multipleOf": lambda value, step: value % step == 0,
}
_ABOUT_TEXTS: dict[str, Callable[[Any, Any], bool]] = {
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
}
_ABOUT_ARRAYS: dict[str, Callable[[Any, Any], bool]] = {
    "minItems": lambda value, limit: len(value) >= limit,
    "maxItems": lambda value, limit: len(value) <= limit,
    "uniqueItems": lambda value, _: len({repr(item) for item in value}) == len(value),
}
_ABOUT_OBJECTS: dict[str, Callable[[Any, Any], bool]] = {
    "minProperties": lambda value, limit: len(value) >= limit,
    "maxProperties": lambda value, limit: len(value) <= limit,
    "required": lambda value, names: set(names) <= set(value),
}
_PASSED_OVER = {
    *("$defs", "$ref", "type", "anyOf", "enum", "title", "description", "examples", "default"),
    *("items", "prefixItems", "properties", "additionalProperties", "contentEncoding", "format"),
    *("propertyNames", "allOf"),
}


def fits(schema: Schema, value: object, root: Schema | None = None) -> bool:
    """Return whether a value fits a schema, as far as our schemas go; an unknown keyword is an error."""
    root = schema if root is None else root
    if "$ref" in schema:
        return fits(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    if "type" in schema and not _TYPES[schema["type"]](value):
        return False
    if "enum" in schema and repr(value) not in map(repr, schema["enum"]):
        return False
    if not _fits_parts(schema, value, root):
        return False
    rules: dict[str, Callable[[Any, Any], bool]] = {}
    if _TYPES["number"](value):
        rules = _ABOUT_NUMBERS
    elif isinstance(value, str):
        rules = _ABOUT_TEXTS
    elif isinstance(value, list):
        rules = _ABOUT_ARRAYS
    elif isinstance(value, dict):
        rules = _ABOUT_OBJECTS
    known = {*_ABOUT_NUMBERS, *_ABOUT_TEXTS, *_ABOUT_ARRAYS, *_ABOUT_OBJECTS, *_PASSED_OVER}
    assert set(schema) <= known, set(schema) - known
    if not all(rule(value, schema[key]) for key, rule in rules.items() if key in schema):
        return False
    return all(fits(inner, item, root) for inner, item in _inside(schema, value))


def _fits_parts(schema: Schema, value: object, root: Schema) -> bool:
    fits_all = all(fits(each, value, root) for each in schema.get("allOf", ()))
    fits_any = "anyOf" not in schema or any(fits(each, value, root) for each in schema["anyOf"])
    return fits_all and fits_any


def _inside(schema: Schema, value: object) -> list[tuple[Schema, object]]:
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        rest = [(schema["items"], item) for item in value[len(first) :] if "items" in schema]
        return [*zip(first, value, strict=False), *rest]
    if not isinstance(value, dict):
        return []
    names = schema.get("propertyNames", {})
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    # No value fits an enumeration of nothing.
    inner = {"enum": []} if others is False else others
    items = [(fields.get(key, inner), item) for key, item in value.items()]
    return [*items, *((names, key) for key in value)]


class Colour(Enum):
    RED = "red"
    FIVE = 5


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Tree:
    name: str
    branches: list[Tree] = field(default_factory=list)


class Pair(NamedTuple):
    left: int
    right: str = ""


class Options(TypedDict, total=False):
    deep: bool
    words: list[str]


@dataclass
class Member:
    password: Annotated[str, WriteOnly()]
    name: Annotated[str, Alias("fullName")]
    key: Annotated[str, Secret()] = "very secret"
    id: Annotated[int, ReadOnly()] = 0


TABLE: list[tuple[Any, list[Any], list[Any]]] = [
    (str, ["", "a", "\0", "\U0001f40d"], [1, None, True, ["a"], {}]),
    (int, [0, -5, 2**60], ["1", 1.5, True, None, []]),
    (float, [0, 1.5, -2], ["1.5", True, None]),
    (bool, [True, False], [0, 1, "true", None]),
    (None, [None], [0, "", False, []]),
    (date, ["2026-01-31"], [1, None, ["2026-01-31"]]),
    (timedelta, [90, 1.5, "PT1H"], [True, None, []]),
    (Colour, ["red", 5], ["RED", "5", 6, None, "blue"]),
    (Literal["a", 1, True], ["a", 1, True], ["b", 2, False, None, "1"]),
    (int | None, [None, 3], ["", "3", 1.5]),
    (int | str, [3, "3"], [1.5, None, []]),
    (list[int], [[], [1, 2], [1, 1]], [1, ["1"], {"0": 1}, None, [None]]),
    (set[int], [[], [1, 2]], [[1, 1], ["1"], None]),
    (tuple[int, str], [[1, "a"]], [[1], [1, "a", 2], ["a", 1], [], "ab"]),
    (tuple[int, ...], [[], [1, 2]], [["a"], 1]),
    (dict[str, int], [{}, {"a": 1}], [{"a": "1"}, [], None]),
    (Point, [{"x": 1}, {"x": 1, "y": 2}], [{}, {"y": 1}, {"x": "1"}, {"x": 1, "z": 2}, [1, 2]]),
    (Pair, [{"left": 1}, {"left": 1, "right": "a"}], [{}, {"left": "a"}, {"left": 1, "r": 1}]),
    (Options, [{}, {"deep": True}, {"words": ["a"]}], [{"deep": 1}, {"words": "a"}, {"wide": 1}]),
    (
        Tree,
        [{"name": "a"}, {"name": "a", "branches": [{"name": "b", "branches": []}]}],
        [{}, {"name": "a", "branches": [{}]}, {"name": "a", "branches": [{"name": 1}]}],
    ),
    (list[Tree], [[{"name": "a"}]], [[{"name": "a", "branches": [{"name": None}]}]]),
    (Annotated[int, Between(1, 9)], [1, 9], [0, 10, -1]),
    (Annotated[int, Min(1)], [1, 2], [0]),
    (Annotated[int, Min(1, exclusive=True)], [2], [1, 0]),
    (Annotated[float, Max(1.5)], [1.5, 1], [1.6, 2]),
    (Annotated[float, Max(1.5, exclusive=True)], [1.4, 1], [1.5]),
    (Annotated[int, MultipleOf(5)], [0, 5, -10], [1, 7]),
    (Annotated[int | None, Min(1)], [None, 1], [0]),
    (Annotated[str, MinLength(2), MaxLength(3)], ["ab", "abc"], ["", "a", "abcd"]),
    (Annotated[str, Pattern(r"^[a-z]+$")], ["a", "abc"], ["", "A", "a1"]),
    (Annotated[str, Pattern("b")], ["abc"], ["ac"]),
    (Annotated[str, OneOf("a", "b")], ["a"], ["c", ""]),
    (Annotated[list[int], MinLength(1), MaxLength(2)], [[1], [1, 2]], [[], [1, 2, 3]]),
    (Annotated[list[int] | None, MinLength(1)], [None, [1]], [[]]),
    (Annotated[dict[str, int], MinLength(1)], [{"a": 1}], [{}]),
    (Annotated[dict[str, int], MaxLength(1)], [{"a": 1}, {}], [{"a": 1, "b": 2}]),
    (Annotated[bytes, MaxLength(3)], ["", "YQ==", "YWJj"], ["YWJjZA=="]),
    (Annotated[bytes, MinLength(3)], ["YWJj", "YWJjZA=="], [""]),
]


def _names(table: list[tuple[Any, list[Any], list[Any]]]) -> list[str]:
    return [re.sub(r"\W+", "-", getattr(of, "__name__", str(of)))[-40:] for of, *_ in table]


@pytest.mark.parametrize(("of", "good", "bad"), TABLE, ids=_names(TABLE))
def test_a_schema_takes_what_parse_takes(of: Any, good: list[Any], bad: list[Any]) -> None:
    parser: Parser[Any] = Parser(of)
    schema = schema_of(parser.node)
    for value in good:
        parser.parse(value)
        assert fits(schema, value), (schema, value)
    for value in bad:
        with pytest.raises(ParseError):
            parser.parse(value)
        assert not fits(schema, value), (schema, value)


@pytest.mark.parametrize(
    ("of", "demand"),
    [
        (Annotated[date, Min(date(2026, 1, 31))], {"formatMinimum": "2026-01-31"}),
        (
            Annotated[datetime, Max(datetime(2026, 1, 31, 12))],
            {"formatMaximum": "2026-01-31T12:00:00"},
        ),
        (
            Annotated[date, Min(date(2026, 1, 31), exclusive=True)],
            {"formatExclusiveMinimum": "2026-01-31"},
        ),
    ],
)
def test_bounds_of_times_are_no_numbers_and_so_have_other_names(of: Any, demand: Schema) -> None:
    schema = schema_of(describe(of))
    assert demand.items() <= schema.items()
    assert not {"minimum", "maximum", "exclusiveMinimum"} & set(schema)


def test_bounds_of_decimals_and_durations_are_plain_data() -> None:
    assert schema_of(describe(Annotated[Decimal, Min(Decimal("1.5"))]))["minimum"] == 1.5
    duration = schema_of(describe(Annotated[timedelta, Max(timedelta(days=1))]))
    assert duration["maximum"] == 86400
    assert fits(duration, 86400) and not fits(duration, 86401)


def test_a_constraint_made_of_one_of_ours_says_the_same() -> None:
    class Percent(Between):
        pass

    schema = schema_of(describe(Annotated[int, Percent(0, 100)]))
    assert (schema["minimum"], schema["maximum"]) == (0, 100)


def test_what_an_annotation_tells_people_is_there_and_nothing_empty() -> None:
    told = Annotated[int, Title("Age"), Description("In years."), Example(7)]
    assert schema_of(describe(told)) == {
        "type": "integer",
        "title": "Age",
        "description": "In years.",
        "examples": [7],
    }
    assert schema_of(describe(int)) == {"type": "integer"}


def test_received_and_sent_differ_and_no_secret_is_a_default() -> None:
    node = describe(Member)
    received = Schemas().of(node)
    assert set(received["properties"]) == {"password", "fullName", "key"}
    assert received["required"] == ["password", "fullName"]
    sent = Schemas(is_sent=True).of(node)
    assert set(sent["properties"]) >= {"id", "fullName"}
    assert "password" not in sent["properties"]
    assert "very secret" not in f"{received}{sent}"


def test_two_classes_of_one_name_are_told_apart() -> None:
    def make(of: Any) -> Any:
        return dataclass(type("Same", (), {"__annotations__": {"value": of}}))

    schemas = Schemas("#/components/schemas/", named=True)
    references = [schemas.of(describe(make(of)))["$ref"] for of in (int, str)]
    assert len(set(references)) == 2
    assert len(schemas.definitions) == 2


def test_a_duration_that_is_sent_fits_its_schema() -> None:
    assert fits(schema_of(describe(timedelta)), dump(timedelta(hours=1)))


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("data", [None, 1, "a", [1], [("x", 1)], object(), b"x", 1.5, True])
def test_fields_of_what_is_no_object_are_a_fault_of_the_data(data: object, partial: bool) -> None:
    parser = Parser(Point)
    with pytest.raises(ParseError) as caught:
        parser.parse_fields(data, partial=partial)
    (fault,) = caught.value.faults
    assert (fault.code, fault.place) == ("type", ())
    with pytest.raises(ParseError):
        parser.parse(data)


def test_a_secret_in_the_place_of_an_object_is_not_shown() -> None:
    parser: Parser[Any] = Parser(describe(Annotated[Point, Secret()]))
    with pytest.raises(ParseError) as caught:
        parser.parse_fields("hunter2")
    assert "hunter2" not in str(caught.value)
