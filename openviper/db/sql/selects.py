"""Statements that read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from openviper.db.dialects.base import Converter
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.aggregates import aggregate_reader, as_number, check_aggregate, number_of
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Aggregate, Avg, Combined, Count, Expression
from openviper.db.sql.lookups import (
    Path,
    bind_expression,
    expression_field,
    expression_reader,
    expression_sql,
    parts_of,
    resolve_path,
)
from openviper.db.sql.prepared import Plan, plan_for
from openviper.db.sql.rows.from_rows import (
    Build,
    Row,
    annotated_builder,
    join_builder,
    make_row_converter,
)
from openviper.db.sql.tables import Hops, Source
from openviper.db.sql.where import (
    Order,
    bind_limits,
    bind_order,
    bind_where,
    limit_sql,
    order_sql,
    where_sql,
)
from openviper.exceptions import FieldError, QueryError


class Select(NamedTuple):
    """A statement ready to run."""

    sql: str
    parameters: list[Any]
    convert: Callable[[list[Row]], Any]


def select_instances(plan: Plan, query: Description) -> Select:
    """Compile a query for instances.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If a value has the wrong shape for its operator, or distinct rows cannot be in this order.
    """
    parameters: list[Any] = []
    computed = bind_annotations(plan, query, parameters)
    where = bind_where(plan, query.where, parameters)
    order = bind_order(plan, query, parameters)
    shape = (
        "select",
        computed,
        where,
        order,
        query.limit is not None,
        query.offset > 0,
        query.distinct,
        query.only,
        query.defer,
        query.related,
        query.lock,
    )
    bind_limits(query, parameters)
    found = plan.cache.get(shape)
    if found is None:
        found = plan.cached(
            shape, lambda: _select_instances(plan, query, Parts(computed, where, order))
        )
    return Select(found[0], parameters, found[1])


class Parts(NamedTuple):
    """The shapes of what has been bound.

    Attributes:
        computed: Name and kind of each computed value.
    """

    computed: tuple[tuple[str, Any], ...]
    where: Any
    order: Order


def bind_annotations(
    plan: Plan, query: Description, parameters: list[Any]
) -> tuple[tuple[str, Any], ...]:
    """Add the numbers of computed values to `parameters` and return their names and kinds."""
    if not query.annotations:
        return ()
    return tuple(
        (name, bind_expression(expression, parameters, plan.dialect, plan.meta))
        for name, expression in query.annotations
    )


def _select_instances(plan: Plan, query: Description, parts: Parts) -> tuple[str, Build]:
    source = Source(plan.meta, plan.dialect)
    fields = loaded_fields(plan.meta, query)
    columns = [source.column((), field) for field in fields]
    attnames = tuple(field.attname for field in fields)
    build = plan.build if attnames == plan.attnames else plan.partial_builder(attnames)
    if query.related:
        branches = _branches(plan, query, source, columns)
        build = join_builder(build, len(fields), branches)
    if parts.computed:
        readers = [
            expression_reader(plan.meta, expression, plan.dialect, aware=plan.aware)
            for _, expression in query.annotations
        ]
        build = annotated_builder(
            build, len(columns), [name for name, _ in parts.computed], readers
        )
        columns += computed_columns(plan, parts.computed, source)
    if query.distinct:
        _check_distinct_order(plan, query, parts.order)
    sql = _finish(plan, query, parts, source, columns)
    return (sql + plan.dialect.for_update(plan.table, query.lock[1:]) if query.lock else sql), build


def computed_columns(
    plan: Plan, computed: tuple[tuple[str, Any], ...], source: Source
) -> list[str]:
    """Return the columns of computed values, each under its name."""
    return [
        f"{expression_sql(kind, source, plan.dialect, plan.meta)} AS {plan.dialect.quote(name)}"
        for name, kind in computed
    ]


def _check_distinct_order(plan: Plan, query: Description, order: Order) -> None:
    """Refuse an order by what is not among the columns: the databases either refuse it too or give rows twice."""
    for name, _, kind in order:
        if (
            kind is None
            and resolve_path(plan.meta, name).hops
            and name.rpartition("__")[0] not in query.related
        ):
            raise QueryError(
                f"distinct() rows cannot be ordered by {name!r}, which is not among their columns"
            )


def _finish(
    plan: Plan, query: Description, parts: Parts, source: Source, columns: list[str]
) -> str:
    conditions = where_sql(plan, parts.where, source)
    order = order_sql(plan, parts.order, source)
    select = "SELECT DISTINCT " if query.distinct else "SELECT "
    return f"{select}{', '.join(columns)}{source.from_clause()}{conditions}{order}{limit_sql(plan, query)}"


def loaded_fields(meta: ModelOptions, query: Description) -> list[Field[Any]]:
    """Return the fields a query loads: all, or what `only` and `defer` leave; keys it needs always.

    Raises:
        FieldError: If a name is unknown.
    """
    fields = list(meta.fields.values())
    needed = {name.partition("__")[0] for name in query.related}
    if query.only is not None:
        needed.update(meta.field(name).name for name in query.only)
        return [field for field in fields if field.primary_key or field.name in needed]
    unwanted = {meta.field(name).name for name in query.defer} - needed
    return [field for field in fields if field.primary_key or field.name not in unwanted]


def check_related(meta: ModelOptions, name: str) -> list[ForeignKey[Any]]:
    """Return the foreign keys along a path for `select_related`.

    Raises:
        FieldError: If a part is no foreign key.
    """
    keys: list[ForeignKey[Any]] = []
    for part in name.split("__"):
        field = meta.field(part)
        if not isinstance(field, ForeignKey):
            raise FieldError(
                f"select_related({name!r}): {meta.model_name}.{part} is not a foreign key"
            )
        keys.append(field)
        meta = field.remote_model._meta
    return keys


def _branches(
    plan: Plan, query: Description, source: Source, columns: list[str]
) -> list[tuple[int, int, str, str, Build]]:
    places: dict[Hops, int] = {(): -1}
    branches: list[tuple[int, int, str, str, Build]] = []
    for name in query.related:
        keys = check_related(plan.meta, name)
        for depth, key in enumerate(keys):
            hops = tuple(keys[: depth + 1])
            if hops in places:
                continue
            places[hops] = len(branches)
            remote = plan_for(key.remote_model._meta, plan.dialect)
            columns.extend(source.column(hops, field) for field in remote.fields)
            branches.append(
                (places[hops[:-1]], len(remote.fields), key.name, key.attname, remote.build)
            )
    return branches


# Values


def value_paths(
    meta: ModelOptions, query: Description, names: tuple[str, ...]
) -> list[tuple[str, Path | Expression]]:
    """Return the result key and the path or expression for each name of `values`; all columns when there are none.

    A path comes back under its last part, or in full if two would clash.

    Raises:
        FieldError: If a name is unknown.
    """
    computed = dict(query.annotations)
    if not names:
        own: list[tuple[str, Path | Expression]] = [
            (field.attname, Path((), field)) for field in loaded_fields(meta, query)
        ]
        return own + list(computed.items())
    last = [name.rpartition("__")[2] for name in names]
    return [
        (
            name if last.count(short) > 1 else short,
            computed[name] if name in computed else resolve_path(meta, name),
        )
        for name, short in zip(names, last, strict=True)
    ]


def select_values(plan: Plan, query: Description, names: tuple[str, ...]) -> Select:
    """Compile a query for tuples of column values.

    Raises:
        FieldError: If a name is unknown.
    """
    parameters: list[Any] = []
    paths = value_paths(plan.meta, query, names) if query.annotations else []
    kinds = tuple(
        bind_expression(path, parameters, plan.dialect, plan.meta)
        for _, path in paths
        if isinstance(path, Expression)
    )
    where = bind_where(plan, query.where, parameters)
    order = bind_order(plan, query, parameters)
    shape = (
        "values",
        names,
        kinds,
        where,
        order,
        query.limit is not None,
        query.offset > 0,
        query.distinct,
        query.only if not names else None,
        query.defer if not names else (),
        query.lock,
    )
    bind_limits(query, parameters)

    def make() -> tuple[str, Callable[[list[Row]], list[Row]]]:
        source = Source(plan.meta, plan.dialect)
        columns, readers = _value_columns(plan, value_paths(plan.meta, query, names), kinds, source)
        sql = _finish(plan, query, Parts((), where, order), source, columns)
        if query.lock:
            sql += plan.dialect.for_update(plan.table, query.lock[1:])
        return sql, make_row_converter(readers) or _unchanged

    sql, convert = plan.cached(shape, make)
    return Select(sql, parameters, convert)


def _value_columns(
    plan: Plan, paths: list[tuple[str, Path | Expression]], kinds: tuple[Any, ...], source: Source
) -> tuple[list[str], list[Converter | None]]:
    columns: list[str] = []
    readers: list[Converter | None] = []
    left = iter(kinds)
    for _, path in paths:
        if isinstance(path, Expression):
            columns.append(expression_sql(next(left), source, plan.dialect, plan.meta))
            readers.append(expression_reader(plan.meta, path, plan.dialect, aware=plan.aware))
        else:
            columns.append(source.column(path.hops, path.field))
            readers.append(path.field.reader(plan.dialect, aware=plan.aware))
    return columns, readers


def select_groups(
    plan: Plan, query: Description, names: tuple[str, ...], aggregates: Mapping[str, Aggregate]
) -> Select:
    """Compile aggregates per group of rows that have the values of some columns in common.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If an aggregate follows a relation to many rows.
    """
    parameters: list[Any] = []
    source = Source(plan.meta, plan.dialect)
    paths = value_paths(plan.meta, query.changed(annotations=()), names)
    grouped, readers = _value_columns(plan, paths, (), source)
    columns = list(grouped)
    for name, aggregate in aggregates.items():
        field, column = _plain_column(plan, aggregate, source, parameters)
        columns.append(f"{_call(aggregate, field, column)} AS {plan.dialect.quote(name)}")
        readers.append(aggregate_reader(aggregate, field, plan.dialect, aware=plan.aware))
    where = bind_where(plan, query.where, parameters)
    conditions = where_sql(plan, where, source)
    order = _group_order(plan, query, dict(zip(names, grouped, strict=True)), aggregates)
    bind_limits(query, parameters)
    groups = f" GROUP BY {', '.join(grouped)}" if grouped else ""
    sql = f"SELECT {', '.join(columns)}{source.from_clause()}{conditions}{groups}{order}{limit_sql(plan, query)}"
    return Select(sql, parameters, make_row_converter(readers) or _unchanged)


def _group_order(
    plan: Plan, query: Description, grouped: Mapping[str, str], aggregates: Mapping[str, Aggregate]
) -> str:
    terms = []
    for name in query.order or ():  # The model's own order is about rows, not groups.
        plain, descending = name.removeprefix("-"), name.startswith("-")
        if plain not in grouped and plain not in aggregates:
            raise FieldError(
                f"groups cannot be ordered by {plain!r}; known: {', '.join([*grouped, *aggregates])}"
            )
        sql = plan.dialect.quote(plain) if plain in aggregates else grouped[plain]
        terms.append(plan.dialect.order_term(sql, descending=descending, nullable=True))
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _plain_column(
    plan: Plan, aggregate: Aggregate, source: Source, parameters: list[Any]
) -> tuple[Any, str]:
    """Return the field and the column of an aggregate over the rows themselves; `None` and ``*`` for all rows."""
    path = check_aggregate(plan.meta, aggregate)
    if path is None:
        return None, "*"
    if path.steps:
        raise QueryError(
            f"{aggregate!r} follows a relation to many rows; use annotate() for a value per instance"
        )
    if isinstance(aggregate.field, str):
        return path.field, source.column(path.hops, path.field)
    kind = bind_expression(aggregate.field, parameters, plan.dialect, plan.meta)
    return path.field, expression_sql(kind, source, plan.dialect, plan.meta)


def _call(aggregate: Aggregate, field: Any, column: str) -> str:
    value = column if field is None or isinstance(aggregate, Count) else as_number(column, field)
    return f"{aggregate.function}({'DISTINCT ' if aggregate.distinct else ''}{value})"


def _unchanged(rows: list[Row]) -> list[Row]:
    return rows


def select_subquery(
    plan: Plan, query: Description, names: tuple[str, ...], parameters: list[Any]
) -> str:
    """Return the SQL of a query for one column to stand behind ``IN``, and add its values to `parameters`."""
    select = select_values(plan, query.changed(lock=()) if query.lock else query, names or ("pk",))
    parameters.extend(select.parameters)
    return select.sql


# Counting and aggregates


def select_exists(plan: Plan, query: Description) -> Select:
    """Compile whether there is any row."""
    parameters: list[Any] = []
    shape = (
        "exists",
        bind_where(plan, query.where, parameters),
        query.offset > 0,
        query.limit == 0,
    )
    parameters.append(0 if query.limit == 0 else 1)
    if query.offset:
        parameters.append(query.offset)

    def make() -> str:
        source = Source(plan.meta, plan.dialect)
        conditions = where_sql(plan, shape[1], source)
        limits = plan.dialect.limit_clause(True, query.offset > 0)
        return f"SELECT 1{source.from_clause()}{conditions}{limits}"

    return Select(plan.cached(shape, make), parameters, bool)


def _first_value(rows: list[Row]) -> Any:
    return rows[0][0]


def select_count(plan: Plan, query: Description) -> Select:
    """Compile the number of rows, within the slice if there is one."""
    if query.is_sliced or query.distinct:
        inner = select_values(plan, query, ())
        return Select(
            f"SELECT COUNT(*) FROM ({inner.sql}) AS counted", inner.parameters, _first_value
        )
    parameters: list[Any] = []
    shape = ("count", bind_where(plan, query.where, parameters))

    def make() -> str:
        source = Source(plan.meta, plan.dialect)
        conditions = where_sql(plan, shape[1], source)
        return f"SELECT COUNT(*){source.from_clause()}{conditions}"

    return Select(plan.cached(shape, make), parameters, _first_value)


def select_aggregates(
    plan: Plan, query: Description, aggregates: Mapping[str, Aggregate]
) -> Select:
    """Compile aggregates over the rows of a query, within the slice if there is one.

    Raises:
        FieldError: If one names an unknown field.
        QueryError: If one follows a relation to many rows.
    """
    computed = dict(query.annotations)
    source = Source(plan.meta, plan.dialect)
    parameters: list[Any] = []
    fields: dict[str, Any] = {}
    columns: list[str] = []
    readers: list[Converter | None] = []
    for name, aggregate in aggregates.items():
        if aggregate.field in computed:
            inner = computed[aggregate.field]
            kind = bind_expression(inner, parameters, plan.dialect, plan.meta)
            columns.append(expression_sql(kind, source, plan.dialect, plan.meta))
            fields[name] = expression_field(plan.meta, inner)
            readers.append(_computed_reader(plan, aggregate, inner))
        else:
            fields[name], column = _plain_column(plan, aggregate, source, parameters)
            columns.append(column)
            readers.append(
                aggregate_reader(aggregate, fields[name], plan.dialect, aware=plan.aware)
            )
    where = bind_where(plan, query.where, parameters)
    if query.is_sliced or query.distinct:
        order = bind_order(plan, query, parameters)
        bind_limits(query, parameters)
        named = [
            f"{'1' if column == '*' else column} AS a{place}"
            for place, column in enumerate(columns)
        ]
        if query.distinct:
            # Whole rows are distinct, not the aggregated values; the key makes it so.
            named.append(f"{source.column((), plan.meta.pk)} AS a{len(named)}")
            order = ()
        inner_sql = (
            f" FROM ({_finish(plan, query, Parts((), where, order), source, named)}) AS sliced"
        )
        columns = ["*" if column == "*" else f"a{place}" for place, column in enumerate(columns)]
    else:
        conditions = where_sql(plan, where, source)
        inner_sql = f"{source.from_clause()}{conditions}"
    calls = [
        _call(one, fields[name], column)
        for (name, one), column in zip(aggregates.items(), columns, strict=True)
    ]
    names = list(aggregates)

    def convert(rows: list[Row]) -> dict[str, Any]:
        return {
            name: value if value is None or reader is None else reader(value)
            for name, reader, value in zip(names, readers, rows[0], strict=True)
        }

    return Select(f"SELECT {', '.join(calls)}{inner_sql}", parameters, convert)


def _computed_reader(plan: Plan, aggregate: Aggregate, inner: Expression) -> Converter | None:
    if isinstance(inner, Combined) and not any(
        isinstance(part, Aggregate) for part in parts_of(inner)
    ):
        number = number_of(inner, lambda name: resolve_path(plan.meta, name).field)
        return aggregate_reader(aggregate, number, plan.dialect, aware=plan.aware)
    if isinstance(aggregate, Count):
        return int
    if isinstance(aggregate, Avg):
        return float
    return (
        int
        if isinstance(inner, Count)
        else expression_reader(plan.meta, inner, plan.dialect, aware=plan.aware)
    )
