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
        ({"SECRET_KEY_FALLBACKS": ("f" * 50, "f" * 49)}, "security.E011"),
        ({"JWT_SECRET_KEY": "j" * 31}, "security.E012"),
        ({"JWT_SECRET_KEY": "j" * 63, "JWT_ALGORITHM": "HS512"}, "security.E012"),
        ({"JWT_SECRET_KEY": "j" * 64, "JWT_SECRET_KEY_FALLBACKS": ("j",)}, "security.E012"),
    ],
)
def test_each_rule_counts_alone(change: dict[str, Any], code: str) -> None:
    broken = violations(Settings(**{**PRODUCTION, **change}))
    assert [violation.code for violation in broken] == [code]


@pytest.mark.parametrize(
    "change",
    [
        {"SECRET_KEY_FALLBACKS": ("", "f" * 50)},
        {"JWT_SECRET_KEY": "j" * 32, "JWT_SECRET_KEY_FALLBACKS": ("", "f" * 32)},
        {"JWT_SECRET_KEY": "é" * 16},
        {"JWT_SECRET_KEY": "j" * 64, "JWT_ALGORITHM": "HS512"},
    ],
)
def test_keys_that_are_long_enough_or_none_break_no_rule(change: dict[str, Any]) -> None:
    assert list(violations(Settings(**{**PRODUCTION, **change}))) == []


def test_every_rule_is_about_a_setting_and_has_a_code_of_check() -> None:
    for rule in RULES:
        assert rule.setting in Settings.__dataclass_fields__
        assert rule.code in CODES


def test_a_closed_network_says_so_once_and_needs_no_https() -> None:
    plain = {**PRODUCTION, "SECURE_SSL_REDIRECT": False, "SECURE_HSTS_SECONDS": 0}
    assert len(list(violations(Settings(**plain)))) == 2
    assert list(violations(Settings(**plain, DEPLOYMENT="internal-http"))) == []
