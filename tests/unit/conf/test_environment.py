"""Settings from environment variables."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from openviper.conf import Settings
from openviper.conf.settings import (
    apply_env_overrides,
    cast_bool,
    cast_env_value,
    cast_timedelta,
    cast_tuple,
)
from openviper.db.connections.options import read_databases
from openviper.exceptions import SettingsValidationError


@dataclasses.dataclass(frozen=True)
class Project(Settings):
    """A project's settings."""

    RETRIES: int = 3
    COOKIE_DOMAIN: str | None = None
    COOKIE_AGE: timedelta | None = None
    VERSION: str = "1"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove variables that would change the outcome."""
    for name in ("DEBUG", "DATABASE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"OPENVIPER_{name}", raising=False)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1", True), ("YES", True), (" on ", True), ("0", False), ("", False), ("False", False)],
)
def test_words_for_true_and_false(raw: str, value: bool) -> None:
    assert cast_bool(raw) is value


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43200), ("7d", 604800), (" 1.5 ", 1.5)],
)
def test_durations(raw: str, seconds: float) -> None:
    assert cast_timedelta(raw) == timedelta(seconds=seconds)


def test_a_list_stays_a_list() -> None:
    assert cast_env_value(["a"], "b, c,,") == ["b", "c"]
    assert cast_env_value(("a",), "b, c,,") == ("b", "c")
    with pytest.raises(TypeError):
        cast_env_value({}, "x")


def test_every_bad_variable_is_named_and_no_secret_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd(Settings):
        RETRY_TOKEN: int = 1

    monkeypatch.setenv("OPENVIPER_DEBUG", "maybe")
    monkeypatch.setenv("OPENVIPER_RETRY_TOKEN", "hunter2")
    with pytest.raises(SettingsValidationError) as caught:
        apply_env_overrides(Odd())
    assert len(caught.value.errors) == 2
    assert "OPENVIPER_DEBUG: 'maybe'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_database_url_fills_an_empty_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///env.db")
    assert (
        apply_env_overrides(Settings()).DATABASES["default"]["OPTIONS"]["URL"] == "sqlite:///env.db"
    )
    kept = Settings(DATABASES={"default": {"URL": "sqlite:///own.db"}})
    assert apply_env_overrides(kept).DATABASES == kept.DATABASES


@pytest.mark.parametrize(
    "options", [{"URL": "sqlite:///own.db"}, {"OPTIONS": {"URL": "sqlite:///own.db", "ECHO": True}}]
)
def test_a_database_url_with_the_prefix_replaces_any(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    monkeypatch.setenv("OPENVIPER_DATABASE_URL", "sqlite:///env.db")
    databases = {"default": options, "other": {"URL": "sqlite:///other.db"}}
    changed = apply_env_overrides(Settings(DATABASES=databases)).DATABASES
    read = read_databases(changed)
    assert [str(read[alias].url) for alias in ("default", "other")] == [
        "sqlite:///env.db",
        "sqlite:///other.db",
    ]
    assert read["default"].echo == ("OPTIONS" in options)


def test_a_mapping_in_the_environment_is_an_error_that_shows_no_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "OPENVIPER_DATABASES", '{"default": {"URL": "postgresql://app:hunter2@db/x"}}'
    )
    monkeypatch.setenv("TASKS", "the variable of another program")
    with pytest.raises(
        SettingsValidationError, match="OPENVIPER_DATABASES: DATABASES is not text"
    ) as caught:
        apply_env_overrides(Settings())
    assert len(caught.value.errors) == 1 and "hunter2" not in str(caught.value)


def test_the_environment_overrides_with_and_without_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_DEBUG", "off")
    monkeypatch.setenv("DEBUG", "on")
    monkeypatch.setenv("RETRIES", " 5 ")
    monkeypatch.setenv("COOKIE_DOMAIN", "example.org")
    monkeypatch.setenv("OPENVIPER_MAX_QUERY_ROWS", "10")
    monkeypatch.setenv("OPENVIPER_COOKIE_AGE", "1h")
    monkeypatch.setenv("VERSION", "9")
    before = Project()
    after = apply_env_overrides(before)
    assert type(after) is Project
    assert (after.DEBUG, after.RETRIES, after.COOKIE_DOMAIN) == (False, 5, "example.org")
    assert (after.MAX_QUERY_ROWS, after.COOKIE_AGE) == (10, timedelta(hours=1))
    assert after.VERSION == before.VERSION
    assert after.ALLOWED_HOSTS is before.ALLOWED_HOSTS


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('["a", "b"]', ("a", "b")),
        (' ["a,b"] ', ("a,b",)),
        ("[::1],localhost", ("[::1]", "localhost")),
        ("::1", ("::1",)),
        ("*", ("*",)),
        ("it's,don't", ("it's", "don't")),
        ("", ()),
        (" , ", ()),
    ],
)
def test_a_list_is_read_with_commas_or_as_json(raw: str, value: tuple[str, ...]) -> None:
    assert cast_tuple(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        '["a", 1]',
        '["a"',
        "['a', 'b']",
        "('a', 'b')",
        '"a","b"',
        "[a,b]",
        '{"a": "b"}',
        "'a'",
        '[["a"]]',
    ],
)
def test_a_list_in_another_notation_is_refused_with_the_form(
    raw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_ALLOWED_HOSTS", raw)
    with pytest.raises(SettingsValidationError) as caught:
        apply_env_overrides(Settings())
    assert 'write it as a,b or as ["a", "b"]' in str(caught.value)
