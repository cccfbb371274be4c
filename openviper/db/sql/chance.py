"""Chance: a number per row that nobody can foretell."""

from __future__ import annotations

from openviper.db.dialects.base import Dialect
from openviper.db.sql.expressions import Call, Func
from openviper.db.sql.nodes import Order
from openviper.db.sql.types import FLOAT
from openviper.exceptions import FieldError

RANDOM = "?"
"""What `order_by` is given for an order by chance."""


class Random(Func):
    """A number from 0 to 1, another one for each row."""

    gives = FLOAT

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; SQLite gives a whole number of 64 bits."""
        if dialect.name == "sqlite":
            return "(random() / 18446744073709551616.0 + 0.5)"
        return "RAND()" if dialect.name == "mysql" else "RANDOM()"


def random_order(term: str) -> Order:
    """Return the order by chance.

    Raises:
        FieldError: If it is turned around, which means nothing.
    """
    if term != RANDOM:
        raise FieldError(f"{term!r}: an order by chance has no direction; use {RANDOM!r}")
    function = Random()
    return Order(function.of(), name=RANDOM)


def is_random(order: Order) -> bool:
    """Return whether an order is by chance."""
    return isinstance(order.node, Call) and isinstance(order.node.function, Random)
