"""An application with every kind of parameter, body and answer: for `scripts/fuzz_api.py` and the test beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

from openviper import OpenViper, View
from openviper.api import operation
from openviper.http import Body, Cookie, FormInput, Header, Query, UploadFile, action
from openviper.validation import (
    Between,
    Email,
    MaxLength,
    MinLength,
    Pattern,
    ReadOnly,
    Secret,
    Url,
    WriteOnly,
)


class Colour(Enum):
    RED = "red"
    FIVE = 5


@dataclass
class Line:
    book: int
    count: Annotated[int, Between(1, 100)] = 1


@dataclass
class Order:
    name: Annotated[str, MinLength(1), MaxLength(100)]
    lines: Annotated[list[Line], MaxLength(5)]
    colour: Colour | None = None
    price: Decimal | None = None
    when: datetime | None = None
    day: date | None = None
    at: time | None = None
    lasting: timedelta | None = None
    key: UUID | None = None
    blob: Annotated[bytes, MaxLength(20)] | None = None
    tags: set[str] = field(default_factory=set)
    parent: Order | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    counts: dict[int, float] = field(default_factory=dict)
    mail: Annotated[str, Email] | None = None
    site: Annotated[str, Url] | None = None
    code: Annotated[str, Pattern("^[a-z]{2}[0-9]+$")] | None = None
    id: Annotated[int, ReadOnly()] = 0
    secret: Annotated[str, WriteOnly(), Secret()] = "x"


@dataclass
class Cat:
    kind: Literal["cat"]
    lives: int = 9


@dataclass
class Dog:
    kind: Literal["dog"]
    tricks: list[str]


class Pair(NamedTuple):
    left: int
    right: str = ""


class Opts(TypedDict, total=False):
    deep: bool
    pair: Pair


@dataclass
class Filter:
    page: Annotated[int, Between(1, 1000)] = 1
    words: list[str] = field(default_factory=list)
    since: date | None = None


@dataclass
class SignUp:
    mail: Annotated[str, Email]
    age: int
    news: bool = False
    born: date | None = None
    colours: list[Colour] = field(default_factory=list)


app = OpenViper(title="Fuzz", debug=False)


@app.get("/q")
async def every_scalar(
    i: int,
    f: float = 0.0,
    b: bool = False,
    s: str = "",
    d: Decimal | None = None,
    day: date | None = None,
    when: datetime | None = None,
    at: time | None = None,
    lasting: timedelta | None = None,
    key: UUID | None = None,
    colour: Colour | None = None,
    lit: Literal["a", 1] = "a",
    tags: list[int] | None = None,
    either: int | str = 0,
    code: Annotated[str, Pattern("^[a-z]*$")] = "",
) -> Opts:
    return {"deep": b}


@app.get("/since")
async def nullable(since: date | None = None) -> Opts:
    return {}


@app.get("/bytes")
async def base64(raw: bytes = b"") -> Opts:
    return {}


@app.get("/filter")
async def whole_query(filter: Annotated[Filter, Query()]) -> Filter:
    return filter


@app.get("/h")
async def headers(
    x_token: Annotated[int, Header()],
    agent: Annotated[str, Header("User-Agent")] = "",
    theme: Annotated[Colour, Cookie()] = Colour.RED,
    n: Annotated[int, Cookie()] = 1,
) -> Opts:
    return {}


@app.get("/p/{a}/{b:int}/{c:uuid}/{d:float}/{e:slug}")
async def path_values(
    a: date, b: Annotated[int, Between(0, 10)], c: UUID, d: float, e: str
) -> Pair:
    return Pair(b, a.isoformat())


@app.get("/files/{rest:path}")
async def rest_of_path(rest: str) -> Pair:
    return Pair(len(rest), rest)


@app.post("/orders/{shop:int}")
@operation(status=200, answers={409: "there"})
async def create(shop: int, order: Order, dry: bool = False) -> Order:
    return order


@app.put("/pets")
async def unions(pet: Cat | Dog) -> Cat | Dog:
    return pet


@app.patch("/list")
async def lists(items: list[Pair]) -> list[Pair]:
    return items


@app.post("/maps")
async def maps_of_lists(m: dict[str, list[Opts]]) -> dict[str, list[Opts]]:
    return m


@app.post("/scalar")
async def one_number(n: Annotated[Decimal, Body()]) -> Opts:
    return {}


@app.post("/maybe")
async def optional_body(order: Line | None = None) -> Line | None:
    return order


@app.delete("/orders")
async def body_of_delete(order: Line) -> Line:
    return order


@app.post("/form")
async def whole_form(form: Annotated[SignUp, FormInput()]) -> SignUp:
    return form


@app.post("/form2")
async def fields_of_form(
    a: Annotated[int, FormInput()],
    b: Annotated[list[str] | None, FormInput()] = None,
    c: Annotated[date | None, FormInput()] = None,
) -> Opts:
    return {}


@app.post("/up")
async def files(
    doc: UploadFile, more: list[UploadFile] | None = None, note: Annotated[str, FormInput()] = ""
) -> Pair:
    return Pair(1, doc.filename or "")


class Books(View):
    async def get(
        self,
        shelf: Annotated[str, MaxLength(3)],
        page: Annotated[int, Query(), Between(1, 100)] = 1,
    ) -> Filter:
        return Filter(page)

    async def post(self, shelf: Annotated[str, MaxLength(3)], line: Line) -> Line:
        return line

    @action(detail=True, methods=["POST"])
    async def rate(self, id: int, stars: Annotated[int, Between(1, 5)]) -> Pair:
        return Pair(id, str(stars))


Books.register(app.router, "/shelves/{shelf}")
