"""Queries combined by UNION, INTERSECT and EXCEPT."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from openviper.db.dialects.base import Converter
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.description import Description
from openviper.db.sql.nodes import Binding, Node, Scope, Writer
from openviper.db.sql.prepared import Plan, plan_for
from openviper.db.sql.rows.from_rows import Row, annotated_builder, make_row_converter
from openviper.db.sql.selects import builder_of
from openviper.db.sql.statements import bind_clauses, limit_sql, models_read, order_of, select_sql
from openviper.db.sql.subqueries import Subselect
from openviper.db.sql.tables import Tables
from openviper.db.sql.types import Family, ResultType, decimal_type, literal_reader
from openviper.utils.records import record

Place = tuple[int, bool]
"""The number of a column to order by, and whether it descends."""


class Part(Protocol):
    """One of several queries that are combined; its columns are called ``c0``, ``c1`` and so on."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What its columns are."""
        ...

    def plain(self) -> Iterator[PlainPart]:
        """Yield the queries of which it consists."""
        ...

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        ...

    def sql(self, writer: Writer) -> str:
        """Return the SELECT."""
        ...


@record(frozen=True, slots=True, eq=False)
class PlainPart:
    """A query for columns of one model.

    Attributes:
        meta: The model.
        query: Which rows.
        nodes: The columns.
    """

    meta: ModelOptions
    query: Description
    nodes: tuple[Node, ...]

    def plain(self) -> Iterator[PlainPart]:
        """Yield the query itself."""
        yield self

    def _order(self) -> tuple[Any, ...]:
        # An order decides about nothing but which rows a slice takes.
        return order_of(self.meta, self.query) if self.query.is_sliced else ()

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        columns = tuple([node.bind(binding) for node in self.nodes])
        return (self.meta, columns, bind_clauses(self.query, self._order(), binding))

    def sql(self, writer: Writer) -> str:
        """Return the SELECT."""
        with writer.inside(Tables(self.meta, writer.dialect, writer.numbers)):
            columns = [f"{node.sql(writer)} AS c{place}" for place, node in enumerate(self.nodes)]
            return select_sql(self.query, self._order(), columns, writer)


@record(frozen=True, slots=True, eq=False)
class Combination:
    """Several queries combined, which may be a part of a further combination.

    Attributes:
        word: ``UNION``, ``INTERSECT`` or ``EXCEPT``.
        keeps_equal: Whether equal rows count as often as they occur.
        parts: The queries.
        order: The columns to order by.
        slice: The description whose limit and offset go for the result.
    """

    word: str
    keeps_equal: bool
    parts: tuple[Part, ...]
    order: tuple[Place, ...]
    slice: Description

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What the columns of the first query are."""
        return self.parts[0].nodes

    def plain(self) -> Iterator[PlainPart]:
        """Yield the queries of which it consists."""
        for part in self.parts:
            yield from part.plain()

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        parts = tuple([part.bind(binding) for part in self.parts])
        limits = bind_clauses(self.slice, (), binding)
        return (self.word, self.keeps_equal, parts, self.order, limits)

    def sql(self, writer: Writer) -> str:
        """Return the SELECT; every part stands in one of its own, as SQLite takes no parentheses around it."""
        columns = ", ".join(f"c{place}" for place in range(len(self.nodes)))
        is_numbered = self.keeps_equal and self.word != "UNION" and writer.dialect.name == "sqlite"
        chosen = columns
        if is_numbered:
            # SQLite has no ALL here; the number of each row among its equals makes them differ.
            chosen = f"{columns}, ROW_NUMBER() OVER (PARTITION BY {columns}) AS n"
        texts = [
            f"SELECT {chosen} FROM ({part.sql(writer)}) AS part{next(writer.numbers)}"
            for part in self.parts
        ]
        word = f" {self.word} ALL " if self.keeps_equal and not is_numbered else f" {self.word} "
        name = f"combined{next(writer.numbers)}"
        ordered = self._order_sql(writer)
        limits = limit_sql(self.slice, writer)
        return f"SELECT {columns} FROM ({word.join(texts)}) AS {name}{ordered}{limits}"

    def _order_sql(self, writer: Writer) -> str:
        terms = [
            writer.dialect.order_term(f"c{place}", descending=descending, nullable=True)
            for place, descending in self.order
        ]
        return f" ORDER BY {', '.join(terms)}" if terms else ""

    def readers(self, writer: Writer) -> list[Converter | None]:
        """Return the conversion of each column."""
        rows = zip(*(part.nodes for part in self.plain()), strict=True)
        return [_reader(column, writer) for column in rows]


def common_type(nodes: Sequence[Node]) -> ResultType | None:
    """Return the type that the values of one column of all parts have; `None` if there is none."""
    types = list(dict.fromkeys(node.type for node in nodes))
    if len(types) == 1 and types[0].family is not Family.OPAQUE:
        return types[0]
    families = {result.family for result in types}
    if families == {Family.DECIMAL}:
        return decimal_type(max(result.places for result in types))
    is_same_node = len(set(nodes)) == 1
    return types[0] if is_same_node else None


def _reader(nodes: Sequence[Node], writer: Writer) -> Converter | None:
    result = common_type(nodes)
    assert result is not None  # checked when the queries were combined
    if result is nodes[0].type:
        return nodes[0].reader(writer.dialect, aware=writer.aware)
    return literal_reader(result, writer.dialect, aware=writer.aware)


class Maker(Protocol):
    """Knows how the rows of a combination become results; equal ones make equal results, as they are part of the shape."""

    def __call__(self, combination: Combination, writer: Writer) -> Callable[[list[Row]], Any]:
        """Return what makes the results."""
        ...

    def __hash__(self) -> int: ...


class InstancesMaker(NamedTuple):
    """Makes instances.

    Attributes:
        meta: Their model.
        fields: What is loaded of them.
        names: The computed values that stand behind the fields.
    """

    meta: ModelOptions
    fields: tuple[Field[Any], ...]
    names: tuple[str, ...]

    def __call__(self, combination: Combination, writer: Writer) -> Callable[[list[Row]], Any]:
        """Return what makes the instances."""
        build = builder_of(plan_for(self.meta, writer.dialect), self.fields)
        if not self.names:
            return build
        width = len(self.fields)
        return annotated_builder(build, width, self.names, combination.readers(writer)[width:])


class ValuesMaker(NamedTuple):
    """Makes dicts, tuples or plain values.

    Attributes:
        names: What the values are called.
        shape: Makes the results of converted rows.
    """

    names: tuple[str, ...]
    shape: Callable[[tuple[str, ...], list[Row]], list[Any]]

    def __call__(self, combination: Combination, writer: Writer) -> Callable[[list[Row]], Any]:
        """Return what makes the results."""
        convert = make_row_converter(combination.readers(writer))
        names, shape = self.names, self.shape
        if convert is None:
            return lambda rows: shape(names, rows)
        return lambda rows: shape(names, convert(rows))


@record(frozen=True, slots=True, eq=False)
class CombinedSelect:
    """A statement for the rows of combined queries."""

    plan: Plan
    combination: Combination
    make: Maker

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("combined", self.make, self.combination.bind(binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        return self.combination.sql(writer), self.make(self.combination, writer)


@record(frozen=True, slots=True, eq=False)
class CombinedCount:
    """A statement for the number of rows of combined queries."""

    plan: Plan
    combination: Combination

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("combined count", self.combination.bind(binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        sql = f"SELECT COUNT(*) FROM ({self.combination.sql(writer)}) AS counted"
        return sql, lambda rows: rows[0][0]


@record(frozen=True, slots=True, eq=False)
class CombinedSubselect(Subselect):
    """Combined queries within another query.

    Attributes:
        combination: The queries.
        place: The number of its column that the query around looks at.
    """

    combination: Combination
    place: int

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("combined", self.place, self.combination.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the column of the combination in parentheses."""
        writer.has_subqueries = True
        name = f"chosen{next(writer.numbers)}"
        return f"(SELECT c{self.place} FROM ({self.combination.sql(writer)}) AS {name})"

    def models(self) -> Iterator[ModelOptions]:
        """Yield the queried models and all that they read, unless permissions were waived."""
        for part in self.combination.plain():
            if not part.query.ignore_permissions:
                yield part.meta
                yield from models_read(part.meta, part.query, part.nodes)

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the combination or what replaces it."""
        return change(self) or self

    def placed(self, scope: Scope) -> Subselect:
        """Return the combination itself: it knows nothing of the query around."""
        return self
