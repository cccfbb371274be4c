"""Backups without a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openviper.backup.retention import Retention
from openviper.backup.scheduled import (
    BackupSchedule,
    SomeBackupsFailedError,
    configured_urls,
    run_scheduled_backup,
)
from openviper.db.exceptions import DatabaseAliasNotFoundError, DatabaseConfigurationError
from tests.unit.backup.builders import make_database, url_of


def test_no_configuration_means_no_schedule() -> None:
    assert BackupSchedule.from_settings(None) is None
    assert BackupSchedule.from_settings({}) is None


def test_a_schedule_has_sensible_defaults() -> None:
    assert BackupSchedule.from_settings({"path": "/srv/b"}) == BackupSchedule(
        "/srv/b", None, "15 3 * * *", (), 6
    )
    config = {
        "path": Path("/b"),
        "keep": 7,
        "cron": "0 * * * *",
        "databases": ["default"],
        "level": 1,
    }
    assert BackupSchedule.from_settings(config) == BackupSchedule(
        "/b", Retention(last=7), "0 * * * *", ("default",), 1
    )


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"keep": 3}, "path"),
        ({"path": ""}, "path"),
        ({"path": "b", "keep": 0}, "keep"),
        ({"path": "b", "keep": True}, "keep"),
        ({"path": "b", "cron": "hourly"}, "cron"),
        ({"path": "b", "level": 10}, "level"),
        ({"path": "b", "databases": "default"}, "databases"),
        ({"path": "b", "kept": 3}, "kept"),
    ],
)
def test_a_wrong_option_is_named(config: dict[str, Any], name: str) -> None:
    with pytest.raises(DatabaseConfigurationError, match=f"'{name}'"):
        BackupSchedule.from_settings(config)


def test_routers_and_aliases_without_a_url_are_none_to_back_up() -> None:
    databases: dict[str, Any] = {
        "default": {"OPTIONS": {"URL": "a"}},
        "b": {"URL": "b"},
        "c": {"URL": ""},
    }
    databases |= {"ROUTERS": ["x"], "ROUTING": {}}
    assert configured_urls(databases) == {"default": "a", "b": "b"}


async def test_one_database_that_fails_does_not_keep_the_others_from_theirs(
    tmp_path: Path, override_settings: Callable[..., None]
) -> None:
    made = make_database(tmp_path / "a.db")
    override_settings(
        DATABASES={"missing": {"URL": url_of(tmp_path / "m.db")}, "default": {"URL": url_of(made)}}
    )
    with pytest.raises(SomeBackupsFailedError, match="^missing: Database file not found") as caught:
        await run_scheduled_backup(tmp_path / "b")
    assert caught.value.results["default"].path.is_file() and list(caught.value.errors) == [
        "missing"
    ]
    results = await run_scheduled_backup(tmp_path / "b", keep=1, databases=["default"])
    assert list(results) == ["default"] and len(results["default"].removed) == 1
    with pytest.raises(DatabaseAliasNotFoundError, match="'nope'"):
        await run_scheduled_backup(tmp_path / "b", databases=["nope"])


async def test_no_database_at_all_is_an_error(
    tmp_path: Path, override_settings: Callable[..., None]
) -> None:
    override_settings(DATABASES={"default": {"URL": ""}})
    with pytest.raises(DatabaseConfigurationError, match="nothing to back up"):
        await run_scheduled_backup(tmp_path / "b")
