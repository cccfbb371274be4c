"""Mistakes in what a handler says of its parameters: errors of the program when the route is made."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from openviper.http import Cookie, Header, Provide, Query
from openviper.routing import HandlerError, Router


@pytest.mark.parametrize("mark", [Query(), Query, Header("x-a"), Provide(lambda: 1)])
def test_a_mark_is_no_default(mark: Any) -> None:
    async def handler(page: int = mark) -> str:
        return ""

    with pytest.raises(HandlerError, match=r"is no default; write page: Annotated"):
        Router().get("/x")(handler)


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        ((Query(), Header()), "Query and Header are two places"),
        ((Header("a b"),), "no header can be called 'a b'"),
        ((Header("a:"),), "no header can be called 'a:'"),
        ((Cookie("é"),), "no cookie can be called 'é'"),
        ((Query(5),), "5 is no name of a query"),  # type: ignore[arg-type]  # The mistake.
    ],
)
def test_a_place_that_no_value_comes_from_is_refused(marks: tuple[Any, ...], reason: str) -> None:
    annotation: Any = Annotated[(int, *marks)]

    async def handler(page: Any) -> str:
        return ""

    handler.__annotations__["page"] = annotation
    with pytest.raises(HandlerError, match=reason):
        Router().get("/x")(handler)
