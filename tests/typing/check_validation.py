"""Types of parsed values and of typed handlers; read by the type checker only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypedDict, assert_type

from openviper import OpenViper
from openviper.http import By, Header, Provide, Query
from openviper.routing import override_provider
from openviper.validation import (
    Between,
    MaxLength,
    ParseError,
    Parser,
    Secret,
    argument,
    dump,
    parse,
)
from openviper.validation.faults import Fault


@dataclass
class Line:
    book: int
    count: Annotated[int, Between(1, 100)] = 1


class Extra(TypedDict):
    note: Annotated[str, MaxLength(10)]


def parsed_values_keep_their_type(data: object) -> None:
    assert_type(parse(Line, data), Line)
    assert_type(parse(Extra, data), Extra)
    assert_type(parse(list[Line], data, strict=True), list[Line])
    assert_type(parse(Line, data).count, int)
    assert_type(Parser(Line), Parser[Line])
    assert_type(Parser(Line).parse(data), Line)
    assert_type(Parser(Line).parse_fields(data, partial=True), dict[str, Any])
    assert_type(dump(Line(1)), Any)
    assert_type(argument(date)("2026-11-30"), date)


def errors_have_their_faults(error: ParseError) -> None:
    assert_type(error.faults, tuple[Fault, ...])
    assert_type(error.faults[0].place, tuple[str | int, ...])
    assert_type(error.faults[0].value, str | None)


def wrong_calls_are_found(data: object) -> None:
    parse(Line, data, strct=True)  # type: ignore[call-overload]  # the point
    parse(Line, data).cuont  # type: ignore[attr-defined]  # noqa: B018 - the point
    Between(1)  # type: ignore[call-arg]  # the point


app = OpenViper()


async def connection() -> AsyncIterator[str]:
    yield "connection"


@app.post("/lines/{id:int}")
async def handlers_keep_their_type(
    id: int,
    line: Line,
    page: Annotated[int, Query()],
    token: Annotated[str, Header("X-Token"), Secret],
    conn: Annotated[str, Provide(connection)],
) -> Line:
    assert_type(id, int)
    assert_type(page, int)
    assert_type(token, str)
    assert_type(conn, str)
    return line


async def a_decorated_handler_can_be_called() -> None:
    assert_type(await handlers_keep_their_type(1, Line(1), 1, "", ""), Line)
    By("isbn")
    with override_provider(connection, lambda: "double"):
        pass
