"""The methods of a queryset that describe a query and send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openviper.db.compiler.description import EVERYTHING, Description
from openviper.db.compiler.selects import check_related
from openviper.db.compiler.where import check_conditions
from openviper.db.expressions import Condition, Q
from openviper.db.fields.options import ModelOptions
from openviper.db.lookups import resolve_path
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

    def _where(self, conditions: tuple[Q, ...], lookups: dict[str, Any]) -> tuple[Condition, ...]:
        for condition in conditions:
            if not isinstance(condition, Q):
                raise FieldError(f"{condition!r} is not a Q object")
        added: tuple[Condition, ...] = (*conditions, *lookups.items())
        check_conditions(self._meta, added)
        return added

    def filter(self, *conditions: Q, ignore_permissions: bool = False, **lookups: Any) -> Self:
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

    def exclude(self, *conditions: Q, **lookups: Any) -> Self:
        """Drop the rows for which all conditions of this call hold; where a column is NULL, nothing can be said.

        Raises:
            FieldError: If a name is unknown.
        """
        added = self._where(conditions, lookups)
        if not added:
            return self._with()
        return self._with(where=(*self.query.where, Q.combined(added, negated=True)))

    def order_by(self, *names: str) -> Self:
        """Replace the order; ``-`` before a name makes it descend, no names clear it.

        Raises:
            FieldError: If a name is unknown.
        """
        for name in names:
            if not isinstance(name, str):
                raise FieldError(f"{name!r} is not a field name")
            resolve_path(self._meta, name.removeprefix("-"))
        return self._with(order=names)

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

    def using(self, alias: str) -> Self:
        """Run the query on this database."""
        return self._with(using=alias)


def _natural(name: str, count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name}({count!r}): a number of rows is not negative")
    return count
