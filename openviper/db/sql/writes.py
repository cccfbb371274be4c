"""Statements that change many rows at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Expression
from openviper.db.sql.lookups import bind_expression, expression_sql, resolve_path
from openviper.db.sql.prepared import Plan
from openviper.db.sql.tables import Source
from openviper.db.sql.where import bind_where, where_sql
from openviper.exceptions import FieldError, QueryError


class Write(NamedTuple):
    """A statement ready to run."""

    sql: str
    parameters: list[Any]


def check_writable(query: Description, verb: str) -> None:
    """Check that a query describes whole rows.

    Raises:
        QueryError: If it is sliced or distinct: the database would change other rows than the query shows.
    """
    if query.is_sliced:
        raise QueryError(f"cannot {verb} a queryset with limit() or offset()")
    if query.distinct:
        raise QueryError(f"cannot {verb} a queryset with distinct()")


def driver_value(plan: Plan, name: str, value: Any) -> Any:
    """Return a value for a field as the driver takes it.

    Raises:
        FieldError: If the field is unknown or cannot convert the value.
    """
    field = plan.meta.field(name)
    try:
        converted = field.to_db(value)
        writer = plan.writer_of[field.attname]
        return converted if converted is None or writer is None else writer(converted)
    except (ValueError, TypeError, OverflowError) as error:
        raise FieldError(f"{plan.meta.model_name}.{name} cannot take {value!r}: {error}") from None


def update_rows(plan: Plan, query: Description, values: Mapping[str, Any]) -> Write:
    """Compile an UPDATE of all rows of a query.

    Raises:
        FieldError: If a name is unknown, or a value cannot be converted.
        QueryError: If the query is sliced or distinct, or `values` is empty.
    """
    check_writable(query, "update")
    if not values:
        raise QueryError("update() needs at least one value")
    parameters: list[Any] = []
    settings: list[tuple[str, tuple[str, Any] | None]] = []
    for name, value in values.items():
        attname = plan.meta.field(name).attname
        if isinstance(value, Expression):
            kind = ("expression", bind_expression(value, parameters, plan.dialect, plan.meta))
            _refuse_paths(plan, kind[1])
            settings.append((attname, kind))
        else:
            parameters.append(driver_value(plan, name, value))
            settings.append((attname, None))
    if len({attname for attname, _ in settings}) < len(settings):
        raise FieldError(f"update() names a column of {plan.meta.model_name} twice")
    shape = ("update", tuple(settings), bind_where(plan, query.where, parameters, strict=True))

    def make() -> str:
        own = Source(plan.meta, plan.dialect)
        assignments = []
        for attname, kind in settings:
            field = plan.meta.names[attname]
            sql = (
                plan.dialect.placeholder
                if kind is None
                else expression_sql(kind[1], own, plan.dialect, plan.meta)
            )
            assignments.append(f"{plan.column(field)} = {sql}")
        return f"UPDATE {plan.table} SET {', '.join(assignments)}{_restriction(plan, shape[2])}"

    return Write(plan.cached(shape, make), parameters)


def _refuse_paths(plan: Plan, kind: Any) -> None:
    if isinstance(kind, str):
        if resolve_path(plan.meta, kind).hops:
            raise FieldError(
                f"F({kind!r}): update() can only use fields of {plan.meta.model_name} itself"
            )
    elif kind is not None:
        _refuse_paths(plan, kind[1])
        _refuse_paths(plan, kind[2])


def delete_rows(plan: Plan, query: Description) -> Write:
    """Compile a DELETE of all rows of a query.

    Raises:
        FieldError: If a name is unknown, or a value cannot be converted.
        QueryError: If the query is sliced or distinct.
    """
    check_writable(query, "delete")
    parameters: list[Any] = []
    shape = ("delete", bind_where(plan, query.where, parameters, strict=True))
    sql = plan.cached(shape, lambda: f"DELETE FROM {plan.table}{_restriction(plan, shape[1])}")
    return Write(sql, parameters)


def _restriction(plan: Plan, where: Any) -> str:
    """Return the WHERE of a statement that changes rows; by keys where other tables are looked at."""
    source = Source(plan.meta, plan.dialect)
    conditions = where_sql(plan, where, source)
    if not (source.is_joined or " AS " in conditions):
        return conditions
    # The derived table makes MariaDB accept a subquery on the table that is being changed.
    key = source.column((), plan.meta.pk)
    inner = f"SELECT {key} AS chosen{source.from_clause()}{conditions}"
    return f" WHERE {plan.key} IN (SELECT chosen FROM ({inner}) AS chosen_rows)"
