"""A long JSON text read in pieces has the value that it has as a whole, or is refused as the whole would be."""

from __future__ import annotations

import gc
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from openviper.http.json_body import FROZEN_BY_PYTHON, read_json
from openviper.utils import json_pieces
from openviper.utils.json_pieces import parse_long_json
from openviper.utils.json_reading import parse_json, scan

TEXTS = (
    "",
    "a",
    '"',
    "\\",
    ",",
    "},",
    "],",
    '"},',
    "[{",
    "é",
    "\U0001f600",
    "\n",
    "x" * 90,
    "\\" * 31,
)
ODD = ",:[]{}\"\\ \n\t0-1.5eE+tfnN'/x"


def some_value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(9 if depth else 6)
    if kind < 6:
        number = chance.choice((0, -1, 10**20, 1.5, 1e300, -2.5e-9))
        return (None, True, False, number, chance.choice(TEXTS), number)[kind]
    many = range(chance.choice((0, 1, 3, 30)))
    if kind == 6:
        return {f"{chance.choice(TEXTS)}{n}": some_value(chance, depth - 1) for n in many}
    return [some_value(chance, depth - 1) for _ in many]


def written(chance: random.Random) -> str:
    separators = chance.choice(((",", ":"), (", ", ": "), (" ,\n", " :\t")))
    value = some_value(chance, 3)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5, separators=separators)


def outcome(read: Callable[[str], Any], text: str) -> tuple[str, Any]:
    try:
        return "value", read(text)
    except json.JSONDecodeError:
        return "no JSON", None
    except ValueError as error:
        return "refused", str(error)


@pytest.mark.parametrize("length", [4, 9, 33, 150])
def test_what_is_read_in_pieces_is_what_is_read_at_once(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", length)
    chance = random.Random(length)
    for _ in range(80):
        text = written(chance)
        assert parse_long_json(text) == parse_json(text), text
        assert json.dumps(parse_long_json(text)) == json.dumps(parse_json(text)), text


@pytest.mark.parametrize("length", [4, 9, 33, 150])
def test_what_is_damaged_is_refused_in_pieces_as_it_is_at_once(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", length)
    chance = random.Random(length)
    for _ in range(150):
        text = written(chance)
        place = chance.randrange(len(text) + 1)
        cut = place + chance.randrange(3)
        damaged = text[:place] + chance.choice(ODD) + text[cut:]
        # Which of two mistakes is told may differ; that there is one may not.
        pieces, whole = outcome(parse_long_json, damaged), outcome(parse_json, damaged)
        assert (pieces[0] == "value") is (whole[0] == "value"), damaged
        if whole[0] == "value":
            assert pieces == whole, damaged


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[" + "1," * 90 + "x,1]", 181),
        ("[" + "1," * 90 + "]", 181),
        ("[" + "1," * 90 + "1 1]", 183),
        ('{"a":' + "[1]," * 40 + "1}", 9),
        ("[" + '{"a":1},' * 40 + '{"a" 1}]', 326),
        ("[" + "[]," * 90 + "[]", 273),
        ("[" + "[]," * 90 + "[]] 1", 275),
        ("[" + "1," * 90 + "1}", 182),
    ],
)
def test_a_mistake_has_its_place(text: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", 40)
    with pytest.raises(json.JSONDecodeError) as caught:
        parse_long_json(text)
    assert caught.value.pos == place


@pytest.mark.parametrize("apart", [1, 30, 400])
def test_a_name_that_is_there_twice_is_found_in_another_piece(
    apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", 40)
    members = ",".join(f'"b{n}":{n}' for n in range(apart))
    with pytest.raises(ValueError, match="the name 'a' is there twice in one object"):
        parse_long_json(f'{{"a":1,{members},"a":[{"1," * 90}1]}}')


def test_what_is_nested_too_deeply_is_an_error() -> None:
    with pytest.raises(RecursionError):
        parse_long_json("[" * 300_000)
    deep = '{"a":' + "[" * 300 + "1," * 70_000 + "1" + "]" * 300 + "}"
    with pytest.raises(RecursionError):
        parse_long_json(deep)


@pytest.mark.parametrize("member", ["[]", '""', "true", "{}", '{"a":[1,{"b":"},"}]}', "1.5e3"])
def test_no_call_reads_more_than_a_piece(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def noted(text: str, place: int) -> tuple[Any, int]:
        value, end = scan(text, place)
        lengths.append(end - place)
        return value, end

    monkeypatch.setattr(json_pieces, "scan", noted)
    count = 400_000 // len(member)
    assert len(parse_long_json(f'{{"rows":[{f"{member}," * count}{member}]}}')["rows"]) == count + 1
    assert max(lengths) <= json_pieces.PIECE + 2
    # A few attempts for each piece, and not one for each member.
    assert len(lengths) < 10 * 400_000 // json_pieces.PIECE + 20


async def test_what_was_read_is_old_and_the_collector_on() -> None:
    gc.collect()
    value = await read_json(b"[" + b"[]," * 200_000 + b"[]]")
    assert len(value) == 200_001
    assert gc.isenabled()
    assert gc.get_count()[0] < 100_000
    # No collection from here on has to look at them.
    assert gc.get_freeze_count() < FROZEN_BY_PYTHON
