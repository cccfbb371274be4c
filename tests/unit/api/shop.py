"""An application whose document the tests look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from openviper import OpenViper, Request
from openviper.api import operation
from openviper.http import Cookie, FormInput, Header, Query, UploadFile
from openviper.routing import Router
from openviper.validation import (
    Between,
    Description,
    Example,
    MaxLength,
    ReadOnly,
    Secret,
    WriteOnly,
)


@dataclass
class Line:
    """One line."""

    book: int
    count: Annotated[int, Between(1, 100)] = 1


@dataclass
class Order:
    name: Annotated[str, MaxLength(100), Example("Ada"), Description("Who pays.")]
    lines: list[Line]
    kind: Literal["post", "shop"] = "post"
    parent: Order | None = None
    id: Annotated[int, ReadOnly()] = 0
    code: Annotated[str, Secret(), WriteOnly()] = "s3cret"


@dataclass
class Same:
    word: str


@dataclass
class Filter:
    page: Annotated[int, Between(1, 9)] = 1
    words: list[str] = field(default_factory=list)


def make_app() -> OpenViper:
    """Return a new application."""
    app = OpenViper(title="Shop")

    @app.get("/api/v1/orders")
    async def search(
        filter: Annotated[Filter, Query()],
        since: date | None = None,
        theme: Annotated[str, Cookie()] = "light",
        agent: Annotated[str, Header("User-Agent")] = "",
    ) -> list[Order]:
        """Find orders.

        The latest first.

        Args:
            filter: What is wanted.
        """
        return []

    @app.post("/api/v1/orders/{shop:int}")
    @operation(status=201, answers={409: "It is there.", 410: ("Gone.", Same)}, tags=["buying"])
    async def create(shop: int, order: Order) -> Order:
        """Order something."""
        return order

    @app.route("/echo", ["GET", "PUT"])
    async def echo(same: Annotated[Same, Query()]) -> Same:
        return same

    @app.post("/upload")
    async def upload(file: UploadFile, title: Annotated[str, FormInput()] = "") -> None:
        """Take a file."""

    @app.get("/plain/{key:uuid}/{word}")
    async def plain(request: Request, key: str, word: str) -> str:
        return word

    @app.get("/hidden")
    @operation(hidden=True)
    async def hidden() -> str:
        return ""

    closed = Router("/closed", permission="openviper.auth.IsAuthenticated", namespace="closed")

    @closed.get("/echo", name="echo")
    async def closed_echo() -> Same:
        return Same("x")

    app.include_router(closed)
    return app
