"""Computed values that are stored in a column: only of its own type, and in its own range and precision."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import Any

from openviper.db.fields.base import Field
from openviper.db.fields.decimals import DecimalField
from openviper.db.fields.numbers import FloatField, IntegerField
from openviper.db.fields.relations import ForeignKey
from openviper.db.fields.text import CharField
from openviper.db.sql.nodes import Binding, Node, Writer, all_parts
from openviper.db.sql.nulls import with_type
from openviper.db.sql.types import (
    NULL,
    Family,
    ResultType,
    is_sum_of_decimals,
    type_of_field,
)
from openviper.exceptions import FieldError
from openviper.utils.records import record

_STORES = {
    Family.FLOAT: frozenset({Family.FLOAT, Family.INTEGER, Family.DECIMAL}),
    Family.DECIMAL: frozenset({Family.FLOAT, Family.INTEGER, Family.DECIMAL}),
}
"""What columns hold besides values of their own family."""
_WIDEST = 2**63 - 1
_GREATEST_FLOAT = sys.float_info.max


@record(frozen=True, slots=True, eq=False)
class Assigned(Node):
    """A computed value on its way into a column.

    Attributes:
        node: The value.
        field: The column's field.
        result: The column's type.
    """

    node: Node
    field: Field[Any]
    result: ResultType

    @classmethod
    def to(cls, field: Field[Any], node: Node) -> Assigned:
        """Return the assignment of a value to a field.

        Raises:
            FieldError: If the value is of another type: the database would store what the field cannot read.
        """
        result = type_of_field(field)
        families = _STORES.get(result.family, frozenset({result.family}))
        if node.type is not NULL and node.type.family not in families:
            raise FieldError(
                f"{field.name!r} is a {result} and cannot be set to a {node.type}{_advice(result, node)}"
            )
        if result.element is not None and node.type not in (NULL, result):
            _check_elements(field, result, node.type)
        return cls(with_type(node, result), field, result)

    @property
    def type(self) -> ResultType:
        """The column's type."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("assigned", self.node.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the value as it is stored; what the servers check and round by themselves is done for SQLite here."""
        return self._checked(writer) if writer.dialect.name == "sqlite" else self.node.sql(writer)

    def _checked(self, writer: Writer) -> str:
        field = stored_field(self.field)
        if isinstance(field, DecimalField):
            sql = self._sure(field.decimal_places, writer)
            return f"openviper_decimal({sql}, {field.max_digits}, {field.decimal_places})"
        fits = _fits(field)
        if fits is None:
            return self.node.sql(writer)
        tested, kept, refused = (self.node.sql(writer) for _ in range(3))
        return f"CASE WHEN {fits.format(tested)} THEN {kept} ELSE openviper_out_of_range({refused}) END"

    def _sure(self, places: int, writer: Writer) -> str:
        """Return a decimal number of SQLite; a computed one with more digits than are computed exactly is an error."""
        sql = self.node.sql(writer)
        is_sum = is_sum_of_decimals(all_parts(self.node))
        return f"openviper_sure({sql}, {places})" if is_sum else sql


def _check_elements(field: Field[Any], result: ResultType, given: ResultType) -> None:
    """Refuse a list of elements that the column's lists do not have; databases that keep lists as JSON would take it.

    Raises:
        FieldError: If it is one.
    """
    if given.element is not result.element:
        raise FieldError(f"{field.name!r} is an {result} and cannot be set to an {given}")


def stored_field(field: Field[Any]) -> Field[Any]:
    """Return the field whose column is used: of a foreign key, the key of its target."""
    return stored_field(field.target()) if isinstance(field, ForeignKey) else field


def _fits(field: Field[Any]) -> str | None:
    """Return the condition for values that a column can hold, which is more than SQLite asks for; `None` for all."""
    if isinstance(field, CharField):
        return f"length({{}}) <= {field.max_length}"
    if isinstance(field, IntegerField) and field.maximum < _WIDEST:
        return f"{{}} BETWEEN {field.minimum} AND {field.maximum}"
    if isinstance(field, FloatField) and not field.allow_inf:
        return f"abs({{}}) <= {_GREATEST_FLOAT}"
    return None


def _advice(result: ResultType, node: Node) -> str:
    is_number = result.family is Family.INTEGER and node.type.is_number
    return "; use Round(), Floor() or Ceil()" if is_number else ""
