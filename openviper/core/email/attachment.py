"""Attached files: their names, types and contents."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass, field

OCTETS = "application/octet-stream"
_TOKEN = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+"
_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+(?:@[A-Za-z0-9.\-]+)?\Z")
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_DOCUMENT = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
ZIPPED = {
    ".docx": f"{_DOCUMENT}.wordprocessingml.document",
    ".xlsx": f"{_DOCUMENT}.spreadsheetml.sheet",
    ".pptx": f"{_DOCUMENT}.presentationml.presentation",
    ".odt": f"{_OPEN}.text",
    ".ods": f"{_OPEN}.spreadsheet",
    ".odp": f"{_OPEN}.presentation",
    ".odg": f"{_OPEN}.graphics",
    ".epub": "application/epub+zip",
    ".jar": "application/java-archive",
    ".apk": "application/vnd.android.package-archive",
    ".kmz": "application/vnd.google-earth.kmz",
    ".xpi": "application/x-xpinstall",
    ".whl": "application/zip",
}
"""Extensions of formats that are ZIP archives inside; the system's table may lack them."""


@dataclass(slots=True)
class AttachmentData:
    """One file.

    Attributes:
        filename: Its name, without a path.
        content: Its bytes.
        mimetype: ``type/subtype``.
        content_id: Where the HTML body shows it as ``<img src="cid:...">``, the part behind ``cid:``; then it is no attachment.
    """

    filename: str
    content: bytes = field(repr=False)
    mimetype: str = OCTETS
    content_id: str = ""

    def __post_init__(self) -> None:
        if self.content_id and not _CONTENT_ID.match(self.content_id):
            raise ValueError(
                f"content_id {self.content_id!r} holds characters that an address does not"
            )


def split_mimetype(mimetype: str) -> tuple[str, str]:
    """Return type and subtype; those of any file if the text is no MIME type."""
    main, slash, sub = mimetype.partition("/")
    return (main, sub) if slash and _TYPE.match(mimetype) else ("application", "octet-stream")


def detect_mimetype(filename: str, content: bytes, explicit: object = None) -> str:
    """Return the MIME type of a file.

    Args:
        filename: Its name.
        content: Its bytes.
        explicit: What the caller says it is; taken as it is.

    Raises:
        ValueError: If `explicit` is not ``type/subtype`` of two tokens (RFC 2045, 5.1).
    """
    if explicit:
        if not isinstance(explicit, str) or not _TYPE.match(explicit):
            raise ValueError(f"{explicit!r} is no MIME type")
        return explicit.lower()
    found = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    extension = "." + filename.rpartition(".")[2].lower()
    if found == "application/zip" and extension in ZIPPED:
        return ZIPPED[extension]
    if found is not None:
        return found
    guessed, encoding = mimetypes.guess_type(filename, strict=False)
    if encoding is not None:  # ``.tar.gz`` is told as tar that is compressed.
        return {
            "gzip": "application/gzip",
            "bzip2": "application/x-bzip2",
            "xz": "application/x-xz",
        }.get(encoding, OCTETS)
    return guessed or OCTETS


def clean_filename(name: str, fallback: str) -> str:
    """Return the last component of a name without control characters, or `fallback` if nothing is left."""
    base = re.split(r"[/\\]", _CONTROL.sub("", name))[-1].strip()
    return base[:255] if base not in ("", ".", "..") else fallback
