"""Sending files: conditional requests and ranges (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import stat
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

from openviper.exceptions import NotFound
from openviper.http.asgi import Receive, Scope, Send
from openviper.http.responses import Response, disconnected
from openviper.utils.datastructures import Headers

CHUNK_SIZE = 256 * 1024
"""Bytes read and sent at a time."""
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)\Z")


class FileResponse(Response):
    """A file, as a download when it has a `filename`.

    Args:
        path: The file.
        status_code: The status of a complete answer.
        headers: Further headers.
        media_type: The content type; guessed from the name when not given.
        filename: The name the browser saves it under; makes it a download.
        allowed_dir: The directory that the file must lie in after all links are followed.
        opened: The file, opened already by a caller who is careful about links, and its status; it will be closed.

    Raises:
        NotFound: If the file lies outside `allowed_dir`; from `prepare`, if it does not exist.
    """

    needs_preparation = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        media_type: str | None = None,
        filename: str | None = None,
        allowed_dir: str | os.PathLike[str] | None = None,
        opened: tuple[BinaryIO, os.stat_result] | None = None,
    ) -> None:
        self.path = Path(path)
        self._opened = opened
        if allowed_dir is not None and not self.path.resolve().is_relative_to(
            Path(allowed_dir).resolve()
        ):
            raise NotFound
        guessed = (
            media_type
            or mimetypes.guess_type(filename or self.path.name)[0]
            or "application/octet-stream"
        )
        super().__init__(None, status_code, headers, guessed)
        # The length is that of the file, which is only looked at when it is sent.
        self.headers.delete("content-length")
        self.headers.setdefault("accept-ranges", "bytes")
        if filename is not None:
            self.headers.setdefault("content-disposition", content_disposition(filename))

    async def prepare(self) -> None:
        """Open the file.

        Raises:
            NotFound: If it does not exist or is not a regular file.
        """
        self._opened = await asyncio.to_thread(_open, self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, a part of it, or the word that the client's copy is still good."""
        if self._opened is None:
            await self.prepare()
        assert self._opened is not None
        (file, status), self._opened = self._opened, None
        try:
            await self._answer(scope, receive, send, file, status)
        finally:
            file.close()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, file: BinaryIO, status: os.stat_result
    ) -> None:
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.headers.setdefault("etag", etag)
        self.headers.setdefault("last-modified", formatdate(status.st_mtime, usegmt=True))
        request = Headers(scope["headers"])
        if not_modified(request, self.headers["etag"], status.st_mtime):
            raw = [
                pair
                for pair in self.raw_headers
                if pair[0] not in (b"content-type", b"content-length")
            ]
            await send({"type": "http.response.start", "status": 304, "headers": raw})
            await send({"type": "http.response.body", "body": b""})
            return
        size = status.st_size
        wanted = None
        if self.status_code == 200:
            wanted = requested_range(request, size, self.headers["etag"], status.st_mtime)
        start, end, code = 0, size, self.status_code
        if wanted is not None:
            start, end = wanted
            if start >= end:
                self.headers["content-range"] = f"bytes */{size}"
                start, end, code = 0, 0, 416
            else:
                self.headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
                code = 206
        self.headers["content-length"] = str(end - start)
        await send({"type": "http.response.start", "status": code, "headers": self.raw_headers})
        if scope["method"] == "HEAD" or start == end:
            await send({"type": "http.response.body", "body": b""})
            return
        await _send_part(receive, send, file, start, end - start)


def _open(path: Path) -> tuple[BinaryIO, os.stat_result]:
    try:
        file = path.open("rb")
    except (OSError, ValueError):
        raise NotFound from None
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise NotFound
    return file, status


async def _send_part(receive: Receive, send: Send, file: BinaryIO, start: int, length: int) -> None:
    # A short file is sent before anybody can go away; for a long one it is noticed, and reading stops.
    leaving = asyncio.ensure_future(disconnected(receive)) if length > CHUNK_SIZE else None
    try:
        while length > 0 and not (leaving is not None and leaving.done()):
            data = await asyncio.to_thread(_read, file, start, min(CHUNK_SIZE, length))
            if not data:
                break  # The file has shrunk meanwhile; the server closes the connection, as the length is not reached.
            start += len(data)
            length -= len(data)
            await send({"type": "http.response.body", "body": data, "more_body": length > 0})
    finally:
        if leaving is not None:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
    if length > 0:
        await send({"type": "http.response.body", "body": b""})


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def content_disposition(filename: str) -> str:
    """Return the header that makes an answer a download: an ASCII name, and the real one if it differs (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", filename)
    header = f'attachment; filename="{plain}"'
    return header if plain == filename else f"{header}; filename*=UTF-8''{quote(filename, safe='')}"


def not_modified(request: Headers, etag: str, modified: float) -> bool:
    """Tell whether the client's copy is still good."""
    tags = request.get("if-none-match")
    if tags is not None:
        # Weak comparison; with a tag the date does not count (RFC 9110, 13.1.3).
        return tags.strip() == "*" or etag in [
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        ]
    since = _seconds(request.get("if-modified-since"))
    return since is not None and int(modified) <= since


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return None


def requested_range(
    request: Headers, size: int, etag: str, modified: float
) -> tuple[int, int] | None:
    """Return the part asked for as start and end, empty if it lies behind the file; `None` means all of it."""
    header = request.get("range")
    if header is None or size == 0:
        return None
    part = parse_range(header, size)
    if part == "ignore":
        return None
    condition = request.get("if-range")
    if condition is not None and condition.strip() != etag and _seconds(condition) != int(modified):
        return None
    return (0, 0) if part == "unsatisfiable" else (part[0], part[1] + 1)


def parse_range(header: str, size: int) -> tuple[int, int] | Literal["ignore", "unsatisfiable"]:
    """Return what a `Range` header asks of a file (RFC 9110, 14.1.2).

    Args:
        header: The header; anything but one well-formed range of bytes is ``"ignore"``, which means all of the file.
        size: The file's size, in bytes.

    Returns:
        The first and the last byte; or ``"unsatisfiable"`` if the range lies behind the end, or the file is empty.
    """
    match = _RANGE.match(header.strip())
    first, last = match.groups() if match is not None else ("", "")
    if not first and not int(last or 0):
        return "ignore"
    if first and last and int(last) < int(first):
        return "ignore"
    if size == 0 or (first and int(first) >= size):
        return "unsatisfiable"
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
