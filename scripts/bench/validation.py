#!/usr/bin/env python3
"""Measure `openviper.validation` against a parser written by hand with the same checks, and against others where installed.

The body has 20 fields, nested two deep, in 1 KB of JSON. The parser by hand checks types, lengths, bounds, missing and unknown
keys. Then whole requests in one process, without sockets: a typed handler that takes this body and returns it, against FastAPI
and Litestar. All are called in turns; the figures are ratios of the minima, as a busy machine only ever adds time.

Maps at last: what an entry costs in small and in large ones, beside the bare comprehension that makes the same dict. A large dict
costs more per entry as it outgrows the caches of the processor, and nested ones as the collector looks at all that was made;
the difference to the comprehension is what is ours, and stays.

    python3 scripts/bench/validation.py
    python3 scripts/bench/validation.py --rounds 1000
    python3 scripts/bench/validation.py --check         exit with 1 when a goal is missed
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import gc
import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from openviper import OpenViper
from openviper.conf import Settings, settings
from openviper.serializers import Serializer
from openviper.validation import Between, MaxLength, Parser

GOAL = 1.5
"""The most time that our parser may take, in times of that by hand."""


@dataclass
class Address:
    """Where somebody lives."""

    street: Annotated[str, MaxLength(100)]
    city: Annotated[str, MaxLength(100)]
    zip: Annotated[str, MaxLength(10)]
    country: Annotated[str, MaxLength(2)]


@dataclass
class Line:
    """One book."""

    book: int
    title: Annotated[str, MaxLength(200)]
    count: Annotated[int, Between(1, 100)]
    price: float
    gift: bool


@dataclass
class Order:
    """The body: these eleven fields, four of an address, five of each line."""

    id: int
    number: Annotated[str, MaxLength(20)]
    name: Annotated[str, MaxLength(100)]
    mail: Annotated[str, MaxLength(254)]
    age: Annotated[int, Between(0, 150)]
    total: float
    paid: bool
    at: datetime
    note: Annotated[str, MaxLength(1000)] | None
    address: Address
    lines: list[Line]


class AddressIn(Serializer):
    """The same as serializers."""

    street: Annotated[str, MaxLength(100)]
    city: Annotated[str, MaxLength(100)]
    zip: Annotated[str, MaxLength(10)]
    country: Annotated[str, MaxLength(2)]


class LineIn(Serializer):
    """One book."""

    book: int
    title: Annotated[str, MaxLength(200)]
    count: Annotated[int, Between(1, 100)]
    price: float
    gift: bool


class OrderIn(Serializer):
    """The body."""

    id: int
    number: Annotated[str, MaxLength(20)]
    name: Annotated[str, MaxLength(100)]
    mail: Annotated[str, MaxLength(254)]
    age: Annotated[int, Between(0, 150)]
    total: float
    paid: bool
    at: datetime
    note: Annotated[str, MaxLength(1000)] | None
    address: AddressIn
    lines: list[LineIn]


DATA: dict[str, Any] = {
    "id": 1234567,
    "number": "2026-0001234",
    "name": "Ada Lovelace",
    "mail": "ada@example.org",
    "age": 36,
    "total": 123.45,
    "paid": True,
    "at": "2026-11-29T10:00:00+00:00",
    "note": "Please ring twice. " * 10,
    "address": {
        "street": "12 St James's Square",
        "city": "London",
        "zip": "SW1Y4JH",
        "country": "GB",
    },
    "lines": [
        {
            "book": number,
            "title": f"Sketch of the Analytical Engine {number}",
            "count": 2,
            "price": 9.5,
            "gift": False,
        }
        for number in range(4)
    ],
}
BODY = json.dumps(DATA).encode()


class RefusedError(Exception):
    """The parser by hand has found a fault."""


def text(value: object, longest: int) -> str:
    """Return a text of at most so many characters."""
    if not isinstance(value, str):
        raise RefusedError
    if not value.isascii():
        value.encode()
    if len(value) > longest:
        raise RefusedError
    return value


def integer(value: object, least: int = -(2**63), most: int = 2**64 - 1) -> int:
    """Return an integer between bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError
    if not least <= value <= most:
        raise RefusedError
    return value


def number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RefusedError
    value = float(value)
    if not -1.8e308 < value < 1.8e308:
        raise RefusedError
    return value


def truth(value: object) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise RefusedError
    return value


def moment(value: object) -> datetime:
    """Return a moment."""
    if (
        not isinstance(value, str)
        or not 16 <= len(value) <= 35
        or value[4] != "-"
        or value[7] != "-"
    ):
        raise RefusedError
    return datetime.fromisoformat(value.upper())


def fields(value: object, count: int) -> dict[str, Any]:
    """Return an object with so many fields."""
    if not isinstance(value, dict) or len(value) != count:
        raise RefusedError
    return value


def address_by_hand(value: object) -> Address:
    """Return an address."""
    data = fields(value, 4)
    return Address(
        text(data["street"], 100),
        text(data["city"], 100),
        text(data["zip"], 10),
        text(data["country"], 2),
    )


def line_by_hand(value: object) -> Line:
    """Return a line."""
    data = fields(value, 5)
    return Line(
        integer(data["book"]),
        text(data["title"], 200),
        integer(data["count"], 1, 100),
        number(data["price"]),
        truth(data["gift"]),
    )


def order_by_hand(value: object) -> Order:
    """Return an order, as somebody would write it who checks everything."""
    data = fields(value, 11)
    if not isinstance(data["lines"], list):
        raise RefusedError
    return Order(
        integer(data["id"]),
        text(data["number"], 20),
        text(data["name"], 100),
        text(data["mail"], 254),
        integer(data["age"], 0, 150),
        number(data["total"]),
        truth(data["paid"]),
        moment(data["at"]),
        None if data["note"] is None else text(data["note"], 1000),
        address_by_hand(data["address"]),
        [line_by_hand(line) for line in data["lines"]],
    )


def installed(name: str) -> Any:
    """Return a package, or `None` if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def parsers() -> dict[str, Callable[[], object]]:
    """Return what parses the data, by name."""
    ours = Parser(Order)
    found: dict[str, Callable[[], object]] = {
        "by hand": lambda: order_by_hand(DATA),
        "openviper": lambda: ours.parse(DATA),
        "serializer": lambda: OrderIn.validate(DATA),
    }
    pydantic, msgspec = installed("pydantic"), installed("msgspec")
    if pydantic is not None:
        adapter = pydantic.TypeAdapter(Order)
        found["pydantic"] = lambda: adapter.validate_python(DATA)
    if msgspec is not None:
        found["msgspec"] = lambda: msgspec.convert(DATA, Order)
    return found


def our_application() -> Any:
    """Return the application of ours, with its default middleware."""
    settings.configure(Settings(SECRET_KEY="x" * 64, ALLOWED_HOSTS=("localhost",)))  # noqa: S106 - measured, never served
    app = OpenViper(debug=False)

    @app.post("/orders")
    async def create(order: Order) -> Order:
        return order

    return app


def applications() -> dict[str, Any]:
    """Return the applications by the frameworks' names; the names of types in them are looked up here."""
    found = {"openviper": our_application()}
    fastapi, litestar = installed("fastapi"), installed("litestar")
    if fastapi is not None:
        peer = fastapi.FastAPI()

        async def create(order: Order) -> Order:
            return order

        create.__annotations__ = {"order": Order, "return": Order}
        peer.post("/orders")(create)
        found["fastapi"] = peer
    if litestar is not None:

        async def post(data: Order) -> Order:
            return data

        post.__annotations__ = {"data": Order, "return": Order}
        found["litestar"] = litestar.Litestar([litestar.post("/orders")(post)])
    return found


async def request(app: Any) -> tuple[int, bytes]:
    """Send the body to an application and return the status and the body of its answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/orders",
        "raw_path": b"/orders",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(BODY)).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "state": {},
    }
    status, pieces = 0, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(pieces)


def minima(cases: dict[str, Callable[[], object]], rounds: int, calls: int) -> dict[str, float]:
    """Return the shortest time of each case, in microseconds per call; the cases take turns."""
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(rounds):
        for name, call in cases.items():
            begin = time.perf_counter()
            for _ in range(calls):
                call()
            best[name] = min(best[name], (time.perf_counter() - begin) / calls)
    return {name: seconds * 1e6 for name, seconds in best.items()}


async def request_minima(apps: dict[str, Any], rounds: int) -> dict[str, float]:
    """Return the same of whole requests."""
    for name, app in apps.items():
        status, body = await request(app)
        if status not in (200, 201) or json.loads(body)["id"] != DATA["id"]:
            raise SystemExit(f"{name} answers {status}: {body[:200]!r}")
    best = dict.fromkeys(apps, float("inf"))
    for _ in range(rounds):
        for name, app in apps.items():
            begin = time.perf_counter()
            for _ in range(10):
                await request(app)
            best[name] = min(best[name], (time.perf_counter() - begin) / 10)
    return {name: seconds * 1e6 for name, seconds in best.items()}


def show(title: str, figures: dict[str, float], base: str) -> None:
    """Print figures, and how many times those of one of them they are."""
    print(title)
    for name, figure in figures.items():
        print(f"  {name:<12} {figure:8.1f} us   {figure / figures[base]:5.2f}")


def copied(data: dict[str, int]) -> dict[str, int]:
    """Return a map as a parser by hand would make it."""
    return {key: value if type(value) is int else 0 for key, value in data.items()}


def show_maps() -> None:
    """Print what an entry of a map costs, in processor time."""
    print("maps of integers, one entry, in ns")
    parse = Parser(dict[str, int]).parse
    for size in (10_000, 100_000, 500_000):
        data = {f"key {number}": number for number in range(size)}
        ours, bare = (_seconds(function, data) / size * 1e9 for function in (parse, copied))
        print(f"  {size:>8} entries  ours {ours:6.0f}  comprehension {bare:6.0f}")


def _seconds(function: Callable[[dict[str, int]], object], data: dict[str, int]) -> float:
    def once() -> float:
        begin = time.process_time()
        function(data)
        return time.process_time() - begin

    return min(once() for _ in range(5))


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    gc.disable()
    parsing = minima(parsers(), options.rounds, 50)
    show(f"parsing {len(BODY)} bytes of JSON, decoded", parsing, "by hand")
    requests = asyncio.run(request_minima(applications(), options.rounds))
    show("a request with this body, answered with it", requests, "openviper")
    show_maps()
    most = GOAL * parsing["by hand"]
    missed = [name for name in ("openviper", "serializer") if parsing[name] > most]
    if requests["openviper"] > requests.get("fastapi", float("inf")):
        missed.append("fastapi")
    print(f"missed: {', '.join(missed)}" if missed else "all goals are met")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
