"""What every storage promises."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openviper.storage import Content, FileSystemStorage, MemoryStorage, Storage, base


@pytest.fixture(params=["filesystem", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Return an empty storage of each kind."""
    return (
        FileSystemStorage(tmp_path / "media", "/media")
        if request.param == "filesystem"
        else MemoryStorage("/media")
    )


async def pieces() -> AsyncIterator[bytes]:
    """Yield content bit by bit."""
    yield b"con"
    yield b"tent"


async def test_bytes_files_and_pieces_are_stored_alike(storage: Storage) -> None:
    contents: list[Content] = [b"content", io.BytesIO(b"content"), pieces()]
    for number, content in enumerate(contents):
        name = await storage.save(f"docs/{number}.txt", content)
        assert name == f"docs/{number}.txt"
        assert await storage.read(name) == b"content"
        assert await storage.size(name) == 7
        assert await storage.exists(name)
        with await storage.open(name) as file:
            assert file.read() == b"content"


async def test_a_file_is_never_replaced(storage: Storage) -> None:
    first, second = (
        await storage.save("a/b.tar.gz", b"one"),
        await storage.save("a/b.tar.gz", b"two"),
    )
    assert first == "a/b.tar.gz" and second != first
    assert second.startswith("a/b.tar_") and second.endswith(".gz")
    assert (await storage.read(first), await storage.read(second)) == (b"one", b"two")


async def test_names_are_cleaned_and_stay_inside(storage: Storage) -> None:
    assert await storage.save("../../etc/pass wd", b"x") == "etc/pass_wd"
    assert await storage.save("/C:\\..\\.htaccess", b"x") == "C_/_htaccess"
    assert await storage.read("etc/pass_wd") == b"x"


@pytest.mark.parametrize("name", ["", "..", "/", "a\0b"])
async def test_a_name_of_which_nothing_is_left_is_refused(storage: Storage, name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        await storage.save(name, b"x")


@pytest.mark.parametrize(
    "name", ["", "../a", "a/../b", "/etc/passwd", "a//b", "a\\b", "./a", "a\0"]
)
async def test_a_name_that_leads_out_is_refused_everywhere(storage: Storage, name: str) -> None:
    for call in (storage.open, storage.read, storage.delete, storage.exists, storage.size):
        with pytest.raises(ValueError, match="not the name of a stored file"):
            await call(name)
    with pytest.raises(ValueError, match="not the name"):
        storage.url(name)


async def test_a_missing_file_is_an_error_except_when_deleted(storage: Storage) -> None:
    for call in (storage.open, storage.read, storage.size):
        with pytest.raises(FileNotFoundError):
            await call("no/such.txt")
    assert not await storage.exists("no/such.txt")
    await storage.delete("no/such.txt")


async def test_a_deleted_file_is_gone(storage: Storage) -> None:
    await storage.save("a.txt", b"x")
    await storage.delete("a.txt")
    assert not await storage.exists("a.txt")


async def test_directories_are_listed(storage: Storage) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt"):
        await storage.save(name, b"x")
    assert await storage.listdir() == (["sub"], ["a.txt", "b.txt"])
    assert await storage.listdir("sub/") == (["deep"], ["c.txt"])
    with pytest.raises(FileNotFoundError):
        await storage.listdir("nowhere")
    with pytest.raises(ValueError, match="not the name"):
        await storage.listdir("../")


async def test_a_huge_file_is_not_read_at_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("filesystem", "memory"):
        monkeypatch.setattr(f"openviper.storage.{module}.MAX_READ", 3)
    await storage.save("a.txt", b"1234")
    with pytest.raises(ValueError, match="more than the 3"):
        await storage.read("a.txt")
    assert base.MAX_READ == 100 * 1024 * 1024


def test_addresses_are_encoded(storage: Storage) -> None:
    assert storage.url("sub/50%+é.txt") == "/media/sub/50%25%2B%C3%A9.txt"


def test_both_are_storages(storage: Storage) -> None:
    assert isinstance(storage, Storage)
