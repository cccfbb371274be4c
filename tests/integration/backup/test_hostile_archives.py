"""Archives and disks at their worst: whatever is wrong, the target stays as it was."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.exceptions import ArchiveError, BackupError
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import sidecar_path
from tests.unit.backup.builders import (
    gzip_member_borders,
    make_database,
    names_in,
    open_database,
    url_of,
)

FLIPS = 200


@pytest.fixture
def backup(tmp_path: Path) -> bytes:
    """Give the bytes of an archive with several gzip members, half of them hard to compress."""
    import asyncio

    database = make_database(
        tmp_path / "source.db", tuple(os.urandom(1500).hex() for _ in range(1200))
    )
    result = asyncio.run(create_backup(url_of(database), tmp_path / "made"))
    data = result.path.read_bytes()
    assert len(gzip_member_borders(data)) >= 6
    return data


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return make_database(tmp_path / "a.db", ("Old",))


@pytest.mark.one_version
async def test_two_hundred_flipped_bits_are_found_or_harmless(
    tmp_path: Path, backup: bytes, target: Path
) -> None:
    before = target.read_bytes()
    whole = gzip.decompress(backup)
    spoiled = tmp_path / "spoiled.tar.gz"
    chance = random.Random(20250302)
    borders = gzip_member_borders(backup)
    # Headers and trailers are few among so many bytes, so half of the flips go there.
    places = [chance.choice([0, *borders[:-1]]) + chance.randrange(18) for _ in range(FLIPS // 2)]
    places += [chance.randrange(len(backup)) for _ in range(FLIPS // 2)]
    harmless = 0
    for place in places:
        data = bytearray(backup)
        data[place] ^= 1 << chance.randrange(8)
        spoiled.write_bytes(data)
        try:
            await check_backup(spoiled)
        except BackupError as error:
            assert "\n" not in str(error)
            # What the check refuses, the restore refuses too; some are tried, to keep the test short.
            if place % 10 == 0:
                with pytest.raises(BackupError):
                    await restore_backup(spoiled, url_of(target), force=True)
        else:
            # Only the fields of a gzip or tar header that say nothing about the content: times, owner's system.
            harmless += 1
            assert gzip.decompress(bytes(data)) == whole
    assert harmless < FLIPS // 2
    assert target.read_bytes() == before


async def test_an_archive_cut_at_any_member_border_is_refused(
    tmp_path: Path, backup: bytes, target: Path
) -> None:
    before = target.read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for border in [0, *gzip_member_borders(backup)[:-1]]:
        cut.write_bytes(backup[:border])
        with pytest.raises(ArchiveError, match="^Not a readable archive"):
            await restore_backup(cut, url_of(target), force=True)
        with pytest.raises(ArchiveError, match="^Not a readable archive"):
            await check_backup(cut)
    assert target.read_bytes() == before


async def test_a_bomb_is_stopped_by_the_free_space_before_it_is_used_up(
    tmp_path: Path, target: Path
) -> None:
    info = tarfile.TarInfo("backup.sql")
    info.size = 50 * 10**12
    (tmp_path / "bomb.tar.gz").write_bytes(
        gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    )
    with pytest.raises(
        ArchiveError, match="^Not enough disk space: 'backup.sql' needs 50000000000000 bytes"
    ):
        await restore_backup(tmp_path / "bomb.tar.gz", url_of(target), force=True)
    assert names_in(target) == ["Old"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"needs root and the right to mount: {done.stderr}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


async def test_a_backup_onto_a_full_disk_leaves_nothing(
    tmp_path: Path, backup: bytes, small_disk: Path
) -> None:
    # The copy of the database alone fills the disk; the smaller one fits and its archive does not.
    for rows in (2000, 1050):
        database = make_database(
            tmp_path / f"{rows}.db", tuple(os.urandom(1500).hex() for _ in range(rows))
        )
        with pytest.raises((OSError, BackupError)) as caught:
            await create_backup(url_of(database), small_disk / "b")
        assert "\n" not in str(caught.value)
        assert list(small_disk.iterdir()) == []


async def test_a_restore_onto_a_full_disk_leaves_the_old_content(
    tmp_path: Path, backup: bytes, small_disk: Path
) -> None:
    (tmp_path / "whole.tar.gz").write_bytes(backup)
    target = make_database(small_disk / "a.db", ("Old",), journal_mode="wal")
    with pytest.raises((OSError, BackupError)) as caught:
        await restore_backup(tmp_path / "whole.tar.gz", url_of(target), force=True)
    assert "\n" not in str(caught.value)
    assert names_in(target) == ["Old"]
    assert [path.name for path in small_disk.iterdir() if path.name.startswith(".")] == []


async def test_a_disk_that_fills_while_the_target_is_written_leaves_the_old_content(
    tmp_path: Path, small_disk: Path
) -> None:
    source = make_database(tmp_path / "s.db", tuple(os.urandom(500).hex() for _ in range(1900)))
    result = await create_backup(url_of(source), tmp_path / "b")
    # The prepared copy fits beside the target; the target's own growth does not fit any more.
    target = make_database(small_disk / "a.db", ("Old",), journal_mode="delete")
    with open_database(target) as connection:
        connection.execute("CREATE TABLE ballast (noise BLOB)")
        connection.execute("INSERT INTO ballast VALUES (zeroblob(1000000))")
    with pytest.raises((OSError, BackupError)):
        await restore_backup(result.path, url_of(target), force=True)
    assert names_in(target) == ["Old"]


async def test_a_check_touches_nothing_and_says_what_it_found(
    tmp_path: Path, backup: bytes
) -> None:
    (tmp_path / "x").mkdir()
    file = tmp_path / "x" / "whole.tar.gz"
    file.write_bytes(backup)
    warnings: list[str] = []
    result = await check_backup(file, warn=warnings.append)
    assert (result.engine, result.has_sidecar) == ("sqlite", False)
    assert result.content_size == (tmp_path / "source.db").stat().st_size
    assert len(warnings) == 1 and [path.name for path in (tmp_path / "x").iterdir()] == [
        "whole.tar.gz"
    ]
    assert file.read_bytes() == backup
    (made,) = (tmp_path / "made").glob("*.tar.gz")
    assert (await check_backup(made)).has_sidecar
    sidecar_path(made).write_text(
        sidecar_path(made).read_text().replace('"checksum": "', '"checksum": "0')
    )
    with pytest.raises(BackupError, match="^Checksum mismatch"):
        await check_backup(made)
