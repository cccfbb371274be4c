"""The rules for the values of settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from openviper.conf import Settings, validate_settings
from openviper.exceptions import SettingsValidationError
from tests.unit.conf.test_production import PRODUCTION


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"DATABASES": {}}, "'default'"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of CRITICAL.*'LOUD'"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be one of text, json, not 'xml'"),
        ({"TIME_ZONE": "Mars/Base"}, "'Mars/Base'"),
        ({"TIME_ZONE": "../etc/passwd"}, "TIME_ZONE"),
        ({"TIME_ZONE": ""}, "TIME_ZONE must be a known time zone"),
        ({"TIME_ZONE": "Europe"}, "TIME_ZONE must be a known time zone"),
        ({"ALLOWED_HOSTS": "localhost"}, "ALLOWED_HOSTS must be a tuple"),
        ({"ALLOWED_HOSTS": ("a", 5)}, "ALLOWED_HOSTS must be a tuple"),
        ({"DEBUG": "no"}, "DEBUG must be True or False, not 'no'"),
        ({"DEBUG": None}, "DEBUG must be True or False, not None"),
        ({"MAX_FILE_SIZE": "600"}, "MAX_FILE_SIZE must be a whole number"),
        ({"MAX_FILE_SIZE": True}, "MAX_FILE_SIZE must be a whole number, not True"),
        ({"MAX_FILE_SIZE": -1}, "MAX_FILE_SIZE must be at least 0, not -1"),
        ({"MAX_QUERY_ROWS": "all"}, "MAX_QUERY_ROWS must be a whole number"),
        ({"EMAIL_PORT": "25"}, "EMAIL_PORT must be a whole number, not '25'"),
        ({"EMAIL_TIMEOUT": "soon"}, "EMAIL_TIMEOUT must be a number"),
        ({"EMAIL_PASSWORD": 12345}, "EMAIL_PASSWORD must be a string, not int"),
        ({"SECRET_KEY": None}, "SECRET_KEY must be a string, not NoneType"),
        ({"DATABASES": ["sqlite://secret"]}, "DATABASES must be a mapping, not list"),
        ({"DEPLOYMENT": "http"}, "DEPLOYMENT must be one of https, internal-http"),
        ({"DEPLOYMENT": "internal-http", "SECURE_SSL_REDIRECT": True}, "excludes SECURE_SSL"),
        ({"DEPLOYMENT": "internal-http", "SECURE_HSTS_SECONDS": 5}, "excludes SECURE_SSL"),
        ({"SESSION_COOKIE_SAMESITE": "None"}, "needs SESSION_COOKIE_SECURE"),
        ({"CSRF_COOKIE_SAMESITE": "None"}, "needs CSRF_COOKIE_SECURE"),
        ({"SESSION_COOKIE_SAMESITE": "lax"}, "SESSION_COOKIE_SAMESITE must be one of Lax"),
        ({"SESSION_COOKIE_NAME": "__Host-a", "SESSION_COOKIE_PATH": "/a"}, "'__Host-a' needs"),
        ({"SESSION_COOKIE_NAME": "__host-a", "SESSION_COOKIE_DOMAIN": "a.b"}, "'__host-a' needs"),
        ({"QUERY_CACHE": "rows"}, "QUERY_CACHE 'rows' is not an alias of CACHES"),
        ({"SESSION_STORE": "cache", "SESSION_CACHE": "x"}, "SESSION_CACHE 'x' is not an alias"),
        ({"SESSION_STORE": "elsewhere"}, "SESSION_STORE must be one of database"),
        ({"SESSION_TIMEOUT": timedelta(0)}, "SESSION_TIMEOUT must be at least a second"),
        ({"SESSION_MAX_AGE": 3600}, "SESSION_MAX_AGE must be a timedelta"),
        ({"EMAIL": {"use_tls": True, "use_ssl": True}}, "exclude each other"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(values: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsValidationError, match=text):
        validate_settings(Settings(**values), "development")


def test_all_wrong_values_are_named_at_once() -> None:
    values: dict[str, Any] = {"DEBUG": "no", "LOG_FORMAT": "xml", "MAX_JSON_SIZE": -5}
    with pytest.raises(SettingsValidationError) as caught:
        validate_settings(Settings(**values), "development")
    assert [error.split()[0] for error in caught.value.errors] == [
        "DEBUG",
        "MAX_JSON_SIZE",
        "LOG_FORMAT",
    ]


def test_the_defaults_are_fine_in_development_and_lists_are_accepted() -> None:
    validate_settings(Settings(), "development")
    hosts: Any = ["a"]
    validate_settings(Settings(ALLOWED_HOSTS=hosts), "whatever")


def test_what_may_be_none_may_be_given_too() -> None:
    given = Settings(MAX_QUERY_ROWS=5, EMAIL_PORT=25, EMAIL_TIMEOUT=2, EMAIL_USE_TLS=True)
    validate_settings(given, "development")


def test_values_of_the_wrong_type_are_told_in_production_too() -> None:
    key: Any = None
    with pytest.raises(SettingsValidationError, match="SECRET_KEY must be a string"):
        validate_settings(Settings(SECRET_KEY=key), "production")


@pytest.mark.parametrize("environment", ["production", "prod", " PROD "])
def test_the_rules_of_production_hold_there_only(environment: str) -> None:
    validate_settings(Settings(**PRODUCTION), environment)
    with pytest.raises(SettingsValidationError, match="DEBUG must be False in production"):
        validate_settings(Settings(), environment)
    validate_settings(Settings(), "staging")
