"""Reading `DATABASES`."""

from __future__ import annotations

import logging
from typing import Any

import pytest

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
            r"\['POOL_SIZE'\] must be a number, not 'many'",
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
