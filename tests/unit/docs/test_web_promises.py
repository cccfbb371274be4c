"""Each promise of the web layer names a test that is there."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/explanation/web-promises.md").read_text("utf-8")
PROMISE = re.compile(r"^\| (.+?) \| (?:[SWD ]+|-) \| (.+?) \| `(\S+)::(\w+)` \|$", re.MULTILINE)
PROMISES = PROMISE.findall(PAGE)


@lru_cache
def names_in(file: str) -> set[str]:
    """Return the names of the functions of a file of tests."""
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


@pytest.mark.parametrize(("file", "name"), sorted({tuple(row[2:]) for row in PROMISES}))
def test_the_test_of_a_promise_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


def test_every_row_is_read_and_no_promise_is_made_twice() -> None:
    rows = [line for line in PAGE.partition("## Not here")[0].splitlines() if "::" in line]
    assert len(rows) == len(PROMISES) > 80
    promises = [row[0] for row in PROMISES]
    assert len(set(promises)) == len(promises)
