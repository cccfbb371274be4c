"""Statements that change many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.fields.base import Field
from openviper.db.sql import operands
from openviper.db.sql.assignments import Assigned
from openviper.db.sql.description import Description
from openviper.db.sql.names import column_at
from openviper.db.sql.nodes import Binding, Node, Order, Writer, has_window, open_columns
from openviper.db.sql.prepared import Plan
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.rows.from_rows import Row
from openviper.db.sql.selects import Select, compiled
from openviper.db.sql.statements import bind_clauses, limit_sql, order_of, order_sql, where_sql
from openviper.exceptions import FieldError, QueryError
from openviper.utils.records import record

Value = tuple[str, Node]
"""The attribute of a field, and what it is set to."""


def check_writable(query: Description, verb: str) -> None:
    """Check that a query describes whole rows.

    Raises:
        QueryError: If it is distinct, or an update of a slice: the database would change other rows than the query shows.
    """
    if query.is_sliced and verb != "delete":
        raise QueryError(f"cannot {verb} a queryset with limit() or offset()")
    if query.distinct:
        raise QueryError(f"cannot {verb} a queryset with distinct()")


@record(frozen=True, slots=True, eq=False)
class Stored(Node):
    """A value as the driver takes it.

    Attributes:
        value: The value.
    """

    value: Any

    def bind(self, binding: Binding) -> Hashable:
        """Add the value."""
        binding.add(self, self.value)
        return "stored"

    def sql(self, writer: Writer) -> str:
        """Return a placeholder."""
        return writer.value(self)


def driver_value(plan: Plan, name: str, value: Any) -> Any:
    """Return a value for a field as the driver takes it.

    Raises:
        FieldError: If the field is unknown or cannot convert the value.
    """
    field = plan.meta.field(name)
    try:
        converted = field.to_column(value)
        writer = plan.writer_of[field.attname]
        return converted if converted is None or writer is None else writer(converted)
    except (ValueError, TypeError, OverflowError) as error:
        raise FieldError(f"{plan.meta.model_name}.{name} cannot take {value!r}: {error}") from None


def assigned_nodes(plan: Plan, query: Description, values: Mapping[str, Any]) -> tuple[Value, ...]:
    """Return what each field of an UPDATE is set to.

    Raises:
        FieldError: If a name is unknown, a value cannot be converted, or an expression is of another type.
        QueryError: If there are no values.
    """
    if not values:
        raise QueryError("update() needs at least one value")
    scope = QueryScope(plan.meta, dict(query.annotations))
    nodes: dict[str, Node] = {}
    for name, value in values.items():
        field = plan.meta.field(name)
        if field.attname in nodes:
            raise FieldError(f"update() names a column of {plan.meta.model_name} twice")
        nodes[field.attname] = _assigned(plan, scope, name, field, value)
    return tuple(nodes.items())


def _assigned(plan: Plan, scope: QueryScope, name: str, field: Field[Any], value: Any) -> Node:
    if not operands.is_selectable(value):
        return Stored(driver_value(plan, name, value))
    node = scope.operand(value)
    if has_window(node):
        raise FieldError(f"update({name}={value!r}): a window needs a query; use Subquery()")
    for column in open_columns(node):
        if column.steps:
            raise FieldError(
                f"F({column.name!r}): update() can only use fields of {plan.meta.model_name} itself"
            )
    return Assigned.to(field, node)


@record(frozen=True, slots=True, eq=False)
class Update:
    """An UPDATE of all rows of a query."""

    plan: Plan
    query: Description
    values: Sequence[Value]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        values = tuple([(attname, node.bind(binding)) for attname, node in self.values])
        return ("update", values, tuple([node.bind(binding) for node in self.query.where]))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text."""
        plan = self.plan
        assignments = [
            f"{plan.column(plan.meta.names[attname])} = {node.sql(writer)}"
            for attname, node in self.values
        ]
        changes = ", ".join(assignments)
        source = self._source(changes, writer)
        restriction = _restriction(plan, self.query, writer)
        return f"UPDATE {plan.table} SET {changes}{source}{restriction}", list

    def _source(self, changes: str, writer: Writer) -> str:
        """Return what has queries of the same table see its rows as they were.

        Raises:
            DatabaseOperationNotSupportedError: If the database has them see rows that are changed already.
        """
        if not writer.has_subqueries:
            return ""
        source = writer.dialect.update_source()
        if source is not None:
            return source
        # Looked for in the text: it has no values, and what a query reads stands there whoever may see it.
        table = self.plan.table
        if f"FROM {table}" in changes or f"JOIN {table}" in changes:
            raise DatabaseOperationNotSupportedError(
                "SQLite before 3.33 cannot update() to the value of a query of the same table: it would see rows that are changed already"
            )
        return ""


@record(frozen=True, slots=True, eq=False)
class Delete:
    """A DELETE of all rows of a query."""

    plan: Plan
    query: Description

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("delete", bind_clauses(self.query, self._order(), binding))

    def _order(self) -> tuple[Order, ...]:
        """Return the order that decides which rows a slice has: that of the query, then the key."""
        if not self.query.is_sliced:
            return ()
        meta = self.plan.meta
        return (*order_of(meta, self.query), Order(column_at(meta, (), meta.pk)))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text."""
        plan = self.plan
        restriction = _restriction(plan, self.query, writer, self._order())
        return f"DELETE FROM {plan.table}{restriction}", list


def update_rows(plan: Plan, query: Description, values: Sequence[Value]) -> Select:
    """Compile an UPDATE of all rows of a query.

    Raises:
        FieldError: If a value of a condition cannot be converted.
        QueryError: If the query is sliced or distinct.
    """
    check_writable(query, "update")
    return compiled(Update(plan, query, values), strict=True)


def delete_rows(plan: Plan, query: Description) -> Select:
    """Compile a DELETE of all rows of a query.

    Raises:
        FieldError: If a value of a condition cannot be converted.
        QueryError: If the query is distinct.
    """
    check_writable(query, "delete")
    return compiled(Delete(plan, query), strict=True)


def _restriction(
    plan: Plan, query: Description, writer: Writer, order: tuple[Order, ...] = ()
) -> str:
    """Return the WHERE of a statement that changes rows; by keys where other tables are looked at, or a slice."""
    conditions = where_sql(query.where, writer)
    if query.is_sliced:
        conditions += order_sql(order, writer) + limit_sql(query, writer)
    elif not (writer.tables.is_joined or writer.has_subqueries):
        return conditions
    # The derived table makes MariaDB accept a subquery on the table that is being changed.
    key = writer.tables.column((), plan.meta.pk)
    inner = f"SELECT {key} AS chosen{writer.tables.from_clause()}{conditions}"
    return f" WHERE {plan.key} IN (SELECT chosen FROM ({inner}) AS chosen_rows)"
