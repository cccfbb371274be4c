"""Functions are for the reader: few paths each, and few decisions on a line. They are smoke alarms, not targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.measure import FunctionMeasure, Measures, measure

ROOT = Path(__file__).resolve().parents[2]

MOST_PATHS = 10
MOST_BRANCHES = 2.5
EXCUSE = re.compile(r"# noqa: C901\b.*\d")
"""A hot path says so, with the figure that was measured."""


@pytest.fixture(scope="module")
def house() -> Measures:
    return measure(ROOT)


def is_excused(function: FunctionMeasure) -> bool:
    path, _, line = function.place.split(" ")[0].partition(":")
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    # The signature may run over several lines.
    head = "\n".join(lines[int(line) - 1 : int(line) + 12]).partition('"""')[0]
    return EXCUSE.search(head) is not None


def test_no_function_has_more_paths_than_a_reader_can_hold(house: Measures) -> None:
    dense = [function for function in house.dense if not is_excused(function)]
    assert not dense, "\n".join(f"{function.paths} paths: {function.place}" for function in dense)


def test_decisions_are_spread_over_lines(house: Measures) -> None:
    assert house.density < MOST_BRANCHES


def test_the_measure_counts_every_kind_of_decision(tmp_path: Path) -> None:
    package = tmp_path / "openviper"
    package.mkdir()
    (tmp_path / "tests").mkdir()
    (package / "sample.py").write_text(
        "def f(a, b):\n"
        "    for x in a:\n"
        "        if x and b or not a:\n"
        "            return [y for y in x if y] if b else None\n"
        "    while a:\n"
        "        try:\n"
        "            a.pop()\n"
        "        except IndexError:\n"
        "            assert not a\n"
    )
    (function,) = measure(tmp_path).functions
    # for, if, and, or, comprehension, if-else, while, except, assert
    assert (function.paths, function.lines) == (10, 8)
