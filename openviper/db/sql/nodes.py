"""The parts of a statement whose names are resolved: what each binds, writes and reads.

A node lives through two steps. `Node.bind` adds its values to the parameters and returns its *shape*: the node less its
values, which decides about the SQL text and is the key under which finished text is kept. `Node.sql` writes that text, and
runs only when the shape is new. A node may write its parts in any order and as often as it likes: the writer notes which
value each placeholder stands for.

This file is long because nodes, what binds and writes them, and where their names are looked up speak of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, ClassVar, Protocol

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.paths import Steps, first_many
from openviper.db.sql.sizes import MAX_COLUMNS, MAX_QUERIES, check_number
from openviper.db.sql.tables import Tables
from openviper.db.sql.types import Family, ResultType, literal_reader, literal_writer
from openviper.exceptions import FieldError, QueryError
from openviper.utils.records import record

UNCONVERTIBLE = (ValueError, TypeError, OverflowError)
"""What fields raise for values that they cannot convert."""
MAX_CALLS = 20_000
"""Most calls of functions in one statement; one that uses its argument twice doubles the text with each level."""


class Binding:
    """The values of one statement, in the order in which its nodes are bound.

    Attributes:
        dialect: Converts them.
        parameters: The values as the driver takes them.
        strict: Whether a value that a field cannot convert is an error; else its condition is unknown.
        slots: Where the values of each node begin, kept while the text is made only.
        owners: The nodes that have bound values, in order; one that stands in two places is there twice.
    """

    __slots__ = ("_queries", "dialect", "owners", "parameters", "slots", "strict")

    def __init__(self, dialect: Dialect, *, traced: bool = False, strict: bool = False) -> None:
        self.dialect = dialect
        self.parameters: list[Any] = []
        self.owners: list[int] = []
        self.strict = strict
        self.slots: dict[int, int] | None = {} if traced else None
        self._queries = 0

    def count_query(self) -> None:
        """Take note of a query within the statement.

        Raises:
            QueryError: If there are too many.
        """
        self._queries += 1
        check_number("queries", self._queries, MAX_QUERIES)

    def add(self, node: object, value: Any) -> None:
        """Add the one value of a node."""
        if self.slots is not None:
            self.slots[id(node)] = len(self.parameters)
        self.owners.append(id(node))
        self.parameters.append(value)

    def extend(self, node: object, values: Sequence[Any]) -> None:
        """Add several values of a node."""
        if self.slots is not None:
            self.slots[id(node)] = len(self.parameters)
        self.owners.append(id(node))
        self.parameters.extend(values)

    def whole_shape(self, shape: Hashable) -> Hashable:
        """Return the shape of a statement, with the places that share one value where a node stands in several.

        The text of such a statement takes the value from one of these places, which another statement may fill differently.
        """
        owners = self.owners
        if len(owners) < 2 or len(set(owners)) == len(owners):
            return shape
        return (shape, tuple(map(owners.index, owners)))


class Writer:
    """The text of one statement in the making.

    Attributes:
        dialect: The dialect.
        aware: Whether time stamps are read aware.
        tables: The tables of the query that is being written.
        has_subqueries: Whether any query stands within the statement.
    """

    def __init__(self, dialect: Dialect, meta: ModelOptions, slots: dict[int, int], *, aware: bool):
        self.dialect = dialect
        self.aware = aware
        self.numbers = count()
        self.tables = Tables(meta, dialect, self.numbers)
        self.has_subqueries = False
        self._calls = self._columns = 0
        self._slots = slots

    def value(self, node: object, place: int = 0) -> str:
        """Return a mark for a value of a node, which becomes a placeholder once the text is finished."""
        return f"\x01{self._slots[id(node)] + place}\x01"

    def count_call(self, function: object) -> None:
        """Take note that a call of a function is being written.

        Args:
            function: The function, for the message.

        Raises:
            QueryError: If it is the `MAX_CALLS` + 1st of the statement.
        """
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise QueryError(
                f"{function}() would make a statement of more than {MAX_CALLS} calls; "
                "one that uses its arguments several times has them written as often, on each level that it is nested"
            )

    def count_column(self) -> None:
        """Take note that a column is being written.

        Raises:
            QueryError: If that is too often.
        """
        self._columns += 1
        check_number("columns", self._columns, MAX_COLUMNS)

    def finished(self, sql: str) -> tuple[str, tuple[int, ...]]:
        """Return a text with its placeholders, and which of the bound values each stands for."""
        pieces = sql.split("\x01")
        # Every second piece is the number of a value. No name has such a character: identifiers are checked.
        order = tuple(map(int, pieces[1::2]))
        pieces[1::2] = [self.dialect.placeholder] * len(order)
        return "".join(pieces), order

    def has_value(self, node: object) -> bool:
        """Return whether a node has bound a value."""
        return id(node) in self._slots

    @contextmanager
    def inside(self, tables: Tables) -> Iterator[None]:
        """Write within other tables for a while."""
        before, self.tables = self.tables, tables
        try:
            yield
        finally:
            self.tables = before


class Node:
    """A part of a statement; immutable, and bound to the model whose names it was resolved from."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    is_closed: ClassVar[bool] = False
    """Whether its relations to many rows are its own affair: it has one value per row, whatever they are."""

    is_json_path: ClassVar[bool] = False
    """Whether it is a value within JSON."""

    is_awaited: ClassVar[bool] = False
    """Whether it is a name of the query around, whose type is not known yet."""
    is_window: ClassVar[bool] = False
    """Whether its value depends on the other rows of the query, so that it cannot stand in a condition on them."""

    @property
    def type(self) -> ResultType:
        """The type of its value."""
        raise NotImplementedError

    def bind(self, binding: Binding) -> Hashable:
        """Add the node's values to the parameters and return its shape."""
        raise NotImplementedError

    def sql(self, writer: Writer) -> str:
        """Return the text, which may stand as an operand anywhere."""
        raise NotImplementedError

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return what turns the driver's value, never `None`, into Python's; `None` if nothing has to be done."""
        return literal_reader(self.type, dialect, aware=aware, parts=all_parts(self))

    def sort_keys(self) -> tuple[Node, ...]:
        """Return what an order goes by in place of the node, which the node itself binds; nothing for the node."""
        return ()

    def parts(self) -> Iterator[Node]:
        """Yield the nodes of which this one consists."""
        for name in self.__match_args__:
            yield from _nodes_in(getattr(self, name))

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models that this node alone, without its parts, reads besides the queried one."""
        yield from ()

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the node with parts replaced: by what `change` returns for them, where that is not `None`."""
        replaced = change(self)
        if replaced is not None:
            return replaced
        values = {name: _changed(getattr(self, name), change) for name in self.__match_args__}
        return type(self)(**values)


def _nodes_in(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)


def _changed(value: Any, change: Callable[[Node], Node | None]) -> Any:
    if isinstance(value, Node):
        return value.changed(change)
    if isinstance(value, tuple) and any(True for _ in _nodes_in(value)):
        return tuple(_changed(item, change) for item in value)
    return value


def all_parts(node: Node) -> Iterator[Node]:
    """Yield a node and everything in it."""
    yield node
    for part in node.parts():
        yield from all_parts(part)


def has_window(node: Node) -> bool:
    """Return whether a value is computed over a window, anywhere in it."""
    return any(part.is_window for part in all_parts(node))


def mark(place: int) -> str:
    """Return the mark for an operand in a text that `filled` completes."""
    return f"\x00{place}\x00"


def filled(text: str, writer: Writer, *operands: Callable[[Writer], str]) -> str:
    """Return a text with its marks replaced; each use of an operand is written anew, so that its placeholders count."""
    pieces = text.split("\x00")
    # Every second piece is the place of an operand.
    pieces[1::2] = [operands[int(place)](writer) for place in pieces[1::2]]
    return "".join(pieces)


def open_columns(node: Node) -> list[Column]:
    """Return the columns in a node, without those of subqueries on related rows."""
    if isinstance(node, Column):
        return [node]
    if node.is_closed:
        return []
    return [column for part in node.parts() for column in open_columns(part)]


class Scope(Protocol):
    """Where names are looked up while expressions become nodes."""

    def name(self, name: str) -> Node:
        """Return the value of a field, a path or a computed value.

        Raises:
            FieldError: If there is none, or it has many values per row.
        """
        ...

    def outer_name(self, name: str) -> Node:
        """Return the value of a name of the query around; `QueryError` if there is none."""
        ...

    def operand(self, value: object) -> Node:
        """Return the node of an expression, of a column, or of a Python value."""
        ...

    def field_or_operand(self, value: object) -> Node:
        """Return the node of what a function takes: a text is the name of a field, all else as `operand`."""
        ...

    def condition(self, condition: object) -> Node:
        """Return the node of a condition."""
        ...

    def all_of(self, conditions: Sequence[object], lookups: Mapping[str, Any]) -> Node:
        """Return the node of conditions that all have to hold."""
        ...

    def order(self, term: object) -> Order:
        """Return a term of an order."""
        ...

    def spread(self, condition: Node, known: Steps) -> Node:
        """Return a condition on the rows of a relation, with those on further relations put into EXISTS."""
        ...

    def over_many(self) -> Scope:
        """Return the scope for what an aggregate is computed of, where paths may lead to many rows."""
        ...

    @property
    def is_grouped(self) -> bool:
        """Whether an aggregate is computed over the rows of the query; else over those that belong to each row."""
        ...


# Values


@record(frozen=True, slots=True, eq=False)
class Column(Node):
    """A column of the queried table or of a related one; there is one object per path, so it is its own shape.

    Attributes:
        steps: The relations on the way.
        field: The field.
        result: The type of its values.
    """

    steps: Steps
    field: Field[Any]
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the field."""
        return self.result

    @property
    def name(self) -> str:
        """The path, as a query would write it."""
        return "__".join([*(step.name for step in self.steps), self.field.name])

    @property
    def many(self) -> Steps:
        """The steps up to the first that leads to many rows, itself included; empty if none does."""
        place = first_many(self.steps)
        return () if place is None else self.steps[:place]

    def bind(self, binding: Binding) -> Hashable:
        """Return the column itself; it has no values."""
        return self

    def sql(self, writer: Writer) -> str:
        """Return the qualified name."""
        writer.count_column()
        return writer.tables.column(self.steps, self.field)

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the field's own conversion."""
        reader: Converter | None = self.field.reader(dialect, aware=aware)
        return reader

    def parts(self) -> Iterator[Node]:
        """Yield nothing."""
        yield from ()

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models on the way."""
        for step in self.steps:
            yield step.meta

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the column or what replaces it."""
        return change(self) or self


@record(frozen=True, slots=True, eq=False)
class Literal(Node):
    """A Python value in an expression.

    Attributes:
        value: The value.
        result: Its type.
    """

    value: Any
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the value."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Add the value and return its type."""
        value = self.value
        if value is not None:
            try:
                value = literal_writer(self.result, binding.dialect)(value)
            except UNCONVERTIBLE as error:
                raise FieldError(f"{self.value!r} cannot be computed with: {error}") from None
        binding.add(self, value)
        return self.result

    def sql(self, writer: Writer) -> str:
        """Return a placeholder that says its type where the database would have to guess it."""
        return typed(writer.value(self), self.result, writer.dialect)


def typed(sql: str, result: ResultType, dialect: Dialect) -> str:
    """Return a placeholder with its type where the database would have to guess it."""
    is_text = dialect.name == "mysql" and result.family in (
        Family.DATETIME,
        Family.DATE,
        Family.TIME,
    )
    if dialect.name != "postgresql" and not is_text:
        return sql
    return f"CAST({sql} AS {dialect.value_type(result.neutral)})"


@record(frozen=True, slots=True, eq=False)
class Raw(Node):
    """A fixed text, such as ``1`` or ``*``.

    Attributes:
        text: The text.
        result: Its type.
    """

    text: str
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the text."""
        return self.text

    def sql(self, writer: Writer) -> str:
        """Return the text."""
        return self.text


@record(frozen=True, slots=True, eq=False)
class Order:
    """One term of an order.

    Attributes:
        node: What to order by.
        descending: From the greatest to the least.
        nulls_last: Where rows without a value stand; `None` for before all others, and behind them when descending.
        name: What `order_by` was given, if that was a name.
    """

    node: Node
    descending: bool = False
    nulls_last: bool | None = None
    name: str = ""

    def changed(self, change: Callable[[Node], Node | None]) -> Order:
        """Return the term with parts of its value replaced."""
        return Order(self.node.changed(change), self.descending, self.nulls_last, self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        # Less the name, which says where the term came from.
        return (self.node, self.descending, self.nulls_last)

    def bind(self, binding: Binding) -> Hashable:
        """Add the values and return the shape."""
        if self.node.__class__ is Column:
            return (self.node, self.descending, self.nulls_last)
        return (self.node.bind(binding), self.descending, self.nulls_last)

    def sql(self, writer: Writer) -> str:
        """Return the term, or several of them."""
        keys = self.node.sort_keys()
        if keys:
            terms = [Order(key, self.descending, self.nulls_last) for key in keys]
            return ", ".join([term.sql(writer) for term in terms])
        sql = self.node.sql(writer)
        nullable = not isinstance(self.node, Column) or self._may_be_null(self.node)
        if nullable and self.nulls_last is not None and self.nulls_last is not self.descending:
            return self._sql_nulls_apart(sql, writer)
        return writer.dialect.order_term(sql, descending=self.descending, nullable=nullable)

    def _sql_nulls_apart(self, sql: str, writer: Writer) -> str:
        """Return the term with missing values at the end where the database would not put them."""
        turned = " DESC" if self.descending else ""
        if writer.dialect.name == "postgresql":  # Its own words serve for distinct rows as well.
            return f"{sql}{turned} NULLS {'LAST' if self.nulls_last else 'FIRST'}"
        test = f"{sql} IS NULL" if self.nulls_last else f"{sql} IS NOT NULL"
        again = self.node.sql(writer)
        return f"CASE WHEN {test} THEN 1 ELSE 0 END, {again}{turned}"

    @staticmethod
    def _may_be_null(column: Column) -> bool:
        return column.field.null or bool(column.steps)

    def turned(self) -> Order:
        """Return the opposite term."""
        nulls_last = None if self.nulls_last is None else not self.nulls_last
        return Order(self.node, not self.descending, nulls_last, self.name)
