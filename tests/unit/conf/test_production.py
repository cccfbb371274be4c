"""What is demanded in production."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.conf import Settings
from openviper.conf.production import RULES, validate_production, violations
from openviper.core.management.checks.findings import CODES

PRODUCTION: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": "k" * 60,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31536000,
}


def test_a_hardened_project_violates_nothing() -> None:
    assert list(violations(Settings(**PRODUCTION))) == []


def test_all_violations_are_told_at_once() -> None:
    errors: list[str] = []
    validate_production(Settings(), errors)
    assert errors == [
        "DEBUG must be False in production.",
        "SECRET_KEY must be set in production.",
        "SECURE_SSL_REDIRECT must be True in production.",
        "SECURE_HSTS_SECONDS must be at least 31536000 in production.",
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DEBUG": True}, "security.E001"),
        ({"SECRET_KEY": "short"}, "security.E002"),
        ({"SECRET_KEY": "INSECURE-CHANGE-ME"}, "security.E002"),
        ({"SECURE_SSL_REDIRECT": False}, "security.E003"),
        ({"SECURE_HSTS_SECONDS": 3600}, "security.E004"),
        ({"ALLOWED_HOSTS": ("*",)}, "security.E005"),
        ({"ALLOWED_HOSTS": ("example.org", "*")}, "security.E005"),
        ({"ALLOWED_HOSTS": ()}, "security.E005"),
    ],
)
def test_each_rule_counts_alone(change: dict[str, Any], code: str) -> None:
    broken = violations(Settings(**{**PRODUCTION, **change}))
    assert [violation.code for violation in broken] == [code]


def test_every_rule_is_about_a_setting_and_has_a_code_of_check() -> None:
    for rule in RULES:
        assert rule.setting in Settings.__dataclass_fields__
        assert rule.code in CODES


def test_a_closed_network_says_so_once_and_needs_no_https() -> None:
    plain = {**PRODUCTION, "SECURE_SSL_REDIRECT": False, "SECURE_HSTS_SECONDS": 0}
    assert len(list(violations(Settings(**plain)))) == 2
    assert list(violations(Settings(**plain, DEPLOYMENT="internal-http"))) == []
