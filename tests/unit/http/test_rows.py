"""Rows as lines of JSON, as a JSON list, and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from openviper import OpenViper
from openviper.exceptions import NotFound
from openviper.http import CSVResponse, NDJSONResponse
from openviper.http.rows import JSONRowsResponse


async def answer(response: Callable[[], Any]) -> Any:
    """Return what a client gets of a response."""
    app = OpenViper(debug=False, middleware=[])
    app.get("/")(response)
    return await app.test_client(raise_app_exceptions=False).get("/")


async def asynchronous(*rows: Any) -> AsyncIterator[Any]:
    """Yield rows."""
    for row in rows:
        yield row


def failing(error: Exception, *rows: Any) -> Iterator[Any]:
    """Yield rows and fail."""
    yield from rows
    raise error


async def failing_later(error: Exception, *rows: Any) -> AsyncIterator[Any]:
    """Yield rows and fail."""
    for row in rows:
        yield row
    raise error


ROWS = [{"a": 1}, {"when": datetime(2024, 1, 2, tzinfo=UTC)}, ["\u2028\n"], None]


@pytest.mark.parametrize("make", [iter, lambda rows: asynchronous(*rows), list])
async def test_each_item_is_a_line(make: Callable[[Any], Any]) -> None:
    found = await answer(lambda: NDJSONResponse(make(ROWS), filename="räte.ndjson"))
    assert found.headers["content-type"] == "application/x-ndjson"
    assert "filename*=UTF-8''r%C3%A4te.ndjson" in found.headers["content-disposition"]
    assert found.text.endswith("\n") and found.text.count("\n") == 4
    # Not `splitlines`, which takes U+2028 for the end of one.
    assert [json.loads(line) for line in found.text.split("\n")[:-1]] == [
        {"a": 1},
        {"when": "2024-01-02T00:00:00+00:00"},
        ["\u2028\n"],
        None,
    ]


@pytest.mark.parametrize("make", [failing, failing_later])
async def test_an_error_before_the_first_line_is_the_answer(make: Any) -> None:
    assert (await answer(lambda: NDJSONResponse(make(NotFound("no list"))))).status_code == 404
    assert (await answer(lambda: NDJSONResponse(make(LookupError("x"))))).status_code == 500


@pytest.mark.parametrize("make", [failing, failing_later])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LookupError("secret"), {"status": 500, "detail": "Internal Server Error"}),
        (NotFound("row 2 is gone"), {"status": 404, "detail": "row 2 is gone"}),
    ],
)
async def test_an_error_in_the_middle_is_the_last_line_and_raised(
    make: Any, error: Exception, told: dict[str, Any]
) -> None:
    response = NDJSONResponse(make(error, 1, 2))
    pieces = response._produced()
    lines: list[bytes] = []
    with pytest.raises(type(error)):
        if isinstance(pieces, AsyncIterator):
            async for piece in pieces:
                lines.append(piece)
        else:
            lines.extend(_each(pieces, lines))
    assert [json.loads(line) for line in lines] == [1, 2, {"error": told}]


def _each(pieces: Iterator[bytes], lines: list[bytes]) -> list[bytes]:
    for piece in pieces:
        lines.append(piece)
    return []


async def test_what_has_no_form_ends_the_lines() -> None:
    pieces = NDJSONResponse([1, object()])._produced()
    assert not isinstance(pieces, AsyncIterator)
    lines: list[bytes] = []
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        _each(pieces, lines)
    assert b'"error"' in lines[-1] and b"object" not in lines[-1]


async def test_generators_are_closed_when_the_client_leaves() -> None:
    closed: list[bool] = []

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    for response in (
        NDJSONResponse(endless()),
        CSVResponse(endless()),
        JSONRowsResponse(endless()),
    ):
        pieces: Any = response._produced()
        if not isinstance(response, CSVResponse):
            await anext(pieces)
        else:
            with pytest.raises(TypeError, match="a row must be"):
                await anext(pieces)
        await pieces.aclose()
    assert closed == [True] * 3


@pytest.mark.parametrize("rows", [[], [1], [1, {"a": [2]}]])
async def test_a_list_is_the_same_piece_by_piece(rows: list[Any]) -> None:
    for make in (iter(rows), asynchronous(*rows)):
        found = await answer(lambda make=make: JSONRowsResponse(make))  # type: ignore[misc]  # bound here
        assert found.json() == rows and found.headers["content-type"] == "application/json"


class Size(Enum):
    """Values of cells."""

    SMALL = "=small"


@dataclass
class Book:
    """A row."""

    title: str
    price: Decimal


def read(text: str) -> list[list[str]]:
    """Return the cells of CSV."""
    return list(csv.reader(io.StringIO(text, newline="")))


async def table(rows: Any, **options: Any) -> list[list[str]]:
    """Return the cells that a client gets."""
    found = await answer(lambda: CSVResponse(rows, **options))
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    return read(found.text)


async def test_mappings_and_dataclasses_have_a_first_line_of_names() -> None:
    assert await table([{"a": 1, "b": None}, {"b": 2}]) == [["a", "b"], ["1", ""], ["", "2"]]
    books = [Book("Dune", Decimal("9.90")), Book('"x", y\r\nz', Decimal(-1))]
    wanted = [["title", "price"], ["Dune", "9.90"], ['"x", y\r\nz', "-1"]]
    assert await table(books) == await table(asynchronous(*books)) == wanted
    assert await table(books, columns=["price"]) == [["price"], ["9.90"], ["-1"]]
    assert await table([(1, "x"), [2, "y"]]) == [["1", "x"], ["2", "y"]]
    assert await table([(1,)], columns=["n"]) == [["n"], ["1"]]
    assert await table([], columns=["n"]) == [["n"]]
    assert await table([]) == []


async def test_cells_have_one_form() -> None:
    cells = [
        (None, ""),
        (True, "true"),
        (1.5, "1.5"),
        (float("nan"), ""),
        (-3, "-3"),
        (Decimal("-1.50"), "-1.50"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, "ü"], '[1,"ü"]'),
        ("ü\0", "ü\0"),
    ]
    assert await table([[value for value, _ in cells]]) == [[text for _, text in cells]]


FORMULAS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "=cmd|' /C calc'!A0",
    "\uff1d1",
]


@pytest.mark.parametrize("text", FORMULAS)
async def test_formulas_are_made_harmless(text: str) -> None:
    assert await table([[text, Size.SMALL, "a=b", "1-2"]]) == [
        [f"'{text}", "'=small", "a=b", "1-2"]
    ]
    assert await table([{text: text}]) == [[f"'{text}"], [f"'{text}"]]
    assert await table([[text]], guard=False) == [[text]]


async def test_a_name_that_the_columns_lack_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a row has 'b', which the columns \['a'\] lack"):
        list(CSVResponse([{"a": 1}, {"b": 2}])._produced())  # type: ignore[arg-type]  # a plain one
    with pytest.raises(TypeError, match="a row must be a mapping"):
        list(CSVResponse(["text"])._produced())  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match=r"such as \['a'\]"):
        CSVResponse([], columns="a")


async def test_long_tables_come_in_pieces_and_may_begin_with_a_mark() -> None:
    pieces: Any = CSVResponse([["x" * 1000]] * 100, bom=True)._produced()
    parts = list(pieces)
    assert len(parts) > 3 and max(map(len, parts)) < 20_000
    assert (
        b"".join(parts).startswith("\ufeffx".encode())
        and len(read(b"".join(parts).decode())) == 100
    )
