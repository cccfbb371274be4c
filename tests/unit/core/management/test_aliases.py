"""The databases that commands can be pointed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.aliases import check_alias, chosen_url, database_aliases, url_of
from openviper.core.management.base import CommandError


def test_aliases_are_the_databases_and_nothing_else(installed: Path) -> None:
    assert database_aliases() == ["default", "empty"]
    assert check_alias("empty") == "empty"


def test_the_database_is_that_of_the_option_or_the_default(installed: Path) -> None:
    assert chosen_url("sqlite:///y.db") == "sqlite:///y.db"
    assert chosen_url(None) == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("empty", "No database URL configured"),
        ("nope", "unknown database alias"),
        ("defult", "did you mean 'default'"),
        ("ROUTERS", "unknown"),
    ],
)
def test_a_database_that_is_not_configured_is_refused(
    installed: Path, alias: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        url_of(alias)
