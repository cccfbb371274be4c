"""Uploads in a directory."""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openviper.storage import FileSystemStorage
from openviper.testing import override_openviper_settings


@pytest.fixture
def storage(tmp_path: Path) -> FileSystemStorage:
    """Return an empty storage."""
    return FileSystemStorage(tmp_path / "media")


def everything(storage: FileSystemStorage) -> list[str]:
    """Return the names of all files, hidden ones too."""
    return sorted(
        str(path.relative_to(storage.location))
        for path in storage.location.rglob("*")
        if path.is_file()
    )


async def test_a_failed_upload_leaves_nothing(storage: FileSystemStorage) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the client went away")

    with pytest.raises(OSError, match="went away"):
        await storage.save("a.txt", broken())
    assert everything(storage) == []


async def test_a_cancelled_upload_leaves_nothing(storage: FileSystemStorage) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        started.set()
        await asyncio.Event().wait()
        yield b""

    task = asyncio.create_task(storage.save("a.txt", endless()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert everything(storage) == []


async def test_uploads_of_one_name_at_once_all_survive(storage: FileSystemStorage) -> None:
    names = await asyncio.gather(
        *(storage.save("a.txt", str(number).encode()) for number in range(20))
    )
    assert len(set(names)) == 20
    assert {await storage.read(name) for name in names} == {
        str(number).encode() for number in range(20)
    }


async def test_an_unfinished_upload_cannot_be_seen(storage: FileSystemStorage) -> None:
    seen: list[object] = []

    async def looking() -> AsyncIterator[bytes]:
        yield b"half"
        seen.append((await storage.exists("a.txt"), await storage.listdir()))

    await storage.save("a.txt", looking())
    assert seen == [(False, ([], []))]
    assert everything(storage) == ["a.txt"]


async def test_links_are_not_followed(storage: FileSystemStorage, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("secret")
    storage.location.mkdir()
    (storage.location / "folder").symlink_to(tmp_path / "outside")
    (storage.location / "link.txt").symlink_to(tmp_path / "outside/secret.txt")
    for name in ("folder/secret.txt", "link.txt"):
        for call in (storage.open, storage.read, storage.size, storage.exists):
            with pytest.raises(ValueError, match="symbolic link"):
                await call(name)
    with pytest.raises(ValueError, match="symbolic link"):
        await storage.save("folder/new.txt", b"x")
    with pytest.raises(ValueError, match="symbolic link"):
        await storage.delete("folder/secret.txt")
    await storage.delete("link.txt")  # Removes the link, not what it leads to.
    assert (await storage.listdir(), os.listdir(tmp_path / "outside")) == (([], []), ["secret.txt"])


async def test_a_link_is_not_overwritten_either(storage: FileSystemStorage, tmp_path: Path) -> None:
    storage.location.mkdir()
    (storage.location / "a.txt").symlink_to(tmp_path / "target")
    assert await storage.save("a.txt", b"x") != "a.txt"
    assert not (tmp_path / "target").exists()


async def test_directories_and_pipes_are_no_files(storage: FileSystemStorage) -> None:
    await storage.save("folder/a.txt", b"x")
    os.mkfifo(storage.location / "pipe")
    for name in ("folder", "pipe", "folder/a.txt/b"):
        with pytest.raises(FileNotFoundError):
            await storage.read(name)
        assert not await storage.exists(name)


async def test_permissions_are_those_of_the_class(tmp_path: Path) -> None:
    class Private(FileSystemStorage):
        file_mode = 0o600
        directory_mode = 0o700

    for kind, modes in ((FileSystemStorage, (0o644, 0o755)), (Private, (0o600, 0o700))):
        storage = kind(tmp_path / kind.__name__)
        await storage.save("folder/a.txt", io.BytesIO(b"x"))
        assert stat.S_IMODE((storage.location / "folder/a.txt").stat().st_mode) == modes[0]
        assert stat.S_IMODE((storage.location / "folder").stat().st_mode) == modes[1]


async def test_place_and_address_come_from_the_settings(tmp_path: Path) -> None:
    storage = FileSystemStorage()
    with override_openviper_settings(MEDIA_ROOT=str(tmp_path / "here"), MEDIA_URL="/uploads"):
        await storage.save("a.txt", b"x")
        assert storage.url("a.txt") == "/uploads/a.txt"
    assert (tmp_path / "here/a.txt").read_bytes() == b"x"
