"""The methods of a queryset that describe a query and send nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.related_paths import Named, name_of
from openviper.db.query.prefetch import Prefetch, add_prefetch
from openviper.db.query.slices import QueryNotList, natural, part_of_slice
from openviper.db.sql import operands
from openviper.db.sql.conditions import Truth
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.expressions import F, Q
from openviper.db.sql.nodes import Node, Order
from openviper.db.sql.resolving import QueryScope, order_term, plain_conditions
from openviper.db.sql.sizes import check_size
from openviper.db.sql.statements import check_related
from openviper.exceptions import FieldError, QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from typing import Self

    from openviper.db.sql import ranking
else:
    ranking = lazy_module("openviper.db.sql.ranking")  # For windows and slices of slices.

M = TypeVar("M")


class QueryBuilder(QueryNotList, Generic[M]):
    """A description of a query; every method returns a new one.

    Args:
        model: The class of the instances.
        query: What is asked for; all rows by default.
    """

    __slots__ = ("_meta", "model", "query")

    _has_init: ClassVar[bool] = False
    """Whether a subclass has an `__init__` of its own, which then makes each copy."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._has_init = cls.__init__ is not QueryBuilder.__init__

    def __init__(self, model: type[M], query: Description = EVERYTHING) -> None:
        self.model = model
        self.query = query
        self._meta: ModelOptions = model._meta  # type: ignore[attr-defined]  # models are a higher room

    def _with(self, **changes: Any) -> Self:
        query = self.query.with_changes(changes)
        if self._has_init:
            return type(self)(self.model, query)
        # A third of the time of a call; each method of a queryset makes a copy.
        copy = object.__new__(type(self))
        copy.model, copy.query, copy._meta = self.model, query, self._meta
        return copy

    @property
    def _scope(self) -> QueryScope:
        """The names that expressions of this query may use."""
        return QueryScope(self._meta, dict(self.query.annotations))

    def _where(
        self, conditions: tuple[operands.Condition, ...], lookups: dict[str, Any]
    ) -> tuple[Node, ...]:
        """Return the conditions of one call, every name resolved."""
        if conditions or self.query.annotations:
            nodes = self._scope.conditions(conditions, lookups)
            return ranking.over_windows(self._meta, self.query, nodes)
        return plain_conditions(self._meta, lookups)

    def _check_whole(self, method: str) -> None:
        """Refuse what would act on the rows behind the slice, too.

        Raises:
            QueryError: If the query is sliced.
        """
        query = self.query
        if query.limit is not None or query.offset:
            raise QueryError(
                f"{method}() comes before limit() and offset(); or use the slice in a query of its own: "
                f"filter(pk__in=...)"
            )

    def filter(
        self, *conditions: operands.Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> Self:
        """Keep the rows for which all conditions hold.

        Args:
            *conditions: `Q` objects.
            ignore_permissions: Do not check model permissions for this query.
            **lookups: ``field__operator=value``.

        Raises:
            FieldError: If a name is unknown.
        """
        query = self.query
        if conditions or lookups:
            self._check_whole("filter")
        if conditions or query.annotations:
            added = self._where(conditions, lookups)
        else:
            added = plain_conditions(self._meta, lookups)
        if ignore_permissions:
            return self._with(where=query.where + added, ignore_permissions=True)
        return self._with(where=query.where + added)

    def exclude(self, *conditions: operands.Condition, **lookups: Any) -> Self:
        """Drop the rows for which all conditions of this call hold; where a column is NULL, nothing can be said.

        Conditions on related rows drop what has a row for which all of them hold.

        Raises:
            FieldError: If a name is unknown, or an operand does not go with its lookup.
            QueryError: If an operand has the wrong shape, or the query is sliced.
        """
        self._check_whole("exclude")
        added = self._where((~Q(*conditions, **lookups),), {})
        return self._with(where=self.query.where + added)

    def order_by(self, *terms: str | operands.Ordering) -> Self:
        """Replace the order; ``-`` before a name makes it descend, no names clear it.

        Args:
            *terms: Names, paths, columns and expressions, also with ``.asc()`` and ``.desc()``.

        Raises:
            FieldError: If a name is unknown, or leads to many rows.
            QueryError: If the query is sliced.
        """
        self._check_whole("order_by")
        if self.query.annotations:
            return self._with(order=tuple(map(self._scope.order, terms)))
        order: list[Order] = []
        for term in terms:
            order.append(order_term(self._meta, term))  # noqa: PERF401 - a comprehension takes twice the time for one
        return self._with(order=tuple(order))

    def annotate(self, **expressions: operands.Selectable) -> Self:
        """Compute a value per row: an attribute of each instance, and a name for `filter`, `order_by` and `values`.

        Args:
            **expressions: Aggregates such as ``Count("posts")``, over fields, foreign keys, a `related_name` or a
                many-to-many field; arithmetic such as ``F("price") * 2``; functions.

        Raises:
            FieldError: If a name is that of a field or other attribute, or an expression names an unknown one.
        """
        computed = self._computed("annotate", expressions)
        return self._with(annotations=computed, hidden=self.query.hidden - expressions.keys())

    def alias(self, **expressions: operands.Selectable) -> Self:
        """Name a value per row for `filter`, `order_by` and further expressions, without making it part of the result.

        Args:
            **expressions: As for `annotate`, which makes a part of the result of it later: ``annotate(x=F("x"))``.

        Raises:
            FieldError: If a name is that of a field or other attribute, or an expression names an unknown one.
        """
        computed = self._computed("alias", expressions)
        return self._with(annotations=computed, hidden=self.query.hidden | expressions.keys())

    def _computed(
        self, method: str, expressions: dict[str, operands.Selectable]
    ) -> tuple[tuple[str, Node], ...]:
        """Return the computed values of the query and further ones."""
        computed = dict(self.query.annotations)
        for name, expression in expressions.items():
            if not operands.is_selectable(expression):
                raise FieldError(f"{method}({name}={expression!r}): not an expression or aggregate")
            self._check_free(method, name)
            scope = QueryScope(self._meta, computed)
            computed[name] = scope.awaiting(partial(QueryScope.operand, value=expression))
            check_size(f"{method}({name}", computed[name])
        return tuple(computed.items())

    def _check_free(self, method: str, name: str) -> None:
        is_reserved = name.startswith("_") or "__" in name or not name.isidentifier()
        if is_reserved or name in self._meta.names or hasattr(self.model, name):
            raise FieldError(f"{method}({name}=...): {self._meta.model_name} has {name!r} already")

    def select_for_update(self, nowait: bool = False, skip_locked: bool = False) -> Self:
        """Lock the rows until the transaction ends; on SQLite a writing transaction has locked the database already.

        Args:
            nowait: Fail at once if somebody else has a row locked.
            skip_locked: Leave out rows that somebody else has locked.

        Raises:
            ValueError: If both are asked for.
        """
        if nowait and skip_locked:
            raise ValueError("select_for_update() takes nowait or skip_locked, not both")
        words = ("NOWAIT",) if nowait else ("SKIP LOCKED",) if skip_locked else ()
        return self._with(lock=("FOR UPDATE", *words))

    def if_permitted(self) -> Self:
        """Give nothing, instead of an error, when the current user may not read the model."""
        return self._with(if_permitted=True)

    def limit(self, count: int) -> Self:
        """Return at most so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(limit=natural("limit", count))

    def offset(self, count: int) -> Self:
        """Skip so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(offset=natural("offset", count))

    def __getitem__(self, rows: slice) -> Self:
        """Return a query for a slice of the rows: ``query[10:20]`` skips ten and gives at most ten.

        Raises:
            TypeError: If it is no slice.
            ValueError: If it has a step, or counts from the end.
        """
        limit, offset = part_of_slice(self.query, rows)
        return self._with(limit=limit, offset=offset)

    def none(self) -> Self:
        """Return a query for no rows, which asks the database nothing."""
        return self._with(where=(*self.query.where, Truth(False)), is_none=True)

    def distinct(self) -> Self:
        """Drop rows that equal another one in all columns asked for."""
        self._check_whole("distinct")
        return self._with(distinct=True)

    def only(self, *names: Named) -> Self:
        """Load just these fields and the primary key; the others read as `None`, and `save` leaves them alone.

        Raises:
            FieldError: If a name is unknown.
        """
        return self._with(only=self._fields(names), defer=())

    def defer(self, *names: Named) -> Self:
        """Load all fields but these.

        Raises:
            FieldError: If a name is unknown.
        """
        return self._with(defer=self._fields(names), only=None)

    def _fields(self, names: Iterable[Named]) -> tuple[str, ...]:
        """Return the names of fields of the model."""
        found = tuple([name_of(self._meta, name) for name in names])
        for name in found:
            self._meta.field(name)
        return found

    def select_related(self, *names: Named) -> Self:
        """Load the instances that foreign keys refer to in the same query; ``author__country`` goes further.

        Raises:
            FieldError: If a part of a name is no foreign key.
        """
        paths = [name_of(self._meta, name) for name in names]
        for path in paths:
            check_related(self._meta, path)
        return self._with(related=(*self.query.related, *paths))

    def prefetch_related(self, *names: Named | Prefetch) -> Self:
        """Load related instances, of foreign keys, reverse names and many-to-many fields, by one more query each.

        Args:
            *names: Relations; ``posts__comments`` goes further, a `Prefetch` has a query of its own.

        Raises:
            FieldError: If a part of a name is no relation.
        """
        nodes = self.query.prefetch
        for name in names:
            nodes = add_prefetch(self._meta, nodes, name)
        return self._with(prefetch=nodes)

    def using(self, alias: str) -> Self:
        """Run the query on this database."""
        return self._with(using=alias)


def is_computed(column: object) -> bool:
    """Return whether a column is an expression that is no name."""
    return operands.is_selectable(column) and not isinstance(column.as_expression(), F)


def column_name(column: object) -> str:
    """Return the name of a column.

    Raises:
        FieldError: If it is neither a name nor a column.
    """
    if operands.is_selectable(column):
        column = column.as_expression()
    if isinstance(column, F):
        return column.name
    if not isinstance(column, str):
        raise FieldError(f"{column!r} is not a field name")
    return column
