"""What lies in a backup directory, and what `keep` deletes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openviper.backup import create
from openviper.backup.create import create_backup
from openviper.backup.exceptions import BackupError
from openviper.backup.inventory import list_backups
from openviper.backup.paths import ValidationError
from openviper.backup.sidecar import sidecar_path
from tests.unit.backup.builders import make_database, url_of


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if not path.name.endswith(".json"))


@pytest.fixture
def stamps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of stamps that the next backups take, one each; the last one stays."""
    left = [f"2025030{day}-101530" for day in range(1, 8)]

    def generate(name: str, *, compress: bool) -> str:
        stamp = left.pop(0) if len(left) > 1 else left[0]
        return f"{name}_{stamp}{'.tar.gz' if compress else '.sql'}"

    monkeypatch.setattr(create, "generate_backup_filename", generate)
    return left


async def test_the_newest_results_are_kept_with_their_sidecars(
    tmp_path: Path, stamps: list[str]
) -> None:
    url = url_of(make_database(tmp_path / "a.db"))
    for compress in (True, False, True):
        await create_backup(url, tmp_path / "b", compress=compress)
    result = await create_backup(url, tmp_path / "b", keep=2)
    assert [path.name for path in result.removed] == [
        "a_20250301-101530.tar.gz",
        "a_20250302-101530.sql",
    ]
    assert names(tmp_path / "b") == ["a_20250303-101530.tar.gz", "a_20250304-101530.tar.gz"]
    assert len(list((tmp_path / "b").iterdir())) == 4


async def test_numbers_of_the_same_second_count_as_later(tmp_path: Path, stamps: list[str]) -> None:
    stamps[:] = ["20250301-101530"]
    url = url_of(make_database(tmp_path / "a.db"))
    for _ in range(11):
        await create_backup(url, tmp_path / "b")
    await create_backup(url, tmp_path / "b", keep=3)
    assert names(tmp_path / "b") == [
        f"a_20250301-101530-{number}.tar.gz" for number in (10, 11, 12)
    ]


async def test_what_is_not_surely_an_older_backup_of_this_database_stays(
    tmp_path: Path, stamps: list[str]
) -> None:
    (tmp_path / "other").mkdir()
    url, other = (
        url_of(make_database(tmp_path / "a.db")),
        url_of(make_database(tmp_path / "other" / "a.db")),
    )
    directory = tmp_path / "b"
    of_another = await create_backup(other, directory)
    named = await create_backup(url, directory, filename="a_named")
    damaged = await create_backup(url, directory)
    damaged.path.write_bytes(b"cut")
    without = await create_backup(url, directory)
    sidecar_path(without.path).unlink()
    safety = directory / "a_20250301-101530_before_restore.tar.gz"
    safety.write_bytes(b"x")
    (directory / "a_20250301-000000.tar.gz").symlink_to(named.path)
    before = set(names(directory))
    result = await create_backup(url, directory, keep=1)
    assert result.removed == ()
    assert set(names(directory)) == before | {result.path.name}
    assert of_another.path.exists()


async def test_a_failed_backup_deletes_nothing(
    tmp_path: Path, stamps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_database(tmp_path / "a.db")
    for _ in range(3):
        await create_backup(url_of(database), tmp_path / "b")
    database.write_bytes(b"nonsense" * 1000)
    with pytest.raises(BackupError):
        await create_backup(url_of(database), tmp_path / "b", keep=1)
    assert len(names(tmp_path / "b")) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [({"keep": 0}, "at least 1"), ({"keep": 1, "filename": "n"}, "--filename")],
)
async def test_impossible_numbers_to_keep_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    url = url_of(make_database(tmp_path / "a.db"))
    with pytest.raises(ValidationError, match=message):
        await create_backup(url, tmp_path / "b", **options)  # type: ignore[arg-type]  # parametrised
    with pytest.raises(ValidationError, match="compression level 0"):
        await create_backup(url, tmp_path / "b", level=0)


async def test_levels_differ_in_size_and_hold_the_same(tmp_path: Path) -> None:
    url = url_of(
        make_database(
            tmp_path / "a.db", tuple(f"name {number * 7919 % 10007}" for number in range(20_000))
        )
    )
    quick, small = [
        await create_backup(url, tmp_path / "b", filename=f"n{level}", level=level)
        for level in (1, 9)
    ]
    assert quick.size > small.size and quick.content_size == small.content_size


async def test_the_list_says_what_each_file_is(tmp_path: Path, stamps: list[str]) -> None:
    url = url_of(make_database(tmp_path / "a.db"))
    directory = tmp_path / "b"
    results = [await create_backup(url, directory) for _ in range(4)]
    results[1].path.write_bytes(b"cut")
    results[2].path.unlink()
    sidecar_path(results[3].path).write_text("{}")
    (directory / "foreign.sql").write_text("SELECT 1;")
    (directory / "notes.txt").write_text("not a backup")
    (directory / ".hidden.sql").write_text("x")
    entries = {entry.path.name: entry for entry in list_backups(directory)}
    assert [entries[result.path.name].state for result in results] == [
        "complete",
        "wrong size",
        "missing",
        "unreadable sidecar",
    ]
    assert entries["foreign.sql"].state == "no sidecar" and len(entries) == 5
    first = entries[results[0].path.name]
    assert (first.engine, first.database_name, first.size) == ("sqlite", "a", results[0].size)
    stamp = json.loads(sidecar_path(results[0].path).read_text())["timestamp"]
    assert first.made_at.isoformat() == stamp
    ages = [entry.made_at for entry in list_backups(directory)]
    assert ages == sorted(ages, reverse=True)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="^Backup directory not found"):
        list_backups(tmp_path / "missing")
