"""Values that columns are compared with and cannot hold: such a comparison is settled, as numbers are compared, and not sent.

A column of whole numbers may be asked for what is greater than 0.5 or less than 10**30, one of floating-point numbers whether it
is less than infinity, one of durations whether it is less than the longest `timedelta`. A list equals none that a column of lists can hold if
one of its elements does not fit.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from openviper.db.fields.arrays import ArrayField
from openviper.db.fields.base import unwrap_enum
from openviper.db.fields.durations import microseconds
from openviper.db.fields.moments import DateTimeField
from openviper.db.fields.numbers import FloatField
from openviper.db.sql.conditions import Settled
from openviper.db.sql.lookups import Compare, Lookup
from openviper.db.sql.nodes import UNCONVERTIBLE, Node
from openviper.db.sql.types import FLOAT, Family, plain_decimal
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import fractions
else:
    fractions = lazy_module("fractions")  # 1 ms; only fractional bounds of whole numbers need it.

LEAST, GREATEST = -(2**63), 2**63 - 1
_GREATEST_FLOAT = sys.float_info.max


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number that every database can compare with a column."""
    return value.__class__ is int and LEAST <= value <= GREATEST


def whole_number(name: str, lookup: Lookup, value: Any) -> Node:
    """Return the comparison of a whole number with any number: with the next whole one, or settled."""
    exact = _exact(value)
    if exact is None:
        never = is_nan(_number_in(value))
        return Settled(lookup.left, name == "ne") if never else Compare(lookup, value)
    is_beyond = exact > GREATEST or exact < LEAST
    if name in ("exact", "ne"):
        is_other = is_beyond or exact != int(exact)
        return Settled(lookup.left, name == "ne") if is_other else Compare(lookup, int(exact))
    if is_beyond:
        return _settled(name, lookup, exact)
    # The column has whole numbers only: greater than 0.5 is greater than 0, less than 0.5 is less than 1.
    return Compare(lookup, math.floor(exact) if name in ("gt", "lte") else math.ceil(exact))


def beyond(name: str, lookup: Lookup, value: Any) -> Node | None:
    """Return the comparison with a number, moment or duration that the left side cannot have, `None` for any other."""
    special = _SPECIAL.get(lookup.left.type.family)
    if special is not None:
        return special(name, lookup, value)
    if _has_all_floats(lookup.field):
        return None
    number = _number_in(value)
    if is_nan(number):
        return Settled(lookup.left, name == "ne")
    return _settled(name, lookup, number) if _is_beyond(lookup, number) else None


def _beyond_durations(name: str, lookup: Lookup, value: Any) -> Node | None:
    if not isinstance(value, timedelta) or LEAST <= microseconds(value) <= GREATEST:
        return None
    return _settled(name, lookup, value.days)


def _beyond_moments(name: str, lookup: Lookup, value: Any) -> Node | None:
    """Return the comparison with a moment of the first or the last year that has no equivalent in UTC."""
    if not isinstance(value, datetime) or 1 < value.year < 9999:
        return None
    try:
        _MOMENT.to_python(value)
    except ValueError:
        return _settled(name, lookup, value.year - 5000)
    return None


def _beyond_json(name: str, lookup: Lookup, value: Any) -> Node | None:
    """Return the comparison with a number that JSON has in another form, or not at all."""
    if not isinstance(value, (float, Decimal)):
        return None
    if is_nan(value) or math.isinf(value):
        return Settled(lookup.left, name == "ne")
    return Compare(lookup, plain_decimal(value)) if isinstance(value, Decimal) else None


_MOMENT: DateTimeField[Any] = DateTimeField()
_SPECIAL: dict[Family, Callable[[str, Lookup, Any], Node | None]] = {
    Family.DURATION: _beyond_durations,
    Family.DATETIME: _beyond_moments,
    Family.JSON: _beyond_json,
}


def _is_beyond(lookup: Lookup, number: Any) -> bool:
    """Return whether all floating-point numbers, or all decimal ones, are less, or all are greater."""
    if is_whole(number) or not isinstance(number, (int, float, Decimal)):
        return False
    if lookup.left.type is not FLOAT:
        return isinstance(number, (float, Decimal)) and math.isinf(number)
    return not -_GREATEST_FLOAT <= number <= _GREATEST_FLOAT


def _has_all_floats(field: object) -> bool:
    return isinstance(field, FloatField) and (field.allow_inf or field.allow_nan)


def _settled(name: str, lookup: Lookup, number: Any) -> Node:
    """Return the comparison with a number that is greater than all values, or less."""
    if name in ("exact", "ne"):
        return Settled(lookup.left, name == "ne")
    return Settled(lookup.left, (number > 0) == (name in ("lt", "lte")))


def is_never(value: Any) -> bool:
    """Return whether a number cannot equal any whole number of 64 bits."""
    if value.__class__ is int:
        return not LEAST <= value <= GREATEST
    if not isinstance(value, (float, Decimal, str)):
        return False
    exact = _exact(value)
    return exact is not None and not (LEAST <= exact <= GREATEST and exact == int(exact))


def whole_of(value: Any) -> Any:
    """Return the whole number that a text is the numeral of, such as ``1.0``; anything else as it is."""
    if not isinstance(value, str):
        return value
    exact = _exact(value)
    return int(exact) if exact is not None and exact == exact // 1 else value


def is_nan(value: object) -> bool:
    """Return whether a value is not a number; asking a signalling one by a comparison is an error."""
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float) and math.isnan(value)


def _exact(value: Any) -> Any:
    """Return a number without rounding; `None` for what is not one."""
    value = _number_in(unwrap_enum(value))
    if not isinstance(value, (int, float, Decimal)) or is_nan(value):
        return None
    if isinstance(value, (float, Decimal)) and math.isinf(value):
        return math.inf if value > 0 else -math.inf
    if isinstance(value, Decimal) and abs(value.adjusted()) > 400:
        # Written out, such a number could take more memory than there is.
        return _far_away(value)
    return fractions.Fraction(value)


def _number_in(value: Any) -> Any:
    """Return the number that a text is the numeral of, as addresses have them; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        return value


def _far_away(value: Decimal) -> Any:
    if value.adjusted() > 0:
        return math.inf if value > 0 else -math.inf
    return fractions.Fraction(int(value > 0) - int(value < 0), 2)


# Lists


def can_hold(lookup: Lookup, value: object) -> bool:
    """Return whether a column of lists can hold a list; PostgreSQL would not even compare it with one that it cannot."""
    field = lookup.field
    if not isinstance(field, ArrayField) or not isinstance(value, (list, tuple)):
        return True
    return all(is_element(field, element) for element in value)


def is_element(field: ArrayField[Any], element: object) -> bool:
    """Return whether a column of lists can hold an element; what cannot even be converted is left to the comparison."""
    try:
        converted = field.base_field.to_db(element)
    except UNCONVERTIBLE:
        return True
    try:
        field.base_field.to_column(converted)
    except ValueError:
        return False
    return True
