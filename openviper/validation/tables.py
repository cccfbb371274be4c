"""How generated code looks up values: the members of enumerations, literals, types that a program has taught."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from openviper.validation.constraints import run_check
from openviper.validation.faults import refuse
from openviper.validation.nodes import MISSING, CustomNode

Read = Callable[..., Any]


def plain(value: Any) -> Any:
    """Return the value of a member, and any other as it is."""
    return value.value if isinstance(value, Enum) else value


def text_of(value: Any) -> str:
    """Return a value as a form sends it."""
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def typed_key(value: Any) -> tuple[type[Any], Any]:
    """Return what tells a value from an equal one of another type."""
    return type(value), value


def _looked_up(table: dict[Any, Any], value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and (float, value) not in table:
        # JSON has one sort of number: 5.0 is 5, as it is for integers.
        return table.get((int, int(value)), MISSING)
    try:
        return table.get((type(value), value), MISSING)
    except TypeError:
        return MISSING


def table_reader(table: dict[Any, Any], words: str) -> Read:
    """Return what looks a value up."""

    def read(value: Any) -> Any:
        found = _looked_up(table, value)
        if found is MISSING:
            refuse("one_of", "must be one of {choices}", choices=words)
        return found

    return read


def custom_reader(node: CustomNode) -> Read:
    """Return what makes an instance of a type that a program has taught."""

    def read(value: Any) -> Any:
        if isinstance(value, node.type):
            return value
        return run_check(node.read, value, "type")

    return read
