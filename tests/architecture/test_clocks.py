"""No test reads the clock before it runs: what a module or a decorator reads is as old as the suite has been running.

And OpenViper takes no clock as a default: `openviper.testing.travel` would not move it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "openviper"
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "gmtime"}
ZONES = {"now", "today"}
"""Clocks that may be given a time zone; `time(1, 2)` is a time of day."""


def reads_the_clock(node: ast.Call) -> bool:
    """Tell whether a call is that of a clock."""
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
    return name in CLOCKS and (not node.args or name in ZONES)


def early_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what of a piece of code runs while its module is imported."""
    if isinstance(node, ast.Lambda):
        return
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        given = [default for default in node.args.kw_defaults if default is not None]
        children = [*node.decorator_list, *node.args.defaults, *given]
    yield node
    for child in children:
        yield from early_parts(child)


def early_clocks(source: str) -> list[int]:
    """Return the lines on which a clock is read while the module is imported."""
    found = early_parts(ast.parse(source))
    return [node.lineno for node in found if isinstance(node, ast.Call) and reads_the_clock(node)]


def test_no_test_reads_the_clock_before_it_runs() -> None:
    sources = {path: path.read_text("utf-8") for path in sorted(TESTS.rglob("*.py"))}
    found = {path: early_clocks(source) for path, source in sources.items()}
    assert {str(path): lines for path, lines in found.items() if lines} == {}


WALL_CLOCKS = {
    "time": {"time", "time_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
"""What `travel` moves, by what it belongs to."""


def taken_clocks(source: str) -> list[int]:
    """Return the lines on which a clock is taken for later while the module is imported."""
    parts = list(early_parts(ast.parse(source)))
    called = {id(node.func) for node in parts if isinstance(node, ast.Call)}
    return [
        node.lineno
        for node in parts
        if isinstance(node, ast.Attribute)
        and node.attr in WALL_CLOCKS.get(ast.unparse(node.value), ())
        and id(node) not in called
    ]


def test_openviper_takes_no_clock_as_a_default() -> None:
    moving = PACKAGE / "testing" / "clock.py"
    sources = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path != moving}
    found = {path: taken_clocks(source) for path, source in sources.items()}
    assert {str(path): lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def limit(clock=time.time): pass", 1),
        ("class A:\n    at: float = field(default_factory=time.time)", 1),
        ("class A:\n    at = DateTimeField(default=partial(datetime.now, UTC))", 1),
        ("def limit(clock=time.monotonic):\n    return time.time", 0),
        ("class A:\n    at: float = field(default_factory=lambda: time.time())", 0),
    ],
)
def test_a_clock_that_is_taken_is_found(source: str, count: int) -> None:
    assert len(taken_clocks(source)) == count


@pytest.mark.parametrize(
    "source",
    [
        "OLD = time.time() - 600",
        "class A:\n    began = monotonic()",
        "@parametrize('at', [datetime.now(UTC)])\ndef test(at): pass",
        "def entry(at=datetime.now()): pass",
        "def entry(*, at=date.today()): pass",
    ],
)
def test_what_runs_at_import_is_found(source: str) -> None:
    assert len(early_clocks(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    return time.time()",
        "clock = lambda: time.time()",
        "NOON = time(12)",
        "START = datetime(2030, 1, 1)",
        "@parametrize('at', [lambda: datetime.now(UTC)])\ndef test(at): pass",
    ],
)
def test_what_runs_later_or_reads_no_clock_is_fine(source: str) -> None:
    assert early_clocks(source) == []
