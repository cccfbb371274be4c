"""Foreign keys and what they give instead of an instance that is not loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.columns import ColumnName, OrderedColumn
from openviper.db.fields.constraints import Deferrable, checked_deferrable
from openviper.db.fields.references import ModelReference, Reference, checked_related_name
from openviper.db.fields.related_paths import RelatedPath

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")
M = TypeVar("M")

ON_DELETE = {
    "CASCADE": "CASCADE",
    "RESTRICT": "RESTRICT",
    "SET NULL": "SET NULL",
    "SET DEFAULT": "SET DEFAULT",
    "NO ACTION": "NO ACTION",
    "PROTECT": "RESTRICT",
    "DO NOTHING": "NO ACTION",
}
"""What may be asked for, and what the database is told."""


class LazyFK(Generic[T]):
    """A related instance that is not loaded: awaiting it loads and caches it.

    Two are equal when their ids are; it is false when the key is NULL.

    Attributes:
        fk_id: The raw id.
    """

    __slots__ = ("_field", "_instance", "fk_id")

    def __init__(self, fk_field: ForeignKey[T], instance: Any, fk_id: Any) -> None:
        self._field = fk_field
        self._instance = instance
        self.fk_id = fk_id

    def __await__(self) -> Generator[Any, None, T]:
        return self._load().__await__()

    async def _load(self) -> T:
        loaded: Any = None
        if self.fk_id is not None:
            loaded = await self._field.remote_model._load_related(self.fk_id, self._instance._alias)
            # Assigned again while the query ran? Then this is the answer for the old key and not to be kept.
            if self._instance.__dict__.get(self._field.attname) == self.fk_id:
                self._instance.__dict__[self._field.name] = loaded
        result: T = loaded
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        label = self._field.name
        raise AttributeError(
            f"{label!r} is not loaded, so it has no {name!r}; await it or use select_related({label!r})"
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LazyFK):
            return bool(self.fk_id == other.fk_id)
        return bool(self.fk_id == getattr(other, "pk", other))

    def __hash__(self) -> int:
        return hash(self.fk_id)

    def __bool__(self) -> bool:
        return self.fk_id is not None

    def __int__(self) -> int:
        return int(self.fk_id)

    def __str__(self) -> str:
        return str(self.fk_id)

    def __repr__(self) -> str:
        return f"<LazyFK {self._field.name} id={self.fk_id!r}>"


class KeyAttribute:
    """What a class shows for ``author_id``; instances hold the raw id under that name, or read `None`."""

    def __init__(self, field: ForeignKey[Any]) -> None:
        self.field = field

    def __get__(self, instance: object | None, owner: type[Any]) -> Any:
        """Return the column of the key; an instance without one reads `None`."""
        if instance is not None:
            return None
        return self.field.key_column(ColumnName.of(self.field.attname, owner))


class ForeignKey(Field[Awaitable[T]]):
    """A reference to the primary key of another model.

    ``await post.author`` gives the instance, loading it if need be; ``post.author_id`` is the raw id. Declare
    ``author_id: int`` in the class body to tell type checkers of the latter.

    Args:
        to: The model: a class, ``"Model"``, ``"app.Model"``, a dotted path, ``"self"`` or a callable returning a class.
        on_delete: ``CASCADE``, ``RESTRICT``, ``PROTECT``, ``SET NULL``, ``SET DEFAULT``, ``NO ACTION``, ``DO_NOTHING``.
        related_name: Name of the attribute of the target that queries the rows pointing to it.
        deferrable: ``deferred`` checks the key at the end of the transaction, ``immediate`` lets a transaction ask for that
            (SQLite and PostgreSQL); after each statement when not given.

    Raises:
        TypeError: If `to` neither is a model nor names one.
        ValueError: If `on_delete` or `deferrable` is none of these, or ``SET NULL`` on a key that cannot be NULL, or `related_name`
            cannot be a name.
    """

    fits_arrays = False

    @overload
    def __init__(
        self: ForeignKey[M],
        to: type[M],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: Literal[False] = ...,
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: ForeignKey[M | None],
        to: type[M],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: Literal[True],
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: ForeignKey[Any],
        to: str | Callable[[], type[Any]],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: bool = ...,
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        to: ModelReference,
        on_delete: str = "CASCADE",
        related_name: str | None = None,
        *,
        null: bool = False,
        deferrable: Deferrable | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        options.setdefault("db_index", True)
        super().__init__(null=null, **options)
        try:
            self.on_delete = ON_DELETE[on_delete.upper().replace("_", " ")]
        except (KeyError, AttributeError):
            raise ValueError(
                f"on_delete={on_delete!r} is not one of {', '.join(sorted(ON_DELETE))}"
            ) from None
        if self.on_delete == "SET NULL" and not null:
            raise ValueError("on_delete='SET NULL' needs null=True")
        self.to = to
        self.deferrable = checked_deferrable(deferrable)
        self.related_name = checked_related_name(related_name)
        self._reference = Reference(to)

    def _attname(self, name: str) -> str:
        return f"{name}_id"

    def contribute_to_class(self, cls: type[Any], name: str) -> None:
        """Take the name, and give the class the attribute of the raw id."""
        super().contribute_to_class(cls, name)
        setattr(cls, self.attname, KeyAttribute(self))

    def clone(self) -> Self:
        """Return a copy whose target is looked up anew: ``"self"`` means another class there."""
        copied = super().clone()
        copied._reference = Reference(self.to)
        return copied

    def column(self, path: ColumnName) -> RelatedPath:
        """Return the path that hands on the columns of the target."""
        return RelatedPath(path, lambda: self.remote_model, has_key=True)

    def key_column(self, path: ColumnName) -> Any:
        """Return the column of the key, which is of the kind of the target's as soon as that is known."""
        target = self.resolve()
        return OrderedColumn(path) if target is None else target._meta.pk.column(path)

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
        found = self._reference.found
        return self._reference.get(self.model, self.name) if found is None else found

    def target(self) -> Field[Any]:
        """Return the primary key of the target."""
        field: Field[Any] = self.remote_model._meta.pk
        return field

    # The attribute; unlike other fields a data descriptor, because the key and the instance are two values

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # for the checker the class it leads to, with all its columns
        def __get__(self: ForeignKey[M | None], instance: None, owner: type[Any]) -> type[M]: ...
        @overload
        def __get__(self: ForeignKey[M], instance: None, owner: type[Any]) -> type[M]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> Awaitable[T]: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the path of the class, something to await of an instance."""

        # A related instance is awaitable too, so one unloaded reference can be assigned to another.
        def __set__(self, instance: object, value: T | Awaitable[T]) -> None:
            """Set the key, and the instance if one is given."""

    else:

        def __get__(self, instance, owner):
            """Return the path, the cached instance, or a `LazyFK`."""
            if instance is None:
                return self.column(ColumnName.of(self.name, owner))
            values = instance.__dict__
            key = values.get(self.attname)
            cached = values.get(self.name)
            if cached is not None and cached.pk == key:
                return cached
            return LazyFK(self, instance, key)

        def __set__(self, instance, value):
            """Set the key, and the instance if one is given."""
            values = instance.__dict__
            values.pop(self.name, None)
            key = self.key_of(value)
            values[self.attname] = key
            if key is not None and key is not value and not isinstance(value, LazyFK):
                values[self.name] = value

    def key_of(self, value: Any) -> Any:
        """Return the key for an instance, a `LazyFK` or a key.

        Raises:
            ValueError: If an instance is not stored yet, or of another model.
        """
        if isinstance(value, LazyFK):
            return value.fk_id
        if not hasattr(type(value), "_meta"):
            return value
        self._check_target(value)
        return value.pk

    def _check_target(self, instance: Any) -> None:
        remote = self.remote_model
        if not (isinstance(instance, remote) or _is_same_table(type(instance), remote)):
            raise ValueError(f"{self.name}: {instance!r} is not a {remote.__name__}")
        if instance.pk is None:
            raise ValueError(f"{self.name}: {instance!r} is not saved yet")

    # Values are those of the target's key

    def db_type(self) -> str:
        """Return the neutral type of the target's key."""
        return self.target().db_type()

    def to_python(self, value: Any) -> Any:
        """Return the key."""
        key = self.key_of(value)
        return None if key is None else self.target().to_python(key)

    def to_column(self, value: Any) -> Any:
        """Return the key as the target's column keeps it."""
        key = self.key_of(value)
        return None if key is None else self.target().to_column(key)

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test of the target's key."""
        return self.target().exact_test(aware=aware)

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the converter of the target's key."""
        return self.target().writer(dialect)

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the converter of the target's key."""
        return self.target().reader(dialect, aware=aware)

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return self.target().valid_test()

    def validate(self, value: Any) -> None:
        """Check the key as the target does."""
        super().validate(value)
        if value is not None:
            self.target().validate(self.key_of(value))


def _is_same_table(model: Any, other: Any) -> bool:
    # A proxy and its parent are the same rows.
    return bool(model._meta.table_name == other._meta.table_name)


class OneToOneField(ForeignKey[T]):
    """A foreign key that no two rows share; `related_name` gives the one row, or `None`, when awaited."""

    @overload
    def __init__(
        self: OneToOneField[M],
        to: type[M],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: Literal[False] = ...,
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: OneToOneField[M | None],
        to: type[M],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: Literal[True],
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: OneToOneField[Any],
        to: str | Callable[[], type[Any]],
        on_delete: str = ...,
        related_name: str | None = ...,
        *,
        null: bool = ...,
        deferrable: Deferrable | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        to: Any,
        on_delete: str = "CASCADE",
        related_name: str | None = None,
        *,
        null: bool = False,
        deferrable: Deferrable | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        options["unique"] = True
        options["db_index"] = False
        ForeignKey.__init__(self, to, on_delete, related_name, null=null, **options)
