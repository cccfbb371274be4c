"""The form of a file of rows."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO, cast
from uuid import UUID

import pytest

from openviper.db.transfer import exact_json, lines
from openviper.db.transfer.errors import LineError, shown
from openviper.db.transfer.lines import HEADER, decoder, encoder, read_lines

BY_HAND = '{"openviper": "data", "format": 1}\n'
ROW = '{"model": "shop.Tag", "key": 1, "fields": {"name": "x"}}\n'

VALUES = [
    ("INTEGER", -5),
    ("BIGINT", 2**63 - 1),
    ("BOOLEAN", True),
    ("REAL", 0.1),
    ("REAL", 1e308),
    ("REAL", float("inf")),
    ("NUMERIC(8,2)", Decimal("-1.1")),
    ("NUMERIC(8,2)", Decimal(100)),
    ("TEXT", 'é🐍\n"\\\u2028'),
    ("VARCHAR(5)", ""),
    ("DATETIME", datetime(2024, 2, 29, 1, 2, 3, 4, UTC)),
    ("DATE", date(1, 1, 1)),
    ("TIME", time(23, 59, 59, 999999)),
    ("UUID", UUID(int=7)),
    ("JSON", '{"b":1.10,"a":[1e22]}'),
    ("BINARY", b"\x00\xff"),
    ("INTEGER[]", [1, None, 2]),
    ("UUID[]", [UUID(int=1)]),
]


@pytest.mark.parametrize(("neutral_type", "value"), VALUES, ids=repr)
def test_a_value_comes_back(neutral_type: str, value: Any) -> None:
    text = encoder(neutral_type)(value)
    assert "\n" not in text
    assert decoder(neutral_type)(exact_json.loads(text)) == value


@pytest.mark.parametrize(
    ("neutral_type", "text", "problem"),
    [
        ("INTEGER", '"1"', "'1' is not a whole number"),
        ("INTEGER", "1.0", "is not a whole number"),
        ("INTEGER", "true", "True is not a whole number"),
        ("BOOLEAN", "1", "is not true or false"),
        ("REAL", '"x"', "'x' is not a number"),
        ("NUMERIC(8,2)", '"x"', "'x' is not a decimal"),
        ("NUMERIC(8,2)", "[]", r"\[\] is not a decimal"),
        ("TEXT", "5", "'5' is not a text"),
        ("DATETIME", '"2024-01-01T00:00:00"', "it is without an offset from UTC"),
        ("DATETIME", '"soon"', "'soon' is not a moment"),
        ("DATE", '"2024-02-30"', "is not a date"),
        ("TIME", '"25:00"', "is not a time"),
        ("UUID", '"x"', "is not a UUID"),
        ("BINARY", '"x"', "is not bytes in Base64"),
        ("INTEGER[]", "1", "is not a list"),
        ("INTEGER[]", '["x"]', "'x' is not a whole number"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_named(
    neutral_type: str, text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        decoder(neutral_type)(exact_json.loads(text))


def rows(text: str | bytes) -> list[Any]:
    """Return the rows of a file."""
    return list(read_lines(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


def test_rows_are_read_with_their_lines() -> None:
    found = rows(f'{HEADER}\n{ROW}\n{ROW}{{"end": true, "rows": 2}}\n')
    assert [(row.number, row.model, row.key) for row in found] == [
        (2, "shop.Tag", "1"),
        (4, "shop.Tag", "1"),
    ]
    assert dict(found[0].fields) == {"name": "x"}


def test_a_file_written_by_hand_needs_no_end_and_may_begin_with_a_mark() -> None:
    assert len(rows("\ufeff" + BY_HAND + ROW)) == 1
    assert rows(BY_HAND) == []
    assert len(rows(BY_HAND + ROW.rstrip())) == 1


@pytest.mark.parametrize(
    ("text", "number", "problem"),
    [
        ("", 1, "this is not a file of dump-data"),
        ("{}\n", 1, "this is not a file of dump-data"),
        ("[]\n", 1, "is not a JSON object"),
        ("SQLite format 3\n", 1, "is not JSON"),
        (b"\xff\n", 1, "is not UTF-8: invalid start byte at byte 0"),
        ('{"openviper": "data", "format": 2}', 1, "format '2' is not one that this version reads"),
        ('{"openviper": "data"}', 1, "format None is not one"),
        (f"{HEADER}\n{ROW}", 2, "it was cut off"),
        (
            f'{HEADER}\n{ROW}{{"end": true, "rows": 2}}',
            3,
            "says that the file has '2' rows, and it has 1",
        ),
        (f'{HEADER}\n{{"end": true, "rows": 0}}\n{ROW}', 3, "stands behind the last line"),
        (f"{BY_HAND}{ROW[:20]}", 2, "is not JSON"),
        (BY_HAND + '{"model": "a.B"}', 2, "the fields None are not a JSON object"),
        (BY_HAND + '{"fields": {}}', 2, "the model None is not a name"),
        (
            BY_HAND + '{"model": "a.B", "pk": 1, "fields": {}}',
            2,
            "'pk' is none of fields, key, model",
        ),
    ],
)
def test_a_malformed_line_is_named(text: str | bytes, number: int, problem: str) -> None:
    with pytest.raises(LineError) as caught:
        rows(text)
    assert caught.value.number == number
    assert problem in str(caught.value)


def test_a_line_has_a_greatest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    assert len(rows(BY_HAND + ROW)) == 1
    with pytest.raises(LineError, match="line 2: is longer than 100 bytes"):
        rows(BY_HAND + " " * 200 + ROW)


def test_a_file_that_cannot_be_read_is_named_by_line() -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            return super().readline(size)

    with pytest.raises(LineError, match="line 2: cannot be read: Compressed file ended"):
        list(read_lines(Broken(f"{BY_HAND}{ROW}".encode())))


def test_long_values_are_cut_in_messages() -> None:
    assert shown("x" * 200) == "'" + "x" * 76 + "..."
    assert shown(10**5) == "100000"


def test_a_damaged_compressed_file_is_an_error_of_its_line() -> None:
    rows = [HEADER, *(f'{{"model": "a.B", "key": {key}, "fields": {{}}}}' for key in range(3000))]
    whole = gzip.compress("\n".join(rows).encode(), mtime=0)
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    wrong_sum = whole[:-8] + bytes(8)
    for content in (whole[: len(whole) // 2], bytes(damaged), wrong_sum, whole[:3]):
        file = cast("BinaryIO", gzip.GzipFile(fileobj=io.BytesIO(content)))
        with pytest.raises(LineError) as caught:
            list(read_lines(file))
        assert str(caught.value).startswith("line ")
