"""The form of a file of rows: a line of JSON each.

::

    {"openviper": "data", "format": 1, "end": true}
    {"model": "shop.Tag", "key": 1, "fields": {"name": "new"}}
    {"end": true, "rows": 1}

The first line says what the file is. Where it promises an end, a file without its last line has been cut off; a file
written by hand need not promise one.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from openviper.db.fields.moments import uses_time_zones
from openviper.db.transfer import exact_json
from openviper.db.transfer.errors import LineError, shown
from openviper.db.transfer.exact_json import Number, quoted
from openviper.db.transfer.values import base_of

FORMAT = 1
HEADER = f'{{"openviper": "data", "format": {FORMAT}, "end": true}}'
LONGEST_LINE = 256 * 1024 * 1024
"""Bytes of a line that is read."""


Document = tuple[int, Any, int]
"""The number of a line, its JSON, and its bytes."""


class RowLine(NamedTuple):
    """A row as a line states it.

    Attributes:
        number: The line, from 1 on.
        model: The label of the model.
        key: The primary key as JSON has it; `None` where the line names none.
        fields: The values as JSON has them, by name of the field.
        size: The bytes of the line.
    """

    number: int
    model: str
    key: Any
    fields: Mapping[str, Any]
    size: int


# Values


def _float_text(value: float) -> str:
    # JSON has no such numbers.
    return repr(value) if value - value == 0.0 else quoted(repr(value))


def _decimal_text(value: Decimal) -> str:
    # Vendors give more or fewer zeros at the end.
    same = Decimal(exact_json.plain_decimal(value)) if value.is_finite() else value
    return quoted(f"{same:f}")


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


_ENCODERS: dict[str, Callable[[Any], str]] = {
    "SMALLINT": str,
    "INTEGER": str,
    "BIGINT": str,
    "BOOLEAN": _bool_text,
    "REAL": _float_text,
    "NUMERIC": _decimal_text,
    "VARCHAR": quoted,
    "TEXT": quoted,
    "DATETIME": lambda value: quoted(value.isoformat()),
    "DATE": lambda value: quoted(value.isoformat()),
    "TIME": lambda value: quoted(value.isoformat()),
    "UUID": lambda value: quoted(str(value)),
    "JSON": lambda value: exact_json.dumps(exact_json.loads(value)),
    "BINARY": lambda value: quoted(base64.b64encode(value).decode()),
}


def encoder(neutral_type: str) -> Callable[[Any], str]:
    """Return what makes JSON text of a value of a neutral type, never `None`."""
    if neutral_type.endswith("[]"):
        return partial(_list_text, encoder(neutral_type[:-2]))
    return _ENCODERS[base_of(neutral_type)]


def _list_text(encode: Callable[[Any], str], value: list[Any]) -> str:
    return f"[{','.join('null' if item is None else encode(item) for item in value)}]"


def _refuse(value: Any, words: str) -> ValueError:
    return ValueError(f"{shown(value)} is not {words}")


def _whole(value: Any) -> int:
    try:
        if isinstance(value, Number):
            return int(value)
    except ValueError:
        pass
    raise _refuse(value, "a whole number")


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _refuse(value, "true or false")


def _number(value: Any) -> float:
    is_word = value in ("nan", "inf", "-inf")
    if isinstance(value, Number) or is_word:
        return float(value)
    raise _refuse(value, "a number")


def _decimal(value: Any) -> Decimal:
    try:
        if isinstance(value, str):  # A `Number` too.
            return Decimal(str(value))
    except InvalidOperation:
        pass
    raise _refuse(value, "a decimal")


def _text(value: Any) -> str:
    if isinstance(value, str) and not isinstance(value, Number):
        return value
    raise _refuse(value, "a text")


def _moment(value: Any) -> datetime:
    moment: datetime = _parsed(value, datetime.fromisoformat, "a moment (ISO 8601)")
    if (moment.tzinfo is not None) != uses_time_zones():
        offset = "without" if moment.tzinfo is None else "with"
        raise _refuse(value, f"a moment of this project: it is {offset} an offset from UTC")
    return moment


def _parsed(value: Any, parse: Callable[[str], Any], words: str) -> Any:
    try:
        return parse(_text(value))
    except ValueError:
        raise _refuse(value, words) from None


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except (ValueError, binascii.Error):
        raise _refuse(value, "bytes in Base64") from None


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "SMALLINT": _whole,
    "INTEGER": _whole,
    "BIGINT": _whole,
    "BOOLEAN": _truth,
    "REAL": _number,
    "NUMERIC": _decimal,
    "VARCHAR": _text,
    "TEXT": _text,
    "DATETIME": _moment,
    "DATE": lambda value: _parsed(value, date.fromisoformat, "a date (ISO 8601)"),
    "TIME": lambda value: _parsed(value, time.fromisoformat, "a time (ISO 8601)"),
    "UUID": lambda value: _parsed(value, UUID, "a UUID"),
    "JSON": exact_json.dumps,
    "BINARY": _bytes,
}


def decoder(neutral_type: str) -> Callable[[Any], Any]:
    """Return what makes a Python value of one from JSON; it raises `ValueError`, which names the value."""
    if neutral_type.endswith("[]"):
        return partial(_list, decoder(neutral_type[:-2]))
    return _DECODERS[base_of(neutral_type)]


def _list(decode: Callable[[Any], Any], value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _refuse(value, "a list")
    return [None if item is None else decode(item) for item in value]


# Lines


def read_lines(file: BinaryIO) -> Iterator[RowLine]:
    """Yield the rows of a file.

    Raises:
        LineError: If a line is not of this form, or the file was cut off.
    """
    numbered = _documents(file)
    number, header, _ = next(numbered, (1, None, 0))
    promises_end = _check_header(number, header)
    rows = 0
    for number, document, size in numbered:
        if "end" in document:
            _check_end(number, document, rows)
            _refuse_more(numbered)
            return
        yield _row(number, document, size)
        rows += 1
    if promises_end:
        raise LineError(number, "the file ends here without its last line: it was cut off")


def _documents(file: BinaryIO) -> Iterator[Document]:
    number = 0
    while line := _next_line(file, number + 1):
        number += 1
        if line.strip():
            yield number, _document(number, line), len(line)


def _next_line(file: BinaryIO, number: int) -> bytes:
    try:
        line = file.readline(LONGEST_LINE + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise LineError(number, f"cannot be read: {error}") from error
    if len(line) > LONGEST_LINE:
        raise LineError(number, f"is longer than {LONGEST_LINE} bytes")
    return line


def _document(number: int, line: bytes) -> Any:
    try:
        document = exact_json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except ValueError as error:
        raise LineError(number, _why_no_json(line, error)) from error
    if not isinstance(document, dict):
        raise LineError(number, f"{shown(document)} is not a JSON object")
    return document


def _why_no_json(line: bytes, error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8: {error.reason} at byte {error.start}"
    return f"{shown(line[:60].decode(errors='replace'))} is not JSON: {error}"


def _check_header(number: int, header: Any) -> bool:
    """Check the first line, and return whether it promises a last one."""
    if header is None or header.get("openviper") != "data":
        raise LineError(number, f"this is not a file of dump-data; its first line is {HEADER}")
    if header.get("format") != str(FORMAT):
        raise LineError(
            number,
            f"format {shown(header.get('format'))} is not one that this version reads ({FORMAT})",
        )
    return header.get("end") is True


def _check_end(number: int, document: Mapping[str, Any], rows: int) -> None:
    if document.get("rows") != str(rows):
        raise LineError(
            number, f"says that the file has {shown(document.get('rows'))} rows, and it has {rows}"
        )


def _refuse_more(numbered: Iterator[Document]) -> None:
    for number, _, _ in numbered:
        raise LineError(number, "stands behind the last line of the file")


KEYS = {"model", "key", "fields"}


def _row(number: int, document: Mapping[str, Any], size: int) -> RowLine:
    unknown = sorted(document.keys() - KEYS)
    if unknown:
        raise LineError(number, f"{unknown[0]!r} is none of {', '.join(sorted(KEYS))}")
    model, fields = document.get("model"), document.get("fields")
    if not isinstance(model, str):
        raise LineError(number, f"the model {shown(model)} is not a name such as shop.Tag")
    if not isinstance(fields, dict):
        raise LineError(number, f"the fields {shown(fields)} are not a JSON object")
    return RowLine(number, model, document.get("key"), fields, size)
