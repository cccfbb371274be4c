"""The settings class, its environment overrides and its rules."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from openviper.conf import Settings, generate_secret_key, validate_settings
from openviper.conf.settings import apply_env_overrides, cast_bool, cast_env_value, cast_timedelta
from openviper.db.connections.options import read_databases
from openviper.exceptions import ImproperlyConfigured, SettingsValidationError

GOOD_KEY = "k" * 60
PRODUCTION: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": GOOD_KEY,
    "SECURE_COOKIES": True,
    "SECURE_SSL_REDIRECT": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_HSTS_SECONDS": 31536000,
    "OPENAPI": {"enabled": False},
    "CORS_ALLOWED_HEADERS": ("content-type",),
}


@dataclasses.dataclass(frozen=True)
class Project(Settings):
    """A project's settings."""

    PROJECT_NAME: str = "Shop"
    PAYMENT_API_KEY: str = "s3cret"
    RETRIES: int = 3


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove variables that would change the outcome."""
    for name in (
        "DEBUG",
        "DATABASE_URL",
        "SECRET_KEY",
        "OPENVIPER_DEBUG",
        "OPENVIPER_SECRET_KEY",
        "OPENVIPER_DATABASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)


def test_nothing_shows_a_secret_of_the_framework_or_the_project() -> None:
    project = Project(SECRET_KEY="k3y", DATABASES={"default": {"URL": "postgresql://u:pw@h/d"}})
    for text in (repr(project), str(project), str(project.as_dict())):
        assert not any(secret in text for secret in ("s3cret", "k3y", "pw"))
    assert project.as_dict(mask_sensitive=False)["PAYMENT_API_KEY"] == "s3cret"


def test_items_are_fields() -> None:
    assert Project()["RETRIES"] == 3
    with pytest.raises(KeyError):
        Project()["as_dict"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Project().DEBUG = False  # type: ignore[misc]


def test_an_undecorated_subclass_is_refused() -> None:
    class Forgotten(Settings):
        DEBUG = False

    with pytest.raises(ImproperlyConfigured, match="'Forgotten' is not decorated"):
        Forgotten()


def test_the_two_names_of_the_media_directory_follow_each_other() -> None:
    assert Settings(MEDIA_ROOT="/m").MEDIA_DIR == "/m"
    assert Settings(MEDIA_DIR="/m").MEDIA_ROOT == "/m"


def test_keys_are_random_and_of_the_asked_length() -> None:
    assert len(generate_secret_key()) == 86
    assert generate_secret_key() != generate_secret_key()
    with pytest.raises(ValueError, match="0"):
        generate_secret_key(0)


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


def test_the_environment_overrides_with_and_without_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_DEBUG", "off")
    monkeypatch.setenv("DEBUG", "on")
    monkeypatch.setenv("RETRIES", " 5 ")
    monkeypatch.setenv("SESSION_COOKIE_DOMAIN", "example.org")
    monkeypatch.setenv("OPENVIPER_MAX_QUERY_ROWS", "10")
    monkeypatch.setenv("OPENVIPER_SESSION_COOKIE_AGE", "1h")
    monkeypatch.setenv("VERSION", "9")
    before = Project()
    after = apply_env_overrides(before)
    assert type(after) is Project
    assert (after.DEBUG, after.RETRIES, after.SESSION_COOKIE_DOMAIN) == (False, 5, "example.org")
    assert (after.MAX_QUERY_ROWS, after.SESSION_COOKIE_AGE) == (10, timedelta(hours=1))
    assert after.VERSION == before.VERSION
    assert after.ALLOWED_HOSTS is before.ALLOWED_HOSTS


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


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"JWT_ALGORITHM": "None"}, "JWT_ALGORITHM"),
        ({"DATABASES": {}}, "'default'"),
        ({"SESSION_COOKIE_SAMESITE": "None"}, "SESSION_COOKIE_SECURE"),
        ({"CSRF_COOKIE_SAMESITE": "None"}, "CSRF_COOKIE_SECURE"),
        ({"LOG_LEVEL": "LOUD"}, "'LOUD'"),
        ({"LOG_FORMAT": "xml"}, "'xml'"),
        ({"TIME_ZONE": "Mars/Base"}, "'Mars/Base'"),
        ({"TIME_ZONE": "../etc/passwd"}, "TIME_ZONE"),
        ({"MEDIA_STORAGE": "s3"}, "'s3'"),
        ({"ALLOWED_HOSTS": "localhost"}, "ALLOWED_HOSTS must be a tuple"),
        ({"ALLOWED_HOSTS": ("a", 5)}, "ALLOWED_HOSTS must be a tuple"),
        ({"DEBUG": "no"}, "DEBUG must be True or False, not 'no'"),
        ({"CORS_MAX_AGE": "600"}, "CORS_MAX_AGE must be a whole number"),
        ({"SESSION_TIMEOUT": "1h"}, "SESSION_TIMEOUT must be a timedelta"),
        ({"SECRET_KEY": None}, "SECRET_KEY must be a string, not NoneType"),
        ({"DATABASES": ["sqlite://secret"]}, "DATABASES must be a mapping, not list"),
        ({"EMAIL": {"use_tls": True, "use_ssl": True}}, "exclude each other"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(values: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsValidationError, match=text):
        validate_settings(Settings(**values), "development")


def test_the_defaults_are_fine_in_development_and_lists_are_accepted() -> None:
    validate_settings(Settings(), "development")
    hosts: Any = ["a"]
    validate_settings(Settings(ALLOWED_HOSTS=hosts), "whatever")


def test_a_hardened_project_passes_in_production() -> None:
    validate_settings(Settings(**PRODUCTION), "production")


def test_values_of_the_wrong_kind_are_told_in_production_too() -> None:
    key: Any = None
    with pytest.raises(SettingsValidationError, match="SECRET_KEY must be a string"):
        validate_settings(Settings(SECRET_KEY=key), "production")


@pytest.mark.parametrize("environment", ["production", "prod", " PROD "])
def test_all_violations_of_production_are_told_at_once(environment: str) -> None:
    with pytest.raises(SettingsValidationError) as caught:
        validate_settings(Settings(), environment)
    named = " ".join(caught.value.errors)
    for word in (
        "DEBUG",
        "SECRET_KEY",
        "SSL_REDIRECT",
        "HSTS",
        "SECURE_COOKIES",
        "OPENAPI",
        "CORS_ALLOWED_HEADERS",
    ):
        assert word in named


@pytest.mark.parametrize(
    "change",
    [
        {"DEBUG": True},
        {"SECRET_KEY": "short"},
        {"ALLOWED_HOSTS": ("*",)},
        {"ALLOWED_HOSTS": ()},
        {"OPENAPI": {}},
    ],
)
def test_each_rule_of_production_counts_alone(change: dict[str, Any]) -> None:
    with pytest.raises(SettingsValidationError) as caught:
        validate_settings(Settings(**{**PRODUCTION, **change}), "production")
    assert len(caught.value.errors) == 1
