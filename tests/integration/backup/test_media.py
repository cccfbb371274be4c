"""Media files in the same archive as the database, and back in their place."""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.exceptions import ArchiveError, BackupError
from openviper.backup.paths import ValidationError
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import read_metadata, sidecar_path
from tests.unit.backup.builders import make_tar_gz, regular

LONG = "d" * 90 + "/" + "ä" * 60 + ".txt"


@pytest.fixture
def media(tmp_path: Path) -> Path:
    root = tmp_path / "media"
    for name in ("a.txt", "deep/b.bin", LONG, "empty"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 3000)
    (root / "link").symlink_to("/etc/passwd")
    return root


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    return f"sqlite:///{tmp_path / 'a.db'}"


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


async def test_media_files_go_there_and_back(tmp_path: Path, media: Path, url: str) -> None:
    before = files_of(media)
    result = await create_backup(url, tmp_path / "b", media=media)
    assert result.media_files == 4
    assert read_metadata(sidecar_path(result.path))["media_files"] == 4
    with tarfile.open(result.path) as tar:
        assert tar.getnames()[0] == "backup.sql" and f"media/{LONG}" in tar.getnames()
        assert not [name for name in tar.getnames() if "link" in name]
    (media / "a.txt").write_text("changed")
    (media / "new.txt").write_text("made later")
    done = await restore_backup(result.path, url, force=True, media=media)
    assert files_of(media) == before and done.media_files == 4
    assert done.media_set_aside is not None
    assert (done.media_set_aside / "new.txt").read_text() == "made later"
    # The database alone can be taken out of it too.
    await restore_backup(result.path, url, force=True)
    assert (await check_backup(result.path, url=url)).proved


async def test_media_files_that_were_not_there_come_into_being(
    tmp_path: Path, media: Path, url: str
) -> None:
    result = await create_backup(url, tmp_path / "b", media=media)
    place = tmp_path / "elsewhere"
    done = await restore_backup(result.path, url, force=True, media=place)
    assert files_of(place) == files_of(media) and done.media_set_aside is None


async def test_a_failed_restore_leaves_the_media_files(
    tmp_path: Path, media: Path, url: str
) -> None:
    before = files_of(media)
    archive = make_tar_gz(
        tmp_path / "x.tar.gz", [regular("backup.sql", b"nonsense;"), regular("media/a.txt", b"x")]
    )
    with pytest.raises(BackupError):
        await restore_backup(archive, url, force=True, media=media)
    assert files_of(media) == before
    assert not list(tmp_path.glob(".media.*")) and not list(tmp_path.glob("media.before*"))


@pytest.mark.parametrize("name", ["media/../../x", "media/a/../../../x"])
async def test_nothing_is_written_outside(tmp_path: Path, media: Path, url: str, name: str) -> None:
    sql = b"CREATE TABLE u (a);"
    archive = make_tar_gz(tmp_path / "x.tar.gz", [regular("backup.sql", sql), regular(name, b"x")])
    with pytest.raises((ArchiveError, ValidationError)):
        await restore_backup(archive, url, force=True, media=media)
    assert not (tmp_path / "x").exists() and not (tmp_path.parent / "x").exists()


async def test_a_backup_without_media_files_is_said_to_have_none(
    tmp_path: Path, media: Path, url: str
) -> None:
    result = await create_backup(url, tmp_path / "b")
    with pytest.raises(BackupError, match="holds no media files"):
        await restore_backup(result.path, url, force=True, media=media)
    with pytest.raises(ValidationError, match="--no-compress"):
        await create_backup(url, tmp_path / "b", media=media, compress=False)
    with pytest.raises(BackupError, match="cannot read the media files"):
        await create_backup(url, tmp_path / "b", media=tmp_path / "missing")
