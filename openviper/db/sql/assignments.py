"""Computed values that are stored in a column: only of its own type, and in its own range and precision."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from openviper.db.fields.base import Field
from openviper.db.fields.numbers import IntegerField
from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.types import NULL, Family, ResultType, type_of_field
from openviper.exceptions import FieldError
from openviper.utils.records import record

_STORES = {
    Family.FLOAT: frozenset({Family.FLOAT, Family.INTEGER, Family.DECIMAL}),
    Family.DECIMAL: frozenset({Family.FLOAT, Family.INTEGER, Family.DECIMAL}),
}
"""What columns hold besides values of their own family."""
_WIDEST = 2**63 - 1


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
        return cls(node, field, result)

    @property
    def type(self) -> ResultType:
        """The column's type."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("assigned", self.node.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the value as it is stored; what the servers check and round by themselves is done for SQLite here."""
        if writer.dialect.name != "sqlite":
            return self.node.sql(writer)
        if self.result.family is Family.DECIMAL:
            is_exact = self.node.type.family is Family.INTEGER
            sql = self.node.sql(writer)
            return sql if is_exact else f"openviper_round({sql}, {self.result.places})"
        if isinstance(self.field, IntegerField) and self.field.maximum < _WIDEST:
            return self._in_range(writer, self.field)
        return self.node.sql(writer)

    def _in_range(self, writer: Writer, field: IntegerField[Any]) -> str:
        value, again, tested = (self.node.sql(writer) for _ in range(3))
        low, high = field.minimum, field.maximum
        return (
            f"CASE WHEN {value} BETWEEN {low} AND {high} THEN {again}"
            f" ELSE openviper_out_of_range({tested}) END"
        )


def _advice(result: ResultType, node: Node) -> str:
    is_number = result.family is Family.INTEGER and node.type.is_number
    return "; use Round(), Floor() or Ceil()" if is_number else ""
