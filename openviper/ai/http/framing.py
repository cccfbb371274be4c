"""The forms of HTTP/1.1 answers (RFC 9112), read from bytes without a connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from openviper.ai.http.errors import ProtocolError

MAX_HEAD = 64 * 1024
"""Most bytes of status line and header fields."""
MAX_FIELDS = 200
"""Most header fields."""
MAX_SIZE_LINE = 1024
"""Most bytes of the line with the size of a chunk."""
MAX_OVERHEAD = 16 * 1024
"""Bytes beyond twice the content that sizes of chunks may take."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):[ \t]*(.*)", re.DOTALL)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the content.

    Attributes:
        status: 100 to 599.
        headers: Values by name in lower case; several of one name are joined with ``", "``.
        is_http_1_0: Whether the server speaks the older version, which keeps no connection unasked.
    """

    status: int
    headers: Mapping[str, str]
    is_http_1_0: bool = False

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection can be used again after the content."""
        words = {word.strip().lower() for word in self.headers.get("connection", "").split(",")}
        return "close" not in words and ("keep-alive" in words or not self.is_http_1_0)


def parse_head(data: bytes) -> Head:
    """Understand the status line and the header fields, without the empty line behind them.

    Raises:
        ProtocolError: If they have another form.
    """
    first, *lines = (line.removesuffix(b"\r") for line in data.split(b"\n"))
    status = _status(first)
    if len(lines) > MAX_FIELDS:
        raise ProtocolError(f"the answer has more than {MAX_FIELDS} header fields")
    headers: dict[str, str] = {}
    for name, value in map(_field, lines):
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(status, headers, first.startswith(b"HTTP/1.0"))


def _status(line: bytes) -> int:
    status = _STATUS.fullmatch(line)
    if status is None:
        raise ProtocolError("the server does not speak HTTP/1.1")
    return int(status[1])


def _field(line: bytes) -> tuple[str, str]:
    field = _FIELD.fullmatch(line)
    if field is None or b"\0" in line or b"\r" in line:
        raise ProtocolError("the answer has a header field that is none")
    return field[1].decode("ascii").lower(), field[2].decode("latin-1").strip(" \t")


class Content(Protocol):
    """Finds the content in what comes behind the head."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        ...

    @property
    def is_delimited(self) -> bool:
        """Whether the answer itself tells its end, rather than the end of the connection."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Return the content in the next piece.

        Raises:
            ProtocolError: If it has a wrong form, or goes on after the end.
        """
        ...

    def finish(self) -> None:
        """Note that the connection has ended.

        Raises:
            ProtocolError: If that is too early.
        """
        ...


class Sized:
    """Content whose length was announced."""

    is_delimited = True

    def __init__(self, length: int) -> None:
        self._left = length
        self._length = length

    @property
    def is_complete(self) -> bool:
        """Whether all of it has come."""
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """Return the piece; see `Content.feed`."""
        if len(data) > self._left:
            raise ProtocolError("the server sends more than it has announced")
        self._left -= len(data)
        return data

    def finish(self) -> None:
        """Refuse an early end; see `Content.finish`."""
        if self._left:
            raise ProtocolError(
                f"the connection ended after {self._length - self._left} of {self._length} bytes"
            )


class UntilEnd:
    """Content that goes on until the connection ends."""

    is_delimited = False
    is_complete = False

    def feed(self, data: bytes) -> bytes:
        """Return the piece; see `Content.feed`."""
        return data

    def finish(self) -> None:
        """Take the end of the connection for the end of the content."""
        self.is_complete = True


class Chunked:
    """Content in chunks that tell their size (RFC 9112, 7.1)."""

    is_delimited = True

    def __init__(self) -> None:
        self.is_complete = False
        self._pending = b""
        self._at = 0
        self._searched = 0
        self._left = 0
        self._step = self._size_line
        self._content = 0
        self._overhead = 0

    def feed(self, data: bytes) -> bytes:
        """Return the content of the chunks in the piece; see `Content.feed`."""
        self._searched = len(self._pending) - self._at
        self._pending = self._pending[self._at :] + data
        self._at = 0
        found: list[bytes] = []
        while self._at < len(self._pending) and self._step(found):
            pass
        return b"".join(found)

    def finish(self) -> None:
        """Refuse an early end; see `Content.finish`."""
        if not self.is_complete:
            raise ProtocolError("the connection ended before the last chunk")

    def _line(self) -> bytes | None:
        end = self._pending.find(b"\n", max(self._at, self._searched))
        if end < 0:
            _check_size_line(len(self._pending) - self._at)
            return None
        line = self._pending[self._at : end].removesuffix(b"\r")
        self._overhead += end + 1 - self._at
        self._at = end + 1
        self._check_overhead(len(line))
        return line

    def _check_overhead(self, length: int) -> None:
        allowed = 2 * self._content + MAX_OVERHEAD
        if length > MAX_SIZE_LINE or self._overhead > allowed:
            raise ProtocolError("the sizes of the chunks take more than the content")

    def _size_line(self, found: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        size = _SIZE.fullmatch(line)
        if size is None:
            raise ProtocolError("the size of a chunk is not a number")
        self._left = int(size[1], 16)
        self._step = self._chunk if self._left else self._trailer
        return True

    def _chunk(self, found: list[bytes]) -> bool:
        piece = self._pending[self._at : self._at + self._left]
        self._at += len(piece)
        found.append(piece)
        self._content += len(piece)
        self._left -= len(piece)
        if self._left == 0:
            self._step = self._chunk_end
        return True

    def _chunk_end(self, found: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise ProtocolError("a chunk is longer than its size")
        self._step = self._size_line
        return True

    def _trailer(self, found: list[bytes]) -> bool:
        line = self._line()
        if line == b"":
            self.is_complete = True
            self._step = self._behind_end
        return line is not None

    def _behind_end(self, found: list[bytes]) -> bool:
        raise ProtocolError("the server sends more after the last chunk")


def _check_size_line(length: int) -> None:
    if length > MAX_SIZE_LINE:
        raise ProtocolError("the size of a chunk is too long")


def content_of(head: Head) -> Content:
    """Return what finds the content behind a head (RFC 9112, 6.3).

    Raises:
        ProtocolError: If the head contradicts itself, or the content is encoded in a way that was not asked for.
    """
    _check_encoding(head)
    if head.status in (204, 304):
        return Sized(0)
    if "transfer-encoding" in head.headers:
        return _chunked(head)
    length = head.headers.get("content-length")
    return UntilEnd() if length is None else _sized(length)


def _check_encoding(head: Head) -> None:
    encoding = head.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", ""):
        raise ProtocolError(
            f"the content is encoded with {encoding[:40]!r}, which was not asked for"
        )


def _chunked(head: Head) -> Chunked:
    is_chunked = head.headers["transfer-encoding"].lower() == "chunked"
    if not is_chunked or "content-length" in head.headers:
        raise ProtocolError("the answer is framed in a way that has two readings")
    return Chunked()


def _sized(length: str) -> Sized:
    if not _LENGTH.fullmatch(length):
        raise ProtocolError(f"the length of the content is {length[:40]!r}")
    return Sized(int(length))
