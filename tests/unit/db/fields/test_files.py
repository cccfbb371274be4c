"""Uploads: looked at, named and stored before the row is written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from openviper.db.fields import (
    FileField,
    FileStorage,
    ImageField,
    get_file_storage,
    set_file_storage,
)
from openviper.db.fields.uploads import clean_name, detect_kind
from openviper.db.models import Model, ModelValidationError
from openviper.exceptions import ImproperlyConfigured
from tests.integration.db.support import database

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20
GIF = b"GIF89a" + b"\x00" * 20
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
BMP = b"BM\x00\x01\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00"
ZIP = b"PK\x03\x04" + b"\x00" * 20
PDF = b"%PDF-1.7\n"
HTML = b"  <!DOCTYPE html><html></html>"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)


class MemoryStorage:
    """Keeps files in a dict."""

    def __init__(self, answer: str | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.answer = answer

    async def save(self, name: str, content: bytes | BinaryIO) -> str:
        """Store a file."""
        name = self.answer or name
        self.files[name] = content if isinstance(content, bytes) else content.read()
        return name

    async def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return io.BytesIO(self.files[name])

    async def delete(self, name: str) -> None:
        """Delete a file."""
        self.files.pop(name, None)

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file."""
        return name in self.files

    async def size(self, name: str) -> int:
        """Return the length of a file."""
        return len(self.files[name])

    def url(self, name: str) -> str:
        """Return the address of a file."""
        return f"/media/{name}"


class Upload:
    """Looks like the upload of a web request."""

    def __init__(
        self,
        data: bytes,
        filename: str = "",
        content_type: str = "",
        size: int | None = None,
        chunk: int = 1 << 30,
    ) -> None:
        self.file = io.BytesIO(data)
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self.chunk = chunk
        self.taken = 0

    async def read(self, size: int = -1) -> bytes:
        """Return the next part."""
        data = self.file.read(min(size, self.chunk))
        self.taken += len(data)
        return data

    async def seek(self, place: int) -> int:
        """Go to a place."""
        return self.file.seek(place)


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    """Store uploads in memory."""
    memory = MemoryStorage()
    set_file_storage(memory)
    yield memory
    set_file_storage(None)


class Document(Model):
    _app_name = "files"

    paper = FileField(upload_to="papers", max_file_size=1000)
    photo = ImageField(max_size=1000)


def field(given: FileField[Any]) -> FileField[Any]:
    """Return the field as a model would hold it."""
    given.contribute_to_class(type("Holder", (), {}), "paper")
    return given


async def stored(given: FileField[Any], upload: Any) -> str:
    """Run an upload through the checks and return its path."""
    field(given).validate(upload)
    path = await given.pre_save(None, upload)
    assert isinstance(path, str)
    return path


def test_the_storage_in_memory_keeps_the_contract() -> None:
    storage: FileStorage = MemoryStorage()
    assert storage.url("x") == "/media/x"


async def test_an_upload_is_stored_and_its_path_takes_its_place(
    storage: MemoryStorage, tmp_path: Path
) -> None:
    async with database(tmp_path, Document):
        document = Document(
            paper=Upload(PDF, "My paper (1).pdf", "application/pdf"), photo=io.BytesIO(PNG)
        )
        await document.save()
        assert document.paper is not None and document.photo is not None
        assert storage.files == {document.paper: PDF, document.photo: PNG}
        directory, _, name = document.paper.partition("/")
        token, _, name = name.partition("_")
        assert (
            directory == "papers"
            and len(token) == 8
            and int(token, 16) >= 0
            and name == "My_paper_1_.pdf"
        )
        assert document.photo.startswith("images/") and document.photo.endswith("_file.png")
        loaded = await Document.objects.get()
        assert (loaded.paper, loaded.photo) == (document.paper, document.photo)
        await loaded.save()
        assert len(storage.files) == 2
        loaded.paper = b"new"
        await loaded.save()
        assert storage.files[str((await Document.objects.get()).paper)] == b"new"


async def test_a_refused_upload_stores_neither_file_nor_row(
    storage: MemoryStorage, tmp_path: Path
) -> None:
    async with database(tmp_path, Document):
        with pytest.raises(ValueError, match="photo: the content is html"):
            await Document(photo=Upload(HTML, "x.png", "image/png")).save()
        with pytest.raises(ModelValidationError, match="photo: the extension 'svg'"):
            await Document(photo=Upload(SVG, "x.svg", "image/svg+xml")).save()
        with pytest.raises(ModelValidationError, match="paper: 1001 bytes are more than 1000"):
            await Document(paper=b"x" * 1001).save()
        assert storage.files == {} and await Document.objects.count() == 0


async def test_writes_of_many_rows_take_no_uploads(storage: MemoryStorage, tmp_path: Path) -> None:
    async with database(tmp_path, Document):
        with pytest.raises(ValueError, match="paper: an upload is stored by save"):
            await Document.objects.bulk_create([Document(paper=b"x")])
        assert storage.files == {} and await Document.objects.count() == 0


async def test_files_opened_before_are_read_from_their_beginning(
    storage: MemoryStorage, tmp_path: Path
) -> None:
    upload = Upload(PDF, "x.pdf")
    await upload.read(3)
    assert storage.files[await stored(FileField(), upload)] == PDF
    path = tmp_path / "report.txt"
    path.write_bytes(b"text")
    with path.open("rb") as file:
        file.read()
        name = await stored(FileField(), file)
    assert storage.files[name] == b"text" and name.endswith("_report.txt")


async def test_uploads_that_come_in_small_parts_are_read_whole(storage: MemoryStorage) -> None:
    assert (
        storage.files[await stored(FileField(), Upload(b"0123456789", "x.txt", chunk=3))]
        == b"0123456789"
    )


async def test_a_size_is_checked_before_reading(storage: MemoryStorage) -> None:
    upload = Upload(b"x", "x.txt", size=2000)
    with pytest.raises(ValueError, match="paper: 2000 bytes are more than 1000"):
        field(FileField(max_file_size=1000)).validate(upload)
    with pytest.raises(ValueError, match="paper: 2000 bytes are more than 1000"):
        await field(FileField(max_file_size=1000)).pre_save(None, upload)
    assert upload.taken == 0


async def test_a_wrong_size_does_not_help(storage: MemoryStorage) -> None:
    upload = Upload(b"x" * 5000, "x.txt", size=10, chunk=100)
    with pytest.raises(ValueError, match="paper: more than 1000 bytes"):
        await stored(FileField(max_file_size=1000), upload)
    assert upload.taken == 1001 and storage.files == {}
    assert await stored(FileField(max_file_size=5000), Upload(b"x" * 5000, "x.txt"))


async def test_the_setting_limits_what_has_no_limit_of_its_own(
    storage: MemoryStorage, override_settings: Any
) -> None:
    override_settings(MAX_FILE_SIZE=10)
    with pytest.raises(ValueError, match="11 bytes are more than 10"):
        await stored(FileField(), b"x" * 11)
    assert await stored(FileField(max_file_size=11), b"x" * 11)


AGREEING: list[tuple[bytes, str, str]] = [
    (PNG, "a.png", "image/png"),
    (JPEG, "a.JPG", "image/jpeg; charset=x"),
    (GIF, "a.gif", ""),
    (WEBP, "a.webp", "image/webp"),
    (BMP, "a.bmp", "image/x-ms-bmp"),
    (ZIP, "a.zip", "application/x-zip-compressed"),
    (ZIP, "a.docx", "application/octet-stream"),
    (PDF, "a.pdf", "application/pdf"),
    (HTML, "a.html", "text/html"),
    (b"no beginning", "a.htm", "text/html"),
    (b"text", "a.txt", "text/plain"),
    (PNG, "noextension", ""),
    (SVG, "a.svg", "image/svg+xml"),
    (b"", "empty.txt", ""),
    (b"BM is how this text begins", "a.txt", "text/plain"),
]
CONTRADICTING: list[tuple[bytes, str, str]] = [
    (HTML, "a.png", "image/png"),
    (PNG, "a.jpg", ""),
    (PNG, "a.png", "image/jpeg"),
    (PNG, "a.html", "text/html"),
    (b"text", "a.pdf", ""),
    (b"text", "a.bin", "application/pdf"),
    (b"", "a.png", "image/png"),
    (ZIP, "a.gif", ""),
    (HTML, "a.mp4", "video/mp4"),
    (PDF, "noextension", "image/heic"),
    (b"<!-- x -->\n<script>alert(1)</script>", "a.bin", "audio/mpeg"),
]


@pytest.mark.parametrize(("data", "name", "content_type"), AGREEING)
async def test_content_that_is_what_it_says_is_stored(
    data: bytes, name: str, content_type: str, storage: MemoryStorage
) -> None:
    assert storage.files[await stored(FileField(), Upload(data, name, content_type))] == data


@pytest.mark.parametrize(("data", "name", "content_type"), CONTRADICTING)
async def test_content_that_is_something_else_is_refused(
    data: bytes, name: str, content_type: str, storage: MemoryStorage
) -> None:
    with pytest.raises(ValueError, match="^paper: the content is .* does not go with"):
        await stored(FileField(), Upload(data, name, content_type))
    assert storage.files == {}


NAMES: list[tuple[str, str]] = [
    ("plain.txt", "plain.txt"),
    ("../../etc/passwd", "passwd"),
    ("C:\\temp\\x.txt", "x.txt"),
    ("..", "file"),
    (".htaccess", "htaccess"),
    ("a\x00b\n.txt", "a_b_.txt"),
    ("größe 中.pdf", "gr_e_.pdf"),
    ("a..b....txt", "a.b.txt"),
    ("x" * 100 + ".pdf", "x" * 26 + ".pdf"),
    ("x." + "y" * 100, "x." + "y" * 28),
    ("/", "file"),
]


@pytest.mark.parametrize(("given", "expected"), NAMES)
def test_names_are_cleaned(given: str, expected: str) -> None:
    assert clean_name(given, 30) == expected


async def test_a_path_never_grows_longer_than_its_column(storage: MemoryStorage) -> None:
    path = await stored(FileField(upload_to="a/b", max_length=40), Upload(b"x", "y" * 300 + ".txt"))
    assert len(path) == 40 and path.startswith("a/b/") and path.endswith(".txt")


ESCAPES = ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a\\b", "C:/x", "a\x00b", "a/.."]


BAD_PATH = "paper: .* (is not a plain relative path|has a NUL character)"


@pytest.mark.parametrize("path", ESCAPES)
async def test_paths_that_lead_out_of_the_storage_are_refused(
    path: str, storage: MemoryStorage
) -> None:
    with pytest.raises(ValueError, match=BAD_PATH):
        field(FileField()).validate(path)
    with pytest.raises(ValueError, match=BAD_PATH):
        field(FileField()).to_db(path)
    storage.answer = path
    with pytest.raises(ValueError, match=BAD_PATH):
        await stored(FileField(), b"x")


@pytest.mark.parametrize("directory", ["../up", "/abs", "a/../b", "a\\b", "a//"])
def test_directories_that_lead_out_of_the_storage_are_refused(directory: str) -> None:
    with pytest.raises(ValueError, match="not a plain relative path"):
        FileField(upload_to=directory)


def test_arguments_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        FileField(max_length=30)
    with pytest.raises(TypeError, match="two names"):
        FileField(max_size=1, max_file_size=2)
    with pytest.raises(TypeError, match="list of extensions"):
        ImageField(allowed_extensions="png")
    assert FileField(max_size=5).max_file_size == FileField(max_file_size=5).max_size == 5


def test_a_field_is_optional_unless_it_says_otherwise() -> None:
    field(FileField()).validate(None)
    with pytest.raises(ValueError, match="cannot be null"):
        field(FileField(null=False)).validate(None)


async def test_pictures_have_an_extension_of_the_list(storage: MemoryStorage) -> None:
    for data, name in (
        (PNG, "a.png"),
        (JPEG, "a.jpeg"),
        (GIF, "a.GIF"),
        (BMP, "a.bmp"),
        (WEBP, "a.webp"),
    ):
        assert await stored(ImageField(), Upload(data, name))
    assert (await stored(ImageField(), JPEG)).endswith("_file.jpg")
    for name in ("a.svg", "a.pdf", "noextension", "a.png.exe"):
        with pytest.raises(ValueError, match="paper: the extension"):
            await stored(ImageField(), Upload(PNG, name))
    with pytest.raises(ValueError, match="paper: the extension 'bin'"):
        await stored(ImageField(), b"neither name nor picture")
    assert await stored(
        ImageField(allowed_extensions=[".SVG"]), Upload(SVG, "a.svg", "image/svg+xml")
    )


async def test_without_a_storage_the_error_says_so() -> None:
    set_file_storage(None)
    with pytest.raises(ImproperlyConfigured, match="no storage"):
        get_file_storage()
    with pytest.raises(ImproperlyConfigured, match="no storage"):
        await stored(FileField(), b"x")


async def test_what_reads_as_text_is_refused(storage: MemoryStorage) -> None:
    with pytest.raises(ValueError, match="paper: str was read instead of bytes"):
        await stored(FileField(), io.StringIO("text"))


def test_kinds_are_told_by_their_first_bytes() -> None:
    kinds = {
        "png": PNG,
        "jpeg": JPEG,
        "gif": GIF,
        "webp": WEBP,
        "bmp": BMP,
        "zip": ZIP,
        "pdf": PDF,
        "html": HTML,
    }
    assert {kind: detect_kind(data) for kind, data in kinds.items()} == {
        kind: kind for kind in kinds
    }
    assert detect_kind(b"") is None and detect_kind(b"hello <b>x</b>") is None
