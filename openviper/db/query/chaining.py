"""The methods of a queryset that describe a query and send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openviper.db.fields.columns import ColumnName
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query.prefetch import Prefetch, add_prefetch
from openviper.db.sql import operands
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.expressions import Condition, Expression, F, Q
from openviper.db.sql.lookups import AnnotationLookup, checked, resolve_path, substituted
from openviper.db.sql.selects import check_related
from openviper.db.sql.where import check_conditions
from openviper.exceptions import FieldError

if TYPE_CHECKING:
    from typing import Self

M = TypeVar("M")


class QueryBuilder(Generic[M]):
    """A description of a query; every method returns a new one.

    Args:
        model: The class of the instances.
        query: What is asked for; all rows by default.
    """

    __slots__ = ("_meta", "model", "query")

    def __init__(self, model: type[M], query: Description = EVERYTHING) -> None:
        self.model = model
        self.query = query
        self._meta: ModelOptions = model._meta  # type: ignore[attr-defined]  # models are a higher room

    def _with(self, **changes: Any) -> Self:
        return type(self)(self.model, self.query.changed(**changes))

    def _where(
        self, conditions: tuple[operands.Condition, ...], lookups: dict[str, Any]
    ) -> tuple[Condition, ...]:
        for condition in conditions:
            if not isinstance(condition, operands.Condition):
                raise FieldError(f"{condition!r} is not a condition")
        added: tuple[Condition, ...] = (
            *(condition.as_condition() for condition in conditions),
            *lookups.items(),
        )
        if self.query.annotations or any(
            isinstance(value, Expression) for value in lookups.values()
        ):
            added = self._with_computed(added)
        check_conditions(self._meta, added)
        return added

    def _with_computed(self, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        """Return conditions in which the names of computed values are replaced by what they stand for."""
        computed = dict(self.query.annotations)
        made: list[Condition] = []
        for condition in conditions:
            if isinstance(condition, Q):
                children = self._with_computed(condition.children)
                made.append(Q.combined(children, condition.connector, condition.negated))
                continue
            key, value = condition
            if isinstance(value, Expression):
                value = substituted(value, computed)
                checked(self._meta, value)
            name = key.partition("__")[0] if isinstance(key, str) else ""
            made.append(
                (
                    AnnotationLookup(self._meta, key, computed[name]) if name in computed else key,
                    value,
                )
            )
        return tuple(made)

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
        query = self.query.changed(where=self.query.where + self._where(conditions, lookups))
        if ignore_permissions:
            query.ignore_permissions = True
        return type(self)(self.model, query)

    def exclude(self, *conditions: operands.Condition, **lookups: Any) -> Self:
        """Drop the rows for which all conditions of this call hold; where a column is NULL, nothing can be said.

        Raises:
            FieldError: If a name is unknown.
        """
        added = self._where(conditions, lookups)
        if not added:
            return self._with()
        return self._with(where=(*self.query.where, Q.combined(added, negated=True)))

    def order_by(self, *terms: str | operands.Ordering) -> Self:
        """Replace the order; ``-`` before a name makes it descend, no names clear it.

        Raises:
            FieldError: If a name is unknown.
        """
        computed = dict(self.query.annotations)
        names = tuple(order_name(term) for term in terms)
        for name in names:
            plain = ColumnName.like(name, name.removeprefix("-"))
            if plain not in computed:
                resolve_path(self._meta, plain)
        return self._with(order=names)

    def annotate(self, **expressions: operands.Selectable) -> Self:
        """Compute a value per row: an attribute of each instance, and a name for `filter`, `order_by` and `values`.

        Args:
            **expressions: Aggregates such as ``Count("posts")``, over fields, foreign keys, a `related_name` or a
                many-to-many field; or arithmetic such as ``F("price") * 2``.

        Raises:
            FieldError: If a name is that of a field or other attribute, or an expression names an unknown one.
        """
        computed = dict(self.query.annotations)
        for name, expression in expressions.items():
            if not isinstance(expression, operands.Selectable):
                raise FieldError(f"annotate({name}={expression!r}): not an expression or aggregate")
            if (
                name in self._meta.names
                or name.startswith("_")
                or "__" in name
                or hasattr(self.model, name)
            ):
                raise FieldError(
                    f"annotate({name}=...): {self._meta.model_name} has {name!r} already"
                )
            computed[name] = checked(self._meta, substituted(expression.as_expression(), computed))
        return self._with(annotations=tuple(computed.items()))

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
        return self._with(limit=_natural("limit", count))

    def offset(self, count: int) -> Self:
        """Skip so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(offset=_natural("offset", count))

    def distinct(self) -> Self:
        """Drop rows that equal another one in all columns asked for."""
        return self._with(distinct=True)

    def only(self, *names: str) -> Self:
        """Load just these fields and the primary key; the others read as `None`, and `save` leaves them alone.

        Raises:
            FieldError: If a name is unknown.
        """
        for name in names:
            self._meta.field(name)
        return self._with(only=names, defer=())

    def defer(self, *names: str) -> Self:
        """Load all fields but these.

        Raises:
            FieldError: If a name is unknown.
        """
        for name in names:
            self._meta.field(name)
        return self._with(defer=names, only=None)

    def select_related(self, *names: str) -> Self:
        """Load the instances that foreign keys refer to in the same query; ``author__country`` goes further.

        Raises:
            FieldError: If a part of a name is no foreign key.
        """
        for name in names:
            check_related(self._meta, name)
        return self._with(related=(*self.query.related, *names))

    def prefetch_related(self, *names: str | Prefetch) -> Self:
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


def order_name(term: object) -> str:
    """Return the name of a term of an order, ``-`` before one that descends.

    Raises:
        FieldError: If it is not a name, nor the order by a column.
    """
    if isinstance(term, operands.Ordering):
        order = term.as_order()
        name = column_name(order.expression)
        return ColumnName.like(name, f"{'-' if order.descending else ''}{name}")
    if not isinstance(term, str):
        raise FieldError(f"{term!r} is not a field name")
    return term


def column_name(column: object) -> str:
    """Return the name of a column.

    Raises:
        FieldError: If it is neither a name nor a column.
    """
    if isinstance(column, operands.Selectable):
        column = column.as_expression()
    if isinstance(column, F):
        return column.name
    if not isinstance(column, str):
        raise FieldError(f"{column!r} is not a field name")
    return column


def _natural(name: str, count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name}({count!r}): a number of rows is not negative")
    return count
