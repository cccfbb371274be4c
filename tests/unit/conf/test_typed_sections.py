"""Sections of settings by their dataclass: the faults of `openviper.validation`, as sentences that name the setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from openviper.conf.typed_sections import section_errors
from openviper.validation import Between, Secret


@dataclass(frozen=True)
class Shop:
    name: str
    level: Literal["low", "high"] = "low"
    count: Annotated[int, Between(1, 9)] = 1
    hosts: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    key: Annotated[str, Secret()] = ""


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, []),
        ({"name": "a", "hosts": ["x"], "limits": {"a": 1}}, []),
        ({"name": 1}, ["SHOP['name'] must be text, not 1"]),
        ({"nmae": 1}, ["SHOP has no key 'nmae'; did you mean 'name'?"]),
        ({"level": "mid"}, ["SHOP['level'] must be one of 'low', 'high', not 'mid'"]),
        ({"count": 10}, ["SHOP['count'] must be between 1 and 9, not 10"]),
        ({"count": "5"}, ["SHOP['count'] must be an integer, not '5'"]),
        ({"hosts": ["a", None]}, ["SHOP['hosts'][1] must be text, not None"]),
        ({"hosts": {"a": 1}}, ["SHOP['hosts'] must be an array, not {'a': 1}"]),
        ({"limits": {"a": "b"}}, ["SHOP['limits']['a'] must be an integer, not 'b'"]),
        ({"key": 12345}, ["SHOP['key'] must be text, not ********"]),
    ],
)
def test_each_fault_is_one_sentence(given: dict[str, Any], errors: list[str]) -> None:
    assert section_errors("SHOP", given, Shop) == errors


def test_all_faults_are_told_at_once() -> None:
    assert len(section_errors("SHOP", {"name": 1, "count": 0, "other": 1}, Shop)) == 3
