"""What a foreign key adds to its target: ``author.posts``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from openviper.db.fields.relations import ForeignKey, OneToOneField
from openviper.db.query import QuerySet
from openviper.exceptions import FieldError

_pending: list[ForeignKey[Any]] = []


class ReverseMany:
    """The attribute of the target of a foreign key: the query for the rows that refer to the instance."""

    def __init__(self, field: ForeignKey[Any]) -> None:
        self.field = field

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        """Return this object for the class, the query for an instance.

        Raises:
            ValueError: If the instance has no key yet.
        """
        if instance is None:
            return self
        if instance.pk is None:
            raise ValueError(f"{instance!r} is not saved, so nothing refers to it")
        found: QuerySet[Any] = QuerySet(self.field.model).filter(**{self.field.name: instance.pk})
        return found if instance._alias is None else found.using(instance._alias)


class ReverseOne(ReverseMany):
    """The attribute of the target of a one-to-one field: gives the one row, or `None`, when awaited."""

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        """Return this object for the class, something to await for an instance."""
        found = super().__get__(instance, owner)
        return found if instance is None else _OneOrNone(found)


class _OneOrNone:
    def __init__(self, query: QuerySet[Any]) -> None:
        self._query = query

    def __await__(self) -> Generator[Any, None, Any]:
        return self._query.get_or_none().__await__()


def add_reverse_accessors(model: type[Any]) -> None:
    """Give the targets of a new model's foreign keys, and of those that waited for it, their attribute.

    Raises:
        FieldError: If the target has something else of that name.
    """
    fields = [*_pending, *(field for field in model._fields.values() if isinstance(field, ForeignKey))]
    _pending.clear()
    for position, field in enumerate(fields):
        if field.related_name is None:
            continue
        try:
            target = field.resolve()
        except (NameError, ImportError, AttributeError):  # A callable whose class does not exist yet.
            target = None
        if target is None:
            _pending.append(field)
            continue
        try:
            _add(field, target)
        except FieldError:
            _pending.extend(other for other in fields[position + 1 :] if other.model is not model)
            raise


def _add(field: ForeignKey[Any], target: type[Any]) -> None:
    name = field.related_name
    assert name is not None
    present = getattr(target, name, None)
    if present is not None and not isinstance(present, ReverseMany):
        raise FieldError(f"{field.model.__name__}.{field.name}: {target.__name__} has {name!r} already")
    other = present.field if isinstance(present, ReverseMany) else None
    if other is not None and (other.model._meta.label, other.name) != (field.model._meta.label, field.name):
        raise FieldError(
            f"{field.model.__name__}.{field.name}: related_name {name!r} belongs to "
            f"{other.model.__name__}.{other.name} already"
        )
    setattr(target, name, ReverseOne(field) if isinstance(field, OneToOneField) else ReverseMany(field))
