"""Aggregates per row: the SQL of one value computed from the rows that belong to each row of a query.

Each is a subquery of its own. Joins with GROUP BY would multiply the rows of one relation by those of another, so that two
counts in one query would both be wrong; a subquery counts just its own rows, and needs no GROUP BY that databases judge
differently.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.expressions import Aggregate, Avg, Combined, Count, F, Max, Min
from openviper.db.sql.paths import Columns, ManyPath, Step, is_many_to_many, resolve_many
from openviper.exceptions import FieldError

WHOLE = frozenset({"INTEGER", "BIGINT", "SMALLINT", "BOOLEAN"})


def check_aggregate(meta: ModelOptions, aggregate: Aggregate) -> ManyPath | None:
    """Return the path of an aggregate, `None` for ``Count("*")``; the field of arithmetic is a `Number`.

    Raises:
        FieldError: If it names an unknown field, or none where one is needed.
    """
    if isinstance(aggregate.field, Combined):
        return _check_arithmetic(meta, aggregate, aggregate.field)
    if aggregate.field == "*":
        if isinstance(aggregate, Count):
            return None
        raise FieldError(f"{aggregate!r} needs a field")
    if not isinstance(aggregate.field, str):
        raise FieldError(f"{aggregate!r}: an aggregate is of a field, or of arithmetic over fields")
    path = resolve_many(meta, aggregate.field)
    if path.field is None and not isinstance(aggregate, Count):
        example = next(iter(path.steps[-1].meta.fields))
        raise FieldError(f"{aggregate!r} needs a field, such as '{aggregate.field}__{example}'")
    return path


class Number:
    """The kind of number that arithmetic gives; stands where the field of a column would.

    Args:
        base: ``NUMERIC``, ``BIGINT`` or ``REAL``.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def db_type(self) -> str:
        """Return the neutral type."""
        return self.base

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return what turns the database's value into Python's."""
        return dialect.reader("NUMERIC") if self.base == "NUMERIC" else None


def number_of(expression: Combined, fields: Callable[[str], Any]) -> Number:
    """Return the kind of number that arithmetic gives.

    Args:
        expression: The arithmetic.
        fields: Returns the field of a name.

    Raises:
        FieldError: If something in it is no number.
    """
    bases = {"REAL"} if expression.operator == "/" else set()
    for part in (expression.left, expression.right):
        if isinstance(part, Combined):
            bases.add(number_of(part, fields).base)
        elif isinstance(part, F):
            base = getattr(fields(part.name), "db_type", str)().partition("(")[0]
            if base not in WHOLE and base not in ("NUMERIC", "REAL"):
                raise FieldError(f"{expression!r}: {part.name!r} is not a number")
            bases.add(base)
        elif isinstance(part, Aggregate):
            raise FieldError(
                f"{expression!r}: an aggregate of aggregates; annotate() the inner one first"
            )
        else:
            bases.add(
                "NUMERIC"
                if isinstance(part, Decimal)
                else "REAL"
                if isinstance(part, float)
                else "BIGINT"
            )
    return Number(next((base for base in ("NUMERIC", "REAL") if base in bases), "BIGINT"))


def _check_arithmetic(meta: ModelOptions, aggregate: Aggregate, expression: Combined) -> ManyPath:
    paths: dict[str, ManyPath] = {}

    def field(name: str) -> Any:
        paths[name] = resolve_many(meta, name)
        return paths[name].field

    number = number_of(expression, field)
    first = next(iter(paths.values()), None)
    if first is None:
        raise FieldError(f"{aggregate!r} names no field")
    if (
        any(path.steps for path in paths.values())
        and len({(path.hops, path.steps) for path in paths.values()}) > 1
    ):
        raise FieldError(f"{aggregate!r}: all names have to follow the same relation to many rows")
    return ManyPath(first.hops, first.steps, number)


def _names_in(kind: Any) -> list[str]:
    """Return the names in the kind of an expression."""
    if isinstance(kind, tuple):
        return [*_names_in(kind[1]), *_names_in(kind[2])]
    return [] if kind is None else [kind]


def _arithmetic(kind: Any, dialect: Dialect, column: Callable[[str], str]) -> str:
    if isinstance(kind, tuple):
        return f"({_arithmetic(kind[1], dialect, column)} {kind[0]} {_arithmetic(kind[2], dialect, column)})"
    return dialect.placeholder if kind is None else column(kind)


def aggregate_sql(
    kind: tuple[str, bool, Any], columns: Columns, dialect: Dialect, meta: ModelOptions
) -> str:
    """Return the SQL of an aggregate per row.

    Args:
        kind: Function, whether values count once, path or kind of the arithmetic.
        columns: Names the columns of the query around it.
        dialect: Quotes.
        meta: The options of the queried model.
    """
    function, distinct, what = kind
    if what == "*":
        return "1"
    path = resolve_many(meta, _names_in(what)[0])
    if path.steps:
        return _subquery(function, distinct, what, path, columns, dialect, meta)

    def column(name: str) -> str:
        one = resolve_many(meta, name)
        text = columns.column(one.hops, one.field)
        return text if function == "COUNT" else as_number(text, one.field)

    value = _arithmetic(what, dialect, column)
    return f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END" if function == "COUNT" else value


def _subquery(
    function: str,
    distinct: bool,
    what: Any,
    path: ManyPath,
    columns: Columns,
    dialect: Dialect,
    meta: ModelOptions,
) -> str:
    owner: ModelOptions = path.hops[-1].remote_model._meta if path.hops else meta
    tables = _Tables(dialect)
    tables.enter(path.steps[0], columns.column(path.hops, owner.pk))
    for step in path.steps[1:]:
        tables.join(step)
    if path.field is None:
        call = "COUNT(*)"
        if distinct:
            call = f"COUNT(DISTINCT {tables.column(path.steps[-1].meta.pk)})"
    else:

        def column(name: str) -> str:
            field = resolve_many(meta, name).field
            text = tables.column(field)
            return text if function == "COUNT" else as_number(text, field)

        call = f"{function}({'DISTINCT ' if distinct else ''}{_arithmetic(what, dialect, column)})"
    return f"(SELECT {call} FROM {tables.text} WHERE {tables.condition})"


class _Tables:
    """The FROM clause of a subquery."""

    def __init__(self, dialect: Dialect) -> None:
        self._quote = dialect.quote
        self._count = 0
        self._alias = ""
        self._pending: tuple[str, ModelOptions] | None = None
        self.text = ""
        self.condition = ""

    def _next(self, table: str) -> str:
        self._alias = self._quote(f"__s{self._count}")
        self._count += 1
        return f"{self._quote(table)} AS {self._alias}"

    def enter(self, step: Step, outer: str) -> None:
        """Begin with the rows that belong to a row of the query around."""
        if is_many_to_many(step):
            near, far = _keys(step)
            self.text = self._next(near.model._meta.table_name)
            self.condition = f"{self._alias}.{self._quote(near.column_name)} = {outer}"
            self._pending = f"{self._alias}.{self._quote(far.column_name)}", step.meta
        else:
            self.text = self._next(step.meta.table_name)
            self.condition = f"{self._alias}.{self._quote(step.field.column_name)} = {outer}"

    def _arrive(self) -> None:
        """Join the table behind a join table, once something of it is needed."""
        if self._pending is not None:
            referring, meta = self._pending
            self._pending = None
            table = self._next(meta.table_name)
            self.text += (
                f" JOIN {table} ON {self._alias}.{self._quote(meta.pk.column_name)} = {referring}"
            )

    def join(self, step: Step) -> None:
        """Go on to the rows behind the present ones."""
        if is_many_to_many(step):
            near, far = _keys(step)
            key = self.column(near.remote_model._meta.pk)
            table = self._next(near.model._meta.table_name)
            self.text += f" JOIN {table} ON {self._alias}.{self._quote(near.column_name)} = {key}"
            self._pending = f"{self._alias}.{self._quote(far.column_name)}", step.meta
            return
        if step.reverse:
            key = self.column(step.field.remote_model._meta.pk)
            table = self._next(step.meta.table_name)
            self.text += (
                f" JOIN {table} ON {self._alias}.{self._quote(step.field.column_name)} = {key}"
            )
            return
        self._arrive()
        self._pending = f"{self._alias}.{self._quote(step.field.column_name)}", step.meta

    def column(self, field: Any) -> str:
        """Return the name of a column of the last table."""
        if self._pending is not None and field is self._pending[1].pk:
            return self._pending[0]
        self._arrive()
        return f"{self._alias}.{self._quote(field.column_name)}"


def _keys(step: Step) -> tuple[Any, Any]:
    """Return the keys of the join table on the near and on the far side."""
    source, target = step.field.source_key, step.field.target_key
    return (target, source) if step.reverse else (source, target)


def as_number(sql: str, field: Any) -> str:
    """Return a column as something that every database can add up: booleans count as 1 and 0."""
    return (
        f"CASE WHEN {sql} THEN 1 WHEN NOT {sql} THEN 0 END" if field.db_type() == "BOOLEAN" else sql
    )


def aggregate_reader(
    aggregate: Aggregate, field: Any, dialect: Dialect, *, aware: bool
) -> Converter | None:
    """Return what turns the database's value of an aggregate into Python's; `None` if nothing has to be done."""
    if isinstance(aggregate, Count) or field is None:
        return int
    reader: Converter | None = field.reader(dialect, aware=aware)
    if isinstance(aggregate, (Max, Min)):
        return reader
    base = field.db_type().partition("(")[0]
    if base == "NUMERIC":
        # An average has more places than the column, so only a sum is cut to them.
        return dialect.reader("NUMERIC") if isinstance(aggregate, Avg) else reader
    if base in WHOLE:
        if reader is None or base == "BOOLEAN":
            return float if isinstance(aggregate, Avg) else int
        # A field of its own kind kept as a whole number, such as a duration.
        whole = reader
        return lambda value: whole(round(value))
    return float
