"""Aggregates that SQLite does not have: each connection registers them."""

from __future__ import annotations

import math
import sqlite3
from typing import Any

_LIMIT = 2**63


class Spread:
    """Collects numbers for the variance, one after the other, as SQLite hands them out, and over a window takes away."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0
        self.total = 0.0
        self.boundless = 0

    def step(self, number: float | None) -> None:
        """Take one number; NULL does not count."""
        if number is None:
            return
        if not math.isfinite(number):
            self.boundless += 1
            return
        self.count += 1
        self.total += number
        distance = number - self.mean
        self.mean += distance / self.count
        self.squares += distance * (number - self.mean)

    def inverse(self, number: float | None) -> None:
        """Take away a number that the window has left behind."""
        if number is None:
            return
        if not math.isfinite(number):
            self.boundless -= 1
            return
        self.count -= 1
        if not self.count:
            self.mean = self.squares = self.total = 0.0
            return
        self.total -= number
        distance = number - self.mean
        self.mean -= distance / self.count
        # What is left of numbers that have gone may be less than nothing.
        self.squares = max(self.squares - distance * (number - self.mean), 0.0)

    def variance(self, less: int) -> float | None:
        """Return the variance, of a sample if `less` is 1.

        Raises:
            ValueError: If the sum of the numbers, or of the squares of their distances, is too great.
        """
        if self.boundless:
            return math.nan if self.boundless + self.count > less else None
        if not (math.isfinite(self.total) and math.isfinite(self.squares)):
            raise ValueError
        return self.squares / (self.count - less) if self.count > less else None

    def value(self) -> float | None:
        """Return what is asked for."""
        raise NotImplementedError

    def finalize(self) -> float | None:
        """Return the last of it."""
        return self.value()

    def deviation(self, less: int) -> float | None:
        """Return the standard deviation, of a sample if `less` is 1."""
        variance = self.variance(less)
        return None if variance is None else math.sqrt(variance)


class VariancePop(Spread):
    """The variance of all numbers."""

    def value(self) -> float | None:
        """Return it."""
        return self.variance(0)


class VarianceSample(Spread):
    """The variance of a sample."""

    def value(self) -> float | None:
        """Return it."""
        return self.variance(1)


class DeviationPop(Spread):
    """The standard deviation of all numbers."""

    def value(self) -> float | None:
        """Return it."""
        return self.deviation(0)


class DeviationSample(Spread):
    """The standard deviation of a sample."""

    def value(self) -> float | None:
        """Return it."""
        return self.deviation(1)


class SumOnce:
    """Adds up whole numbers that differ."""

    def __init__(self) -> None:
        self.numbers: set[int | float] = set()

    def step(self, number: int | float | None) -> None:
        """Take one number; NULL does not count."""
        if number is not None:
            self.numbers.add(number)

    def finalize(self) -> int | None:
        """Return the sum.

        Raises:
            ValueError: If SQLite has no such number, or had none on the way here and made a floating-point number.
        """
        if not self.numbers:
            return None
        total = sum(self.numbers)
        if isinstance(total, float) or not -_LIMIT <= total < _LIMIT:
            raise ValueError
        return total


class Joined:
    """Collects texts, and joins them in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.separator = ","

    def step(self, text: Any, separator: str) -> None:
        """Take one text; NULL does not count."""
        self.separator = separator
        if text is not None:
            self.texts.append(str(text))

    def finalize(self) -> str | None:
        """Return the texts in one."""
        return self.separator.join(sorted(self.texts)) if self.texts else None


class JoinedOnce(Joined):
    """Collects texts, and joins those that differ in order."""

    def finalize(self) -> str | None:
        """Return the texts in one."""
        self.texts = list(set(self.texts))
        return super().finalize()


AGGREGATES: dict[str, tuple[int, Any]] = {
    "openviper_sum": (1, SumOnce),
    "openviper_join_all": (2, Joined),
    "openviper_join_distinct": (2, JoinedOnce),
}
"""The aggregates by name, with their number of arguments."""
WINDOWS: dict[str, type[Spread]] = {
    "openviper_var_pop": VariancePop,
    "openviper_var_samp": VarianceSample,
    "openviper_stddev_pop": DeviationPop,
    "openviper_stddev_samp": DeviationSample,
}
"""Those of one argument that may stand over a window, by name."""


def register_aggregates(connection: sqlite3.Connection) -> None:
    """Give a connection the aggregates."""
    for name, (count, aggregate) in AGGREGATES.items():
        connection.create_aggregate(name, count, aggregate)
    for name, window in WINDOWS.items():
        connection.create_window_function(name, 1, window)
