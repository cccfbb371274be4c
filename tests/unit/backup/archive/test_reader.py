"""The archive format: written once, readable by everybody, read with suspicion."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.archive import reader, writer
from openviper.backup.background import StopFlag, Stopped
from openviper.backup.exceptions import ArchiveError
from openviper.backup.paths import ValidationError
from tests.unit.backup.builders import gzip_member_borders, make_tar_gz, regular, special

CONTENT = bytes(range(256)) * 10_000


def write_archive(path: Path, content: bytes = CONTENT) -> Path:
    source = path.with_name("backup.sql")
    source.write_bytes(content)
    with open(path, "w+b") as file:
        reader.write_tar_gz(file, [source])
    return path


@pytest.mark.parametrize(
    "size", [0, 1, 511, 512, 513, writer.BLOCK_SIZE, 3 * writer.BLOCK_SIZE + 7]
)
def test_what_goes_in_comes_out(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    archive = write_archive(tmp_path / "a.tar.gz", content)
    (tmp_path / "out").mkdir()
    assert [path.read_bytes() for path in reader.unpack_tar_gz(archive, tmp_path / "out")] == [
        content
    ]


def test_the_standard_library_reads_the_archive(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    with tarfile.open(archive) as opened:
        (info,) = opened.getmembers()
        content = opened.extractfile(info)
        assert content is not None and content.read() == CONTENT
    assert (info.name, info.mode, info.uid, info.gid, info.isreg()) == (
        "backup.sql",
        0o600,
        0,
        0,
        True,
    )


@pytest.mark.skipif(
    shutil.which("tar") is None or shutil.which("gzip") is None, reason="needs tar and gzip"
)
def test_tar_and_gzip_read_the_archive_without_a_complaint(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    for command in (["gzip", "-t", str(archive)], ["tar", "tzf", str(archive)]):
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stderr == b""
    assert done.stdout == b"backup.sql\n"


def test_the_archive_is_a_whole_number_of_tar_records(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    assert len(gzip.decompress(archive.read_bytes())) % tarfile.RECORDSIZE == 0


def test_sizes_above_eight_gibibytes_fit_into_the_reserved_header() -> None:
    header = writer._tar_header("backup.sql", 50 * 2**30)
    assert len(header) == tarfile.BLOCKSIZE
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == 50 * 2**30


def test_several_files_keep_their_order(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("b", "a", "c")]
    for number, file in enumerate(files):
        file.write_bytes(bytes(number * 700))
    with open(tmp_path / "a.tar.gz", "w+b") as archive:
        entries = reader.write_tar_gz(archive, files)
    assert [(entry.name, entry.size) for entry in entries] == [("b", 0), ("a", 700), ("c", 1400)]
    assert reader.list_tar_gz_members(tmp_path / "a.tar.gz") == ["b", "a", "c"]
    reader.verify_tar_gz(tmp_path / "a.tar.gz", entries)


def test_memory_stays_bounded_while_a_long_dump_streams_through(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(writer.BLOCK_SIZE)

    with open(tmp_path / "a.tar.gz", "w+b") as file:
        tracemalloc.start()
        try:
            archive = writer.TarGzWriter(file, workers=2)
            archive.add("backup.sql", blocks())
            archive.close()
            assert tracemalloc.get_traced_memory()[1] < 20 * writer.BLOCK_SIZE
        finally:
            tracemalloc.stop()


def test_no_thread_is_left_when_reading_the_dump_fails(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"x"
        raise OSError("gone")

    with open(tmp_path / "a.tar.gz", "w+b") as file, pytest.raises(OSError, match="gone"):
        writer.TarGzWriter(file).add("backup.sql", blocks())
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("backup-compress")
    ]


def test_an_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "a.tar.gz", b"some text" * 300_000).read_bytes()
    borders = gzip_member_borders(whole)
    assert len(borders) >= 5
    cuts = sorted(
        {
            0,
            1,
            9,
            *range(100, len(whole), len(whole) // 40),
            *borders[:-1],
            *(b - 1 for b in borders),
        }
    )
    cut_archive = tmp_path / "cut.tar.gz"
    for number, cut in enumerate(cuts):
        cut_archive.write_bytes(whole[:cut])
        (tmp_path / str(number)).mkdir()
        with pytest.raises(ArchiveError, match="^Not a readable archive"):
            reader.unpack_tar_gz(cut_archive, tmp_path / str(number))


def test_a_flipped_bit_never_goes_unnoticed(tmp_path: Path) -> None:
    source = tmp_path / "backup.sql"
    source.write_bytes(b"some text" * 20_000)
    archive = tmp_path / "a.tar.gz"
    with open(archive, "w+b") as file:
        entries = reader.write_tar_gz(file, [source])
    whole = archive.read_bytes()
    for offset in range(0, len(whole), 37):
        flipped = bytearray(whole)
        flipped[offset] ^= 1 << offset % 8
        archive.write_bytes(flipped)
        try:
            reader.verify_tar_gz(archive, entries)
        except ArchiveError:
            continue
        # The few bits of the gzip header that say nothing about the content: time, extra flags, system.
        assert gzip.decompress(bytes(flipped)) == gzip.decompress(whole)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"", mtime=0), gzip.compress(b"no tar" * 500, mtime=0)],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError, match="^Not a readable archive"):
        reader.list_tar_gz_members(tmp_path / "a.tar.gz")


def test_a_damaged_second_header_does_not_pass_for_the_end(tmp_path: Path) -> None:
    archive = make_tar_gz(tmp_path / "a.tar.gz", [regular("a", b"x" * 600), regular("b", b"y")])
    data = bytearray(gzip.decompress(archive.read_bytes()))
    data[512 + 1024] ^= 1
    archive.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(ArchiveError, match="cut off or damaged"):
        reader.list_tar_gz_members(archive)


def test_data_after_the_end_is_refused(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    archive.write_bytes(archive.read_bytes() + gzip.compress(b"more"))
    with pytest.raises(ArchiveError, match="cut off or damaged"):
        reader.list_tar_gz_members(archive)


@pytest.mark.parametrize("name", ["../backup.sql", "a/../../backup.sql", "/etc/backup.sql"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    archive = make_tar_gz(tmp_path / "a.tar.gz", [regular(name, b"x")])
    (tmp_path / "out").mkdir()
    with pytest.raises(ValidationError, match="^Path traversal detected"):
        reader.unpack_tar_gz(archive, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_links_devices_and_directories_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive = make_tar_gz(
        tmp_path / "a.tar.gz",
        [
            special("link", tarfile.SYMTYPE, "/etc/passwd"),
            special("hard", tarfile.LNKTYPE, "link"),
            special("pipe", tarfile.FIFOTYPE),
            special("disk", tarfile.BLKTYPE),
            special("dir", tarfile.DIRTYPE),
            regular("file", b"x"),
        ],
    )
    assert reader.unpack_tar_gz(archive, tmp_path / "out") == [tmp_path / "out" / "file"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]


def test_a_file_below_a_link_of_the_archive_stays_inside(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive = make_tar_gz(
        tmp_path / "a.tar.gz",
        [special("sub", tarfile.SYMTYPE, str(tmp_path)), regular("sub/file", b"x")],
    )
    assert reader.unpack_tar_gz(archive, tmp_path / "out") == [tmp_path / "out" / "sub" / "file"]
    assert not (tmp_path / "file").exists()


def test_the_same_member_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive = make_tar_gz(
        tmp_path / "a.tar.gz", [regular("backup.sql", b"x"), regular("./backup.sql", b"y")]
    )
    with pytest.raises(ArchiveError, match="twice"):
        reader.unpack_tar_gz(archive, tmp_path / "out", only="backup.sql")


def test_only_the_top_level_member_counts(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    archive = make_tar_gz(
        tmp_path / "a.tar.gz", [regular("sub/backup.sql", b"x"), regular("other", b"x")]
    )
    assert reader.unpack_tar_gz(archive, tmp_path / "out", only="backup.sql") == []
    assert not list((tmp_path / "out").iterdir())


def bomb(path: Path, header: bytes, zeros: int = 64 * 1024) -> Path:
    path.write_bytes(gzip.compress(header + bytes(zeros)))
    return path


def test_a_member_that_claims_more_than_the_disk_holds_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=49 * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (tmp_path / "out").mkdir()
    archive = bomb(tmp_path / "a.tar.gz", writer._tar_header("backup.sql", 50 * 2**30))
    with pytest.raises(ArchiveError, match="^Not enough disk space"):
        reader.unpack_tar_gz(archive, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_extraction_stops_when_the_disk_fills_up_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    (tmp_path / "out").mkdir()
    usage = shutil.disk_usage(tmp_path)
    free = iter([10 * len(CONTENT), 10 * len(CONTENT), 100])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free)))
    with pytest.raises(ArchiveError, match="^Not enough disk space"):
        reader.unpack_tar_gz(archive, tmp_path / "out")


def test_an_extended_header_cannot_fill_the_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type = tarfile.XHDTYPE
    info.size = 50 * 2**30
    archive = bomb(tmp_path / "a.tar.gz", info.tobuf(tarfile.GNU_FORMAT), 2 * 2**20)
    with pytest.raises(ArchiveError, match="^Not a readable archive: a header claims"):
        reader.list_tar_gz_members(archive)


def test_many_headers_before_a_member_cannot_fill_the_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 400 * 1024
    headers = (info.tobuf(tarfile.GNU_FORMAT) + b"a" * info.size) * 3
    archive = bomb(tmp_path / "a.tar.gz", headers)
    with pytest.raises(ArchiveError, match="a header claims more than 1048576 bytes"):
        reader.list_tar_gz_members(archive)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MAX_MEMBERS", 3)
    archive = make_tar_gz(tmp_path / "a.tar.gz", [regular(str(number), b"") for number in range(4)])
    with pytest.raises(ArchiveError, match="more than 3 members"):
        reader.list_tar_gz_members(archive)


def test_a_difference_from_what_was_written_is_found(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", b"abc")
    with pytest.raises(ArchiveError, match="differs from what was written"):
        reader.verify_tar_gz(archive, [writer.ArchivedFile("backup.sql", 3, "0" * 64)])


def test_stopping_ends_writing_reading_and_extracting(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar.gz")
    (tmp_path / "out").mkdir()
    stop = StopFlag()
    stop.set()
    with open(tmp_path / "b.tar.gz", "w+b") as file, pytest.raises(Stopped):
        reader.write_tar_gz(file, [tmp_path / "backup.sql"], stop=stop)
    with pytest.raises(Stopped):
        reader.verify_tar_gz(archive, [], stop=stop)
    with pytest.raises(Stopped):
        reader.unpack_tar_gz(archive, tmp_path / "out", stop=stop)


async def test_the_asynchronous_pair_round_trips(tmp_path: Path) -> None:
    (tmp_path / "backup.sql").write_bytes(CONTENT)
    (tmp_path / "out").mkdir()
    await reader.create_tar_gz(tmp_path / "a.tar.gz", [tmp_path / "backup.sql"])
    assert (tmp_path / "a.tar.gz").stat().st_mode & 0o777 == 0o600
    (extracted,) = await reader.extract_tar_gz(tmp_path / "a.tar.gz", tmp_path / "out")
    assert extracted.read_bytes() == CONTENT
    assert extracted.stat().st_mode & 0o777 == 0o600


async def test_a_failed_archive_leaves_nothing_and_replaces_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await reader.create_tar_gz(tmp_path / "a.tar.gz", [tmp_path / "missing"])
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.tar.gz").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        await reader.create_tar_gz(tmp_path / "a.tar.gz", [])
    assert (tmp_path / "a.tar.gz").read_bytes() == b"kept"


def test_reading_back_finds_a_change_anywhere_and_anything_more(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with open(path, "w+b") as file:
        made = writer.TarGzWriter(file, workers=2)
        made.add("backup.sql", [CONTENT[: 1 << 20], CONTENT[1 << 20 :]])
        made.close()
        file.flush()
        whole = path.read_bytes()
        assert made.verify() == hashlib.sha256(whole).hexdigest()
        borders = gzip_member_borders(whole)
        for place in (20, borders[0] + 30, borders[1] - 3, len(whole) - 2):
            file.seek(place)
            file.write(bytes([whole[place] ^ 1]))
            file.flush()
            with pytest.raises(ArchiveError, match="differs from what was written"):
                made.verify()
            file.seek(place)
            file.write(whole[place : place + 1])
        file.seek(0, os.SEEK_END)
        file.write(b"x")
        with pytest.raises(ArchiveError, match="longer"):
            made.verify()
        file.truncate(len(whole) - 1)
        with pytest.raises(ArchiveError, match="differs"):
            made.verify()
