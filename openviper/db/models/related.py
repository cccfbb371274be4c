"""What relations add to their target: ``author.posts``, ``tag.articles``."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from openviper.db.fields.columns import ColumnName
from openviper.db.fields.instance_state import prefetched_of, remember_related
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.references import Reference
from openviper.db.fields.related_paths import RelatedPath
from openviper.db.fields.relations import ForeignKey, OneToOneField
from openviper.db.models import model_registry
from openviper.db.models.joins import make_join_model
from openviper.exceptions import FieldError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.query import related as queries
    from openviper.db.query import stored
    from openviper.db.query.queryset import QuerySet
    from openviper.db.query.related import RelatedQuery
else:
    # With the first query: see `openviper.db.query.manager`.
    queries = lazy_module("openviper.db.query.related")
    stored = lazy_module("openviper.db.query.stored")

M = TypeVar("M")

Relation = ForeignKey[Any] | ManyToManyRelation[Any]

Reference.find_model = staticmethod(model_registry.find)

_waiting: list[Relation] = []
"""Relations whose target is not known yet."""


class ReverseAttribute:
    """What a relation with a `related_name` puts on its target."""

    def __init__(self, field: Relation, target: type[Any]) -> None:
        self.field: Any = field
        self.target = target

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        """Return the path for the class, the related rows for an instance.

        Raises:
            ValueError: If the instance has no key yet.
        """
        if instance is None:
            path = ColumnName.of(self.field.related_name, owner)
            return RelatedPath(path, lambda: self.field.model, has_key=False)
        return self.of(instance)

    def __set__(self, instance: Any, value: object) -> None:
        """Refuse: what belongs to the instance is decided by the other rows.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            f"{type(instance).__name__}.{self.field.related_name} cannot be assigned"
        )

    def of(self, instance: Any) -> Any:
        """Return the related rows of an instance."""
        raise NotImplementedError

    def _query(self, instance: Any) -> RelatedQuery[Any]:
        if stored.is_unsaved(instance):
            raise ValueError(f"{instance!r} is not saved, so nothing refers to it")
        field = self.field
        query: RelatedQuery[Any] = queries.RelatedQuery(field.model).filter(
            **{field.name: instance.pk}
        )
        return query if instance._alias is None else query.using(instance._alias)


class ReverseRows(Generic[M]):
    """The type of the attribute that a `related_name` adds, for the class it is added to: ``posts: ReverseRows[Post]``.

    An annotation only: it tells type checkers that ``author.posts`` is a query for posts, and that ``Author.posts.title``
    is a column of theirs.
    """

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> type[M]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> QuerySet[M]: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the path of the class, the query of an instance."""


class ReverseMany(ReverseAttribute):
    """The attribute of the target of a foreign key: the query for the rows that refer to the instance."""

    def of(self, instance: Any) -> RelatedQuery[Any]:
        """Return the query, with its result if it was prefetched."""
        return self._query(instance).with_result_of(instance, self.field.related_name)


class ReverseOne(ReverseAttribute):
    """The attribute of the target of a one-to-one field: gives the one row, or `None`, when awaited."""

    def of(self, instance: Any) -> _OneOrNone:
        """Return something to await."""
        return _OneOrNone(self._query(instance), self.field, instance)


class ReverseLinks(ReverseAttribute):
    """The attribute of the target of a many-to-many field: the manager of the pairs from the other side."""

    def of(self, instance: Any) -> Any:
        """Return the manager."""
        return ManyToManyRelation.make_manager(self.field, instance, reverse=True)


class _OneOrNone:
    def __init__(self, query: RelatedQuery[Any], field: OneToOneField[Any], instance: Any) -> None:
        self._query = query
        self._field = field
        self._instance = instance

    def __await__(self) -> Generator[Any, None, Any]:
        return self._load().__await__()

    async def _load(self) -> Any:
        prefetched = prefetched_of(self._instance)
        if self._field.related_name in prefetched:
            return prefetched[self._field.related_name]
        related = await self._query.get_or_none()
        if related is not None:
            remember_related(related, self._field.name, self._instance)
        return related


# Connecting a relation with its target


def connect_relations(model: type[Any]) -> None:
    """Give the targets of a new model's relations, and of those that waited for it, their attribute.

    Raises:
        FieldError: If the target has something else of that name.
    """
    own = _relations_of(model._meta)
    waited = [field for field in _waiting if field.model is not model]
    _waiting.clear()
    _connect_all([*waited, *own], early=True)


def _relations_of(meta: ModelOptions) -> list[Relation]:
    if meta.proxy:  # It has the relations of its parent.
        return []
    fields: list[Any] = [*meta.fields.values(), *meta.many_to_many.values()]
    return [field for field in fields if isinstance(field, ForeignKey | ManyToManyRelation)]


def settle() -> None:
    """Connect what still waits, now that no more models are expected.

    Raises:
        FieldError: If a target has something else of the name, or a bare name is ambiguous.
    """
    if _waiting:
        waited = [field for field in _waiting if model_registry.is_registered(field.model)]
        _waiting.clear()
        _connect_all(waited, early=False)


ModelOptions.settle = staticmethod(settle)  # type: ignore[method-assign]  # a lower room that cannot import this one


def _connect_all(fields: list[Relation], *, early: bool) -> None:
    for position, field in enumerate(fields):
        try:
            is_connected = _connect(field, early)
        except FieldError:
            _keep_waiting(fields, position, early=early)
            raise
        if not is_connected:
            _waiting.append(field)


def _keep_waiting(fields: list[Relation], position: int, *, early: bool) -> None:
    """Keep what was not tried yet, after a field that has something wrong."""
    if early:
        # The class that is being made is thrown away with its fields.
        model = fields[position].model
        _waiting.extend(field for field in fields[position + 1 :] if field.model is not model)
    else:
        # What is wrong must not be forgotten with the rest.
        _waiting.extend(fields[position:])


def _connect(field: Relation, early: bool) -> bool:
    """Give the target of a relation its attribute and return whether the target was known."""
    if isinstance(field, ManyToManyRelation) and not _has_join_model(field, early):
        return False
    if field.related_name is None:
        return True
    target = field.resolve(early=early)
    if target is None:
        return False
    _add_reverse(field, field.related_name, target)
    return True


def _has_join_model(field: ManyToManyRelation[Any], early: bool) -> bool:
    """Generate the join model of a field that has none yet, and return whether it has one now."""
    if not field.has_join_model:
        join = make_join_model(field, field.resolve(early=early))
        if join is None:
            return False
        field.use_join_model(join)
    return True


def _add_reverse(field: Relation, name: str, target: type[Any]) -> None:
    _check_free(field, name, target)
    meta: ModelOptions = target._meta
    if isinstance(field, ManyToManyRelation):
        meta._reverse_many_to_many[name] = field
        setattr(target, name, ReverseLinks(field, target))
        return
    meta._reverse[name] = field
    attribute = ReverseOne if isinstance(field, OneToOneField) else ReverseMany
    setattr(target, name, attribute(field, target))


def _check_free(field: Relation, name: str, target: type[Any]) -> None:
    """Check that a target has nothing else of the name that a relation wants to give it.

    Raises:
        FieldError: If it has.
    """
    where = f"{field.model.__name__}.{field.name}"
    present = _attribute_of(target, name)
    if isinstance(present, ReverseAttribute):
        holder = _label(present.field)
        if holder != _label(field):
            raise FieldError(f"{where}: related_name {name!r} belongs to {holder} already")
    elif present is not None or _is_field(target._meta, name):
        raise FieldError(f"{where}: {target.__name__} has {name!r} already")


def _attribute_of(cls: type[Any], name: str) -> object:
    # Not `getattr`, which would settle what waits.
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _is_field(meta: ModelOptions, name: str) -> bool:
    return name in meta.names or name in meta.many_to_many


def _label(field: Relation) -> str:
    return f"{field.model._meta.label}.{field.name}"


def late_attribute(instance: Any, owner: type[Any], name: str) -> Any:
    """Return a reverse attribute of a relation that waited for its target until now.

    Raises:
        AttributeError: If there is none of this name.
    """
    if _waiting and not name.startswith("_"):
        settle()
        for base in owner.__mro__:
            attribute = vars(base).get(name)
            if isinstance(attribute, ReverseAttribute):
                return attribute.__get__(instance, owner)
    raise AttributeError(
        f"{owner.__name__!r} object has no attribute {name!r}", name=name, obj=instance
    )
