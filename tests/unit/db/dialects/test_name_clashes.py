"""Which things of a database may bear the same name."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.name_clashes import clashes
from tests.unit.db.schemas.builders import column, schema

VENDORS = ("sqlite", "postgresql", "mysql")
INDEXES = [{"name": "i", "fields": ["title"]}, {"name": "i", "fields": ["n"]}]
CHECKS = [{"name": "c", "type": "CHECK", "check": check} for check in ("n > 0", "n > 1")]


def table(name: str = "library_a", **keys: Any) -> Any:
    return name, schema(name, column("title", "VARCHAR(9)"), column("n"), **keys)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"indexes": INDEXES},
            "library.A: index 'i' has the name of index 'i'; give one of them another name",
        ),
        (
            {"constraints": CHECKS},
            "library.A: constraint 'c' has the name of constraint 'c'; give one of them another name",
        ),
    ],
)
def test_nothing_of_one_table_has_a_name_twice(
    vendor: str, keys: dict[str, Any], sentence: str
) -> None:
    assert clashes(vendor, [table(**keys)]) == [sentence]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_table_is_there_once(vendor: str) -> None:
    found = clashes(vendor, [table(), table(model="Other")])
    assert found == ["library.Other: the table 'library_a' is that of library.A already"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_names_that_differ_clash_nowhere(vendor: str) -> None:
    other = table("library_b", indexes=[{"name": "j", "fields": ["title"]}])
    assert clashes(vendor, [table(indexes=INDEXES[:1], constraints=CHECKS[:1]), other]) == []


def test_an_exclusion_has_the_name_of_its_index() -> None:
    exclusion = {"name": "i", "type": "EXCLUDE", "elements": [["n", "="]]}
    pair = [table(indexes=INDEXES[:1]), table("library_b", constraints=[exclusion])]
    assert clashes("postgresql", pair) == [
        "library.B: constraint 'i' has the name of index 'i' of library.A; give one of them another name"
    ]
