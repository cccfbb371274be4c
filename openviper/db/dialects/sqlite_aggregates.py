"""Aggregates that SQLite does not have: each connection registers them."""

from __future__ import annotations

import math
import sqlite3
from typing import Any


class Spread:
    """Collects numbers for the variance, one after the other, as SQLite hands them out."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def step(self, number: float | None) -> None:
        """Take one number; NULL does not count."""
        if number is None:
            return
        self.count += 1
        distance = number - self.mean
        self.mean += distance / self.count
        self.squares += distance * (number - self.mean)

    def variance(self, less: int) -> float | None:
        """Return the variance, of a sample if `less` is 1."""
        return self.squares / (self.count - less) if self.count > less else None

    def deviation(self, less: int) -> float | None:
        """Return the standard deviation, of a sample if `less` is 1."""
        variance = self.variance(less)
        return None if variance is None else math.sqrt(variance)


class VariancePop(Spread):
    """The variance of all numbers."""

    def finalize(self) -> float | None:
        """Return it."""
        return self.variance(0)


class VarianceSample(Spread):
    """The variance of a sample."""

    def finalize(self) -> float | None:
        """Return it."""
        return self.variance(1)


class DeviationPop(Spread):
    """The standard deviation of all numbers."""

    def finalize(self) -> float | None:
        """Return it."""
        return self.deviation(0)


class DeviationSample(Spread):
    """The standard deviation of a sample."""

    def finalize(self) -> float | None:
        """Return it."""
        return self.deviation(1)


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
    "openviper_var_pop": (1, VariancePop),
    "openviper_var_samp": (1, VarianceSample),
    "openviper_stddev_pop": (1, DeviationPop),
    "openviper_stddev_samp": (1, DeviationSample),
    "openviper_join_all": (2, Joined),
    "openviper_join_distinct": (2, JoinedOnce),
}
"""The aggregates by name, with their number of arguments."""


def register_aggregates(connection: sqlite3.Connection) -> None:
    """Give a connection the aggregates."""
    for name, (count, aggregate) in AGGREGATES.items():
        connection.create_aggregate(name, count, aggregate)
