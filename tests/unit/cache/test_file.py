"""The cache in files: private, bounded, and not put off by what it finds."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from openviper.cache import CacheUnavailableError, FileCache
from openviper.cache.backends.entry_files import PARTIAL
from openviper.exceptions import ImproperlyConfigured


def files(directory: Path) -> list[Path]:
    """Return the files of entries."""
    return [p for p in directory.rglob("*") if p.is_file() and p.name != ".lock"]


async def test_only_this_account_can_read_the_files(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "deep" / "cache"))
    await cache.set("../../key", 1)
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for directory in (file.parent, tmp_path / "deep" / "cache"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770])
async def test_a_directory_that_others_can_write_into_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ImproperlyConfigured, match="nobody else can write into"):
        await FileCache(cache_dir=str(directory)).set("key", 1)


async def test_a_link_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ImproperlyConfigured, match="must be a directory"):
        await FileCache(cache_dir=str(tmp_path / "link")).set("key", 1)


async def test_a_relative_directory_lies_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await FileCache(cache_dir="kept").set("key", 1)
    assert files(tmp_path / "kept")


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"\0", b"openviper-cache-1 nan 1 a\nx"])
async def test_a_damaged_file_counts_as_missing_and_goes(tmp_path: Path, content: bytes) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"))
    await cache.set("key", 1)
    (file,) = files(tmp_path)
    file.write_bytes(content)
    assert await cache.get("key", "missing") == "missing"
    assert not file.exists() and await cache.keys() == []
    assert await cache.add("key", 2)


async def test_a_file_that_was_cut_counts_as_missing(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"))
    await cache.set("key", "x" * 1000)
    (file,) = files(tmp_path)
    os.truncate(file, 700)
    assert await cache.get("key", "missing") == "missing"


async def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"), on_error="raise")
    await cache.set("key", 1)
    (file,) = files(tmp_path)
    target = tmp_path / "target"
    file.rename(target)
    file.symlink_to(target)
    with pytest.raises(CacheUnavailableError):
        await cache.get("key")
    await cache.set("key", 2)
    assert await cache.get("key") == 2 and not file.is_symlink()


async def test_the_number_and_the_bytes_are_bounded(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"), max_entries=40)
    await cache.set("last", 1, ttl=9000)
    for number in range(120):
        await cache.set(f"key-{number}", number, ttl=100 + number)
    assert len(files(tmp_path)) <= 44
    await cache.prune()
    assert len(await cache.keys()) == 40
    assert await cache.has_key("last") and await cache.has_key("key-119")
    small = FileCache(cache_dir=str(tmp_path / "small"), max_bytes=10_000)
    for number in range(100):
        await small.set(f"key-{number}", "x" * 500)
    assert sum(file.stat().st_size for file in files(tmp_path / "small")) < 13_000


async def test_what_a_killed_process_left_behind_goes_later(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"))
    await cache.set("key", 1)
    (file,) = files(tmp_path)
    old, new = file.with_name(f"{PARTIAL}old"), file.with_name(f"{PARTIAL}new")
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    new.write_bytes(b"half")
    assert await cache.prune() == 1
    assert not old.exists() and new.exists() and await cache.get("key") == 1


async def test_a_directory_that_is_gone_is_made_again(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"))
    await cache.set("key", 1)
    for file in files(tmp_path):
        file.unlink()
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    assert await cache.get("key") is None
    await cache.set("key", 2)
    assert await cache.get("key") == 2


async def test_a_place_that_cannot_be_written_is_an_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no directory")
    cache = FileCache(cache_dir=str(tmp_path / "file" / "cache"))
    await cache.set("key", 1)
    assert await cache.get("key") is None
    assert "not available" in caplog.text
    with pytest.raises(CacheUnavailableError):
        await cache.incr("hits")


async def test_readers_see_all_of_a_value_or_the_one_before(tmp_path: Path) -> None:
    cache = FileCache(cache_dir=str(tmp_path / "cache"))
    values = [letter * 20_000 for letter in "ab"]
    await cache.set("key", values[0])

    async def write() -> None:
        for number in range(60):
            await cache.set("key", values[number % 2])

    writing = asyncio.ensure_future(write())
    while not writing.done():
        assert await cache.get("key") in values
