"""Reading `DATABASES`."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from openviper.db.connections.databases import ConnectionManager
from openviper.db.connections.options import read_databases
from openviper.db.exceptions import DatabaseConfigurationError


def test_options_win_over_the_alias_and_routers_are_no_aliases() -> None:
    options = read_databases(
        {
            "default": {"URL": "sqlite://", "POOL_SIZE": 3, "OPTIONS": {"POOL_SIZE": 4}},
            "ROUTERS": [],
            "ROUTING": {},
        }
    )
    assert list(options) == ["default"]
    assert options["default"].pool_size == 4


def test_a_number_out_of_range_is_moved_to_the_border_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "openviper.db"):
        assert (
            read_databases({"default": {"URL": "sqlite://", "POOL_SIZE": 1000}})[
                "default"
            ].pool_size
            == 100
        )
    assert "DATABASES['default']['POOL_SIZE']=1000" in caplog.text


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"URL": ""}, r"DATABASES\['default'\]\['OPTIONS'\]\['URL'\].*sqlite:///db.sqlite3"),
        (
            {"URL": "sqlite://", "POOL_SIZE": "many"},
            r"\['POOL_SIZE'\] must be a whole number, not 'many'",
        ),
        ({"URL": "sqlite://", "BACKEND": ""}, "BACKEND"),
        ({"URL": "sqlite://", "JOURNAL_MODE": "fast"}, "'FAST'"),
    ],
)
def test_a_value_that_cannot_work_is_named(config: dict[str, Any], text: str) -> None:
    with pytest.raises(DatabaseConfigurationError, match=text):
        read_databases({"default": config})


def test_an_alias_must_be_a_mapping() -> None:
    with pytest.raises(TypeError, match="DATABASES\\['other'\\]"):
        read_databases({"other": "sqlite://"})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"POLSIZE": 3},
            r"DATABASES\['default'\] has no key 'POLSIZE'; did you mean 'POOL_SIZE'\?",
        ),
        (
            {"OPTIONS": {"POOL_SIZ": 3}},
            r"\['OPTIONS'\] has no key 'POOL_SIZ'; did you mean 'POOL_S",
        ),
        ({"pool_size": 3}, "has no key 'pool_size'"),
        ({"ENGINE": "django.db"}, "has no key 'ENGINE'"),
    ],
)
def test_an_option_that_does_not_exist_is_an_error_with_the_nearest_one(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatabaseConfigurationError, match=message):
        read_databases({"default": {"URL": "sqlite://", **config}})


@pytest.mark.parametrize("options", ["URL", ["URL"], 3])
def test_options_must_be_a_mapping_too(options: Any) -> None:
    with pytest.raises(TypeError, match=r"\['OPTIONS'\] must be a mapping"):
        read_databases({"default": {"URL": "sqlite://", "OPTIONS": options}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ECHO", "false"), ("READ_ONLY", "no"), ("INLINE", 1), ("POOL_SIZE", float("inf")), ("POOL_SIZE", [3]),
        ("POOL_SIZE", 2.9),
        ("POOL_SIZE", True), ("POOL_SIZE", "5.0"), ("POOL_TIMEOUT", float("nan")), ("STATEMENT_TIMEOUT", True),
        ("BUSY_TIMEOUT", 10**400), ("BUSY_TIMEOUT", False), ("BUSY_TIMEOUT", None.__class__), ("BUSY_TIMEOUT", "soon"), ("BUSY_TIMEOUT", -1), ("BUSY_TIMEOUT", float("nan")), ("STATEMENT_TIMEOUT", 0),
        ("STATEMENT_TIMEOUT", float("inf")), ("ROLE", "boss"), ("ROLE", ["primary"]), ("BACKEND", 3),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_and_shown(key: str, value: Any) -> None:
    with pytest.raises(DatabaseConfigurationError, match=rf"\['{key}'\] must be .*, not "):
        read_databases({"default": {"URL": "sqlite://", key: value}})


def test_options_are_frozen_and_none_means_the_default() -> None:
    options = read_databases({"default": {"URL": "sqlite://", "POOL_SIZE": None, "ROLE": None}})
    assert (options["default"].pool_size, options["default"].role) == (5, "primary")
    with pytest.raises(AttributeError):
        options["default"].pool_size = 3  # type: ignore[misc]  # that is the point


def test_the_settings_give_the_defaults_where_a_database_says_nothing(
    override_settings: Any,
) -> None:
    override_settings(
        DATABASE_POOL_SIZE=42,
        DATABASE_MAX_OVERFLOW=7,
        DATABASE_POOL_RECYCLE=90,
        DATABASE_ECHO=True,
        DATABASE_SLOW_QUERY=0.5,
    )
    databases = read_databases(
        {
            "default": {"URL": "sqlite://"},
            "own": {"URL": "sqlite://", "POOL_SIZE": 3, "ECHO": False, "SLOW_QUERY": 2},
        }
    )
    default, own = databases["default"], databases["own"]
    assert (default.pool_size, default.echo) == (42, True)
    assert (default.slow_query, own.slow_query) == (0.5, 2.0)
    assert (default.max_overflow, default.pool_recycle) == (7, 90)
    assert (own.pool_size, own.echo, own.max_overflow) == (3, False, 7)


def test_a_default_that_is_too_large_is_named_by_its_setting(
    override_settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    override_settings(DATABASE_MAX_OVERFLOW=1000)
    with caplog.at_level(logging.WARNING, "openviper.db"):
        assert read_databases({"default": {"URL": "sqlite://"}})["default"].max_overflow == 200
    assert "DATABASE_MAX_OVERFLOW=1000 is outside 0..200" in caplog.text


def test_the_routers_of_the_settings_count_where_the_databases_have_none(
    override_settings: Any,
) -> None:
    override_settings(DATABASE_ROUTERS=("openviper.db.routing.AdminRouter",))
    manager = ConnectionManager()
    manager.configure({"default": {"URL": "sqlite://"}})
    assert manager.router_config()[0] == ["openviper.db.routing.AdminRouter"]
    assert manager.has_routers
    manager.configure({"default": {"URL": "sqlite://"}, "ROUTERS": ["a.Router"]})
    assert manager.router_config()[0] == ["a.Router"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://h/d?tls=maybe", "tls='maybe' must be one of on, off"),
        ("mysql://h/d?connect_timeout=soon", "connect_timeout='soon' must be a whole number"),
        ("sqlite:///a.db?mode=w", "mode='w' must be one of ro, rw, rwc, memory"),
        ("sqlite:///a.db?cache=big", "cache='big' must be one of private, shared"),
        ("postgresql://h/d?ssl_mode=require", "unknown URL parameters 'ssl_mode'"),
        ("postgresql://h", "names no database"),
    ],
)
def test_a_url_that_no_driver_could_use_is_refused_before_it_connects(
    url: str, message: str
) -> None:
    with pytest.raises(DatabaseConfigurationError, match=message):
        ConnectionManager().configure({"default": {"URL": url}})


def test_the_timeout_of_an_sqlite_url_is_the_busy_timeout_unless_the_option_says_otherwise() -> (
    None
):
    url = "sqlite:///a.db?timeout=9"
    assert read_databases({"default": {"URL": url}})["default"].busy_timeout == 9.0
    options = read_databases({"default": {"URL": url, "BUSY_TIMEOUT": 2}})
    assert options["default"].busy_timeout == 2.0
    with pytest.raises(DatabaseConfigurationError, match="URL parameter timeout"):
        read_databases({"default": {"URL": "sqlite:///a.db?timeout=x"}})
