"""Types that the tests of validation read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import (
    Annotated,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)
from uuid import UUID

from openviper.validation import (
    Alias,
    Between,
    Description,
    Email,
    MaxLength,
    MinLength,
    ReadOnly,
    Secret,
    WriteOnly,
)

T = TypeVar("T")


class Colour(Enum):
    """An enumeration of texts."""

    RED = "red"
    BLUE = "blue"


class Level(Enum):
    """An enumeration of numbers."""

    LOW = 1
    HIGH = 2


class Extra(TypedDict, total=False):
    """A dict with keys of which one must be there."""

    note: str
    number: Required[int]


class Total(TypedDict):
    """A dict with keys of which one may be left out."""

    name: str
    age: NotRequired[int]


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: float = 0.0


@dataclass
class Line:
    """A line of an order."""

    book: int
    count: Annotated[int, Between(1, 100)] = 1


@dataclass
class Dog:
    """One of two with a tag."""

    kind: Literal["dog"]
    bark: int


@dataclass
class Cat:
    """The other one."""

    kind: Literal["cat"]
    lives: int = 9


@dataclass
class Tree:
    """Contains itself."""

    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Page(Generic[T]):
    """A page of something."""

    items: list[T]
    total: int


@dataclass
class LinePage(Page[Line]):
    """Derived from a generic class with its argument."""

    next: str | None = None


@dataclass
class Account:
    """Fields that go one way."""

    name: str
    password: Annotated[str, MinLength(8), Secret, WriteOnly]
    id: Annotated[int, ReadOnly] = 0


@dataclass
class Order:
    """An order with everything in it."""

    id: int
    name: Annotated[str, MinLength(1), MaxLength(20), Description("Who ordered.")]
    mail: Annotated[str | None, Email] = None
    lines: list[Line] = field(default_factory=list)
    at: datetime | None = None
    price: Decimal = Decimal(0)
    colour: Colour = Colour.RED
    pet: Dog | Cat | None = None
    extra: Extra | None = None
    point: Point | None = None
    tags: set[str] = field(default_factory=set)
    weights: dict[int, float] = field(default_factory=dict)
    pair: tuple[int, str] | None = None
    uuid: UUID | None = None
    day: date | str | None = None
    from_: Annotated[int, Alias("from")] = 0
    tree: Tree | None = None
    page: Page[Line] | None = None


GOOD_ORDER = {
    "id": 1,
    "name": "Änne",
    "mail": "a@example.org",
    "lines": [{"book": 1}, {"book": 2, "count": 3}],
    "at": "2026-01-01T10:00:00Z",
    "price": "1.10",
    "colour": "blue",
    "pet": {"kind": "cat"},
    "extra": {"number": 1},
    "point": {"x": 1},
    "tags": ["a"],
    "weights": {"1": 1.5},
    "pair": [1, "a"],
    "uuid": "12345678-1234-5678-1234-567812345678",
    "day": "2026-01-01",
    "from": 5,
    "tree": {"value": 1, "children": [{"value": 2}]},
    "page": {"items": [{"book": 1}], "total": 1},
}
