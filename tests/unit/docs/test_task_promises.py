"""Each promise of tasks and mail names a test that is there, and that is run where the page says."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.docs.test_web_promises import ROOT, names_in

PAGE = (ROOT / "docs/explanation/task-promises.md").read_text("utf-8")
PROMISE = re.compile(r"^\| (F\d+|-) \| (.+?) \| (.+?) \| (\w+) \| `(\S+)::(\w+)` \|$", re.MULTILINE)
PROMISES = PROMISE.findall(PAGE)
OF_EACH_BROKER = {"broker", "configured", "consumer", "kind", "place", "reopen", "shop"}
"""Fixtures that there are for each kind of broker, in the files below."""
FILES_OF_EACH = {
    "acceptance/tasks/test_bad_messages.py",
    "acceptance/tasks/test_chaos.py",
    "integration/tasks/test_broker_contract.py",
    "integration/tasks/test_broker_extras.py",
    "integration/tasks/test_limit_lines.py",
    "integration/tasks/test_lost_answers.py",
    "integration/tasks/test_odd_questions.py",
    "integration/tasks/test_own_store_transactions.py",
    "integration/tasks/test_unheard_ends.py",
    "integration/tasks/test_wrong_clocks.py",
    "integration/tasks/test_typed_results.py",
}


def arguments_of(file: str, name: str) -> set[str]:
    """Return the names of the arguments of a test."""
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    (test,) = (each for each in tree.body if getattr(each, "name", "") == name)
    assert isinstance(test, (ast.FunctionDef, ast.AsyncFunctionDef))
    return {each.arg for each in test.args.args}


@pytest.mark.parametrize(("file", "name"), sorted({tuple(row[4:]) for row in PROMISES}))
def test_the_test_of_a_promise_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize(("file", "name"), [tuple(row[4:]) for row in PROMISES if row[3] == "each"])
def test_what_is_promised_of_each_broker_is_tried_on_each(file: str, name: str) -> None:
    assert file in FILES_OF_EACH
    assert arguments_of(file, name) & OF_EACH_BROKER


def test_every_row_is_read_and_every_finding_has_one() -> None:
    rows = [line for line in PAGE.splitlines() if "::" in line]
    assert len(rows) == len(PROMISES) > 50
    assert {row[0] for row in PROMISES} - {"-"} == {f"F{number}" for number in range(1, 30)}
    assert {row[3] for row in PROMISES} == {"each", "shared", "SQLite", "SMTP"}
    inputs = [row[1] for row in PROMISES]
    assert len(set(inputs)) == len(inputs)
