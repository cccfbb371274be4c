"""Where a project runs."""

from __future__ import annotations

import pytest

from openviper.project.deployment import environment_name, is_production


@pytest.mark.parametrize(
    ("own", "other", "name"),
    [
        ("", "", "development"),
        ("production", "", "production"),
        ("testing", "production", "testing"),
        ("", "production", "production"),
        ("  ", " staging ", "staging"),
    ],
)
def test_the_own_variable_wins_over_the_common_one(
    own: str, other: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_ENV", own)
    monkeypatch.setenv("ENVIRONMENT", other)
    assert environment_name() == name


@pytest.mark.parametrize("name", ["production", "prod", " PROD "])
def test_production_has_two_names_in_any_case(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_ENV", name)
    assert is_production()
    assert is_production(name)


@pytest.mark.parametrize("name", ["development", "testing", "", "preproduction"])
def test_nothing_else_is_production(name: str) -> None:
    assert not is_production(name)
