"""Sending files."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from openviper.exceptions import NotFound
from openviper.http.asgi import Receive, Scope, Send
from openviper.http.conditions import Verdict, evaluate, parse_range, requested_range
from openviper.http.responses import Response
from openviper.http.streaming import client_left
from openviper.utils.datastructures import Headers, MutableHeaders, RawHeaders
from openviper.utils.opened_files import Opened, find_below, find_file

__all__ = ["FileResponse", "content_disposition", "parse_range"]

CHUNK_SIZE = 256 * 1024
"""Bytes read and sent at a time."""


class FileResponse(Response):
    """A file, as a download when it has a `filename`.

    Args:
        path: The file.
        status_code: The status of a complete answer.
        headers: Further headers.
        media_type: The content type; guessed from the name when not given.
        filename: The name the browser saves it under; makes it a download.
        allowed_dir: The directory that the file must lie in. It is opened from there part by part, and no link below it is
            followed.
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
        opened: Opened | None = None,
    ) -> None:
        self.path = Path(path)
        self._opened = opened
        self._below = None if allowed_dir is None else _below(Path(allowed_dir), self.path)
        shown = filename or self.path.name
        super().__init__(None, status_code, headers, media_type or _guessed_type(shown))
        # The length is that of the file, which is only looked at when it is sent.
        self.headers.delete("content-length")
        self.headers.setdefault("accept-ranges", "bytes")
        if filename is not None:
            self.headers.setdefault("content-disposition", content_disposition(filename))

    async def prepare(self) -> None:
        """Open the file, unless it came open.

        Raises:
            NotFound: If it does not exist or is not a regular file.
        """
        if self._opened is None:
            self._opened = await asyncio.to_thread(self._open)

    def _open(self) -> Opened:
        opened = find_file(self.path) if self._below is None else find_below(*self._below)
        if opened is None:
            raise NotFound
        return opened

    async def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, a part of it, or the word that the client's copy is still good."""
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
        # Those of this request: a response may be kept, and the file may change.
        headers = MutableHeaders(list(self.raw_headers))
        headers.setdefault("etag", f'"{status.st_mtime_ns:x}-{status.st_size:x}"')
        headers.setdefault("last-modified", formatdate(status.st_mtime, usegmt=True))
        verdict = self._verdict(scope, headers["etag"], status)
        if verdict != "send":
            await _send_empty(send, 304 if verdict == "not modified" else 412, headers.raw)
            return
        code, start, length = self._part(scope, headers, status)
        headers["content-length"] = str(length)
        await send({"type": "http.response.start", "status": code, "headers": headers.raw})
        await _send_part(scope, receive, send, file, start, length)

    def _verdict(self, scope: Scope, etag: str, status: os.stat_result) -> Verdict:
        """Return what the conditions of a request ask for.

        They count where the file is what stands at the address: neither what a POST is answered with, nor the page of an
        error (RFC 9110, 13.2.1).
        """
        if scope["method"] not in ("GET", "HEAD") or self.status_code >= 300:
            return "send"
        return evaluate(Headers(scope["headers"]), scope["method"], etag, status.st_mtime)

    def _part(
        self, scope: Scope, headers: MutableHeaders, status: os.stat_result
    ) -> tuple[int, int, int]:
        """Return the status, the first byte and the number of bytes to send."""
        size = status.st_size
        wanted = self._wanted(scope, headers["etag"], status)
        if wanted is None:
            return self.status_code, 0, size
        start, end = wanted
        if start >= end:
            headers["content-range"] = f"bytes */{size}"
            return 416, 0, 0
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        return 206, start, end - start

    def _wanted(self, scope: Scope, etag: str, status: os.stat_result) -> tuple[int, int] | None:
        """Return the part that is asked for; only GET has ranges (RFC 9110, 14.2)."""
        if self.status_code != 200 or scope["method"] != "GET":
            return None
        return requested_range(Headers(scope["headers"]), status.st_size, etag, status.st_mtime)


async def _send_empty(send: Send, code: int, headers: RawHeaders) -> None:
    dropped = (b"content-type", b"content-length", b"content-disposition")
    raw = [pair for pair in headers if pair[0] not in dropped]
    if code == 412:
        raw.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": code, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


def _guessed_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _below(directory: Path, path: Path) -> tuple[Path, str]:
    """Return a directory and the name of a file below it; the directories on the way are looked at as they are now.

    Raises:
        NotFound: If the file lies elsewhere.
    """
    try:
        base = directory.resolve()
        name = (path.parent.resolve() / path.name).relative_to(base).as_posix()
        is_link = path.is_symlink()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):  # Too long a name is an error of the system, for example.
        raise NotFound from None
    # Refused again when it is opened, as it may become a link meanwhile.
    if is_link or path.name in ("", ".", ".."):
        raise NotFound
    return base, name


async def _send_part(
    scope: Scope, receive: Receive, send: Send, file: BinaryIO, start: int, length: int
) -> None:
    if scope["method"] == "HEAD" or length == 0:
        await send({"type": "http.response.body", "body": b""})
        return
    # A short file is sent before anybody can go away; for a long one it is noticed, and reading stops.
    if length <= CHUNK_SIZE:
        await _send_pieces(send, file, start, length, None)
        return
    leaving = asyncio.ensure_future(client_left(scope, receive))
    try:
        await _send_pieces(send, file, start, length, leaving)
    finally:
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)


async def _send_pieces(
    send: Send, file: BinaryIO, start: int, length: int, leaving: asyncio.Future[None] | None
) -> None:
    while length > 0 and not (leaving is not None and leaving.done()):
        data = await asyncio.to_thread(_read, file, start, min(CHUNK_SIZE, length))
        if not data:
            break  # The file has shrunk meanwhile; the server closes the connection, as the length is not reached.
        start += len(data)
        length -= len(data)
        await send({"type": "http.response.body", "body": data, "more_body": length > 0})
    if length > 0:
        await send({"type": "http.response.body", "body": b""})


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def content_disposition(filename: str) -> str:
    """Return the header that makes an answer a download: an ASCII name, and the real one if it differs (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", filename)
    header = f'attachment; filename="{plain}"'
    if plain == filename:
        return header
    return f"{header}; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
