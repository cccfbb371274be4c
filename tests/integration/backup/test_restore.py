"""Restores into real SQLite files: everything or nothing, with others connected."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from openviper.backup import restore
from openviper.backup.create import create_backup
from openviper.backup.engines import sqlite_copy, sqlite_target
from openviper.backup.engines.base import RestoreOptions
from openviper.backup.engines.sqlite import SQLiteBackupEngine
from openviper.backup.exceptions import (
    ArchiveError,
    BackupError,
    ChecksumError,
    RestoreRefusedError,
    TargetBusyError,
)
from openviper.backup.paths import ValidationError
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import sidecar_path
from tests.unit.backup.builders import (
    gzip_member_borders,
    make_database,
    make_tar_gz,
    names_in,
    open_database,
    regular,
    special,
    url_of,
)


async def make_backup(
    directory: Path, names: tuple[str, ...] = ("Ada", "Grace"), *, compress: bool = True
) -> Path:
    """Make a backup of a database with these names, which does not exist any more afterwards."""
    source = make_database(directory / "source.db", names)
    result = await create_backup(
        url_of(source), directory / "backup", filename="n", compress=compress
    )
    source.unlink()
    return result.path


def content_of(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("compress", [True, False])
async def test_a_missing_target_is_made_without_a_question(tmp_path: Path, compress: bool) -> None:
    backup = await make_backup(tmp_path, compress=compress)
    result = await restore_backup(backup, url_of(tmp_path / "a.db"))
    assert names_in(tmp_path / "a.db") == ["Ada", "Grace"]
    assert (result.source, result.safety_copy, result.set_aside) == (backup, None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "backup"]
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["file", "database"])
async def test_an_empty_target_is_filled_without_a_question(tmp_path: Path, content: str) -> None:
    target = tmp_path / "a.db"
    target.touch()
    if content == "database":
        with open_database(target) as connection:
            connection.execute("PRAGMA user_version=1")
    await restore_backup(await make_backup(tmp_path), url_of(target))
    assert names_in(target) == ["Ada", "Grace"]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
async def test_the_content_is_replaced_and_the_old_one_saved(
    tmp_path: Path, journal_mode: str
) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "my site.db", ("Old",), journal_mode=journal_mode)
    result = await restore_backup(backup, url_of(target), force=True)
    assert names_in(target) == ["Ada", "Grace"]
    assert result.safety_copy is not None and result.safety_copy.parent == backup.parent
    assert result.safety_copy.name.startswith("my_site_")
    assert result.safety_copy.name.endswith("_before_restore.tar.gz")
    await restore_backup(result.safety_copy, url_of(tmp_path / "undo.db"))
    assert names_in(tmp_path / "undo.db") == ["Old"]


async def test_connected_readers_keep_their_snapshot_and_see_the_new_content_afterwards(
    tmp_path: Path,
) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",), journal_mode="wal")
    with open_database(target) as reader, open_database(target) as idle:
        assert idle.execute("SELECT name FROM person").fetchall() == [("Old",)]
        reader.execute("BEGIN")
        assert reader.execute("SELECT name FROM person").fetchall() == [("Old",)]
        await restore_backup(backup, url_of(target), force=True)
        assert reader.execute("SELECT name FROM person").fetchall() == [("Old",)]
        reader.execute("COMMIT")
        for connection in (reader, idle):
            assert connection.execute("SELECT name FROM person").fetchall() == [
                ("Ada",),
                ("Grace",),
            ]
        idle.execute("INSERT INTO person (name) VALUES ('New')")
        assert idle.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert names_in(target) == ["Ada", "Grace", "New"]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
async def test_a_busy_target_is_waited_for_and_left_alone(
    tmp_path: Path, journal_mode: str
) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",), journal_mode=journal_mode)
    soon = RestoreOptions(lock_timeout=0.3)
    with open_database(target) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(TargetBusyError, match="^Database is busy"):
            await restore_backup(backup, url_of(target), force=True, options=soon)
        writer.execute("ROLLBACK")
    assert names_in(target) == ["Old"]


async def test_a_target_that_becomes_free_in_time_is_restored(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",))
    with open_database(target) as writer:
        writer.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(restore_backup(backup, url_of(target), force=True))
        await asyncio.sleep(0.5)
        assert not task.done()
        writer.execute("COMMIT")
        await task
    assert names_in(target) == ["Ada", "Grace"]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("page_size", [512, 8192, 65536])
async def test_a_target_keeps_its_own_page_size(
    tmp_path: Path, page_size: int, journal_mode: str
) -> None:
    backup = await make_backup(tmp_path, ("x" * 5000,) * 30)
    target = tmp_path / "a.db"
    with open_database(target) as connection:
        connection.execute(f"PRAGMA page_size={page_size}")
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("CREATE TABLE old (id INTEGER)")
    with open_database(target) as reader:
        reader.execute("SELECT * FROM old").fetchall()
        await restore_backup(backup, url_of(target), force=True)
        assert len(reader.execute("SELECT * FROM person").fetchall()) == 30
    assert names_in(target) == ["x" * 5000] * 30
    with open_database(target) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (page_size,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == (journal_mode,)


@pytest.mark.parametrize("damage", [b"", b"not a database", os.urandom(20_000)])
async def test_a_damaged_target_is_set_aside_with_its_side_files(
    tmp_path: Path, damage: bytes
) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",) * 2000)
    content = damage or target.read_bytes()[: 4096 * 3]  # cut off in the middle
    target.write_bytes(content)
    target.chmod(0o640)
    (tmp_path / "a.db-wal").write_bytes(b"stale")
    result = await restore_backup(backup, url_of(target), force=True)
    assert names_in(target) == ["Ada", "Grace"]
    assert target.stat().st_mode & 0o777 == 0o640
    assert result.set_aside is not None and result.set_aside.name.startswith("a.db.damaged-")
    assert result.set_aside.read_bytes() == content
    assert result.safety_copy is None
    assert not (tmp_path / "a.db-wal").exists()


async def test_a_damaged_target_is_not_replaced_without_asking(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    (tmp_path / "a.db").write_bytes(b"not a database")
    with pytest.raises(RestoreRefusedError, match="not a readable database"):
        await restore_backup(backup, url_of(tmp_path / "a.db"))
    assert (tmp_path / "a.db").read_bytes() == b"not a database"


async def test_a_stale_wal_beside_a_missing_target_is_not_replayed(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    other = make_database(tmp_path / "other.db", (), journal_mode="wal")
    with open_database(other) as connection:
        connection.execute("INSERT INTO person (name) VALUES ('from the WAL')")
        wal = (tmp_path / "other.db-wal").read_bytes()
        assert wal
    (tmp_path / "a.db-wal").write_bytes(wal)
    await restore_backup(backup, url_of(tmp_path / "a.db"))
    assert names_in(tmp_path / "a.db") == ["Ada", "Grace"]
    assert [path.read_bytes() for path in tmp_path.glob("a.db.damaged-*-wal")] == [wal]


async def test_a_link_to_the_database_stays_a_link(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "a.db").symlink_to(tmp_path / "data" / "real.db")
    await restore_backup(backup, url_of(tmp_path / "a.db"))
    assert (tmp_path / "a.db").is_symlink()
    assert names_in(tmp_path / "data" / "real.db") == ["Ada", "Grace"]


Spoil = Callable[[Path], object]


def cut_after_the_header(backup: Path) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data[: gzip_member_borders(data)[0]])


def cut_before_the_padding(backup: Path) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data[: gzip_member_borders(data)[-2]])


def cut_in_the_middle(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])


def flip_a_bit(backup: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[len(data) * 2 // 3] ^= 4
    backup.write_bytes(data)


def leave_out_the_member(backup: Path) -> None:
    make_tar_gz(backup, [regular("other.sql", b"x")])


def make_it_a_link(backup: Path) -> None:
    make_tar_gz(backup, [special("backup.sql", tarfile.SYMTYPE, "/etc/passwd")])


def lead_out(backup: Path) -> None:
    make_tar_gz(backup, [regular("../backup.sql", b"x")])


def add_a_second(backup: Path) -> None:
    make_tar_gz(
        backup,
        [
            regular("backup.sql", b"CREATE TABLE a (b);"),
            regular("backup.sql", b"CREATE TABLE a (b);"),
        ],
    )


def empty_it(backup: Path) -> None:
    make_tar_gz(backup, [regular("backup.sql", b"")])


def fill_with_noise(backup: Path) -> None:
    make_tar_gz(backup, [regular("backup.sql", os.urandom(5000))])


def damage_the_database(backup: Path) -> None:
    with tarfile.open(backup) as tar:
        member = tar.extractfile("backup.sql")
        assert member is not None
        content = bytearray(member.read())
    content[4096:6000] = os.urandom(6000 - 4096)
    make_tar_gz(backup, [regular("backup.sql", bytes(content))])


def claim_fifty_gigabytes(backup: Path) -> None:
    info = tarfile.TarInfo("backup.sql")
    info.size = 50 * 10**9
    backup.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))


@pytest.mark.parametrize("with_sidecar", [False, True])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut_after_the_header, "Not a readable archive"),
        (cut_before_the_padding, "Not a readable archive"),
        (cut_in_the_middle, "Not a readable archive"),
        (flip_a_bit, "Not a readable archive"),
        (leave_out_the_member, "No 'backup.sql' member found in archive"),
        (make_it_a_link, "No 'backup.sql' member found in archive"),
        (lead_out, "Path traversal detected"),
        (add_a_second, "Not a readable archive"),
        (claim_fifty_gigabytes, "(Not a readable archive|Not enough disk space)"),
        (empty_it, ".*creates nothing"),
        (fill_with_noise, ".*(neither an SQLite database nor SQL text|fails)"),
        (damage_the_database, ".*is damaged"),
    ],
)
async def test_a_spoiled_backup_leaves_the_target_alone(
    tmp_path: Path, spoil: Spoil, message: str, with_sidecar: bool
) -> None:
    backup = await make_backup(tmp_path, ("x" * 3000,) * 50)
    spoil(backup)
    if not with_sidecar:
        sidecar_path(backup).unlink()
    make_database(tmp_path / "a.db", ("Old",))
    before = content_of(tmp_path)
    with pytest.raises(BackupError, match="^Checksum mismatch" if with_sidecar else f"^{message}"):
        await restore_backup(backup, url_of(tmp_path / "a.db"), force=True)
    assert content_of(tmp_path) == before


async def test_without_verification_a_different_checksum_is_a_warning(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    sidecar = sidecar_path(backup)
    meta = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**meta, "checksum": "0" * 64}))
    with pytest.raises(ChecksumError, match="^Checksum mismatch"):
        await restore_backup(backup, url_of(tmp_path / "a.db"))
    warnings: list[str] = []
    await restore_backup(backup, url_of(tmp_path / "a.db"), verify=False, warn=warnings.append)
    assert len(warnings) == 1 and warnings[0].startswith("Checksum mismatch")
    assert names_in(tmp_path / "a.db") == ["Ada", "Grace"]


async def test_a_missing_sidecar_is_a_warning(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    sidecar_path(backup).unlink()
    warnings: list[str] = []
    await restore_backup(backup, url_of(tmp_path / "a.db"), warn=warnings.append)
    assert len(warnings) == 1 and "no sidecar" in warnings[0]


async def test_an_unreadable_sidecar_is_refused_unless_verification_is_off(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    sidecar_path(backup).write_text("{}")
    with pytest.raises(BackupError, match="^Not a readable sidecar"):
        await restore_backup(backup, url_of(tmp_path / "a.db"))
    await restore_backup(backup, url_of(tmp_path / "a.db"), verify=False)
    assert names_in(tmp_path / "a.db") == ["Ada", "Grace"]


async def test_a_backup_of_another_engine_is_refused_even_without_verification(
    tmp_path: Path,
) -> None:
    backup = await make_backup(tmp_path)
    meta = json.loads(sidecar_path(backup).read_text())
    sidecar_path(backup).write_text(json.dumps({**meta, "db_engine": "postgres"}))
    for verify in (True, False):
        with pytest.raises(BackupError, match="^Backup was made from postgres"):
            await restore_backup(backup, url_of(tmp_path / "a.db"), verify=verify)
    assert not (tmp_path / "a.db").exists()


async def test_the_question_says_what_will_be_lost_and_no_means_no(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",))
    asked: list[str] = []

    def refuse(loss: str) -> bool:
        asked.append(loss)
        return False

    before = content_of(tmp_path)
    with pytest.raises(RestoreRefusedError, match="^Restore cancelled"):
        await restore_backup(backup, url_of(target), confirm=refuse)
    assert asked == [f"the database {str(target)!r} ({target.stat().st_size} bytes)"]
    assert content_of(tmp_path) == before
    await restore_backup(backup, url_of(target), confirm=lambda _: True)
    assert names_in(target) == ["Ada", "Grace"]


async def test_without_anybody_to_ask_force_is_needed(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    target = make_database(tmp_path / "a.db", ("Old",))
    with pytest.raises(RestoreRefusedError, match="^Refusing to overwrite without --force"):
        await restore_backup(backup, url_of(target))
    assert names_in(target) == ["Old"]


async def test_unusable_targets_are_named(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path)
    for url, message in (
        ("sqlite://", "^In-memory SQLite databases cannot be restored"),
        (
            url_of(tmp_path / "missing" / "a.db"),
            "^The directory of the target database does not exist",
        ),
        (url_of(tmp_path), "not a regular file"),
        ("mysql://host/a", "^Backup was made from sqlite, the target is mariadb"),
        ("db2://host/a", "^Unsupported database scheme 'db2'"),
    ):
        with pytest.raises(BackupError, match=message):
            await restore_backup(backup, url)


async def test_a_missing_backup_file_and_dots_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="^Backup file not found"):
        await restore_backup(tmp_path / "missing.tar.gz", url_of(tmp_path / "a.db"))
    with pytest.raises(ValidationError, match="^Path traversal detected"):
        await restore_backup("../x.tar.gz", url_of(tmp_path / "a.db"))


async def restore_text(directory: Path, text: str) -> Path:
    script = directory / "dump.sql"
    script.write_text(text, encoding="utf-8")
    await restore_backup(script, url_of(directory / "a.db"), force=True)
    return directory / "a.db"


async def test_sql_text_as_dumped_by_sqlite_is_restored(tmp_path: Path) -> None:
    source = make_database(tmp_path / "source.db", ("Ada", "it's; -- 𝄞"))
    with open_database(source) as connection:
        text = "PRAGMA foreign_keys=OFF;\n" + "\n".join(connection.iterdump())
    assert names_in(await restore_text(tmp_path, text)) == ["Ada", "it's; -- 𝄞"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ATTACH 'elsewhere.db' AS other;", "uses ATTACH"),
        ("VACUUM INTO 'elsewhere.db';", "uses ATTACH or VACUUM"),
        ("DETACH main;", "uses DETACH"),
        ("SELECT load_extension('evil');", "uses the function load_extension"),
        ("PRAGMA temp_store_directory='/etc';", "uses PRAGMA temp_store_directory"),
        ("CREATE TABLE broken (;", "fails"),
        ("This is no SQL.", "fails"),
        ("BEGIN; CREATE TABLE cut_off (id);", "is cut off"),
        ("-- nothing", "creates nothing"),
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);", "fails"),
    ],
)
async def test_sql_text_that_does_what_it_must_not_leaves_the_target_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "a.db", ("Old",))
    harmless = "" if "creates" in reason else "CREATE TABLE t (id INTEGER PRIMARY KEY);\n"
    with pytest.raises(BackupError, match=reason):
        await restore_text(tmp_path, harmless + statement)
    assert names_in(tmp_path / "a.db") == ["Old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "dump.sql"]


async def test_a_live_database_given_as_the_file_comes_with_its_wal(tmp_path: Path) -> None:
    live = make_database(tmp_path / "live.db", (), journal_mode="wal")
    with open_database(live) as connection:
        connection.execute("INSERT INTO person (name) VALUES ('in the WAL')")
        await restore_backup(live, url_of(tmp_path / "a.db"))
    assert names_in(tmp_path / "a.db") == ["in the WAL"]


async def test_a_cancelled_restore_leaves_the_target_alone(tmp_path: Path) -> None:
    content = ("x" * 1000,) * 20_000
    backup = await make_backup(tmp_path, content)
    for number, delay in enumerate((0.0, 0.02, 0.06)):
        target = make_database(tmp_path / f"{number}.db", ("Old",))
        task = asyncio.create_task(restore_backup(backup, url_of(target), force=True))
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # On a busy machine the wish may come after the commit; half of a restore there is never.
        whole = tuple(names_in(target)) == content
        assert names_in(target) == ["Old"] or (whole and delay), (
            "neither the old content nor the new one"
        )
        assert not list(tmp_path.glob(".*"))


async def test_a_failure_while_writing_rolls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingMonitor(sqlite_copy.StepMonitor):
        def __call__(self, status: int, remaining: int, total: int) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    backup = await make_backup(tmp_path, ("x" * 1000,) * 20_000)
    target = make_database(tmp_path / "a.db", ("Old",))
    monkeypatch.setattr(sqlite_target, "StepMonitor", FailingMonitor)
    with pytest.raises(BackupError, match="cannot write the target database .*disk is full"):
        await restore_backup(backup, url_of(target), force=True)
    assert names_in(target) == ["Old"]


async def test_the_engine_alone_restores_and_refuses_too(tmp_path: Path) -> None:
    backup = await make_backup(tmp_path, compress=False)
    target = make_database(tmp_path / "a.db", ("Old",))
    engine = SQLiteBackupEngine()
    with pytest.raises(RestoreRefusedError):
        await engine.restore(url_of(target), backup)
    assert names_in(target) == ["Old"]
    await engine.restore(url_of(target), backup, force=True)
    assert names_in(target) == ["Ada", "Grace"]


async def test_nothing_is_written_when_the_archive_has_no_member(tmp_path: Path) -> None:
    make_tar_gz(tmp_path / "n.tar.gz", [])
    with pytest.raises(ArchiveError, match="^No 'backup.sql' member found in archive"):
        await restore_backup(tmp_path / "n.tar.gz", url_of(tmp_path / "a.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["n.tar.gz"]


def test_the_engine_names_its_public_functions() -> None:
    assert all(hasattr(restore, name) for name in restore.__all__)
