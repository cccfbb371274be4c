"""What generated code and the search for faults say alike of arrays, objects and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from openviper.validation.constraints import Constraint
from openviper.validation.faults import Message, Refusal, refuse
from openviper.validation.scalars import LEAST_INT, MOST_INT

MAX_DEPTH = 100
"""How deep a recursive type may be nested in data."""


def refuse_size() -> None:
    """Raise the refusal of an integer that is too large."""
    refuse("size", "must be an integer from {least} to {most}", least=LEAST_INT, most=MOST_INT)


def refuse_nan() -> None:
    """Raise the refusal of NaN and infinity."""
    refuse("finite", "must be finite")


def refuse_double() -> None:
    """Raise the refusal of an item or key that is there twice."""
    refuse("unique", "must not hold the same item twice")


def refuse_depth() -> None:
    """Raise the refusal of data that is nested too deeply."""
    refuse("depth", "is nested deeper than {depth}", depth=MAX_DEPTH)


def checked_depth(value: Any) -> Any:
    """Return a value, if it is nested no deeper than `MAX_DEPTH`; what writes it calls itself for each level."""
    if is_too_deep(value):
        refuse_depth()
    return value


def is_too_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than `MAX_DEPTH`; its parts are looked at once for each level at most."""
    level = [value]
    for _ in range(MAX_DEPTH):
        # What a program has in several places is looked at once, or it might be two to the power of the depth.
        inner = {id(each): each for outer in level for each in _inner(outer)}
        if not inner:
            return False
        level = list(inner.values())
    return True


def _inner(value: Any) -> Iterable[Any]:
    """Return the containers in a container."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in inner if isinstance(each, (dict, list))]


def refuse_unknown() -> None:
    """Raise the refusal of a key that no field has."""
    refuse("unknown", "is unknown")


def offset_refuser(constraint: Constraint) -> Callable[[], None]:
    """Return what refuses a time that cannot be compared with a bound, as one of them has an offset and the other none."""
    return _refuse_without_offset if _has_offset(constraint) else _refuse_offset


def _has_offset(constraint: Constraint) -> bool:
    bounds: list[Any] = [getattr(constraint, name, None) for name in ("least", "most")]
    offsets = [bound.utcoffset() for bound in bounds if hasattr(bound, "utcoffset")]
    return any(offset is not None for offset in offsets)


def _refuse_without_offset() -> None:
    refuse("offset", "must have an offset from UTC")


def _refuse_offset() -> None:
    refuse("offset", "must not have an offset from UTC")


def is_of_time(constraint: Constraint) -> bool:
    """Return whether a bound is a time, which may have an offset or none."""
    bounds = [getattr(constraint, name, None) for name in ("least", "most")]
    return any(hasattr(bound, "utcoffset") for bound in bounds)


def refuse_whole(error: ValueError) -> NoReturn:
    """Raise the refusal of values that do not fit together, as the program says."""
    raise Refusal("invalid", "{message}", {"message": Message(error)}) from None


def array_of(value: Any) -> Any:
    """Return a value if it is an array."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        refuse("type", "must be an array")
    return value


def tuple_of(value: Any, length: int) -> Any:
    """Return a value if it is an array of so many items."""
    if not isinstance(value, (list, tuple)):
        refuse("type", "must be an array")
    if len(value) != length:
        refuse("length", "must have {length} items", length=length)
    return value


def object_of(value: Any) -> Any:
    """Return a value if it is an object."""
    if not isinstance(value, Mapping):
        refuse("type", "must be an object")
    return value
