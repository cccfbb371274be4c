"""What is looked at before an upload is stored: its size, its name, and whether its content is what it says."""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

_UNWANTED = re.compile(r"[^A-Za-z0-9_.+-]+")
_DRIVE = re.compile(r"[A-Za-z]:")
_SPECIAL = re.compile(r"[\\\x00]|\A\Z")
"""What no plain path has: backslashes, NUL, nothing at all."""
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"%PDF-", "pdf"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x00\x00\x01\x00", "ico"),
)
_HTML = re.compile(
    rb"<(?:!doctype\s{1,16}html|html|head|body|script|iframe|title|style|table|meta|svg|h1|div|br|a\s|p[\s>])",
    re.IGNORECASE,
)
_KIND_OF_EXTENSION = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "gif": "gif",
    "webp": "webp",
    "bmp": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
    "ico": "ico",
    "pdf": "pdf",
    "htm": "html",
    "html": "html",
    "xhtml": "html",
    **dict.fromkeys(
        ("zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "jar", "apk"), "zip"
    ),
}
_KIND_OF_TYPE = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/x-ms-bmp": "bmp",
    "image/tiff": "tiff",
    "image/x-icon": "ico",
    "image/vnd.microsoft.icon": "ico",
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/epub+zip": "zip",
}
_BYTES = (bytes, bytearray, memoryview)
_ACTIVE = {"html", "pdf", "zip"}
"""Kinds that must not hide in what claims to be a picture, a sound or a film."""
EXTENSION_OF_KIND = {"jpeg": "jpg"}


class Content(NamedTuple):
    """An upload that was read.

    Attributes:
        data: Its bytes.
        filename: What the client calls it; empty if it gave no name.
        content_type: What the client says it is; empty if it does not.
    """

    data: bytes
    filename: str
    content_type: str


def is_upload(value: object) -> bool:
    """Return whether a value is something to store: bytes, or something that can be read."""
    return isinstance(value, _BYTES) or callable(getattr(value, "read", None))


def declared_name(value: object) -> str:
    """Return the name that an upload goes by: its `filename`, or the name of an open file."""
    name = getattr(value, "filename", None) or getattr(value, "name", None)
    return name if isinstance(name, str) else ""


def declared_size(value: object) -> int | None:
    """Return how many bytes an upload has, as far as that is known without reading it."""
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    size = value.nbytes if isinstance(value, memoryview) else getattr(value, "size", None)
    return size if isinstance(size, int) else None


def clean_name(filename: str, limit: int) -> str:
    """Return the last part of a path in harmless characters.

    Args:
        filename: The name as the client gave it.
        limit: Most characters; the extension is kept.
    """
    name = _UNWANTED.sub("_", re.split(r"[/\\]", filename)[-1]).lstrip(".")
    name = re.sub(r"\.{2,}", ".", name).rstrip(".") or "file"
    if len(name) <= limit:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) >= limit - 1:
        return name[:limit]
    return stem[: limit - len(extension) - 1] + dot + extension


def extension_of(filename: str) -> str:
    """Return what stands behind the last point, in lower case; empty if there is none."""
    return filename.rpartition(".")[2].lower() if "." in filename else ""


def check_path(path: str) -> None:
    """Check that a path stays inside of whatever it is taken relative to.

    Raises:
        ValueError: If it is absolute, climbs, or is not written in the plain form.
    """
    is_absolute = path.startswith("/") or _DRIVE.match(path)
    is_plain = _SPECIAL.search(path) is None and posixpath.normpath(path) == path.removesuffix("/")
    if is_absolute or not is_plain or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError(f"{path!r} is not a plain relative path")


def detect_kind(data: bytes) -> str | None:
    """Return what the first bytes say: png, jpeg, gif, webp, bmp, tiff, ico, zip, pdf or html; `None` if nothing."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    # Two letters alone would be found in many a text; the reserved bytes of the header are zero.
    if data[:2] == b"BM" and data[6:10] == b"\x00\x00\x00\x00":
        return "bmp"
    return "html" if _begins_like_html(data[:1024]) else None


def _begins_like_html(data: bytes) -> bool:
    """Return whether the first element, behind blanks, comments and declarations of XML, is one of HTML.

    Each of them is stepped over once; a pattern for all of them could be divided among comments in 2^n ways.
    """
    rest = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    while rest.startswith((b"<!--", b"<?xml")):
        end = b"-->" if rest.startswith(b"<!--") else b">"
        _, found, rest = rest[4:].partition(end)
        if not found:
            return False
        rest = rest.lstrip()
    return _HTML.match(rest) is not None


def check_kind(content: Content, filename: str) -> None:
    """Check that content, extension and declared type agree.

    Raises:
        ValueError: If they do not.
    """
    kind = detect_kind(content.data)
    media = content.content_type.partition(";")[0].strip().lower()
    claims = {
        f"the name {filename!r}": _KIND_OF_EXTENSION.get(extension_of(filename)),
        f"the type {media!r}": _KIND_OF_TYPE.get(media),
    }
    for what, claim in claims.items():
        if not _agrees(kind, claim):
            raise ValueError(
                f"the content is {kind or 'of an unknown kind'}, which does not go with {what}"
            )
    if kind in _ACTIVE and None in claims.values() and _is_media(media, filename):
        raise ValueError(
            f"the content is {kind}, which does not go with {filename!r} and {media!r}"
        )


def _agrees(kind: str | None, claim: str | None) -> bool:
    if claim == "html" and kind is None:  # Much HTML has no beginning that gives it away.
        return True
    return claim in (None, kind)


def _is_media(media: str, filename: str) -> bool:
    import mimetypes

    guessed = mimetypes.guess_type(filename)[0] or ""
    return _is_shown(media) or _is_shown(guessed)


def _is_shown(media: str) -> bool:
    # An SVG picture is text, and may well begin like HTML.
    return media.startswith(("image/", "audio/", "video/")) and "svg" not in media


async def read_upload(value: Any, limit: int) -> Content:
    """Read an upload from its beginning.

    Args:
        value: Bytes, or an object with `read`, sync or async, and perhaps `filename` and `content_type`.
        limit: Most bytes.

    Raises:
        ValueError: If it has more than `limit` bytes, or gives something else than bytes.
    """
    size = declared_size(value)
    if size is not None and size > limit:
        raise ValueError(f"{size} bytes are more than {limit}")
    data = bytes(value) if isinstance(value, _BYTES) else await _read(value, limit)
    # The size that was declared may be wrong, or there was none.
    if len(data) > limit:
        raise ValueError(f"more than {limit} bytes")
    return Content(data, declared_name(value), _declared_type(value))


def _declared_type(value: object) -> str:
    media = getattr(value, "content_type", None)
    return media if isinstance(media, str) else ""


async def _read(value: Any, limit: int) -> bytes:
    await _rewind(value)
    parts: list[bytes] = []
    left = limit + 1
    while left > 0:
        part = _checked_part(await _call(value.read, left))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _checked_part(part: object) -> bytes:
    if isinstance(part, (bytes, bytearray)):
        return bytes(part)
    raise ValueError(f"{type(part).__name__} was read instead of bytes")


async def _rewind(value: Any) -> None:
    """Go back to the beginning, as somebody may have looked into the upload before."""
    seek = getattr(value, "seek", None)
    seekable = getattr(value, "seekable", None)
    if callable(seek) and (not callable(seekable) or seekable()):
        await _call(seek, 0)


async def _call(function: Any, argument: int) -> Any:
    import asyncio
    import inspect

    if inspect.iscoroutinefunction(function):
        return await function(argument)
    # Reading a file may block, and the loop must not.
    result = await asyncio.to_thread(function, argument)
    return await result if inspect.isawaitable(result) else result
