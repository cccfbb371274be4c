"""Sums, and what is computed of sums, within the bounds of their types: what lies outside is one error on every database.

By themselves the databases go different ways. PostgreSQL and MariaDB add up whole numbers of 64 bits as decimal ones, SQLite
fails as soon as the sum of some of the rows is too great, whatever the others are. Of floating-point numbers that are too great,
SQLite makes infinity and MariaDB zero.
"""

from __future__ import annotations

from openviper.db.dialects.base import Dialect
from openviper.db.fields.numbers import FloatField, IntegerField
from openviper.db.sql.nodes import Column, Node, all_parts
from openviper.db.sql.types import BOOLEAN

_REFUSAL = "abs(-9223372036854775807 - 1)"
"""What is an error in SQLite, like every whole number that is too great."""
_GREATEST = "1.7976931348623157e308"
_HALF = 32
_LOWER = 2**_HALF - 1


def whole_total(argument: Node, value: str, over: str, dialect: Dialect, *, distinct: bool) -> str:
    """Return the SQL for the sum of whole numbers, which is an error if it has more than 64 bits.

    Args:
        argument: What is added up.
        value: Its SQL.
        over: The window, nothing for a group.
        dialect: The dialect.
        distinct: Whether equal numbers count once; not over a window.
    """
    plain = f"SUM({'DISTINCT ' if distinct else ''}{value}){over}"
    if dialect.name == "postgresql":
        return f"CAST({plain} AS BIGINT)"
    if dialect.name == "mysql":
        # Unlike CAST, which takes the nearest number that there is.
        return f"({plain} DIV 1)"
    if _is_small(argument):
        return plain
    return f"openviper_sum(DISTINCT {value})" if distinct else _in_halves(argument, value, over)


def _is_small(argument: Node) -> bool:
    """Return whether it takes more than 4,000,000,000 rows to make a number of more than 64 bits."""
    if argument.type is BOOLEAN:
        return True
    field = argument.field if isinstance(argument, Column) else None
    return isinstance(field, IntegerField) and field.maximum < 2**31


def _in_halves(argument: Node, value: str, over: str) -> str:
    """Return the sum of numbers of 64 bits for SQLite, made of those of their halves: neither becomes too great on the way."""
    lower = f"SUM(({value}) & {_LOWER}){over}"
    upper = f"(SUM(({value}) >> {_HALF}){over} + ({lower} >> {_HALF}))"
    total = f"{upper} * {_LOWER + 1} + ({lower} & {_LOWER})"
    is_beyond = f"{upper} NOT BETWEEN {-(2**31)} AND {2**31 - 1}"
    if not isinstance(argument, Column):
        # A computed number that was too great is a floating-point number already.
        is_beyond = f"MAX(typeof({value}) = 'real'){over} OR {is_beyond}"
    return f"CASE WHEN {is_beyond} THEN {_REFUSAL} ELSE {total} END"


def float_total(argument: Node, call: str, dialect: Dialect) -> str:
    """Return the SQL for a floating-point number that was computed of a sum, which is an error if it is infinite.

    Args:
        argument: What it is computed of; a column that may hold infinity may give it.
        call: The call of the function.
        dialect: The dialect.
    """
    if dialect.name == "mysql":
        # In a table of its own for sorting or windows, infinity has become the greatest number.
        return f"CASE WHEN ABS({call}) < {_GREATEST} THEN {call} ELSE {call} * 2 END"
    if dialect.name == "sqlite" and not any(map(_may_be_infinite, all_parts(argument))):
        return f"CASE WHEN abs({call}) = 9e999 THEN {_REFUSAL} ELSE {call} END"
    return call


def _may_be_infinite(node: Node) -> bool:
    return isinstance(node, Column) and isinstance(node.field, FloatField) and node.field.allow_inf
