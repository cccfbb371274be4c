"""`Model`, the base of all models."""

from __future__ import annotations

import base64
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from openviper.db.fields.base import Field
from openviper.db.fields.columns import ColumnName
from openviper.db.fields.instance_state import loaded_relation, prefetched_of
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.related_paths import Named
from openviper.db.fields.relations import ForeignKey
from openviper.db.fields.sensitive import SensitiveField
from openviper.db.models import columns as columns  # Columns are made into conditions there.
from openviper.db.models.hooks import Hooks, run_hook
from openviper.db.models.meta import ModelMeta
from openviper.db.models.related import late_attribute
from openviper.exceptions import FieldError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from typing import Self

    from openviper.db.models import constructors, persistence, short_insert
    from openviper.db.query import queryset as querysets
    from openviper.db.query.manager import Manager
    from openviper.utils import json_text
else:
    # With the first query: see `openviper.db.query.manager`.
    constructors = lazy_module("openviper.db.models.constructors")
    persistence = lazy_module("openviper.db.models.persistence")
    short_insert = lazy_module("openviper.db.models.short_insert")
    querysets = lazy_module("openviper.db.query.queryset")
    json_text = lazy_module("openviper.utils.json_text")  # Few processes show rows as JSON.


class KeyAlias:
    """``pk``: the value of the primary key, whatever its name; on the class its column."""

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is not None:
            return instance.__dict__.get(instance._meta.pk.attname)
        if not hasattr(owner, "_meta"):  # `Model` itself has no key.
            return self
        key: Field[Any] = owner._meta.pk
        return key.key_column(ColumnName.of("pk", owner))

    def __set__(self, instance: Any, value: object) -> None:
        instance.__dict__[instance._meta.pk.attname] = value


class Model(Hooks, metaclass=ModelMeta):
    """One row of a table.

    Class attributes that are fields become columns; ``id`` is added unless there is another primary key. Options stand
    in an inner class ``Meta``. Declare ``id = AutoField()`` to tell type checkers that the key is an `int`.

    Args:
        **values: Values by field or column name; a missing or `None` value takes the field's default.

    Raises:
        TypeError: If a name is not a field.
    """

    _meta: ClassVar[ModelOptions]
    _fields: ClassVar[dict[str, Field[Any]]]
    # What instances without these keys read; see `openviper.db.fields.instance_state`.
    _row: tuple[Any, ...] | None = None
    _alias: str | None = None

    if TYPE_CHECKING:
        id: Field[Any]
        pk: Field[Any]
        objects: ClassVar[Manager[Self]]

    def __init__(self, **values: Any) -> None:
        meta = self._meta
        if meta.awaits_constructor:
            constructors.give_constructor(meta.model, Model.__init__)
        self.__dict__.update(meta.defaults)
        self._take(values)
        if meta.factories:
            self._make_defaults()

    def _take(self, values: dict[str, Any]) -> None:
        """Take values by names of all kinds; `None` leaves a default as it is."""
        attributes = self.__dict__
        attname_of = self._meta.attname_of
        for name, value in values.items():
            attname = attname_of.get(name)
            if attname is None:
                self._set_relation(name, value)
            elif value is not None:
                attributes[attname] = value

    def _make_defaults(self) -> None:
        """Give every field whose default is not shared a default of its own, unless it has a value."""
        attributes = self.__dict__
        for field in self._meta.factories:
            if attributes[field.attname] is None:
                attributes[field.attname] = field.get_default()

    def _set_relation(self, name: str, value: Any) -> None:
        field = self._meta.names.get(name)
        if field is None or field.generated or name.startswith("_"):
            raise _unusable_keyword(self._meta, name)
        if value is not None:
            setattr(self, field.name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            """Return a relation that became known only now; reached only for names that nothing else has."""
            return late_attribute(self, type(self), name)

    # Identity

    if not TYPE_CHECKING:
        pk = KeyAlias()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        key = self.pk
        return key is not None and bool(key == other.pk)

    def __hash__(self) -> int:
        key = self.pk
        return object.__hash__(self) if key is None else hash(key)

    def __lt__(self, other: Self) -> bool:
        return bool(self.pk < other.pk) if type(self) is type(other) else NotImplemented

    def __le__(self, other: Self) -> bool:
        return bool(self.pk <= other.pk) if type(self) is type(other) else NotImplemented

    def __gt__(self, other: Self) -> bool:
        return bool(self.pk > other.pk) if type(self) is type(other) else NotImplemented

    def __ge__(self, other: Self) -> bool:
        return bool(self.pk >= other.pk) if type(self) is type(other) else NotImplemented

    def __str__(self) -> str:
        return f"{type(self).__name__} object (pk={self.pk})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} pk={self.pk}>"

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the instance itself, so that ``await post.author`` works whether it is loaded or not."""
        yield from ()
        return self

    # Storing

    async def save(
        self, ignore_permissions: bool = False, update_fields: Iterable[Named] | None = None
    ) -> None:
        """Insert the instance if it was never stored, else write what changed.

        Args:
            ignore_permissions: Do not check model permissions.
            update_fields: Write at most these fields; ignored when the row is new.

        Raises:
            ValueError: If `update_fields` names no field, or `validate` finds a value that is not allowed.
            DoesNotExist: If the row to be updated is gone.
            IntegrityError: If a constraint refuses it.
        """
        if update_fields is None and short_insert.inserted_at_once(self, ignore_permissions):
            return
        await persistence.save_instance(
            self, ignore_permissions, None if update_fields is None else list(update_fields)
        )

    async def delete(self, ignore_permissions: bool = False) -> None:
        """Delete the instance's row; the instance can be saved again as a new one.

        Raises:
            ValueError: If the instance has no primary key.
            IntegrityError: If other rows refer to it.
        """
        await persistence.delete_instance(self, ignore_permissions)

    async def refresh_from_db(self) -> None:
        """Reload all fields and forget cached relations and changes.

        Raises:
            DoesNotExist: If the row is gone.
        """
        await persistence.refresh_instance(self)

    async def full_clean(self) -> None:
        """Run `before_validate`, `validate` and `clean` without storing anything.

        Raises:
            ModelValidationError: If something is not allowed.
        """
        await run_hook(self.before_validate)
        await self.validate()
        await run_hook(self.clean)

    @classmethod
    async def _load_related(cls, key: Any, alias: str | None) -> Self:
        # Not through `objects`, which may leave rows out.
        queryset = querysets.QuerySet(cls)
        return await (queryset if alias is None else queryset.using(alias)).get(pk=key)

    # Changes

    @property
    def has_changed(self) -> bool:
        """Whether any field differs from what is stored; false for an instance never stored."""
        return bool(persistence.changed_fields(self))

    def get_changed_fields(self) -> dict[str, Any]:
        """Return the stored value of each field that differs from it."""
        return persistence.changed_fields(self)

    def get_deferred_fields(self) -> set[str]:
        """Return the names of the fields that `only` or `defer` left out."""
        return persistence.deferred_fields(self)

    def get_sensitive(self, name: str) -> str | None:
        """Return the plain text of a `SensitiveField`.

        Raises:
            FieldError: If there is no such field, or it is of another kind.
            RuntimeError: If there is no `SECRET_KEY`.
            ValueError: If the value was encrypted with another key, or changed.
        """
        field = self._meta.field(name)
        if not isinstance(field, SensitiveField):
            raise FieldError(f"{self._meta.model_name}.{name} is not a SensitiveField")
        return field.decrypt(self.__dict__.get(field.attname))

    # As plain data

    def to_dict(self, *names: str) -> dict[str, Any]:
        """Return values by attribute; foreign keys as raw ids under their column attribute, such as ``author_id``.

        Args:
            *names: The fields; without any, all of them but passwords and encrypted texts.

        Raises:
            FieldError: If a name is not that of a field.
        """
        values = self.__dict__
        return {field.attname: values.get(field.attname) for field in self._shown_fields(names)}

    def _shown_fields(self, names: Iterable[str]) -> list[Field[Any]]:
        named = [self._meta.field(name) for name in names]
        return named or [field for field in self._meta.fields.values() if not field.is_secret]

    def as_dict(
        self, include_relations: bool = False, *, fields: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return values by field name.

        Args:
            include_relations: Give related instances that are loaded as dicts instead of their ids, and add those that
                were prefetched.
            fields: The fields; without any, all of them but passwords and encrypted texts.

        Raises:
            FieldError: If a name is not that of a field.
        """
        values = self.__dict__
        result = {field.name: values.get(field.attname) for field in self._shown_fields(fields)}
        if include_relations:
            result.update(self._related_dicts())
        return result

    def _related_dicts(self) -> dict[str, Any]:
        """Return what was loaded with the instance, by the name of the relation."""
        keys = [field for field in self._meta.fields.values() if isinstance(field, ForeignKey)]
        related = {key.name: loaded_relation(self, key.name) for key in keys}
        loaded = {name: instance for name, instance in related.items() if instance is not None}
        return {
            name: _as_plain_data(rows) for name, rows in {**loaded, **prefetched_of(self)}.items()
        }

    def as_json(
        self,
        include_relations: bool = False,
        indent: int | None = None,
        *,
        fields: Iterable[str] = (),
    ) -> str:
        """Return `as_dict` as JSON text; dates in ISO 8601, UUIDs and decimals as text, durations in seconds, bytes in base64.

        Args:
            include_relations: Give related instances that are loaded as objects instead of their ids.
            indent: Spaces per level; one line when not given.
            fields: The fields; without any, all of them but passwords and encrypted texts.

        Raises:
            FieldError: If a name is not that of a field.
        """
        data = self.as_dict(include_relations, fields=fields)
        return json_text.encode_json(_without_bytes(data), indent=indent).decode()

    @classmethod
    def get_content_type_label(cls) -> str:
        """Return ``"<app>.<Model>"``."""
        return cls._meta.label


def _unusable_keyword(meta: ModelOptions, name: str) -> TypeError:
    if name in meta.many_to_many:
        return TypeError(
            f"{meta.model_name}({name}=...): save it first, then await instance.{name}.set(...)"
        )
    if name in meta.names and not name.startswith("_"):
        return TypeError(f"{meta.model_name}({name}=...): the database works the value out")
    fields = ", ".join(meta.fields)
    return TypeError(f"{meta.model_name}() has no field {name!r}; fields: {fields}")


def _as_plain_data(related: Any) -> Any:
    """Return a related instance as a dict, several as a list, and `None` as it is."""
    if isinstance(related, list):
        return [instance.as_dict() for instance in related]
    return None if related is None else related.as_dict()


def _without_bytes(value: Any) -> Any:
    """Return data with Base64 for bytes, which JSON has no form for."""
    if isinstance(value, dict):
        return {name: _without_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class AbstractModel(Model):
    """A base for abstract models: a class that names it as a base has no table, unless its `Meta` says otherwise."""

    _abstract_for_children = True

    class Meta:
        """The options."""

        abstract = True
