"""Values as bytes: what comes back, and that nothing that is read can do harm."""

from __future__ import annotations

import dataclasses
import enum
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openviper.cache import CacheValueError, cacheable
from openviper.cache.exceptions import CacheContentError
from openviper.cache.values import canonical_text, decode_value, encode_value


@cacheable
@dataclasses.dataclass(frozen=True)
class Price:
    """A dataclass that caches may keep."""

    amount: Decimal
    since: datetime
    notes: tuple[str, ...] = ()
    doubled: Decimal = dataclasses.field(init=False, default=Decimal(0))


@cacheable(name="size")
class Size(enum.Enum):
    """An enumeration that caches may keep."""

    SMALL = 1
    LARGE = "large"


@dataclasses.dataclass
class Stranger:
    """A dataclass that nobody has registered."""

    amount: int


class Colour(enum.IntEnum):
    """An enumeration that nobody has registered, whose members are numbers to `json`."""

    RED = 1


class Name(str):
    """A kind of text."""


def test_registered_dataclasses_and_members_come_back() -> None:
    price = Price(Decimal("1.50"), datetime(2024, 1, 1, tzinfo=UTC), ("a",))
    for value in (price, Size.LARGE, [price, {"size": Size.SMALL}], {Size.SMALL: price}):
        assert decode_value(encode_value(value)) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Stranger(1), "decorated with @cacheable"),
        ([{"deep": Colour.RED}], "decorated with @cacheable"),
        (Name("x"), "'.*Name'"),
        (object(), "a cache cannot keep a 'object'"),
        (lambda: 1, "a cache cannot keep a 'function'"),
        (bytearray(b"x"), "'bytearray'"),
        (sys, "'module'"),
        ({"a": {1: object()}}, "'object'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_kept_is_refused_by_its_type(value: object, message: str) -> None:
    with pytest.raises(CacheValueError, match=message):
        encode_value(value)


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(CacheValueError, match="contains itself"):
        encode_value(endless)
    with pytest.raises(CacheValueError, match="cannot keep this value"):
        encode_value(10**5000)


def test_only_dataclasses_and_enumerations_are_registered() -> None:
    with pytest.raises(TypeError, match="'dict'"):
        cacheable(dict)
    with pytest.raises(ValueError, match="'size' belongs to"):
        cacheable(name="size")(Colour)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"j",
        b"j[",
        b"j" + b"[" * 100_000,
        b"s\xff",
        b"-",
        b"1" * 5000,
        b'j{"$":"os.system","v":"id"}',
        b'j{"$":1}',
        b'j{"$":"bytes","v":"?"}',
        b'j{"$":"datetime","v":5}',
        b'j{"$":"Decimal","v":"x"}',
        b'j{"$":"set","v":[[1]]}',
        b'j{"$":"data","c":"size2","v":{}}',
        b'j{"$":"data","c":"size","v":{"a":1}}',
        b'j{"$":"enum","c":"size","v":"__class__"}',
        b'j{"$":"dict","v":5}',
        b'j{"$":["list"],"v":5}',
    ],
    ids=lambda content: repr(content)[:40],
)
def test_content_that_makes_no_sense_is_an_error_and_nothing_else(content: bytes) -> None:
    with pytest.raises(CacheContentError):
        decode_value(content)


def test_no_content_at_random_does_anything_but_fail() -> None:
    chance = random.Random(7)
    good = encode_value([{"a": (1, b"x", timedelta(1))}, Size.SMALL, {1: 2}])
    for _ in range(2000):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            decode_value(bytes(bad))
        except CacheContentError:
            continue


def test_a_class_that_has_other_fields_by_now_is_an_error_of_the_content() -> None:
    content = encode_value(Price(Decimal(1), datetime(2024, 1, 1)))
    old = content.replace(b'"notes"', b'"remarks"')
    with pytest.raises(CacheContentError):
        decode_value(old)


def test_canonical_text_tells_apart_what_is_not_equal() -> None:
    values: list[Any] = [
        1,
        True,
        "1",
        1.0,
        b"1",
        [1],
        (1,),
        {1},
        {1: 1},
        {"1": 1},
        None,
        "None",
        Decimal(1),
    ]
    assert len({canonical_text(value) for value in values}) == len(values)


def test_canonical_text_does_not_depend_on_the_order_of_making() -> None:
    assert canonical_text({"a": 1, "b": [{3, 1, 2}]}) == canonical_text({"b": [{2, 3, 1}], "a": 1})
    texts = {str(number) for number in range(50)}
    assert canonical_text(texts) == canonical_text(set(sorted(texts, reverse=True)))


def test_content_is_json_that_other_programs_can_read() -> None:
    content = encode_value({"a": [1, None, "ü"], "when": datetime(2024, 1, 2)})
    assert json.loads(content[1:]) == {
        "a": [1, None, "ü"],
        "when": {"$": "datetime", "v": "2024-01-02T00:00:00"},
    }
