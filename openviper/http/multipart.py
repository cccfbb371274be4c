"""Forms of parts (RFC 7578), parsed while their bytes arrive; work and memory are linear and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from openviper.exceptions import HTTPException
from openviper.utils.datastructures import Headers

MAX_PART_HEADER = 8 * 1024
"""Longest head of a part, in bytes."""
MAX_BOUNDARY = 70
"""Longest boundary, in characters (RFC 2046, 5.1.1)."""
# A blank at its end could not be told from those that may follow it.
_BOUNDARY = re.compile(rf"[0-9A-Za-z'()+_,./:=? -]{{0,{MAX_BOUNDARY - 1}}}[0-9A-Za-z'()+_,./:=?-]")
_OF_A_FORM = frozenset({"boundary"})
_OF_A_PART = frozenset({"name", "filename", "filename*"})
_ONCE = (b"content-disposition", b"content-type", b"content-transfer-encoding")
"""Headers of a part that must not occur twice."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class MultipartError(HTTPException):
    """A form is not what RFC 7578 describes; answered with 400."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"The form is malformed: {reason}.")


def parse_options(value: str) -> tuple[str, dict[str, str]]:
    """Return the first word of a header in lower case, and its parameters by lower-case name, unquoted.

    One walk over the text: ``form-data; name="a"; filename="b;c"``. What makes no sense is skipped.
    """
    first, pairs = _parameters(value)
    options: dict[str, str] = {}
    for name, text in pairs:
        options.setdefault(name, text)
    return first, options


def _unambiguous_options(value: str, names: frozenset[str]) -> tuple[str, dict[str, str]]:
    """Do what `parse_options` does, for a header in which each of some parameters stands once.

    Raises:
        MultipartError: If one of them stands there twice, of which two parsers take another one each.
    """
    first, pairs = _parameters(value)
    given = [name for name, _ in pairs if name in names]
    if len(given) > len(set(given)):
        raise MultipartError("a parameter of a header occurs twice")
    return first, dict(pairs)


def _parameters(value: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the first word of a header in lower case, and its parameters in order."""
    first, _, rest = value.partition(";")
    pairs: list[tuple[str, str]] = []
    position = 0
    while position < len(rest):
        name, text, position = _parameter(rest, _skip(rest, position, "; \t"))
        if name:
            pairs.append((name, text))
    return first.strip().lower(), pairs


def _parameter(text: str, position: int) -> tuple[str, str, int]:
    """Return the name and the value of the parameter that begins at a place, and where it ends; without a value, no name."""
    end = _end_of(text, position, "=;")
    if end >= len(text) or text[end] == ";":
        return "", "", end
    value, behind = _value(text, _skip(text, end + 1, " \t"))
    return text[position:end].strip().lower(), value, behind


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position


def _end_of(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] not in characters:
        position += 1
    return position


def _value(text: str, position: int) -> tuple[str, int]:
    if text.startswith('"', position):
        return _quoted_value(text, position)
    end = _end_of(text, position, ";")
    return text[position:end].strip(), end


def _quoted_value(text: str, position: int) -> tuple[str, int]:
    pieces: list[str] = []
    position += 1
    while position < len(text) and text[position] != '"':
        # Browsers send a backslash of a file's name as it is; only before a quote or another one it quotes.
        if text[position] == "\\" and text[position + 1 : position + 2] in ('"', "\\"):
            position += 1
        pieces.append(text[position])
        position += 1
    return "".join(pieces), _end_of(text, position, ";")


def parse_boundary(content_type: str) -> bytes:
    """Return the boundary that a content type names.

    Raises:
        MultipartError: If it names none, or one that cannot be.
    """
    _, options = _unambiguous_options(content_type, _OF_A_FORM)
    boundary = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("it names no valid boundary")
    return boundary.encode("ascii")


class PartHead(NamedTuple):
    """The headers of a part.

    Attributes:
        name: The field's name.
        filename: The file's name as the client gave it; `None` for a field without a file.
        content_type: The type the client says it has.
        headers: All of them.
    """

    name: str
    filename: str | None
    content_type: str
    headers: Headers


class PartData(NamedTuple):
    """A piece of the content of a part."""

    data: bytes


class PartEnd(NamedTuple):
    """The end of a part."""


Event = PartHead | PartData | PartEnd


class MultipartParser:
    """Cuts a body into parts as it arrives.

    Args:
        boundary: What stands between the parts.
    """

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # As if a line had ended before: the first delimiter stands at the very beginning.
        self._buffer = bytearray(b"\r\n")
        self._state = self._preamble
        self.is_complete = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what a piece of the body completes.

        Raises:
            MultipartError: If it is malformed.
        """
        self._buffer += data
        while True:
            event = self._state()
            if event is None:
                return
            if not isinstance(event, PartData) or event.data:
                yield event

    def finish(self) -> None:
        """Check that the body has come to its end.

        Raises:
            MultipartError: If not: what is cut must look cut.
        """
        if not self.is_complete:
            raise MultipartError("it ends in the middle of a part")

    # Each state takes what it can from the buffer, and returns an event, or `None` if it needs more.

    def _preamble(self) -> Event | None:
        place = self._buffer.find(self._delimiter)
        if place < 0:
            del self._buffer[: max(0, len(self._buffer) - len(self._delimiter))]
            return None
        del self._buffer[: place + len(self._delimiter)]
        self._state = self._behind_delimiter
        return PartData(b"")

    def _behind_delimiter(self) -> Event | None:
        if len(self._buffer) < 2:
            return None
        if self._buffer.startswith(b"--"):
            self.is_complete = True
            self._state = self._epilogue
            return PartData(b"")
        # Blanks may follow a boundary (RFC 2046, 5.1.1).
        end = self._find_end(b"\r\n", 254, "a boundary does not end its line")
        if end is None:
            return None
        if self._buffer[:end].strip(b" \t"):
            raise MultipartError("a boundary is followed by something else")
        del self._buffer[: end + 2]
        self._state = self._head
        return PartData(b"")

    def _head(self) -> Event | None:
        if self._buffer.startswith(b"\r\n"):
            raise MultipartError("a part has no name")
        end = self._find_end(b"\r\n\r\n", MAX_PART_HEADER, "the headers of a part are too long")
        if end is None:
            return None
        head = parse_part_head(bytes(self._buffer[:end]))
        # The line break at the end stays: the delimiter of an empty part begins with it.
        del self._buffer[: end + 2]
        self._state = self._first_line
        return head

    def _find_end(self, mark: bytes, longest: int, complaint: str) -> int | None:
        """Return where a mark begins; `None` if it is still to come.

        Raises:
            MultipartError: If more than `longest` bytes stand before it.
        """
        most = longest + len(mark)
        end = self._buffer.find(mark, 0, most)
        if end >= 0:
            return end
        if len(self._buffer) >= most:
            raise MultipartError(complaint)
        return None

    def _first_line(self) -> Event | None:
        if len(self._buffer) < len(self._delimiter):
            return None
        if self._buffer.startswith(self._delimiter):
            return self._end_part(0)
        del self._buffer[:2]
        self._state = self._content
        return PartData(b"")

    def _content(self) -> Event | None:
        place = self._buffer.find(self._delimiter)
        if place == 0:
            return self._end_part(0)
        if place < 0:
            # The beginning of a delimiter may be at the end of what is there.
            place = len(self._buffer) - len(self._delimiter)
            if place <= 0:
                return None
        data = bytes(memoryview(self._buffer)[:place])
        del self._buffer[:place]
        return PartData(data)

    def _end_part(self, place: int) -> Event:
        del self._buffer[: place + len(self._delimiter)]
        self._state = self._behind_delimiter
        return PartEnd()

    def _epilogue(self) -> Event | None:
        self._buffer.clear()
        return None


def parse_part_head(head: bytes) -> PartHead:
    """Return the headers of a part.

    Raises:
        MultipartError: If they are malformed, or name no field.
    """
    raw = [_header(line) for line in head.split(b"\r\n")]
    names = [name for name, _ in raw if name in _ONCE]
    if len(names) > len(set(names)):
        raise MultipartError("a header of a part occurs twice")
    headers = Headers(raw)
    disposition = (
        headers.get("content-disposition", "").encode("latin-1").decode("utf-8", "replace")
    )
    kind, options = _unambiguous_options(disposition, _OF_A_PART)
    if kind != "form-data" or "name" not in options:
        raise MultipartError("a part has no name")
    # `_charset_` and the transfer encodings of mails are not for forms (RFC 7578, 4.6 and 4.7).
    if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise MultipartError("a part has a transfer encoding")
    filename = _filename(options)
    content_type = _part_type(headers, is_file=filename is not None)
    return PartHead(_unescape(options["name"]), filename, content_type, headers)


def _part_type(headers: Headers, *, is_file: bool) -> str:
    default = "application/octet-stream" if is_file else "text/plain"
    return headers.get("content-type", default)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, separator, value = line.partition(b":")
    if not separator or not _NAME.fullmatch(name.decode("latin-1")):
        raise MultipartError("a header of a part is malformed")
    return name.lower(), value.strip(b" \t")


def _filename(options: dict[str, str]) -> str | None:
    extended = options.get("filename*")
    if extended is not None:
        # RFC 7578 forbids it, and clients send it; RFC 8187 says what it means.
        charset, _, rest = extended.partition("'")
        text = unquote_to_bytes(rest.partition("'")[2])
        if charset.lower() in ("utf-8", "iso-8859-1"):
            return text.decode(charset, "replace")
        if "filename" not in options:
            # Without a name it would be a field, whose text the file's content is not.
            raise MultipartError("the name of a file is in an unknown character set")
    filename = options.get("filename")
    return None if filename is None else _unescape(filename)


def _unescape(text: str) -> str:
    """Return a name in which browsers have written quotes and line breaks with percent signs (HTML, 4.10.21.8)."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
