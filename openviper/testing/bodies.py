"""The bodies that the test client sends."""

from __future__ import annotations

import json as jsonlib
import mimetypes
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeAlias
from urllib.parse import urlencode

Content: TypeAlias = "bytes | str | Iterable[bytes] | AsyncIterable[bytes]"
FileContent: TypeAlias = bytes | str | BinaryIO
File: TypeAlias = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
"""A file: its content; or its name and content; or those with its content type."""
FilesGiven: TypeAlias = Mapping[str, File | Sequence[File]] | Sequence[tuple[str, File]]


class Outgoing(NamedTuple):
    """A body with its content type.

    Attributes:
        pieces: What is sent, one message each.
        content_type: Its type; empty if nothing is to be said.
        length: How many bytes it has; `None` if that is not known before.
    """

    pieces: list[bytes] | AsyncIterator[bytes]
    content_type: str
    length: int | None


NO_BODY = Outgoing([b""], "", 0)


def make_body(
    json: Any, data: Mapping[str, Any] | None, content: Content | None, files: FilesGiven | None
) -> Outgoing:
    """Return the body of a request.

    Raises:
        ValueError: If more than one kind of body is given.
    """
    if json is None and content is None and data is None and files is None:
        return NO_BODY
    has_form = data is not None or files is not None
    if sum((json is not None, content is not None, has_form)) > 1:
        raise ValueError("give the body as json, as content, or as data and files, not in two ways")
    return _form(data or {}, files) if has_form else _other(json, content)


def _other(json: Any, content: Content | None) -> Outgoing:
    if content is not None:
        return _content(content)
    return _whole(jsonlib.dumps(json).encode(), "application/json")


def _form(data: Mapping[str, Any], files: FilesGiven | None) -> Outgoing:
    if files is not None:
        return _whole(*encode_multipart(data, files))
    return _whole(urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded")


def _whole(body: bytes, content_type: str) -> Outgoing:
    return Outgoing([body], content_type, len(body))


def _content(content: Content) -> Outgoing:
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, (bytes, bytearray)):
        return _whole(bytes(content), "")
    if isinstance(content, AsyncIterable):
        return Outgoing(aiter(content), "", None)
    return Outgoing(list(content) or [b""], "", None)


def encode_multipart(data: Mapping[str, Any], files: FilesGiven) -> tuple[bytes, str]:
    """Return a form of parts as a browser sends it, and its content type."""
    boundary = f"----openviper{secrets.token_hex(12)}"
    parts = []
    for name, value in _pairs(data, (list, tuple)):
        parts.append(_part(boundary, name, None, "", _bytes(value)))
    for name, file in _pairs(files, list):  # A tuple describes one file.
        filename, content, content_type = _described(file)
        parts.append(_part(boundary, name, filename, content_type, _bytes(content)))
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _pairs(given: Any, several: type | tuple[type, ...]) -> list[tuple[str, Any]]:
    """Return names with values; a name has one pair for each value of a collection of these types."""
    if not isinstance(given, Mapping):
        return list(given)
    return [(name, entry) for name, value in given.items() for entry in _entries(value, several)]


def _entries(value: Any, several: type | tuple[type, ...]) -> list[Any]:
    if not isinstance(value, several):
        return [value]
    collection: Any = value
    return list(collection)


def _described(file: Any) -> tuple[str, Any, str]:
    """Return the name, the content and the type of a file."""
    if isinstance(file, tuple):
        filename, content, *rest = file
    else:
        own = getattr(file, "name", None)
        filename = os.path.basename(own) if isinstance(own, str) else "upload"
        content, rest = file, []
    guessed = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return filename, content, rest[0] if rest else guessed


def _bytes(content: Any) -> bytes:
    if hasattr(content, "read"):
        content = content.read()
    return bytes(content) if isinstance(content, (bytes, bytearray)) else str(content).encode()


def _part(boundary: str, name: str, filename: str | None, content_type: str, body: bytes) -> bytes:
    disposition = f'form-data; name="{_quoted(name)}"'
    if filename is not None:
        disposition += f'; filename="{_quoted(filename)}"'
    head = f"--{boundary}\r\ncontent-disposition: {disposition}\r\n"
    if content_type:
        head += f"content-type: {content_type}\r\n"
    return head.encode() + b"\r\n" + body + b"\r\n"


def _quoted(name: str) -> str:
    """Return a name as browsers write it (HTML, 4.10.21.8)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
