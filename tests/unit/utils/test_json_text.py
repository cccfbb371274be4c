"""JSON for responses."""

from __future__ import annotations

import json
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from openviper.exceptions import ImproperlyConfigured
from openviper.utils import json_text
from openviper.utils.json_text import encode_json


@pytest.fixture(params=["json", "orjson"], autouse=True)
def library(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each library that may write JSON: all promise the same."""
    if request.param == "orjson":
        pytest.importorskip("orjson", reason="orjson is not installed")
    json_text.use_json_library(request.param)
    yield request.param
    json_text.use_json_library("json")


def compact_bytes(value: Any) -> bytes:
    """Return what the library at hand writes."""
    return json_text.compact_bytes(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "ü€😀", "</script>\u2028"])
def test_every_text_becomes_valid_utf_8_that_reads_back_the_same(text: str) -> None:
    encoded = encode_json({"text": text})
    encoded.decode("utf-8")
    assert json.loads(encoded) == {"text": text}


@pytest.mark.parametrize("indent", [None, 2])
def test_numbers_that_json_lacks_become_null_at_any_depth(indent: int | None) -> None:
    value = {"a": [float("nan"), {"b": (float("inf"), 1.5)}]}
    assert json.loads(encode_json(value, indent=indent)) == {"a": [None, {"b": [None, 1.5]}]}


class Accidental:
    """Has `to_dict`, as models do, but never said that clients may see it."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything there is."""
        return {"password": "hash"}


@pytest.mark.parametrize("value", [object(), {"a": object()}, Accidental(), {(1, 2): 3}])
def test_what_has_no_form_in_json_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_json(value)


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep(levels: int) -> list[Any]:
    value: list[Any] = [float("nan")]
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("write", [encode_json, json_text.compact_bytes])
@pytest.mark.parametrize("value", [endless(), deep(100_000), {"a": deep(100_000)}])
def test_what_contains_itself_or_is_too_deep_is_one_error(
    write: Callable[[Any], bytes], value: Any
) -> None:
    with pytest.raises(ValueError, match="contains itself, or is nested too deeply") as caught:
        write(value)
    assert caught.value.__suppress_context__
    assert not isinstance(caught.value.__context__, ValueError)


class Grade(Enum):
    """A value that is itself no JSON."""

    GOOD = Decimal("1.50")
    LATE = timedelta(seconds=90)
    NONE = float("nan")


class Day(date, Enum):
    """Members that are dates too."""

    FIRST = 2026, 1, 2


class Price(Decimal, Enum):
    """Members that are numbers too."""

    LOW = "0.10"


@dataclass
class Point:
    """A data class with whatever it is given."""

    x: Any
    y: Any = None


class Dumped:
    """Has `model_dump`, as models of pydantic do."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def model_dump(self) -> dict[str, Any]:
        """Return what clients may see."""
        return {"value": self.value}


class Serialized:
    """Has `serialize`."""

    def serialize(self) -> list[Any]:
        """Return what clients may see."""
        return [UUID(int=7), {1}]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2), "01:02:00"),
        (Decimal("1.10"), "1.10"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (frozenset([1]), [1]),
        ((1, (2,)), [1, [2]]),
        (Grade.GOOD, "1.50"),
        (Grade.LATE, 90.0),
        (Day.FIRST, "2026-01-02"),
        (Price.LOW, "0.10"),
        (Point(Point(1), [Point(2)]), {"x": {"x": 1, "y": None}, "y": [{"x": 2, "y": None}]}),
        (Dumped(Dumped(Decimal(1))), {"value": {"value": "1"}}),
        (Serialized(), ["00000000-0000-0000-0000-000000000007", [1]]),
        ({1: 2, None: 3, False: 4, 1.5: 5}, {"1": 2, "null": 3, "false": 4, "1.5": 5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_applications_have_a_form(value: Any, read: Any) -> None:
    for encode in (encode_json, compact_bytes):
        assert json.loads(encode(value)) == read


NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Point(NAN, [NAN]), {"x": None, "y": [None]}),
        (Dumped(NAN), {"value": None}),
        ([Dumped(Point(float("-inf")))], [{"value": {"x": None, "y": None}}]),
        (Grade.NONE, None),
        ({NAN}, [None]),
        ({"a": Decimal(1), "b": NAN}, {"a": "1", "b": None}),
        ({NAN: 1}, {"null": 1}),
        ([10**400, True, NAN], [10**400, True, None]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_that_json_lacks_become_null_in_whatever_holds_them(value: Any, read: Any) -> None:
    for encode in (encode_json, compact_bytes):
        assert json.loads(encode(value)) == read


def test_a_decimal_that_is_no_number_is_text_like_the_others() -> None:
    assert json.loads(encode_json([Decimal("NaN"), Decimal("Infinity")])) == ["NaN", "Infinity"]


@pytest.mark.parametrize("number", [1.5, float("nan")])
def test_what_contains_itself_is_a_value_error_whatever_else_it_holds(number: float) -> None:
    value: dict[str, Any] = {"number": number}
    value["again"] = [value]
    point = Point(number)
    point.y = point
    for loop in (value, point):
        with pytest.raises(ValueError):
            encode_json(loop)


def test_a_class_is_not_taken_for_its_instances() -> None:
    for thing in (Point, Grade):
        with pytest.raises(TypeError, match="cannot be written as JSON"):
            encode_json(thing)


@pytest.mark.parametrize(
    "value",
    [None, "", "ä\ud800", {"a": [1, {"b": (2.5, False)}]}, [], {}, [[[]]], '"\\\n\x00\x7f', 10**30],
)
def test_both_encoders_write_the_same(value: Any) -> None:
    assert compact_bytes(value) == encode_json(value)


def test_an_indent_changes_the_look_and_nothing_else() -> None:
    value = {"a": [1, {"b": Decimal(2)}], "c": {}}
    assert json.loads(encode_json(value, indent=2)) == json.loads(encode_json(value))
    assert b"\n  " in encode_json(value, indent=2) and b"\n" not in encode_json(value)


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - as old code makes them


class Kind(str, Enum):  # noqa: UP042 - as old code makes them
    """Members that are texts too."""

    GOOD = "good"


class Text(str):
    """A kind of text."""


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Pair(1, [Pair(2, 3)]), [1, [[2, 3]]]),
        ({"a": Kind.GOOD, Kind.GOOD: 1}, {"a": "good", "good": 1}),
        (Text("x"), "x"),
        (2**64, 2**64),
        (-(2**70), -(2**70)),
        ("\ud800", "\ud800"),
        ({1: {2: 3}}, {"1": {"2": 3}}),
        (datetime(1, 1, 1), "0001-01-01T00:00:00"),
        (1e300, 1e300),
        (5e-324, 5e-324),
        ([[]] * 3, [[], [], []]),
    ],
    ids=repr,
)
def test_what_libraries_differ_in_is_alike(value: Any, read: Any) -> None:
    assert json.loads(compact_bytes(value)) == read


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}, b"x", {datetime(2024, 1, 1): 1}])
def test_every_library_refuses_the_same(value: Any) -> None:
    for encode in (encode_json, compact_bytes):
        with pytest.raises(TypeError):
            encode(value)


def test_depth_is_no_crash() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert compact_bytes(deep) == encode_json(deep)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    with pytest.raises(ImproperlyConfigured, match="pip install orjson, or set JSON to 'json'"):
        json_text.use_json_library("orjson")
