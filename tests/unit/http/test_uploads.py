"""Files that came with a form."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import pytest

from openviper.http import UploadFile, sanitize_filename
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
