"""Files that came with a form."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import pytest

from openviper.http import UploadFile, sanitize_filename
from openviper.http.uploads import MAX_NAME, WRITTEN_AT_ONCE, Spool
from openviper.storage import FileSystemStorage


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\photo.jpg", "photo.jpg"),
        ("..", "upload"),
        ("", "upload"),
        (".htaccess", "upload"),
        ("a\r\nb\0c", "abc"),
        ("a/b/", "upload"),
        ("  spaced name .txt  ", "spaced name .txt"),
        ("ä€漢.txt", "ä€漢.txt"),
        ('a<b>"c".txt', "abc.txt"),
        ("trailing...", "trailing"),
        ("\u202ecod.exe", "\u202ecod.exe"),
    ],
)
def test_names_are_made_harmless(given: str, kept: str) -> None:
    assert sanitize_filename(given) == kept


@pytest.mark.parametrize("stem", ["a" * 400, "ä" * 200, "漢" * 200])
def test_long_names_are_cut_and_keep_their_extension(stem: str) -> None:
    name = sanitize_filename(f"{stem}.tar")
    assert len(name.encode()) <= 255
    assert name.endswith(".tar")
    assert "\ufffd" not in name


async def test_an_upload_is_read_like_a_file() -> None:
    upload = UploadFile("a.txt", "text/plain", BytesIO(b"0123456789"))
    assert (upload.size, await upload.read(4), await upload.read()) == (10, b"0123", b"456789")
    assert await upload.seek(8) == 8
    assert await upload.read() == b"89"
    assert [chunk async for chunk in upload.chunks(6)] == [b"012345", b"6789"]
    assert "a.txt" in repr(upload)


@pytest.mark.parametrize("on_disk", [False, True])
async def test_an_upload_goes_into_a_storage(on_disk: bool, tmp_path: Path) -> None:
    file = tempfile.TemporaryFile() if on_disk else BytesIO()
    file.write(b"content")
    upload = UploadFile("../a.txt", file=file)
    assert (upload.filename, upload.original_filename) == ("a.txt", "../a.txt")
    assert upload.is_in_memory is not on_disk
    storage = FileSystemStorage(tmp_path)
    name = await upload.save(storage)
    other = await upload.save(storage, "sub/b.txt")
    assert (name, other) == ("a.txt", "sub/b.txt")
    assert await storage.read(name) == await storage.read(other) == b"content"
    await upload.close()


NAMES = [
    "a" * 254 + " " + "b" * 30,
    "a" * 250 + "." * 5 + "b" * 30,
    "ä" * 200 + ".tar.gz",
    "漢" * 100 + "." + "x" * 21,
    "." + "a" * 300,
    "a" * 300 + ".",
    "a. . .",
    "<.htaccess",
    "\ud800.txt",
    "..\\..",
    "a/b\\c\x00.png",
    "CON",
    " . ",
    "\u2028",
    ".a.b.c",
    "x" * 251 + ".jpg",
    "x" * 252 + ".jpg",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_clean_name_is_clean_for_good_and_fits_into_a_folder(name: str) -> None:
    clean = sanitize_filename(name)
    assert sanitize_filename(clean) == clean
    assert 0 < len(clean.encode()) <= MAX_NAME
    assert not clean.startswith(".") and not clean.endswith((".", " "))
    assert not set(clean) & set('/\\<>:"|?*\0')


@pytest.mark.parametrize(
    ("name", "extension"),
    [("ä" * 300 + ".jpeg", ".jpeg"), ("a" * 300 + ".tar.gz", ".gz"), ("a" * 300, "a")],
)
def test_a_long_name_keeps_its_extension(name: str, extension: str) -> None:
    assert sanitize_filename(name).endswith(extension)


@pytest.mark.parametrize("pieces", [[], [b""], [b"abc"], [b"a", b"b" * 10, b"", b"c" * 7]])
@pytest.mark.parametrize("memory", [0, 3, 100])
async def test_what_arrives_in_pieces_is_kept_in_order_wherever_it_lies(
    pieces: list[bytes], memory: int
) -> None:
    spool = Spool(memory)
    for piece in pieces:
        spool.add(piece)
        if spool.is_full:
            await spool.flush()
    file = await spool.finish()
    whole = b"".join(pieces)
    assert (spool.size, file.read()) == (len(whole), whole)
    assert isinstance(file, BytesIO) is (len(whole) <= memory or not whole)
    file.close()


async def test_a_file_is_read_in_pieces_again_and_again() -> None:
    upload = UploadFile("a.bin", file=BytesIO(b"0123456789"))
    assert upload.size == 10 and await upload.read(4) == b"0123"
    for _ in range(2):
        assert [piece async for piece in upload.chunks(4)] == [b"0123", b"4567", b"89"]
    assert await upload.read() == b""
    assert await upload.seek(8) == 8 and await upload.read() == b"89"


def test_the_size_of_a_file_is_found_without_moving_in_it() -> None:
    file = BytesIO(b"0123456789")
    file.seek(3)
    assert UploadFile("a", file=file).size == 10
    assert file.tell() == 3
    assert UploadFile("a").size == 0


async def test_a_file_that_is_on_disk_is_held_in_memory_no_longer() -> None:
    spool, piece = Spool(memory=10 * WRITTEN_AT_ONCE), bytes(range(256)) * 512
    held = 0
    for _ in range(40):
        spool.add(piece)
        held += 1
        if spool.is_full:
            # As much as may stay in memory at first; later a piece more than is written at once.
            assert held == (11 if spool.size == 11 * len(piece) else 2)
            await spool.flush()
            held = 0
    content = await spool.finish()
    assert content.read() == piece * 40
    spool.close()


async def test_a_small_file_is_read_from_its_beginning() -> None:
    spool = Spool(memory=100)
    for piece in (b"one ", b"two ", b"three"):
        spool.add(piece)
    assert not spool.is_full
    assert (await spool.finish()).read() == b"one two three"
    assert spool.size == 13


async def test_what_a_full_disk_does_not_take_is_dropped_without_another_error() -> None:
    spool = Spool(10)
    spool._file = open("/dev/full", "wb")  # noqa: SIM115 - closed by what is tested
    spool.add(b"x" * 20)
    await spool.flush()
    spool.close()
    assert spool._file.closed
