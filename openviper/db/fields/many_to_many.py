"""Many-to-many relations: a field without a column, kept in the rows of a join model."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Generic, Never, Protocol, TypeVar

from openviper.db.fields.columns import ColumnName
from openviper.db.fields.references import ModelReference, Reference, checked_related_name
from openviper.db.fields.related_paths import RelatedPath
from openviper.db.fields.relations import ForeignKey
from openviper.exceptions import FieldError

if TYPE_CHECKING:
    from typing import Self

M = TypeVar("M")


class ManagerMaker(Protocol):
    """Makes what an instance shows for the field; models provide it, this room only asks."""

    def __call__(self, field: ManyToManyRelation[Any], instance: Any, *, reverse: bool) -> Any:
        """Return the manager of `instance`; `reverse` when it is one of the field's targets."""
        ...


class ManyToManyRelation(Generic[M]):
    """What a many-to-many field is, below the models: its target, its join model, the keys of the pairs.

    Projects use `ManyToManyField`, which adds the manager and its type; see there for the arguments.
    """

    make_manager: ManagerMaker

    name: str = ""
    model: Any = None

    def __init__(
        self,
        to: ModelReference,
        through: ModelReference | None = None,
        related_name: str | None = None,
        *,
        through_fields: tuple[str, str] | None = None,
        blank: bool = False,
        editable: bool = True,
        help_text: str = "",
    ) -> None:
        if through_fields is not None and through is None:
            raise ValueError("through_fields needs through")
        self.to = to
        self.through = through
        self.through_fields = through_fields
        self.related_name = checked_related_name(related_name)
        self.blank = blank
        self.editable = editable
        self.help_text = help_text
        self._reset()

    def _reset(self) -> None:
        self._reference = Reference(self.to)
        self._through = None if self.through is None else Reference(self.through)
        self._keys: tuple[ForeignKey[Any], ForeignKey[Any]] | None = None

    def __repr__(self) -> str:
        owner = f"{self.model.__name__}." if self.model is not None else ""
        return f"<{type(self).__name__} {owner}{self.name}>"

    def contribute_to_class(self, cls: type[Any], name: str) -> None:
        """Take the name under which a model class holds this field.

        Raises:
            ValueError: If the name cannot be used.
        """
        if name.startswith("_") or "__" in name or name.endswith("_"):
            raise ValueError(f"{cls.__name__}.{name}: {name!r} cannot be the name of a field")
        self.model = cls
        self.name = name

    def clone(self) -> Self:
        """Return a copy for another class, with a join model of its own unless `through` was given."""
        copied = copy.copy(self)
        copied._reset()
        return copied

    # The target

    def resolve(self, *, early: bool = False) -> type[Any] | None:
        """Return the target, or `None` if a model of its name is not known yet; see `Reference.resolve`."""
        return self._reference.resolve(self.model, early=early)

    @property
    def remote_model(self) -> type[Any]:
        """The target model.

        Raises:
            FieldError: If it cannot be found.
        """
        return self._reference.get(self.model, self.name)

    # The join model

    @property
    def has_join_model(self) -> bool:
        """Whether the join model was given or has been generated."""
        return self._through is not None

    def use_join_model(self, model: type[Any]) -> None:
        """Take a generated join model."""
        self._through = Reference(model)

    @property
    def through_model(self) -> type[Any]:
        """The join model.

        Raises:
            FieldError: If it cannot be found, or not be generated yet because the target is not known.
        """
        if self._through is None:
            self.model._meta.settle()
        if self._through is None:
            raise FieldError(f"{self.model.__name__}.{self.name}: no model {self.to!r} is known")
        return self._through.get(self.model, self.name)

    # `Any`, as mypy takes an attribute of a field's type for what the field gives to instances.

    @property
    def source_key(self) -> Any:
        """The join model's foreign key to the model of this field.

        Raises:
            FieldError: If there is none, or it is ambiguous.
        """
        return self.keys()[0]

    @property
    def target_key(self) -> Any:
        """The join model's foreign key to the target.

        Raises:
            FieldError: If there is none, or it is ambiguous.
        """
        return self.keys()[1]

    def keys(self) -> tuple[ForeignKey[Any], ForeignKey[Any]]:
        """Return both foreign keys of the join model: to the model of this field, and to the target.

        Raises:
            FieldError: If one is missing or ambiguous.
        """
        if self._keys is None:
            self._keys = self._named_keys() if self.through_fields else self._found_keys()
        return self._keys

    def _named_keys(self) -> tuple[ForeignKey[Any], ForeignKey[Any]]:
        assert self.through_fields is not None
        source, target = self.through_fields
        return self._named_key(source, self.model), self._named_key(target, self.remote_model)

    def _named_key(self, name: str, model: Any) -> ForeignKey[Any]:
        through = self.through_model._meta
        key = through.field(name)
        if isinstance(key, ForeignKey) and _is_same(key.remote_model, model):
            return key
        raise FieldError(
            f"{self.model.__name__}.{self.name}: {through.model_name}.{key.name} is not a foreign key to "
            f"{model.__name__}"
        )

    def _found_keys(self) -> tuple[ForeignKey[Any], ForeignKey[Any]]:
        sources, targets = self._keys_to(self.model), self._keys_to(self.remote_model)
        if _is_same(self.model, self.remote_model):
            # Both sides are one model: the first key is the one it begins from.
            sources, targets = sources[:1], sources[1:]
        return self._only_one(sources, self.model), self._only_one(targets, self.remote_model)

    def _keys_to(self, model: Any) -> list[ForeignKey[Any]]:
        fields = self.through_model._meta.fields.values()
        keys = [field for field in fields if isinstance(field, ForeignKey)]
        return [key for key in keys if _is_same(key.remote_model, model)]

    def _only_one(self, keys: list[ForeignKey[Any]], model: Any) -> ForeignKey[Any]:
        if len(keys) == 1:
            return keys[0]
        names = ", ".join(key.name for key in keys) or "none"
        raise FieldError(
            f"{self.model.__name__}.{self.name}: {self.through_model.__name__} needs exactly one foreign key to "
            f"{model.__name__} on this side, not {names}; through_fields says which to use"
        )

    # The attribute

    def __get__(self, instance: object | None, owner: type[Any]) -> Any:
        """Return the path of the class, the manager of an instance."""
        if instance is None:
            return self.column(ColumnName.of(self.name, owner))
        return type(self).make_manager(self, instance, reverse=False)

    def column(self, path: ColumnName) -> RelatedPath:
        """Return the path that hands on the columns of the target."""
        return RelatedPath(path, lambda: self.remote_model, has_key=False)

    def __set__(self, instance: object, value: Never) -> None:
        """Refuse: storing needs a query.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            f"{self.model.__name__}.{self.name} cannot be assigned; use await instance.{self.name}.set(...)"
        )


def _is_same(one: Any, other: Any) -> bool:
    # A proxy is its parent with another face.
    return bool(one is other or one._meta.table_name == other._meta.table_name)
