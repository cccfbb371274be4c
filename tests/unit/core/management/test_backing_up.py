"""`backup-db` and `restore-db`: options that do not go together, what is reported, and to whom."""

from __future__ import annotations

import json
import sqlite3
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.backup.retention import Retention
from openviper.core.management.backing_up import (
    check_together,
    human_age,
    retention_of,
    warn_of_password,
)
from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.commands import backup_db, restore_db
from openviper.core.management.commands.backup_db import age, at_least_one, seconds
from openviper.exceptions import OpenViperException
from openviper.testing import override_openviper_settings
from tests.projects import KEY
from tests.unit.core.management.speaking import arun, said, terminal

NOTHING = {
    "keep": None,
    "keep_daily": None,
    "keep_weekly": None,
    "keep_monthly": None,
    "keep_within": None,
    "dry_run": False,
    "overwrite": False,
    "filename": None,
    "all": False,
}


@pytest.mark.parametrize("text", ["1", "007", "999999"])
def test_a_count_is_a_number_from_1_on(text: str) -> None:
    assert at_least_one(text) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "", "1.5", "x", " 1", "٣", "1_0"])
def test_anything_else_is_no_count(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a number from 1 on"):
        at_least_one(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("36h", 36), ("1d", 24), ("2w", 336), ("1m", 720), ("1y", 8760), (" 3 d ", 72)],
)
def test_an_age_has_a_unit(text: str, hours: int) -> None:
    assert age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "7", "0d", "-1d", "1D", "1.5d", "d", "1234567d", "1s"])
def test_an_age_without_unit_or_number_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not an age such as"):
        age(text)


@pytest.mark.parametrize(("text", "value"), [("0.1", 0.1), ("86400", 86400.0), ("1e2", 100.0)])
def test_a_timeout_is_a_number_of_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "86401", "nan", "inf", "x", ""])
def test_a_timeout_beyond_its_limits_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a number of seconds up to 86400"):
        seconds(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dry_run": True}, "--dry-run shows what --keep"),
        ({"overwrite": True}, "--overwrite .* needs --filename"),
        ({"all": True, "filename": "x"}, "--filename names one result"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check_together(NOTHING | options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dry_run": True, "keep": 1},
        {"dry_run": True, "keep_within": timedelta(days=1)},
        {"overwrite": True, "filename": "x"},
        {"all": True},
    ],
)
def test_options_that_go_together_pass(options: dict[str, Any]) -> None:
    check_together(NOTHING | options)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, None),
        ({"keep": 3}, Retention(3)),
        ({"keep_daily": 7, "keep_monthly": 2}, Retention(daily=7, monthly=2)),
        ({"keep_within": timedelta(hours=1)}, Retention(within=timedelta(hours=1))),
    ],
)
def test_the_keep_options_make_a_rule(options: dict[str, Any], rule: Retention | None) -> None:
    assert retention_of(NOTHING | options) == rule


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        (None, False),
        ("x.db", False),
        ("sqlite:///x.db", False),
        ("postgresql://u@h/d", False),
        ("postgresql://u:pw@h/d", True),
    ],
)
def test_a_password_on_the_command_line_is_warned_of_and_not_shown(
    url: str | None, warned: bool
) -> None:
    where = terminal()
    warn_of_password(where, url)
    text = said(where).err
    assert ("the password of --db is visible" in text) is warned
    assert "pw" not in text


@pytest.mark.parametrize(
    ("age_in_seconds", "text"),
    [
        (-5, "0 min"),
        (59, "0 min"),
        (60, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (8_640_000, "100 d"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age_in_seconds: float, text: str) -> None:
    assert human_age(age_in_seconds) == text


# With a database


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """A project whose default database has one row; the second alias has no file."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    connection.close()
    databases = {
        "default": {"OPTIONS": {"URL": f"sqlite:///{path}"}},
        "gone": {"OPTIONS": {"URL": f"sqlite:///{tmp_path / 'gone.db'}"}},
    }
    with override_openviper_settings(SECRET_KEY=KEY, DATABASES=databases):
        yield tmp_path


def value(path: Path) -> object:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT a FROM t").fetchone()[0]
    finally:
        connection.close()


async def backup(shop: Path, *arguments: str) -> Any:
    return await arun(backup_db.Command, "--path", str(shop / "out"), *arguments)


async def test_what_was_made_is_reported_and_can_be_listed(shop: Path) -> None:
    made = await backup(shop, "--no-compress", "--filename", "a.sql")
    assert made.lines[0] == "Backup completed successfully"
    assert made.lines[1:4] == [
        "  Database: shop",
        "  Engine:   sqlite",
        f"  File:     {shop / 'out' / 'a.sql'}",
    ]
    listed = await backup(shop, "--list")
    assert listed.lines[0].split() == ["File", "Age", "Size", "Engine", "State"]
    assert listed.lines[1].split()[0] == "a.sql" and "complete" in listed.lines[1]
    (entry,) = json.loads((await backup(shop, "--list", "--json")).out)
    assert entry["path"] == str(shop / "out" / "a.sql")
    assert (entry["engine"], entry["state"]) == ("sqlite", "complete")


async def test_the_outcome_as_json_names_what_the_lines_do(shop: Path) -> None:
    facts = json.loads((await backup(shop, "--json", "--filename", "a.tar.gz")).out)
    assert facts["path"] == str(shop / "out" / "a.tar.gz")
    assert len(facts["checksum"]) == 64 and facts["size"] > 0
    assert facts["removed"] == [] and facts["media_files"] is None


async def test_an_empty_directory_is_said_on_standard_error(shop: Path) -> None:
    (shop / "out").mkdir()
    listed = await backup(shop, "--list")
    assert (listed.out, listed.err) == ("", f"No backups in {shop / 'out'}\n")
    assert json.loads((await backup(shop, "--list", "--json")).out) == []


async def test_one_database_that_fails_does_not_hold_up_the_others(shop: Path) -> None:
    where = shop / "out"
    with pytest.raises(CommandError, match="1 of 2 databases are not backed up: gone"):
        await backup(shop, "--all", "--no-compress")
    assert [path.suffix for path in where.glob("shop*.sql")] == [".sql"]


async def test_nothing_to_back_up_is_an_error(tmp_path: Path) -> None:
    with (
        override_openviper_settings(SECRET_KEY=KEY, DATABASES={}),
        pytest.raises(CommandError, match="No database URL configured"),
    ):
        await backup(tmp_path, "--all")


async def test_a_rehearsal_shows_what_would_go_and_deletes_nothing(shop: Path) -> None:
    nothing = await backup(shop, "--keep", "1", "--dry-run")
    assert nothing.lines == ["Nothing would be removed."]
    await backup(shop, "--no-compress")
    plan = await backup(shop, "--keep-within", "1h", "--dry-run", "--json")
    assert json.loads(plan.out) == {"would_remove": []}
    assert len(list((shop / "out").glob("*.sql"))) == 1


async def test_a_restore_without_a_person_needs_force(shop: Path) -> None:
    await backup(shop, "--no-compress", "--filename", "a.sql")
    connection = sqlite3.connect(shop / "shop.db")
    connection.execute("UPDATE t SET a = 2")
    connection.commit()
    connection.close()
    file = str(shop / "out" / "a.sql")
    with pytest.raises(OpenViperException, match="--force|force"):
        await arun(restore_db.Command, file)
    assert value(shop / "shop.db") == 2
    done = await arun(restore_db.Command, file, "--force")
    assert done.lines[0] == "Database restored successfully."
    assert done.lines[1] == f"  Source:   {file}"
    assert any(line.startswith("  Previous content saved as ") for line in done.lines)
    assert done.lines[-1].startswith("Restart running servers and workers")
    assert value(shop / "shop.db") == 1


async def test_a_person_who_says_no_keeps_everything(shop: Path) -> None:
    await backup(shop, "--no-compress", "--filename", "a.sql")
    before = (shop / "shop.db").read_bytes()
    with pytest.raises(OpenViperException):
        await arun(restore_db.Command, str(shop / "out" / "a.sql"), answers="n\n")
    assert (shop / "shop.db").read_bytes() == before


@pytest.mark.parametrize(
    ("has_sidecar", "checksum"),
    [(True, "as in the sidecar"), (False, "not verified, there is no sidecar")],
)
async def test_a_check_says_what_was_proved(shop: Path, has_sidecar: bool, checksum: str) -> None:
    await backup(shop, "--no-compress", "--filename", "a.sql")
    if not has_sidecar:
        for path in (shop / "out").iterdir():
            if path.name != "a.sql":
                path.unlink()
    checked = await arun(restore_db.Command, str(shop / "out" / "a.sql"), "--check")
    assert checked.lines[0] in ("Backup can be restored.", "Backup is readable.")
    assert f"  Checksum: {checksum}" in checked.lines
    assert value(shop / "shop.db") == 1


async def test_a_check_needs_no_database(tmp_path: Path, shop: Path) -> None:
    await backup(shop, "--no-compress", "--filename", "a.sql")
    with override_openviper_settings(SECRET_KEY=KEY, DATABASES={}):
        checked = await arun(restore_db.Command, str(shop / "out" / "a.sql"), "--check")
    assert checked.lines[0] == "Backup is readable."
    assert any(line.startswith("  Target:   not asked: ") for line in checked.lines)
