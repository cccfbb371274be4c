"""Statements that read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, Protocol

from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.moments import uses_time_zones
from openviper.db.sql.description import Description
from openviper.db.sql.names import column_at, single_value
from openviper.db.sql.nodes import Binding, Column, Node, Order, Raw, Writer
from openviper.db.sql.paths import Step, Steps
from openviper.db.sql.prepared import Plan, plan_for
from openviper.db.sql.rows.from_rows import (
    Build,
    Row,
    annotated_builder,
    join_builder,
    make_row_converter,
)
from openviper.db.sql.statements import (
    bind_clauses,
    by_places,
    check_related,
    order_of,
    select_sql,
)
from openviper.db.sql.types import INTEGER
from openviper.exceptions import QueryError
from openviper.utils.records import record


class Select(NamedTuple):
    """A statement ready to run."""

    sql: str
    parameters: list[Any]
    convert: Callable[[list[Row]], Any]


class Compiled(NamedTuple):
    """The text of all statements of one shape.

    Attributes:
        sql: The text.
        order: Which bound value each placeholder stands for; `None` if they stand in the order in which they are bound.
        convert: Makes the results of the rows.
    """

    sql: str
    order: tuple[int, ...] | None
    convert: Callable[[list[Row]], Any]


class Statement(Protocol):
    """A statement of nodes."""

    @property
    def plan(self) -> Plan:
        """The plan of the queried model."""
        ...

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        ...

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text, and what makes the results of the rows."""
        ...


def compiled(statement: Statement, *, strict: bool = False) -> Select:
    """Return a statement ready to run, its text made if its shape is new.

    Args:
        statement: The statement.
        strict: Refuse values that a field cannot convert instead of matching nothing.
    """
    plan = statement.plan
    binding = Binding(plan.dialect, strict=strict)
    shape = binding.whole_shape(statement.bind(binding))
    found: Compiled | None = plan.cache.get(shape)
    if found is None:
        found = plan.cached(shape, lambda: _compile(statement))
    parameters = binding.parameters
    if found.order is not None:
        parameters = [parameters[place] for place in found.order]
    return Select(found.sql, parameters, found.convert)


def _compile(statement: Statement) -> Compiled:
    plan = statement.plan
    binding = Binding(plan.dialect, traced=True)
    statement.bind(binding)
    assert binding.slots is not None
    writer = Writer(plan.dialect, plan.meta, binding.slots, aware=uses_time_zones())
    text, convert = statement.write(writer)
    sql, order = writer.finished(text)
    return Compiled(sql, None if order == tuple(range(len(binding.parameters))) else order, convert)


Named = tuple[str, Node]
"""A node with its name in the result."""


def _unchanged(rows: list[Row]) -> list[Row]:
    return rows


def rows_reader(nodes: Sequence[Node], writer: Writer) -> Callable[[list[Row]], list[Row]]:
    """Return what converts rows whose columns are the values of nodes."""
    readers = [node.reader(writer.dialect, aware=writer.aware) for node in nodes]
    return make_row_converter(readers) or _unchanged


# Instances


@record(frozen=True, slots=True, eq=False)
class InstancesSelect:
    """A query for instances."""

    plan: Plan
    query: Description

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        query = self.query
        annotated = bind_named(query.shown, binding) if query.annotations else ()
        order = query.order if query.order is not None else order_of(self.plan.meta, query)
        clauses = bind_clauses(query, order, binding)
        return ("select", annotated, clauses, query.only, query.defer, query.related, query.lock)

    def write(self, writer: Writer) -> tuple[str, Build]:
        """Return the text and the builder of the instances."""
        plan, query = self.plan, self.query
        fields = loaded_fields(plan.meta, query)
        columns = [writer.tables.column((), field) for field in fields]
        build = builder_of(plan, fields)
        if query.related:
            build = join_builder(build, len(fields), _branches(plan, query, writer, columns))
        shown = query.shown
        if shown:
            build = annotated(build, len(columns), shown, writer)
            columns += named_columns(shown, writer)
        order = order_of(plan.meta, query)
        if query.distinct:
            _check_distinct_order(query, order)
            computed = [node for _, node in shown]
            order = by_places(order, computed, writer, len(columns) - len(shown))
        return select_sql(query, order, columns, writer) + _lock(plan, query), build


def builder_of(plan: Plan, fields: Sequence[Field[Any]]) -> Build:
    """Return what makes instances of rows that have these fields."""
    attnames = tuple(field.attname for field in fields)
    return plan.build if attnames == plan.attnames else plan.partial_builder(attnames)


def annotated(build: Build, width: int, nodes: Sequence[Named], writer: Writer) -> Build:
    """Return a builder that gives instances their computed values, which stand behind their columns."""
    readers = [node.reader(writer.dialect, aware=writer.aware) for _, node in nodes]
    return annotated_builder(build, width, [name for name, _ in nodes], readers)


def bind_named(nodes: Sequence[tuple[str, Node]], binding: Binding) -> tuple[Hashable, ...]:
    """Add the values of named nodes to the parameters and return names and shapes."""
    return tuple([(name, node.bind(binding)) for name, node in nodes])


def named_columns(nodes: Sequence[tuple[str, Node]], writer: Writer) -> list[str]:
    """Return the columns of computed values, each under its name."""
    return [f"{node.sql(writer)} AS {writer.dialect.quote(name)}" for name, node in nodes]


def _lock(plan: Plan, query: Description) -> str:
    return plan.dialect.for_update(plan.table, query.lock[1:]) if query.lock else ""


def select_instances(plan: Plan, query: Description) -> Select:
    """Compile a query for instances.

    Raises:
        QueryError: If distinct rows cannot be in this order.
    """
    return compiled(InstancesSelect(plan, query))


def _check_distinct_order(query: Description, order: Sequence[Order]) -> None:
    """Refuse an order by what is not among the columns: the databases either refuse it too or give rows twice."""
    computed = [node for _, node in query.annotations]
    for term in order:
        node = term.node
        is_own = isinstance(node, Column) and not node.steps
        if not is_own and node not in computed and not _is_related(node, query):
            raise QueryError(
                f"distinct() rows cannot be ordered by {term.name!r}, which is not among their columns"
            )


def _is_related(node: Node, query: Description) -> bool:
    path = [step.name for step in node.steps] if isinstance(node, Column) else []
    return "__".join(path) in query.related


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


def _branches(
    plan: Plan, query: Description, writer: Writer, columns: list[str]
) -> list[tuple[int, int, str, str, Build]]:
    places: dict[Steps, int] = {(): -1}
    branches: list[tuple[int, int, str, str, Build]] = []
    for name in query.related:
        steps: Steps = ()
        for key in check_related(plan.meta, name):
            parent, steps = places[steps], (*steps, Step(key, False, key.name))
            if steps in places:
                continue
            places[steps] = len(branches)
            remote = plan_for(key.remote_model._meta, plan.dialect)
            columns.extend(writer.tables.column_of_row(steps, field) for field in remote.fields)
            branches.append((parent, len(remote.fields), key.name, key.attname, remote.build))
    return branches


# Values


def value_nodes(meta: ModelOptions, query: Description, names: Sequence[str]) -> list[Named]:
    """Return the result key and the node for each name of `values`; all columns when there are none.

    A path comes back under its last part, or in full if two would clash.

    Raises:
        FieldError: If a name is unknown, or leads to many rows.
    """
    computed = dict(query.annotations)
    if not names:
        fields = loaded_fields(meta, query)
        own = [(field.attname, column_at(meta, (), field)) for field in fields]
        return [*own, *query.shown]
    nodes = [computed.get(name) or single_value(meta, name, "values()") for name in names]
    return list(zip(_result_keys(names), nodes, strict=True))


def _result_keys(names: Sequence[str]) -> list[str]:
    """Return the last part of each name, or all of it where two would clash."""
    last = [name.rpartition("__")[2] for name in names]
    return [
        name if last.count(short) > 1 else short for name, short in zip(names, last, strict=True)
    ]


@record(frozen=True, slots=True, eq=False)
class ValuesSelect:
    """A query for tuples of values."""

    plan: Plan
    query: Description
    nodes: Sequence[Node]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        shapes = tuple([node.bind(binding) for node in self.nodes])
        return ("values", shapes, bind_clauses(self.query, self._order(), binding), self.query.lock)

    def _order(self) -> tuple[Order, ...]:
        order = order_of(self.plan.meta, self.query)
        return self._order_of_distinct(order) if self.query.distinct else order

    def _order_of_distinct(self, order: tuple[Order, ...]) -> tuple[Order, ...]:
        foreign = [term for term in order if term.node not in self.nodes]
        if not foreign:
            return order
        if self.query.order is None:  # The model's own order is about whole rows.
            return ()
        raise QueryError(
            f"distinct() values cannot be ordered by {foreign[0].name!r}, which is not among them"
        )

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        columns = [node.sql(writer) for node in self.nodes]
        order = self._order()
        if self.query.distinct:
            order = by_places(order, self.nodes, writer)
        sql = select_sql(self.query, order, columns, writer)
        return sql + _lock(self.plan, self.query), rows_reader(self.nodes, writer)


def select_values(plan: Plan, query: Description, nodes: Sequence[Node]) -> Select:
    """Compile a query for tuples of values.

    Raises:
        QueryError: If distinct values cannot be in this order.
    """
    return compiled(ValuesSelect(plan, query, nodes))


# Counting


@record(frozen=True, slots=True, eq=False)
class ExistsSelect:
    """A query whether there is any row."""

    plan: Plan
    query: Description

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("exists", bind_clauses(self.query, (), binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        return select_sql(self.query, (), ["1"], writer), bool


def select_exists(plan: Plan, query: Description) -> Select:
    """Compile whether there is any row."""
    limit = 0 if query.limit == 0 else 1
    return compiled(ExistsSelect(plan, query.changed(limit=limit, order=(), distinct=False)))


def _first_value(rows: list[Row]) -> Any:
    return rows[0][0]


@record(frozen=True, slots=True, eq=False)
class CountSelect:
    """A query for the number of rows."""

    plan: Plan
    query: Description
    nodes: Sequence[Node]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        query = self.query
        shapes = tuple([node.bind(binding) for node in self.nodes])
        return ("count", shapes, bind_clauses(query, self._order(), binding))

    def _order(self) -> tuple[Order, ...]:
        return ()

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        if not (self.query.is_sliced or self.query.distinct):
            return select_sql(self.query, (), ["COUNT(*)"], writer), _first_value
        columns = [f"{node.sql(writer)} AS c{place}" for place, node in enumerate(self.nodes)]
        inner = select_sql(self.query, (), columns, writer)
        return f"SELECT COUNT(*) FROM ({inner}) AS counted", _first_value


def select_count(plan: Plan, query: Description, nodes: Sequence[Node] = ()) -> Select:
    """Compile the number of rows, within the slice if there is one.

    Args:
        plan: The plan.
        query: Which rows.
        nodes: What distinct rows differ in; all columns by default.
    """
    if not (query.is_sliced or query.distinct):
        return compiled(CountSelect(plan, query, ()))
    if not nodes and query.distinct:
        nodes = [node for _, node in value_nodes(plan.meta, query, ())]
    return compiled(CountSelect(plan, query, nodes or [Raw("1", INTEGER)]))
