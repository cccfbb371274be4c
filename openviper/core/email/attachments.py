"""Attachments in every form that a caller may give them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from openviper.conf.sections import unknown_key_errors
from openviper.core.email.allowed_files import allowed_directories, read_allowed_file
from openviper.core.email.attachment_data import OCTETS, AttachmentData, clean_filename
from openviper.core.email.mime_parts import text_type
from openviper.core.email.mime_types import detect_mimetype
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

_URL = re.compile(r"https?://", re.IGNORECASE)


async def resolve_attachments(attachments: Sequence[object] | None) -> list[AttachmentData]:
    """Return attachments as names, types and bytes, in order.

    Args:
        attachments: `AttachmentData`, bytes, paths, addresses, tuples and dicts; see the reference of mail.

    Raises:
        TypeError: If they are no list, or one has a form that is not known.
        ValueError: If one may not be read, is too large, or has a type that is not one.
        OSError: If a file or an address cannot be read.
    """
    if not attachments:
        return []
    if isinstance(attachments, (str, bytes, bytearray, Mapping)) or not isinstance(
        attachments, Sequence
    ):
        raise TypeError(f"attachments are a list of files, not {type(attachments).__name__}")
    gate = asyncio.Semaphore(AT_ONCE)

    async def resolve(index: int, attachment: object) -> AttachmentData:
        async with gate:
            return await resolve_attachment(attachment, index)

    tasks = [
        asyncio.ensure_future(resolve(index, attachment))
        for index, attachment in enumerate(attachments, 1)
    ]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def resolve_attachment(attachment: object, index: int) -> AttachmentData:
    """Return one attachment; `index` counts from 1 and names what has no name."""
    for form, resolve in _FORMS:
        if isinstance(attachment, form):
            return await resolve(attachment, index)
    raise TypeError(f"attachment {index} is {type(attachment).__name__}, which cannot be attached")


async def _resolve_data(attachment: AttachmentData, index: int) -> AttachmentData:
    mimetype = detect_mimetype(
        attachment.filename, attachment.content, attachment.mimetype or OCTETS
    )
    return replace(_limited(attachment, index), mimetype=mimetype)


async def _resolve_bytes(attachment: bytes | bytearray | memoryview, index: int) -> AttachmentData:
    return _limited(AttachmentData(_fallback(index), bytes(attachment)), index)


async def _resolve_path(attachment: Path, index: int) -> AttachmentData:
    name = clean_filename(attachment.name, _fallback(index))
    return await resolve_file_attachment(attachment, name)


async def _resolve_text(attachment: str, index: int) -> AttachmentData:
    if _is_url(attachment):
        return await resolve_url_attachment(attachment, index)
    return await _resolve_path(Path(attachment), index)


async def resolve_tuple_attachment(attachment: tuple[object, ...], index: int) -> AttachmentData:
    """Return an attachment given as ``(filename, payload)`` or ``(filename, payload, mimetype)``.

    A text is a content, whatever it looks like; a file is given as a `Path`.
    """
    filename, payload, explicit = _parts_of(attachment, index)
    if isinstance(payload, Path):
        return await _from_path(payload, filename, explicit, index)
    return _from_content(filename, payload, explicit, index)


def _parts_of(attachment: tuple[object, ...], index: int) -> tuple[str, object, object]:
    if len(attachment) not in (2, 3):
        raise TypeError(
            f"attachment {index} is a tuple of {len(attachment)}; it takes (filename, payload[, mimetype])"
        )
    filename, payload, explicit = (*attachment, None)[:3]
    if not isinstance(filename, str):
        raise TypeError(f"attachment {index} has the name {filename!r}, which is not a text")
    return filename, payload, explicit


async def resolve_dict_attachment(
    attachment: Mapping[object, object], index: int
) -> AttachmentData:
    """Return an attachment given as a dict with ``content_b64``, ``path``, ``url`` or ``content``."""
    _check_keys(attachment, index)
    filename = _text_of(attachment, "filename", index)
    content_id = _text_of(attachment, "content_id", index)
    for key, resolve in _SOURCES.items():
        value = attachment.get(key)
        if value is not None:
            file = await resolve(value, filename, attachment.get("mimetype"), index)
            return replace(file, content_id=content_id) if content_id else file
    raise TypeError(f"attachment {index} is a dict without content_b64, path, url or content")


def _check_keys(attachment: Mapping[object, object], index: int) -> None:
    errors = unknown_key_errors(f"attachment {index}", attachment, _KEYS)
    if errors:
        raise TypeError("; ".join(errors))


def _text_of(attachment: Mapping[object, object], key: str, index: int) -> str:
    value = attachment.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"attachment {index} has the {key} {value!r}, which is not a text")
    return value


async def _from_base64(
    value: object, filename: str, explicit: object, index: int
) -> AttachmentData:
    return _finished(filename, _decoded(value, index), explicit, index)


async def _from_path(value: object, filename: str, explicit: object, index: int) -> AttachmentData:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"attachment {index} has the path {value!r}, which is not one")
    path = Path(value)
    file = await resolve_file_attachment(path, filename or path.name)
    return _finished(filename or file.filename, file.content, explicit or file.mimetype, index)


async def _from_url(value: object, filename: str, explicit: object, index: int) -> AttachmentData:
    if not isinstance(value, str):
        raise TypeError(f"attachment {index} has the address {value!r}, which is not a text")
    file = await resolve_url_attachment(value, index)
    return _finished(filename or file.filename, file.content, explicit or file.mimetype, index)


async def _from_plain_content(
    value: object, filename: str, explicit: object, index: int
) -> AttachmentData:
    return _from_content(filename, value, explicit, index)


_Resolve = Callable[[Any, int], Awaitable[AttachmentData]]
_FORMS: tuple[tuple[type | tuple[type, ...], _Resolve], ...] = (
    (AttachmentData, _resolve_data),
    ((bytes, bytearray, memoryview), _resolve_bytes),
    (Path, _resolve_path),
    (str, _resolve_text),
    (tuple, resolve_tuple_attachment),
    (Mapping, resolve_dict_attachment),
)
_SOURCES: dict[str, Callable[[object, str, object, int], Awaitable[AttachmentData]]] = {
    "content_b64": _from_base64,
    "path": _from_path,
    "url": _from_url,
    "content": _from_plain_content,
}
_KEYS = frozenset({*_SOURCES, "filename", "mimetype", "content_id"})
"""Keys that a dict may have."""


def _from_content(filename: str, payload: object, explicit: object, index: int) -> AttachmentData:
    """Return a file of this content; a text is encoded as UTF-8, and the type says so."""
    file = _finished(filename, _as_bytes(payload, index), explicit, index)
    return replace(file, mimetype=text_type(file.mimetype)) if isinstance(payload, str) else file


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
        try:
            return payload.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"attachment {index} has half a character: {error.reason}") from None
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"attachment {index} has {type(payload).__name__} for a content")


def _decoded(text: object, index: int) -> bytes:
    if not isinstance(text, (str, bytes, bytearray)):
        raise TypeError(f"attachment {index} has {type(text).__name__} for content_b64")
    longest = (MAX_ATTACHMENT_BYTES + 2) // 3 * 4
    if len(text) > longest:
        raise ValueError(
            f"attachment {index} is larger than the {MAX_ATTACHMENT_BYTES} bytes that are allowed"
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(
            f"attachment {index} has a content_b64 that is not base64: {error}"
        ) from None


# Files


def _is_url(text: str) -> bool:
    return _URL.match(text) is not None


async def resolve_file_attachment(path: Path, filename: str) -> AttachmentData:
    """Return a file below one of `ATTACHMENT_ALLOWED_DIRS`.

    Raises:
        ValueError: If it may not be attached, is not a regular file, or is too large.
        ImproperlyConfigured: If `ATTACHMENT_ALLOWED_DIRS` is no list of directories.
        OSError: If it is missing or cannot be read.
    """
    directories = allowed_directories(ATTACHMENT_ALLOWED_DIRS)
    if not directories:
        raise ValueError(
            f"file {filename!r} is not attached: ATTACHMENT_ALLOWED_DIRS names no directory"
        )
    content = await asyncio.to_thread(
        read_allowed_file, path, filename, directories, MAX_ATTACHMENT_BYTES
    )
    name = clean_filename(filename, path.name)
    return AttachmentData(name, content, detect_mimetype(name, content))


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
    file = safe_fetch(
        url, max_bytes=MAX_ATTACHMENT_BYTES, timeout=FETCH_TIMEOUT, schemes=ALLOWED_URL_SCHEMES
    )
    name = clean_filename(file.filename, _fallback(index))
    try:
        mimetype = detect_mimetype(name, file.content, file.content_type.partition(";")[0])
    except ValueError:
        mimetype = detect_mimetype(name, file.content)  # What the server said is not a type.
    return AttachmentData(name, file.content, mimetype)


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
