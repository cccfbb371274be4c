"""Statements that read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from openviper.db.compiler.builders import Build, Row, join_builder, make_row_converter
from openviper.db.compiler.description import Description
from openviper.db.compiler.plan import Plan, plan_for
from openviper.db.compiler.source import Hops, Source
from openviper.db.compiler.where import bind_limits, bind_where, limit_sql, order_of, order_sql, where_sql
from openviper.db.expressions import Aggregate, Avg, Count, Max, Min
from openviper.db.fields.base import Field
from openviper.db.fields.options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.lookups import Path, resolve_path
from openviper.exceptions import FieldError


class Select(NamedTuple):
    """A statement ready to run."""

    sql: str
    parameters: list[Any]
    convert: Callable[[list[Row]], Any]


def select_instances(plan: Plan, query: Description) -> Select:
    """Compile a query for instances.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If a value has the wrong shape for its operator.
    """
    parameters: list[Any] = []
    shape = (
        "select",
        bind_where(plan, query.where, parameters),
        query.order,
        query.limit is not None,
        query.offset > 0,
        query.distinct,
        query.only,
        query.defer,
        query.related,
    )
    bind_limits(query, parameters)
    found = plan.cache.get(shape)
    if found is None:
        found = plan.cached(shape, lambda: _select_instances(plan, query, shape[1]))
    return Select(found[0], parameters, found[1])


def _select_instances(plan: Plan, query: Description, where: Any) -> tuple[str, Build]:
    source = Source(plan.meta, plan.dialect)
    fields = loaded_fields(plan.meta, query)
    columns = [source.column((), field) for field in fields]
    attnames = tuple(field.attname for field in fields)
    build = plan.build if attnames == plan.attnames else plan.partial_builder(attnames)
    if query.related:
        branches = _branches(plan, query, source, columns)
        build = join_builder(build, len(fields), branches)
    return _finish(plan, query, where, source, columns), build


def _finish(plan: Plan, query: Description, where: Any, source: Source, columns: list[str]) -> str:
    conditions = where_sql(plan, where, source)
    order = order_sql(plan, order_of(plan, query), source)
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
            raise FieldError(f"select_related({name!r}): {meta.model_name}.{part} is not a foreign key")
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
            branches.append((places[hops[:-1]], len(remote.fields), key.name, key.attname, remote.build))
    return branches


# Values


def value_paths(meta: ModelOptions, query: Description, names: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Return the result key and the path for each name of `values`; all columns when there are none.

    A path comes back under its last part, or in full if two would clash.

    Raises:
        FieldError: If a name is unknown.
    """
    if not names:
        return [(field.attname, Path((), field)) for field in loaded_fields(meta, query)]
    last = [name.rpartition("__")[2] for name in names]
    return [
        (name if last.count(short) > 1 else short, resolve_path(meta, name))
        for name, short in zip(names, last, strict=True)
    ]


def select_values(plan: Plan, query: Description, names: tuple[str, ...]) -> Select:
    """Compile a query for tuples of column values.

    Raises:
        FieldError: If a name is unknown.
    """
    parameters: list[Any] = []
    shape = (
        "values",
        names,
        bind_where(plan, query.where, parameters),
        query.order,
        query.limit is not None,
        query.offset > 0,
        query.distinct,
        query.only if not names else None,
        query.defer if not names else (),
    )
    bind_limits(query, parameters)

    def make() -> tuple[str, Callable[[list[Row]], list[Row]]]:
        source = Source(plan.meta, plan.dialect)
        paths = [path for _, path in value_paths(plan.meta, query, names)]
        columns = [source.column(path.hops, path.field) for path in paths]
        readers = [path.field.reader(plan.dialect, aware=plan.aware) for path in paths]
        return _finish(plan, query, shape[2], source, columns), make_row_converter(readers) or _unchanged

    sql, convert = plan.cached(shape, make)
    return Select(sql, parameters, convert)


def _unchanged(rows: list[Row]) -> list[Row]:
    return rows


def select_subquery(plan: Plan, query: Description, names: tuple[str, ...], parameters: list[Any]) -> str:
    """Return the SQL of a query for one column to stand behind ``IN``, and add its values to `parameters`."""
    select = select_values(plan, query, names or ("pk",))
    parameters.extend(select.parameters)
    return select.sql


# Counting and aggregates


def select_exists(plan: Plan, query: Description) -> Select:
    """Compile whether there is any row."""
    parameters: list[Any] = []
    shape = ("exists", bind_where(plan, query.where, parameters), query.offset > 0, query.limit == 0)
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
        return Select(f"SELECT COUNT(*) FROM ({inner.sql}) AS counted", inner.parameters, _first_value)
    parameters: list[Any] = []
    shape = ("count", bind_where(plan, query.where, parameters))

    def make() -> str:
        source = Source(plan.meta, plan.dialect)
        conditions = where_sql(plan, shape[1], source)
        return f"SELECT COUNT(*){source.from_clause()}{conditions}"

    return Select(plan.cached(shape, make), parameters, _first_value)


def select_aggregates(plan: Plan, query: Description, aggregates: Mapping[str, Aggregate]) -> Select:
    """Compile aggregates over the rows of a query, within the slice if there is one.

    Raises:
        FieldError: If one names an unknown field.
    """
    paths: dict[str, Path | None] = {}
    for name, aggregate in aggregates.items():
        whole = isinstance(aggregate, Count) and aggregate.field == "*"
        paths[name] = None if whole else resolve_path(plan.meta, aggregate.field)
    parameters: list[Any] = []
    where = bind_where(plan, query.where, parameters)
    source = Source(plan.meta, plan.dialect)
    columns = ["1" if path is None else source.column(path.hops, path.field) for path in paths.values()]
    if query.is_sliced or query.distinct:
        bind_limits(query, parameters)
        named = [f"{column} AS a{position}" for position, column in enumerate(columns)]
        if query.distinct:
            # Whole rows are distinct, not the aggregated values; the key makes it so.
            named.append(f"{source.column((), plan.meta.pk)} AS a{len(named)}")
        inner = f" FROM ({_finish(plan, query, where, source, named)}) AS sliced"
        columns = [f"a{position}" for position in range(len(columns))]
    else:
        conditions = where_sql(plan, where, source)
        inner = f"{source.from_clause()}{conditions}"
    calls = [
        f"{one.function}({'DISTINCT ' if one.distinct else ''}{'*' if paths[name] is None else column})"
        for (name, one), column in zip(aggregates.items(), columns, strict=True)
    ]
    readers = [_result_reader(plan, one, paths[name]) for name, one in aggregates.items()]
    names = list(aggregates)

    def convert(rows: list[Row]) -> dict[str, Any]:
        return {
            name: value if value is None or reader is None else reader(value)
            for name, reader, value in zip(names, readers, rows[0], strict=True)
        }

    return Select(f"SELECT {', '.join(calls)}{inner}", parameters, convert)


def _result_reader(plan: Plan, aggregate: Aggregate, path: Path | None) -> Callable[[Any], Any] | None:
    if path is None or isinstance(aggregate, Count):
        return None
    if isinstance(aggregate, (Max, Min)):
        reader: Callable[[Any], Any] | None = path.field.reader(plan.dialect, aware=plan.aware)
        return reader
    base = path.field.db_type().partition("(")[0]
    if base == "NUMERIC":
        # An average has more places than the column, so only a sum is cut to them.
        reader = path.field.reader(plan.dialect, aware=plan.aware)
        return plan.dialect.reader("NUMERIC") if isinstance(aggregate, Avg) else reader
    return float if isinstance(aggregate, Avg) or base == "REAL" else None
