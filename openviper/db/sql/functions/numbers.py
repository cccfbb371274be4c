"""Functions of numbers."""

from __future__ import annotations

from openviper.db.dialects.base import Dialect
from openviper.db.sql.expressions import Argument, Func, whole_of_mysql
from openviper.db.sql.expressions import Mod as Mod
from openviper.db.sql.expressions import Power as Power
from openviper.db.sql.types import INTEGER, NUMBERS, Family, ResultType, decimal_type


class Abs(Func):
    """The number without its sign."""

    accepts = (NUMBERS,)
    template = "ABS({0})"


class Round(Func):
    """The number rounded, half of the last place away from zero.

    Args:
        number: The number.
        places: Digits behind the point; none by default, which makes a whole number.

    Raises:
        ValueError: If `places` is negative.
    """

    accepts = (NUMBERS,)

    def __init__(self, number: Argument, places: int = 0) -> None:
        if places < 0:
            raise ValueError(f"Round(): places={places!r} is negative")
        super().__init__(number)
        self.places = places

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return a whole number, or one of the same kind with so many places."""
        if not self.places or arguments[0] is INTEGER:
            return INTEGER
        is_decimal = arguments[0].family is Family.DECIMAL
        return decimal_type(self.places) if is_decimal else arguments[0]

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; floating-point numbers are rounded by their shortest text."""
        number = arguments[0]
        if dialect.name == "sqlite":
            return f"openviper_round({number}, {self.places})"
        if dialect.name == "mysql":
            rounded = f"ROUND(CAST(CAST({number} AS CHAR) AS DECIMAL(65,20)), {self.places})"
            return f"({rounded} + 0)" if self.places else whole_of_mysql(rounded, number)
        rounded = f"ROUND(CAST({number} AS NUMERIC), {self.places})"
        return rounded if self.places else f"CAST({rounded} AS BIGINT)"


class Floor(Func):
    """The greatest whole number that is not greater."""

    accepts = (NUMBERS,)
    gives = INTEGER

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        if dialect.name == "sqlite":
            return f"openviper_floor({arguments[0]})"
        if dialect.name == "mysql":
            return whole_of_mysql(f"FLOOR({arguments[0]})", arguments[0])
        return f"CAST(FLOOR({arguments[0]}) AS BIGINT)"


class Ceil(Func):
    """The least whole number that is not less."""

    accepts = (NUMBERS,)
    gives = INTEGER

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        if dialect.name == "sqlite":
            return f"openviper_ceil({arguments[0]})"
        if dialect.name == "mysql":
            return whole_of_mysql(f"CEILING({arguments[0]})", arguments[0])
        return f"CAST(CEILING({arguments[0]}) AS BIGINT)"
