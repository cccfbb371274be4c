"""Whatever data holds, it is taken or refused, in time that grows with it; and both ways of reading agree."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from openviper.validation import ParseError, Parser, dump, parse
from openviper.validation.code import Code
from openviper.validation.collecting import Collector
from openviper.validation.dumping import DumpError
from tests.unit.validation.sample_types import GOOD_ORDER, Order, Tree

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**63, 2**64, 10**400, 0.5, math.nan, math.inf, "", "1", "\0", "\ud800", "x" * 5000, "\U0001f600",
    "2026-01-01", "1e400", "P1D", b"x", [], [1], [[]], {}, {"a": 1}, {1: 2}, {"\ud800": 1}, date(2026, 1, 1), Decimal("NaN"), object(),
]  # fmt: skip


def _spoiled(data: Any, dice: random.Random) -> Any:
    """Return data with some of its values replaced by odd ones."""
    if dice.random() < 0.04:
        return dice.choice(ODD)
    if isinstance(data, dict):
        spoiled = {key: _spoiled(value, dice) for key, value in data.items()}
        if dice.random() < 0.05:
            spoiled[dice.choice(["more", "\ud800", "id"])] = dice.choice(ODD)
        if spoiled and dice.random() < 0.05:
            del spoiled[dice.choice(list(spoiled))]
        return spoiled
    return [_spoiled(value, dice) for value in data] if isinstance(data, list) else data


@pytest.mark.parametrize("strict", [True, False])
def test_the_fast_and_the_slow_way_agree_on_odd_data(strict: bool) -> None:
    dice = random.Random(20261129)  # noqa: S311 - not for secrets
    parser = Parser(Order, strict=strict)
    refused = 0
    for _ in range(600):
        data = _spoiled(GOOD_ORDER, dice)
        collector = Collector(parser._reader)
        slow = collector.collect(parser.node, data)
        try:
            fast: Any = parser.parse(data)
        except ParseError as error:
            assert error.faults == tuple(collector.faults.found)
            json.dumps(error.validation_errors)
            str(error).encode()
            refused += 1
        else:
            assert not collector.faults.found
            assert fast == slow
            assert parse(Order, dump(fast), strict=True) == fast
    assert 150 < refused < 600


@pytest.mark.parametrize("value", ODD)
def test_every_field_takes_or_refuses_odd_values(value: Any) -> None:
    for key in GOOD_ORDER:
        try:
            parse(Order, {**GOOD_ORDER, key: value}, strict=False)
        except ParseError as error:
            assert error.faults


class Counting(dict[str, Any]):
    """Data that counts how often one of its values is looked up."""

    looked = 0

    def __getitem__(self, key: str) -> Any:
        Counting.looked += 1
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        Counting.looked += 1
        return super().get(key, default)


def _deep(levels: int, leaf: object) -> Mapping[str, Any]:
    data: Mapping[str, Any] = Counting(value=leaf)
    for _ in range(levels):
        data = Counting(value=1, children=[data])
    return data


def test_a_fault_deep_inside_costs_no_more_than_what_is_around_it() -> None:
    looked = []
    for levels in (20, 40, 80):
        Counting.looked = 0
        with pytest.raises(ParseError):
            parse(Tree, _deep(levels, "x"), strict=True)
        looked.append(Counting.looked)
    assert looked[2] < 2.2 * looked[1] < 5 * looked[0]


def test_mappings_that_are_no_dicts_are_objects() -> None:
    assert parse(Tree, _deep(3, 1), strict=True).children[0].value == 1


def test_faults_in_many_maps_generate_no_code_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = Parser(list[dict[int, int]])
    with pytest.raises(ParseError):
        parser.parse([{"1": "x"}])
    compiled: list[str] = []
    monkeypatch.setattr(Code, "define", lambda self, name, *rest, **more: compiled.append(name))
    with pytest.raises(ParseError) as caught:
        parser.parse([{"1": "x"}] * 50)
    assert len(caught.value.faults) == 50
    assert compiled == []


def test_threads_that_find_faults_at_once_find_the_same() -> None:
    data = {
        **GOOD_ORDER,
        "id": "x",
        "name": "",
        "price": "x",
        "uuid": "x",
        "colour": "x",
        "at": "x",
    }
    expected = {"/id", "/name", "/price", "/uuid", "/colour", "/at"}
    for _ in range(5):
        parser = Parser(Order)
        start = threading.Barrier(8)

        def find(parser: Parser[Order] = parser, start: threading.Barrier = start) -> set[str]:
            start.wait()
            with pytest.raises(ParseError) as caught:
                parser.parse(data)
            return {fault.pointer for fault in caught.value.faults}

        with ThreadPoolExecutor(8) as pool:
            found = [pool.submit(find) for _ in range(8)]
            assert all(each.result() == expected for each in found)


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": [value]}
    return value


def _tree(levels: int) -> Tree:
    tree = Tree(1)
    for _ in range(levels):
        tree = Tree(1, [tree])
    return tree


@pytest.mark.parametrize(
    ("value", "of"),
    [
        (_nested(50_000), None),
        (_nested(50_000), Any),
        (_nested(50_000), dict[str, Any]),
        (_tree(2_000), None),
        (_tree(2_000), Tree),
    ],
)
def test_what_is_too_deep_for_python_is_one_error_of_its_own(value: Any, of: Any) -> None:
    with pytest.raises(DumpError, match="contains itself, or is nested too deeply") as caught:
        dump(value, of)
    assert caught.value.__suppress_context__


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_data_of_no_known_type_is_not_nested_deeper_than_it_can_be_written() -> None:
    assert parse(dict[str, Any], {"a": nested(100)}) == {"a": nested(100)}
    assert parse(list[Any], [nested(100)]) == [nested(100)]
    for of, data, place in (
        (dict[str, Any], {"a": nested(101)}, ("a",)),
        (list[Any], [1, nested(101)], (1,)),
        (Any, nested(101), ()),
    ):
        with pytest.raises(ParseError) as caught:
            parse(of, data)
        (fault,) = caught.value.faults
        assert (fault.place, fault.code) == (place, "depth")


def test_data_that_is_in_several_places_is_looked_at_once() -> None:
    shared: Any = []
    for _ in range(90):
        shared = [shared, shared]
    assert parse(Any, shared) is shared
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ParseError):
        parse(Any, endless)
