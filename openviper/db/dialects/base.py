"""The contract of a dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

Converter = Callable[[Any], Any]
"""Turns one value, never `None`, into another."""
SHORT_FORMS: dict[Converter, str] = {}
"""What some converters do, as a Python expression over ``{value}`` that takes less time than a call.

It raises `ValueError` or `TypeError` for values of which only the converter knows what they are. It may name
`fromisoformat`, that of `datetime`.
"""


class MomentForms(NamedTuple):
    """What a writer does with a moment, as Python expressions over ``{value}`` that take less time than a call.

    Attributes:
        aware: For a `datetime` in UTC; it may name `combine`, that of `datetime`.
        naive: For a naive one that is meant in UTC.
    """

    aware: str
    naive: str


MOMENT_FORMS: dict[Converter, MomentForms] = {}
"""The short forms of writers of moments."""


class Features(NamedTuple):
    """What a database can do."""

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
    bulk_numbering: str
    """How the keys of many new rows become known: ``lock``, as no other writer takes a number meanwhile; ``sequence``, asked
    for before with `reserve_keys`; or ``statement``, told by the driver after the INSERT."""

    def update_source(self) -> str | None:
        """Return what has queries among the assignments of an UPDATE see the rows as they were before it; `None` if nothing has."""
        ...

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

    def returning_key(self, column: str) -> str:
        """Return what makes an INSERT of one row return the key, or nothing if the driver tells it anyway.

        Args:
            column: The quoted name of the key.
        """
        ...

    def insert_nothing(self, table: str) -> str:
        """Return the INSERT of a row that consists of defaults, for a quoted name."""
        ...

    def bulk_insert(self, table: str, columns: Sequence[str]) -> str:
        """Return the statement that `DriverConnection.write_many` inserts rows with, for quoted names."""
        ...

    def reserve_keys(self) -> str:
        """Return the read of fresh keys; its parameters are the quoted table, the plain column, the number of rows.

        Only called where `bulk_numbering` is ``sequence``.
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

    def text_lookup(self, lookup: str, sql: str, operand: str, *, is_ascii: bool) -> str:
        """Return the condition of a text or regex lookup; both arguments may be written several times.

        Args:
            lookup: ``contains``, ``startswith``, ``endswith``, their ``i`` forms, ``iexact``, ``regex`` or ``iregex``.
            sql: The expression of the text.
            operand: The placeholder of what `text_operand` gives.
            is_ascii: Whether the text that is looked for has ASCII characters only.
        """
        ...

    def text_match(self, lookup: str, sql: str, text: str) -> str:
        """Return the condition of a text lookup for a computed text, in which nothing is a wildcard.

        Args:
            lookup: As for `text_lookup`, but no regular expression.
            sql: The expression of the text that is searched.
            text: The expression of what is searched for.
        """
        ...

    def json_equals(self, sql: str, operand: str, *, negated: bool) -> str:
        """Return the comparison of a JSON column with a JSON value, by value and not by text."""
        ...

    def value_type(self, neutral_type: str) -> str:
        """Return the type for CAST of a value of a neutral type."""
        ...

    def text_operand(self, lookup: str, value: str) -> str:
        """Return the value to bind for `text_lookup`, with wildcards in `value` escaped."""
        ...

    def array_contains(self, sql: str, element: str, neutral_type: str) -> str:
        """Return the condition that an array column has an element.

        Args:
            sql: The array.
            element: The placeholder of what `array_element` gives.
            neutral_type: The type of the elements.
        """
        ...

    def array_element(self, value: Any) -> Any:
        """Return what to bind for `array_contains`, from an element as it is stored in the array."""
        ...

    def for_update(self, table: str, words: tuple[str, ...]) -> str:
        """Return the clause that locks the rows of a SELECT.

        Args:
            table: The quoted name of the queried table; joined rows are not locked where that can be said.
            words: Empty, ``("NOWAIT",)`` or ``("SKIP LOCKED",)``.
        """
        ...

    def order_term(self, sql: str, *, descending: bool, nullable: bool) -> str:
        """Return one term of ORDER BY; NULL comes before all values, and after them in a descending order."""
        ...

    def explained(self, rows: list[tuple[Any, ...]]) -> str:
        """Return the result of `explain` as text, one step per line."""
        ...

    def long_list_operand(self, values: list[Any]) -> Any | None:
        """Return one value to bind for a whole list of driver values, or `None` if there is no such form."""
        ...

    def long_list(self, neutral_type: str) -> str:
        """Return what stands behind ``IN`` for `long_list_operand`, with ``{}`` for its placeholder.

        Args:
            neutral_type: The type of the values.
        """
        ...

    def explain(self, sql: str) -> str:
        """Return the statement that explains `sql`."""
        ...

    def missing_table(self, error: BaseException) -> str | None:
        """Return the table's name if `error`, a driver's error, says that a table does not exist."""
        ...
