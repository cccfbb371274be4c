"""`check` knows wrong settings of AI."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.core.management.checks import check_ai
from openviper.testing import override_openviper_settings as override

GOOD = {"provider": "ollama", "model": "m"}


def told(entries: Any, enabled: bool = True) -> list[tuple[str, str]]:
    """Return codes and messages."""
    with override(ENABLE_AI_PROVIDERS=enabled, AI_PROVIDERS=entries):
        return [(finding.code, finding.message) for finding in check_ai()]


def test_nothing_is_found_where_all_is_well() -> None:
    assert told({}) == told({}, enabled=False) == told({"local": GOOD}) == []


def test_entries_that_nothing_reads() -> None:
    assert told({"local": GOOD}, enabled=False) == [
        ("ai.W001", "AI_PROVIDERS has 1 entries that are not used")
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("ollama", "it is a str, not a map"),
        ({"provider": "olama", "model": "m"}, "did you mean 'ollama'?"),
        ({**GOOD, "tiemout": 3}, "did you mean 'timeout'?"),
        ({**GOOD, "base_url": "http://10.0.0.1"}, "not encrypted"),
        ({"provider": "tests.unit.ai.fakes.Fake"}, "it names no model"),
        ({"provider": "nowhere.Class"}, "No module named 'nowhere'"),
    ],
)
def test_an_entry_that_cannot_work(entry: Any, message: str) -> None:
    ((code, shown),) = told({"bad": entry, "local": {**GOOD, "model": "other"}})
    assert code == "ai.E001" and shown.startswith("entry 'bad': ") and message in shown


def test_a_model_of_two_entries() -> None:
    assert told({"one": GOOD, "two": GOOD}) == [
        ("ai.W002", "model 'm' of entry 'two' is that of 'one', too")
    ]


def test_no_key_is_shown() -> None:
    findings = told({"bad": {**GOOD, "api_key": "sk-hunter2", "timeout": "sk-hunter2"}})
    assert findings and "hunter2" not in str(findings)
