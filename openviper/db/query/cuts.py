"""Dates and moments cut to a unit; apart, as it needs the functions, which few processes do."""

from __future__ import annotations

from typing import Any

from openviper.db.sql.expressions import F
from openviper.db.sql.functions.moments import Extract, Trunc, Unit
from openviper.db.sql.nodes import Node, Scope


def cut_date(scope: Scope, name: str, unit: Unit, *, is_date: bool) -> Node:
    """Return a date cut to a unit, or the date of a moment."""
    date: Any = F(name) if is_date else Extract(name, "date")
    return Trunc(date, unit).resolve(scope)


def cut_moment(scope: Scope, name: str, unit: Unit) -> Node:
    """Return a moment cut to a unit.

    Raises:
        ValueError: If there is no such unit.
    """
    return Trunc(name, unit).resolve(scope)
