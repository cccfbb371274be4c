"""The contract of a dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

Converter = Callable[[Any], Any]
"""Turns one value, never `None`, into another."""


class Features(NamedTuple):
    """What a database can do."""

    supports_returning: bool
    supports_partial_indexes: bool
    supports_transactional_ddl: bool
    supports_drop_column: bool
    supports_uuid: bool
    supports_select_for_update: bool


class Dialect(Protocol):
    """SQL text and value conversion for one kind of database.

    Neutral types are those of the schema files: ``"VARCHAR(20)"``, ``"DATETIME"``; only the part before the
    parenthesis decides about conversion.
    """

    name: str
    placeholder: str
    features: Features
    max_variables: int

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        ...

    def writer(self, neutral_type: str) -> Converter | None:
        """Return what turns a Python value of this type into the driver's, or `None` if nothing has to be done."""
        ...

    def reader(self, neutral_type: str, *, aware: bool = True) -> Converter | None:
        """Return what turns the driver's value into a Python value, or `None` if nothing has to be done.

        Args:
            neutral_type: The type of the column.
            aware: Whether time stamps come back aware and in UTC; naive otherwise.
        """
        ...

    def limit_clause(self, limited: bool, offset: bool) -> str:
        """Return the clause with placeholders, limit first; empty when neither is wanted."""
        ...

    def date_part(self, part: str, sql: str) -> str:
        """Return the expression for one part of a time stamp.

        Args:
            part: ``date``, ``time`` (text), ``year``, ``month``, ``day``, ``hour``, ``minute`` or ``second`` (integers).
            sql: The expression of the time stamp.
        """
        ...

    def text_lookup(self, lookup: str, sql: str) -> str:
        """Return the condition of a text or regex lookup, with one placeholder for the operand.

        Args:
            lookup: ``contains``, ``startswith``, ``endswith``, their ``i`` forms, ``iexact``, ``regex`` or ``iregex``.
            sql: The expression of the text.
        """
        ...

    def text_operand(self, lookup: str, value: str) -> str:
        """Return the value to bind for `text_lookup`, with wildcards in `value` escaped."""
        ...

    def long_list_operand(self, values: list[Any]) -> Any | None:
        """Return one value to bind for a whole list of driver values, or `None` if there is no such form."""
        ...

    def long_list(self) -> str:
        """Return what stands behind ``IN`` for `long_list_operand`, with one placeholder."""
        ...

    def explain(self, sql: str) -> str:
        """Return the statement that explains `sql`."""
        ...

    def missing_table(self, error: BaseException) -> str | None:
        """Return the table's name if `error`, a driver's error, says that a table does not exist."""
        ...
