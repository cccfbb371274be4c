"""Further aggregates: texts joined, lists, and how far values lie apart."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.sql import operands
from openviper.db.sql.aggregates import Aggregate
from openviper.db.sql.expressions import Expression
from openviper.db.sql.nodes import Node
from openviper.db.sql.totals import float_total
from openviper.db.sql.types import (
    FLOAT,
    JSON,
    NUMBERS,
    TEXT,
    Family,
    ResultType,
    array_type,
)
from openviper.exceptions import FieldError


class _Spread(Aggregate):
    """How far numbers lie apart, a floating-point number; `None` without enough rows.

    Args:
        field: The field, or an expression.
        distinct: Take equal values only once.
        sample: Whether the rows are a sample of more that there are, so that two are needed and the result is greater.
        filter: A condition; only the rows for which it holds count.
    """

    __slots__ = ("sample",)

    def __init__(
        self,
        field: str | Expression | operands.Selectable,
        distinct: bool = False,
        *,
        sample: bool = False,
        filter: operands.Condition | None = None,  # noqa: A002 - the name that users know
    ) -> None:
        super().__init__(field, distinct, filter=filter)
        self.sample = sample
        if distinct:
            raise FieldError(f"{type(self).__name__}() takes no distinct=True")

    def options(self) -> tuple[Hashable, ...]:
        """Return whether it is of a sample."""
        return (self.sample,)

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a floating-point number."""
        if argument.family not in NUMBERS:
            raise FieldError(f"a {argument} is not a number")
        return FLOAT

    def call(self, value: str, dialect: Dialect) -> str:
        """Return the call; SQLite has a function of ours."""
        name = f"{self.function}_{'SAMP' if self.sample else 'POP'}"
        if dialect.name == "sqlite":
            return f"openviper_{name.lower()}({value})"
        return f"{name}(CAST({value} AS {dialect.value_type('REAL')}))"

    def of_one(self, value: str, dialect: Dialect) -> str:
        """Return nothing: one number lies apart from none, and is too few for a sample."""
        result = "NULL" if self.sample else "0"
        return (
            f"CASE WHEN {value} IS NOT NULL THEN CAST({result} AS {dialect.value_type('REAL')}) END"
        )

    def written(self, argument: Node, value: str, over: str, dialect: Dialect) -> str:
        """Return the call; it is an error if the sum of the numbers or of the squares of their distances is."""
        if dialect.name != "mysql" or argument.type is not FLOAT:
            return super().written(argument, value, over, dialect)
        number = f"CAST({value} AS {dialect.value_type('REAL')})"
        is_root = self.function == StdDev.function
        spread = (
            f"(VAR_{'SAMP' if self.sample else 'POP'}({number}){over} + 0 * SUM({number}){over})"
        )
        return float_total(argument, f"SQRT{spread}" if is_root else spread, dialect)


class StdDev(_Spread):
    """The standard deviation of numbers."""

    __slots__ = ()

    function: ClassVar[str] = "STDDEV"


class Variance(_Spread):
    """The variance of numbers, the square of the standard deviation."""

    __slots__ = ()

    function: ClassVar[str] = "VAR"


class StringAgg(Aggregate):
    """Texts joined, in the order of their characters' numbers; `None` without rows.

    Args:
        field: The field, or an expression.
        separator: What stands between two texts.
        distinct: Take equal texts only once.
        filter: A condition; only the rows for which it holds count.
    """

    __slots__ = ("separator",)

    def __init__(
        self,
        field: str | Expression | operands.Selectable,
        separator: str = ",",
        distinct: bool = False,
        *,
        filter: operands.Condition | None = None,  # noqa: A002 - the name that users know
    ) -> None:
        super().__init__(field, distinct, filter=filter)
        if not separator.isprintable():
            raise FieldError(f"StringAgg(): {separator!r} is not a text of printable characters")
        self.separator = separator

    def options(self) -> tuple[Hashable, ...]:
        """Return the separator, which is a part of the text."""
        return (self.separator,)

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a text."""
        if argument.family is not Family.TEXT:
            raise FieldError(f"a {argument} is not a text to join")
        return TEXT

    def call(self, value: str, dialect: Dialect) -> str:
        """Return the call, in an order that is the same on every database."""
        separator = _quoted(self.separator, dialect)
        if dialect.name == "sqlite":
            # Its own takes no order before version 3.44.
            return f"openviper_join_{'distinct' if self.distinct else 'all'}({value}, {separator})"
        return self._of_servers(value, separator, dialect)

    def _of_servers(self, value: str, separator: str, dialect: Dialect) -> str:
        distinct = "DISTINCT " if self.distinct else ""
        if dialect.name == "mysql":
            text = f"CAST({value} AS CHAR) COLLATE {MYSQL_COLLATION}"
            return f"GROUP_CONCAT({distinct}{text} ORDER BY {text} SEPARATOR {separator})"
        text = f'CAST({value} AS text) COLLATE "C"'
        return f"STRING_AGG({distinct}{text}, {separator} ORDER BY {text})"


def _quoted(text: str, dialect: Dialect) -> str:
    """Return a text as a literal; percent signs are those of placeholders on the servers."""
    text = text.replace("'", "''")
    if dialect.name == "mysql":
        text = text.replace("\\", "\\\\")
    return f"'{text}'" if dialect.name == "sqlite" else f"'{text.replace('%', '%%')}'"


class ArrayAgg(Aggregate):
    """The values as a list, NULLs included, in no promised order; `None` without rows (PostgreSQL)."""

    __slots__ = ()

    function: ClassVar[str] = "ARRAY_AGG"
    keeps_null: ClassVar[bool] = True

    def of_one(self, value: str, dialect: Dialect) -> str:
        """Return the list of one."""
        self.call(value, dialect)
        return f"ARRAY[{value}]"

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a list of the values' type."""
        if argument.family in (Family.JSON, Family.ARRAY, Family.OPAQUE, Family.DURATION):
            raise FieldError(f"a {argument} cannot be a member of a list")
        return array_type(argument, f"{argument.neutral}[]")

    def call(self, value: str, dialect: Dialect) -> str:
        """Return the call.

        Raises:
            DatabaseOperationNotSupportedError: If the database has no arrays.
        """
        if dialect.name != "postgresql":
            raise DatabaseOperationNotSupportedError(
                f"{self!r}: only PostgreSQL has arrays; use JSONAgg()"
            )
        return super().call(value, dialect)


class JSONAgg(Aggregate):
    """The values as a JSON list, NULLs included, in no promised order; `None` without rows.

    Texts and whole numbers only: each database writes other values into JSON in its own way.
    """

    __slots__ = ()

    keeps_null: ClassVar[bool] = True

    def result_type(self, argument: ResultType) -> ResultType:
        """Return JSON."""
        if argument.family not in (Family.TEXT, Family.INTEGER):
            raise FieldError(f"a {argument} is written into JSON by each database in its own way")
        return JSON

    def call(self, value: str, dialect: Dialect) -> str:
        """Return the call."""
        if self.distinct:
            raise FieldError(f"{self!r}: JSONAgg() takes no distinct=True")
        if dialect.name == "sqlite":
            return f"NULLIF(json_group_array({value}), '[]')"
        return f"{'JSON_ARRAYAGG' if dialect.name == 'mysql' else 'JSONB_AGG'}({value})"

    def of_one(self, value: str, dialect: Dialect) -> str:
        """Return the list of one."""
        names = {"sqlite": "json_array", "mysql": "JSON_ARRAY"}
        return f"{names.get(dialect.name, 'jsonb_build_array')}({value})"

    def of_chosen(self, value: str, condition: str, dialect: Dialect) -> str:
        """Return the call for the rows for which a condition holds."""
        if dialect.name == "sqlite":
            return f"NULLIF(json_group_array({value}) FILTER (WHERE {condition}), '[]')"
        if dialect.name == "postgresql":
            return super().of_chosen(value, condition, dialect)
        # MariaDB has no FILTER; its GROUP_CONCAT leaves NULLs out, which its JSON_ARRAYAGG does not.
        member = f"JSON_EXTRACT(JSON_ARRAY({value}), '$[0]')"
        return (
            f"CONCAT('[', GROUP_CONCAT(CASE WHEN {condition} THEN {member} END SEPARATOR ','), ']')"
        )
