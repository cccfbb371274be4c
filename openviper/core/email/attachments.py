"""Attachments in every form that a caller may give them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from openviper.core.email.attachment import OCTETS, AttachmentData, clean_filename, detect_mimetype
from openviper.core.email.safe_fetch import (
    NoRedirectHandler,
    is_private_hostname,
    is_restricted_ip,
    safe_fetch,
    validate_public_ip_address,
)

__all__ = [
    "ALLOWED_URL_SCHEMES",
    "ATTACHMENT_ALLOWED_DIRS",
    "MAX_ATTACHMENT_BYTES",
    "AttachmentData",
    "NoRedirectHandler",
    "attachment_from_payload",
    "attachment_to_payload",
    "detect_mimetype",
    "fetch_url_attachment",
    "is_private_hostname",
    "is_restricted_ip",
    "resolve_attachment",
    "resolve_attachments",
    "resolve_dict_attachment",
    "resolve_file_attachment",
    "resolve_tuple_attachment",
    "resolve_url_attachment",
    "validate_public_ip_address",
]

ATTACHMENT_ALLOWED_DIRS: list[str] = []
"""Directories from which files may be attached; none when empty. Assign to it: it is read at each call."""
MAX_ATTACHMENT_BYTES = 25 * 1024 * 1024
"""Most bytes of one attachment, of whatever kind."""
ALLOWED_URL_SCHEMES: set[str] = {"http", "https"}
"""Schemes of addresses that may be fetched."""
FETCH_TIMEOUT = 10.0
"""Seconds that fetching one may take in all."""
AT_ONCE = 4
"""Files and addresses that are read at a time."""
LONGEST_PATH = 4096

_URL = re.compile(r"https?://", re.IGNORECASE)


async def resolve_attachments(attachments: Sequence[object] | None) -> list[AttachmentData]:
    """Return attachments as names, types and bytes, in order.

    Args:
        attachments: `AttachmentData`, bytes, paths, addresses, tuples and dicts; see the reference of mail.

    Raises:
        TypeError: If one has a form that is not known.
        ValueError: If one may not be read, is too large, or has a type that is none.
        OSError: If a file or an address cannot be read.
    """
    if not attachments:
        return []
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(index: int, attachment: object) -> AttachmentData:
        async with gate:
            return await resolve_attachment(attachment, index)

    tasks = [
        asyncio.ensure_future(one(index, attachment))
        for index, attachment in enumerate(attachments, 1)
    ]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def resolve_attachment(attachment: object, index: int) -> AttachmentData:
    """Return one attachment; `index` counts from 1 and names what has no name."""
    if isinstance(attachment, AttachmentData):
        mimetype = detect_mimetype(
            attachment.filename, attachment.content, attachment.mimetype or OCTETS
        )
        return replace(_limited(attachment, index), mimetype=mimetype)
    if isinstance(attachment, (bytes, bytearray, memoryview)):
        return _limited(AttachmentData(_fallback(index), bytes(attachment)), index)
    if isinstance(attachment, Path):
        return await resolve_file_attachment(
            attachment, clean_filename(attachment.name, _fallback(index))
        )
    if isinstance(attachment, str):
        if _is_url(attachment):
            return await resolve_url_attachment(attachment, index)
        return await resolve_file_attachment(
            Path(attachment), clean_filename(attachment, _fallback(index))
        )
    if isinstance(attachment, tuple):
        return await resolve_tuple_attachment(attachment, index)
    if isinstance(attachment, Mapping):
        return await resolve_dict_attachment(attachment, index)
    raise TypeError(f"attachment {index} is {type(attachment).__name__}, which cannot be attached")


async def resolve_tuple_attachment(attachment: tuple[object, ...], index: int) -> AttachmentData:
    """Return an attachment given as ``(filename, payload)`` or ``(filename, payload, mimetype)``."""
    if len(attachment) not in (2, 3):
        raise TypeError(
            f"attachment {index} is a tuple of {len(attachment)}; it takes (filename, payload[, mimetype])"
        )
    filename, payload = attachment[0], attachment[1]
    explicit = attachment[2] if len(attachment) == 3 else None
    if not isinstance(filename, str):
        raise TypeError(f"attachment {index} has the name {filename!r}, which is no text")
    if isinstance(payload, Path):
        found = await resolve_file_attachment(payload, filename)
    elif isinstance(payload, str) and _is_url(payload):
        found = await resolve_url_attachment(payload, index)
    elif isinstance(payload, str) and await asyncio.to_thread(_is_allowed_file, payload):
        found = await resolve_file_attachment(Path(payload), filename)
    else:
        return _finished(filename, _as_bytes(payload, index), explicit, index)
    return _finished(filename, found.content, explicit or found.mimetype, index)


async def resolve_dict_attachment(
    attachment: Mapping[object, object], index: int
) -> AttachmentData:
    """Return an attachment given as a dict with ``content_b64``, ``path``, ``url`` or ``content``."""
    filename, explicit = attachment.get("filename"), attachment.get("mimetype")
    if filename is not None and not isinstance(filename, str):
        raise TypeError(f"attachment {index} has the name {filename!r}, which is no text")
    content_id = attachment.get("content_id") or ""
    if not isinstance(content_id, str):
        raise TypeError(f"attachment {index} has the content_id {content_id!r}, which is no text")
    if attachment.get("content_b64") is not None:
        found = AttachmentData(filename or "", _decoded(attachment["content_b64"], index), "")
    elif attachment.get("path") is not None:
        path = attachment["path"]
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"attachment {index} has the path {path!r}, which is none")
        found = await resolve_file_attachment(Path(path), filename or Path(path).name)
    elif attachment.get("url") is not None:
        url = attachment["url"]
        if not isinstance(url, str):
            raise TypeError(f"attachment {index} has the address {url!r}, which is no text")
        found = await resolve_url_attachment(url, index)
    elif attachment.get("content") is not None:
        found = AttachmentData(filename or "", _as_bytes(attachment["content"], index), "")
    else:
        raise TypeError(f"attachment {index} is a dict without content_b64, path, url or content")
    done = _finished(filename or found.filename, found.content, explicit or found.mimetype, index)
    return replace(done, content_id=content_id) if content_id else done


def _finished(filename: str, content: bytes, explicit: object, index: int) -> AttachmentData:
    name = clean_filename(filename, _fallback(index))
    return _limited(AttachmentData(name, content, detect_mimetype(name, content, explicit)), index)


def _limited(attachment: AttachmentData, index: int) -> AttachmentData:
    if not isinstance(attachment.content, (bytes, bytearray)):
        raise TypeError(f"attachment {index} has {type(attachment.content).__name__} for a content")
    if len(attachment.content) > MAX_ATTACHMENT_BYTES:
        raise ValueError(
            f"attachment {index} has {len(attachment.content)} bytes; {MAX_ATTACHMENT_BYTES} are allowed"
        )
    name = clean_filename(attachment.filename, _fallback(index))
    return replace(attachment, filename=name, content=bytes(attachment.content))


def _fallback(index: int) -> str:
    return f"attachment-{index}.bin"


def _as_bytes(payload: object, index: int) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"attachment {index} has {type(payload).__name__} for a content")


def _decoded(text: object, index: int) -> bytes:
    if not isinstance(text, (str, bytes, bytearray)):
        raise TypeError(f"attachment {index} has {type(text).__name__} for content_b64")
    if len(text) > (MAX_ATTACHMENT_BYTES + 2) // 3 * 4:
        raise ValueError(
            f"attachment {index} is larger than the {MAX_ATTACHMENT_BYTES} bytes that are allowed"
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(
            f"attachment {index} has a content_b64 that is no base64: {error}"
        ) from None


# Files


def _is_url(text: str) -> bool:
    return _URL.match(text) is not None


def _allowed_directories() -> list[Path]:
    return [Path(one).resolve() for one in ATTACHMENT_ALLOWED_DIRS]


def _is_allowed_file(text: str) -> bool:
    """Tell whether a text is the path of a file that may be attached; all other texts are contents."""
    if not text or len(text) > LONGEST_PATH or "\0" in text or "\n" in text or "\r" in text:
        return False
    try:
        path = Path(text).resolve()
        return any(path.is_relative_to(one) for one in _allowed_directories()) and path.is_file()
    except (OSError, RuntimeError, ValueError):
        return False


async def resolve_file_attachment(path: Path, filename: str) -> AttachmentData:
    """Return a file below one of `ATTACHMENT_ALLOWED_DIRS`.

    Raises:
        ValueError: If it may not be attached, is no regular file, or is too large.
        OSError: If it is missing or cannot be read.
    """
    if not ATTACHMENT_ALLOWED_DIRS:
        raise ValueError(
            f"file {filename!r} is not attached: ATTACHMENT_ALLOWED_DIRS names no directory"
        )
    content = await asyncio.to_thread(_read_file, path, filename)
    name = clean_filename(filename, path.name)
    return AttachmentData(name, content, detect_mimetype(name, content))


def _read_file(path: Path, filename: str) -> bytes:
    try:
        resolved = path.resolve(strict=True)
    except RuntimeError:
        raise ValueError(
            f"file {filename!r} is not attached: its links go round in a circle"
        ) from None
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        # Whether there is a file elsewhere is nobody's business.
        if not any(
            Path(os.path.abspath(path)).is_relative_to(one) for one in _allowed_directories()
        ):
            raise ValueError(
                f"file {filename!r} is outside of the directories in ATTACHMENT_ALLOWED_DIRS"
            ) from None
        raise type(error)(error.errno, error.strerror, filename) from None
    if not any(resolved.is_relative_to(one) for one in _allowed_directories()):
        raise ValueError(
            f"file {filename!r} is outside of the directories in ATTACHMENT_ALLOWED_DIRS"
        )
    # Not the link that may have taken the file's place meanwhile, and not a pipe that nobody writes to.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(resolved, flags)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, filename) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{filename!r} is no regular file")
        content = (
            b"" if status.st_size > MAX_ATTACHMENT_BYTES else file.read(MAX_ATTACHMENT_BYTES + 1)
        )
        if status.st_size > MAX_ATTACHMENT_BYTES or len(content) > MAX_ATTACHMENT_BYTES:
            raise ValueError(
                f"file {filename!r} is larger than the {MAX_ATTACHMENT_BYTES} bytes that are allowed"
            )
        return content


# Addresses


async def resolve_url_attachment(url: str, index: int) -> AttachmentData:
    """Return what an address of the public internet answers with.

    Raises:
        ValueError: If the address is refused, redirects, or answers with too much.
        OSError: If it does not answer in time, or with an error.
    """
    return await asyncio.to_thread(fetch_url_attachment, url, index)


def fetch_url_attachment(url: str, index: int) -> AttachmentData:
    """Do what `resolve_url_attachment` does, and block for as long."""
    found = safe_fetch(
        url, max_bytes=MAX_ATTACHMENT_BYTES, timeout=FETCH_TIMEOUT, schemes=ALLOWED_URL_SCHEMES
    )
    name = clean_filename(found.filename, _fallback(index))
    explicit = found.content_type.partition(";")[0].strip()
    try:
        mimetype = detect_mimetype(name, found.content, explicit)
    except ValueError:
        mimetype = detect_mimetype(name, found.content)  # What the server said is no type.
    return AttachmentData(name, found.content, mimetype)


# For the queue


def attachment_to_payload(attachment: AttachmentData) -> dict[str, str]:
    """Return an attachment as JSON can hold it."""
    payload = {
        "filename": attachment.filename,
        "content_b64": base64.b64encode(attachment.content).decode("ascii"),
        "mimetype": attachment.mimetype,
    }
    return {**payload, "content_id": attachment.content_id} if attachment.content_id else payload


def attachment_from_payload(payload: Mapping[str, str]) -> AttachmentData:
    """Return the attachment of a payload."""
    return AttachmentData(
        payload["filename"],
        base64.b64decode(payload["content_b64"]),
        payload["mimetype"],
        payload.get("content_id", ""),
    )
