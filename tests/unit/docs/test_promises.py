"""Each promise of the ORM, of the commands and of backup names a test that is there."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.test_web_promises import ROOT, names_in

PROMISE = re.compile(r"^\| (.+?) \| (.+?) \| `(\S+)::(\w+)` \|$", re.MULTILINE)
FINDING = re.compile(r"^\| F(\d+) \| .+? \| `(\S+)` \| `(\w+)` \|$", re.MULTILINE)
PAGES = {
    name: (ROOT / f"docs/explanation/{name}-promises.md").read_text("utf-8")
    for name in ("operator", "orm")
}
TESTS = sorted({tuple(row[2:]) for page in PAGES.values() for row in PROMISE.findall(page)})


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_the_test_of_a_promise_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("page", PAGES)
def test_every_row_is_read_and_no_test_holds_two_promises(page: str) -> None:
    promises = PROMISE.findall(PAGES[page])
    rows = [line for line in PAGES[page].splitlines() if "::" in line]
    assert len(rows) == len(promises) > 50
    tests = [row[2:] for row in promises]
    assert len(set(tests)) == len(tests)


def test_every_finding_of_the_orm_has_its_test() -> None:
    findings = FINDING.findall(PAGES["orm"])
    assert [int(number) for number, *_ in findings] == list(range(1, 24))
    assert [name for _, file, name in findings if name not in names_in(file)] == []
