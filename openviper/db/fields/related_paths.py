"""Relations reached on the class, ``Post.author``: paths to the columns of other models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from openviper.db.fields.columns import Column, ColumnCondition, ColumnName
from openviper.exceptions import FieldError


class RelatedPath:
    """A relation reached on the class: hands on the columns of the model behind it, ``Post.author.name``.

    For the type checker it is the class it leads to. A relation to one row can be compared with an instance or a key too.

    Args:
        name: The path of the relation, with the model it starts from.
        target: Gives the model behind it, which need not exist when the class is reached.
        has_key: Whether the model has a foreign key of its own for it.
    """

    __slots__ = ("_has_key", "_name", "_target")

    def __init__(self, name: ColumnName, target: Callable[[], Any], *, has_key: bool) -> None:
        self._name = name
        self._target = target
        self._has_key = has_key

    def __repr__(self) -> str:
        return f"<path {self._name.model.__name__}.{self._name.replace('__', '.')}>"

    def __getattr__(self, name: str) -> Any:
        """Return a column of the model behind, or a relation of it.

        Raises:
            AttributeError: If it has neither of this name.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        meta = self._target()._meta
        if self._has_key and name in ("pk", meta.pk.name):
            # The foreign key itself holds it, so no table has to be joined.
            return meta.pk.column(self._name)
        return column_behind(meta, name, ColumnName.of(f"{self._name}__{name}", self._name.model))

    # The key

    def _key(self) -> Column[Any, Any]:
        return Column(self._name)

    def as_expression(self) -> Any:
        """Return the key as a part of a query."""
        return self._key().as_expression()

    def as_order(self) -> Any:
        """Return the order by the key as a part of a query."""
        return self._key().as_order()

    def __eq__(self, other: object) -> Any:
        return self._key() == other

    def __ne__(self, other: object) -> Any:
        return self._key() != other

    __hash__ = object.__hash__

    def in_(self, values: Iterable[Any] | Awaitable[Any]) -> ColumnCondition:
        """Return the condition that the row is one of some."""
        return self._key().in_(values)

    def not_in(self, values: Iterable[Any] | Awaitable[Any]) -> ColumnCondition:
        """Return the condition that the row is none of some."""
        return self._key().not_in(values)

    def is_null(self, wanted: bool = True) -> ColumnCondition:
        """Return the condition that there is no row, or with `False` that there is one."""
        return self._key().is_null(wanted)


Named = str | Column[Any, Any] | type[Any]
"""A name, or the column or relation of it; for the type checker a relation is the class it leads to."""


def name_of(meta: Any, named: object) -> str:
    """Return the path that a name, a column or a relation says.

    Args:
        meta: The options of the query's model.
        named: A `Named`.

    Raises:
        FieldError: If it is none of these, or was reached on a class that has nothing to do with the model.
    """
    path = path_of(named)
    if isinstance(path, ColumnName):
        path.check(meta)
    return str(path)


def path_of(named: object) -> str:
    """Return what `name_of` does, with the model that a column starts from, which whoever looks it up checks.

    Raises:
        FieldError: If it is neither a name nor a column.
    """
    if isinstance(named, str):
        return named
    if not isinstance(named, (Column, RelatedPath)):
        raise FieldError(f"{named!r} is neither a name nor a column")
    return named._name


def column_behind(meta: Any, name: str, path: ColumnName) -> Any:
    """Return the column or relation of a model that a path leads to.

    Args:
        meta: The options of the model.
        name: The name on the model.
        path: The path up to and with the name.

    Raises:
        AttributeError: If the model has neither.
    """
    field = meta.names.get(name)
    if field is not None:
        return field.column(path) if name == field.name else field.key_column(path)
    return _relation_behind(meta, name, path)


def _relation_behind(meta: Any, name: str, path: ColumnName) -> Any:
    if name in meta.many_to_many:
        return meta.many_to_many[name].column(path)
    relation = {**meta.reverse, **meta.reverse_many_to_many}.get(name)
    if relation is not None:
        return RelatedPath(path, lambda: relation.model, has_key=False)
    raise AttributeError(
        f"{meta.model_name} has no field {name!r}; fields: {', '.join(meta.fields)}"
    )
