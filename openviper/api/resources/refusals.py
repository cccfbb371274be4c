"""What is wrong with what was sent, told with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from openviper.validation.faults import MAX_FAULTS, Fault, ParseError, Place

T = TypeVar("T")


@contextmanager
def below(place: Place) -> Iterator[None]:
    """Have what is wrong with data told with the place of the data."""
    try:
        yield
    except ParseError as error:
        raise error.below(*place) from None


def collected(readings: Iterable[tuple[Place, Callable[[], T]]]) -> list[tuple[Place, T]]:
    """Return what several readings give, each with its place.

    Raises:
        ParseError: If something is wrong; names everything that is, up to `MAX_FAULTS`.
    """
    results: list[tuple[Place, T]] = []
    faults: list[Fault] = []
    for place, read in readings:
        try:
            results.append((place, read()))
        except ParseError as error:
            faults += error.below(*place).faults
    if faults:
        raise ParseError(faults[:MAX_FAULTS])
    return results
