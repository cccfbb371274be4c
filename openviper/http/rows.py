"""Rows sent one after the other: as lines of JSON, as one JSON list, and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

from openviper.exceptions import HTTPException
from openviper.http.files import content_disposition
from openviper.http.streaming import StreamingResponse
from openviper.utils import json_text

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
"""What is sent; a plain iterator that has to wait runs in a thread."""

NDJSON, CSV, JSON = "application/x-ndjson", "text/csv", "application/json"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a text begins with that spreadsheets take for a formula (OWASP, CSV injection); the last four are full-width."""
FULL = 16 * 1024
"""Characters of CSV that are sent at a time."""


class _RowsResponse(StreamingResponse):
    """An answer made of rows."""

    def __init__(
        self,
        rows: Rows,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        filename: str | None = None,
    ) -> None:
        self.rows = rows
        super().__init__(self._produced, status_code, headers)
        if filename is not None:
            self.headers.setdefault("content-disposition", content_disposition(filename))

    def _produced(self) -> AsyncIterator[bytes] | Iterator[bytes]:
        rows = self.rows
        return self._later(rows) if isinstance(rows, AsyncIterable) else self._now(rows)

    def _now(self, rows: Iterable[Any]) -> Iterator[bytes]:
        raise NotImplementedError

    def _later(self, rows: AsyncIterable[Any]) -> AsyncIterator[bytes]:
        raise NotImplementedError


class NDJSONResponse(_RowsResponse):
    """Each item as JSON on a line of its own, sent when it is there.

    If an item cannot be had, or has no form in JSON, once a line is sent, the last line is ``{"error": {"status": ...,
    "detail": ...}}``, in which only an `HTTPException` tells its detail, and the connection is cut; before that, the
    answer is the error's own.

    Args:
        rows: The items, from an iterable, plain or asynchronous.
        status_code: The status.
        headers: Further headers.
        filename: What a browser that stores it calls it.
    """

    media_type = NDJSON

    def _now(self, rows: Iterable[Any]) -> Iterator[bytes]:
        has_begun = False
        try:
            for row in rows:
                yield _line(row)
                has_begun = True
        except Exception as error:
            if has_begun:
                yield _last_line(error)
            raise

    async def _later(self, rows: AsyncIterable[Any]) -> AsyncIterator[bytes]:
        has_begun = False
        try:
            async for row in rows:
                yield _line(row)
                has_begun = True
        except Exception as error:
            if has_begun:
                yield _last_line(error)
            raise
        finally:
            await _close(rows)


class JSONRowsResponse(_RowsResponse):
    """Items as one JSON list, sent when they are there; an error in the middle cuts the connection and the list.

    Args:
        rows: See `NDJSONResponse`, as the others.
    """

    media_type = JSON

    def _now(self, rows: Iterable[Any]) -> Iterator[bytes]:
        before = b"["
        for row in rows:
            yield before + json_text.compact_bytes(row)
            before = b","
        yield b"]" if before == b"," else b"[]"

    async def _later(self, rows: AsyncIterable[Any]) -> AsyncIterator[bytes]:
        before = b"["
        try:
            async for row in rows:
                yield before + json_text.compact_bytes(row)
                before = b","
        finally:
            await _close(rows)
        yield b"]" if before == b"," else b"[]"


class CSVResponse(_RowsResponse):
    """Rows as CSV (RFC 4180), in UTF-8.

    Text that a spreadsheet would take for a formula gets an apostrophe in front. Times are written in ISO 8601, truth as
    ``true`` and ``false``, `None` as nothing, containers as JSON.

    Args:
        rows: Mappings, dataclasses or sequences of cells, from an iterable, plain or asynchronous.
        status_code: The status.
        headers: Further headers.
        columns: The names in the first line, and of what is written of mappings and dataclasses, in order; those of the
            first row when not given. Sequences without it have no such line.
        filename: What the browser stores it as.
        guard: Whether formulas are made harmless; switch it off for what only programs read.
        bom: Whether a byte order mark comes first, by which Excel knows UTF-8.
    """

    media_type = CSV

    def __init__(
        self,
        rows: Rows,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        filename: str | None = None,
        guard: bool = True,
        bom: bool = False,
    ) -> None:
        self._table = _Table(columns, is_guarded=guard, has_mark=bom)
        super().__init__(rows, status_code, headers, filename=filename)

    def _now(self, rows: Iterable[Any]) -> Iterator[bytes]:
        table = self._table
        table.begin()
        for row in rows:
            table.write(row)
            if table.is_full:
                yield table.take()
        yield table.take()

    async def _later(self, rows: AsyncIterable[Any]) -> AsyncIterator[bytes]:
        table = self._table
        table.begin()
        try:
            async for row in rows:
                table.write(row)
                if table.is_full:
                    yield table.take()
        finally:
            await _close(rows)
        yield table.take()


class _Table:
    """Writes rows as CSV."""

    def __init__(self, columns: Sequence[str] | None, *, is_guarded: bool, has_mark: bool) -> None:
        if isinstance(columns, str):
            raise TypeError(
                f"columns must be several names, such as [{columns!r}], not {columns!r}"
            )
        self._columns = None if columns is None else list(columns)
        self._is_guarded, self._has_mark = is_guarded, has_mark
        self.begin()

    def begin(self) -> None:
        """Begin with nothing written."""
        self._text = io.StringIO("\ufeff" if self._has_mark else "", newline="")
        self._text.seek(0, io.SEEK_END)
        self._writer = csv.writer(self._text)
        self._names = self._columns
        if self._names is not None:
            self._write_cells(self._names)

    @property
    def is_full(self) -> bool:
        """Whether there is enough to send."""
        return self._text.tell() >= FULL

    def take(self) -> bytes:
        """Return what was written since the last call."""
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode("utf-8", "replace")  # Half a surrogate pair has no form in UTF-8.

    def write(self, row: Any) -> None:
        """Write a row.

        Raises:
            TypeError: If it is none, or a cell has no text.
            ValueError: If it has a name that the columns lack.
        """
        named = _named(row)
        if named is None:
            self._write_cells(_cells(row))
            return
        if self._names is None:
            self._names = list(named)
            self._write_cells(self._names)
        unknown = [name for name in named if name not in self._names]
        if unknown and self._columns is None:
            raise ValueError(f"a row has {unknown[0]!r}, which the columns {self._names!r} lack")
        self._write_cells([named.get(name) for name in self._names])

    def _write_cells(self, cells: Iterable[Any]) -> None:
        self._writer.writerow([self._cell(cell) for cell in cells])

    def _cell(self, value: Any) -> str:
        text = _text_of(value)
        # Numbers are not guarded: a negative one is none that anybody has typed a formula into.
        is_guarded = self._is_guarded and isinstance(value, (str, Enum, Mapping, list, tuple))
        return f"'{text}" if is_guarded and text.startswith(FORMULA) else text


def _named(row: Any) -> Mapping[str, Any] | None:
    """Return the cells of a row by name; `None` if they have none."""
    if isinstance(row, Mapping):
        return row
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return None


def _cells(row: Any) -> Sequence[Any]:
    if isinstance(row, Sequence) and not isinstance(row, (str, bytes)):
        return row
    raise TypeError(
        f"a row must be a mapping, a dataclass or a sequence of cells, not a {type(row).__name__}; "
        "of models give what values() or values_list() reads"
    )


def _text_of(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    encoded = json_text.encode_json(value).decode()
    # What JSON writes as a text is that text; numbers, truth and containers are as JSON has them.
    return str(json.loads(encoded)) if encoded.startswith('"') else encoded


def _line(row: Any) -> bytes:
    return json_text.compact_bytes(row) + b"\n"


def _last_line(error: Exception) -> bytes:
    told = error if isinstance(error, HTTPException) else HTTPException(500)
    return _line({"error": {"status": told.status_code, "detail": told.detail}})


async def _close(rows: AsyncIterable[Any]) -> None:
    """Close an asynchronous generator; others have nothing to close."""
    close = getattr(rows, "aclose", None)
    if close is not None:
        await close()
