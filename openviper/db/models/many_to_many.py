"""The manager behind ``article.tags``: the related rows, and the pairs that relate them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from openviper.db.connection import transaction
from openviper.db.executor import check_not_read_only, check_permission, write_alias
from openviper.db.fields.instance_state import forget_prefetched
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.references import ModelReference
from openviper.db.models.locks import holds_locks, lock_rows
from openviper.db.query import QuerySet
from openviper.db.query.manager import Manager
from openviper.db.query.related import RelatedQuery
from openviper.db.query.stored import is_unsaved
from openviper.exceptions import IntegrityError

if TYPE_CHECKING:
    from openviper.db.query.upserts import OnConflict

M = TypeVar("M")
N = TypeVar("N")

Defaults = Mapping[str, Any] | None
"""Further values of new rows of the join model."""


class ManyToManyManager(Manager[M]):
    """The instances that are related to one instance, as ``article.tags``; await it for the list.

    It has every method of a manager, on the related rows only, and those that change which rows are related. They check
    the permission ``update`` on the model that declares the field, from whichever side they are called.

    Args:
        field: The many-to-many field.
        instance: The instance to whose relations this belongs.
        reverse: Whether `instance` is one of the field's targets.

    Raises:
        ValueError: If `instance` is not saved.
    """

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no truth value; use `await instance.relation.exists()`")

    def __len__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no length; use `await instance.relation.count()`")

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} is read with `await` or `async for`, not with `for`")

    def __init__(self, field: ManyToManyRelation[Any], instance: Any, *, reverse: bool) -> None:
        super().__init__()
        if is_unsaved(instance):
            raise ValueError(f"{instance!r} is not saved, so nothing can be related to it")
        self.field = field
        self.instance = instance
        self._reverse = reverse
        # Foreign keys; type checkers would take attributes of that type for descriptors.
        self._near: Any
        self._far: Any
        self.model: type[M]
        self.name: str
        if reverse:
            self._far, self._near = field.keys()
            self.model, self.name = field.model, str(field.related_name)
        else:
            self._near, self._far = field.keys()
            self.model, self.name = field.remote_model, field.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self.instance!r}>"

    # Reading

    def get_queryset(self) -> QuerySet[M]:
        """Return the query for the related rows, with its result if it was prefetched."""
        related = self._pairs().values(self._far.name)
        query = RelatedQuery(self.model).filter(pk__in=related)
        if self.instance._alias is not None:
            query = query.using(self.instance._alias)
        return query.with_result_of(self.instance, self.name)

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self.get_queryset().__await__()

    def __aiter__(self) -> AsyncIterator[M]:
        return self.get_queryset().__aiter__()

    def _pairs(self) -> QuerySet[Any]:
        # The permission that counts is that for the related model; the join model is a detail of storing.
        pairs: QuerySet[Any] = QuerySet(self.field.through_model).all(ignore_permissions=True)
        pairs = pairs.filter(**{self._near.name: self.instance.pk})
        return pairs if self.instance._alias is None else pairs.using(self.instance._alias)

    # Which rows are related

    async def add(self, *objs: M | Any, through_defaults: Defaults = None) -> None:
        """Relate instances; those that are related already stay as they are.

        Args:
            *objs: Instances or primary keys.
            through_defaults: Further values of the new rows of the join model.

        Raises:
            ValueError: If one is not saved, of another model, or no primary key.
            IntegrityError: If there is no row of a primary key; then none is added.
        """
        keys = self._keys(objs)
        async with self._editing(keys) as alias:
            await self._add(alias, keys, through_defaults)

    async def remove(self, *objs: M | Any) -> None:
        """Relate instances no more; those that are not related do not matter.

        Args:
            *objs: Instances or primary keys.

        Raises:
            ValueError: If one is not saved, of another model, or no primary key.
        """
        keys = self._keys(objs)
        async with self._editing():
            await self._remove(keys)

    async def clear(self) -> None:
        """Relate nothing any more."""
        async with self._editing():
            await self._pairs().delete()

    async def set(self, objs: Iterable[M | Any], *, through_defaults: Defaults = None) -> None:
        """Relate exactly these instances; only the difference is written.

        Args:
            objs: Instances or primary keys.
            through_defaults: Further values of the new rows of the join model.

        Raises:
            ValueError: If one is not saved, of another model, or no primary key.
            IntegrityError: If there is no row of a primary key; then nothing is changed.
        """
        wanted = self._keys(objs)
        async with self._editing(wanted) as alias:
            present = set(await self._pairs().values_list(self._far.name, flat=True))
            await self._remove([key for key in present if key not in set(wanted)])
            await self._add(alias, [key for key in wanted if key not in present], through_defaults)

    @asynccontextmanager
    async def _editing(self, others: list[Any] | None = None) -> AsyncIterator[str]:
        """Check that the pairs may be changed, and change them in one transaction.

        Args:
            others: Keys of the related rows that are going to be added.
        """
        meta, through = self.field.model._meta, self.field.through_model._meta
        check_not_read_only(meta)
        check_not_read_only(through)
        await check_permission(meta, "update")
        forget_prefetched(self.instance, self.name)
        alias = await write_alias(through, None, self.instance._alias)
        # A transaction around this may hold locks already, and then taking more of them would do harm.
        rows = [] if holds_locks(alias) else self._rows_to_lock(others or [])
        async with transaction(alias):
            if rows:
                await lock_rows(meta, alias, _in_order(rows))
            yield alias

    def _rows_to_lock(self, others: list[Any]) -> list[Any]:
        """Return the keys of the rows that are edited, always of the side that declares the field."""
        return others if self._reverse else [self.instance.pk]

    def _keys(self, objs: Iterable[Any]) -> list[Any]:
        return list(dict.fromkeys([self._key_of(related) for related in objs]))

    def _key_of(self, related: Any) -> Any:
        """Return the key of an instance, or the key itself.

        Raises:
            ValueError: If it is not saved, of another model, or not a primary key.
        """
        self._check_saved(related)
        value = self._far.key_of(related)
        try:
            return self._far.target().to_python(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"{self.name}: {related!r} is neither a {self.model.__name__} nor its key"
            ) from None

    def _check_saved(self, related: Any) -> None:
        if related is None:
            raise ValueError(f"{self.name}: None is not a {self.model.__name__}")
        if hasattr(type(related), "_meta") and is_unsaved(related):
            raise ValueError(f"{self.name}: {related!r} is not saved yet")

    async def _remove(self, keys: list[Any]) -> None:
        if keys:
            await self._among(keys).delete()

    async def _add(self, alias: str, keys: list[Any], defaults: Defaults) -> None:
        if not keys:
            return
        missing = await self._missing(keys)
        try:
            await self._insert_pairs(alias, missing, defaults)
        except IntegrityError:
            for key in missing:
                await self._add_one(alias, key, defaults)

    async def _missing(self, keys: list[Any]) -> list[Any]:
        present = set(await self._among(keys).values_list(self._far.name, flat=True))
        # In one order everywhere, so that writers who add the same pairs wait for each other and not in a circle.
        return _in_order([key for key in keys if key not in present])

    async def _insert_pairs(self, alias: str, keys: list[Any], defaults: Defaults) -> None:
        async with transaction(alias):
            await self._pairs().bulk_create(self._rows(keys, defaults))

    def _among(self, keys: list[Any]) -> QuerySet[Any]:
        conditions: dict[str, Any] = {f"{self._far.name}__in": keys}
        return self._pairs().filter(**conditions)

    async def _add_one(self, alias: str, key: Any, defaults: Defaults) -> None:
        try:
            await self._insert_pairs(alias, [key], defaults)
        except IntegrityError:
            # Another writer may have been faster, which is as good. An UPDATE sees its row also where a SELECT of the
            # same transaction would still see the past.
            if not await self._among([key]).update(**{self._far.name: key}):
                raise

    def _rows(self, keys: list[Any], defaults: Defaults) -> list[Any]:
        through = self.field.through_model
        values = {
            name: value() if callable(value) else value for name, value in (defaults or {}).items()
        }
        return [
            through(**{**values, self._near.name: self.instance.pk, self._far.name: key})
            for key in keys
        ]

    # Making related rows

    async def create(
        self, *, ignore_permissions: bool = False, through_defaults: Defaults = None, **values: Any
    ) -> M:
        """Build an instance, save it and relate it, in one transaction.

        Args:
            ignore_permissions: Do not check model permissions for the new instance.
            through_defaults: Further values of the new row of the join model.
            **values: Values by field.

        Raises:
            TypeError: If a name is not a field.
            ValueError: If a value is not allowed.
            IntegrityError: If a constraint refuses it.
        """
        async with self._editing() as alias:
            instance = await self._plain().create(ignore_permissions=ignore_permissions, **values)
            await self._add(alias, self._keys([instance]), through_defaults)
        return instance

    async def get_or_create(self, defaults: Defaults = None, **lookups: Any) -> tuple[M, bool]:
        """Return the matching related instance, or relate a matching one, which is created if there is none.

        The second value is whether it was created.

        Raises:
            FieldError: If a name is unknown.
            MultipleObjectsReturned: If several match.
        """
        related = await self.get_queryset().get_or_none(**lookups)
        if related is not None:
            return related, False
        async with self._editing() as alias:
            instance, created = await self._plain().get_or_create(defaults, **lookups)
            await self._add(alias, self._keys([instance]), None)
        return instance, created

    async def update_or_create(self, defaults: Defaults = None, **lookups: Any) -> tuple[M, bool]:
        """Save `defaults` on the matching related instance, or on another one or a new one, which is then related.

        The second value is whether it was created.

        Raises:
            FieldError: If a name is unknown.
            MultipleObjectsReturned: If several match.
        """
        async with self._editing() as alias:
            if await self.get_queryset().filter(**lookups).exists():
                return await self.get_queryset().update_or_create(defaults, **lookups)
            instance, created = await self._plain().update_or_create(defaults, **lookups)
            await self._add(alias, self._keys([instance]), None)
        return instance, created

    async def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
        on_conflict: OnConflict | None = None,
        unique_fields: Sequence[str] | None = None,
        update_fields: Sequence[str] | None = None,
    ) -> list[M]:
        """Insert instances and relate them, in one transaction, and return them; the arguments are those of a queryset.

        Raises:
            QueryError: If an instance is stored already.
            IntegrityError: If a constraint refuses a row; then none is stored.
        """
        async with self._editing() as alias:
            instances = await self._plain().bulk_create(
                objs,
                batch_size,
                ignore_permissions=ignore_permissions,
                on_conflict=on_conflict,
                unique_fields=unique_fields,
                update_fields=update_fields,
            )
            await self._add(alias, self._keys(instances), None)
        return instances

    def _plain(self) -> QuerySet[M]:
        plain: QuerySet[M] = QuerySet(self.model)
        return plain if self.instance._alias is None else plain.using(self.instance._alias)


def _in_order(keys: list[Any]) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=str)


class ManyToManyField(ManyToManyRelation[M]):
    """Any number of instances of another model, each of which may belong to any number of these.

    ``article.tags`` is a `ManyToManyManager`. The pairs are rows of a join model, generated as ``<Source><Target>``
    with the table ``<source table>_<field>``, or given as `through`.

    Args:
        to: The model: a class, ``"Model"``, ``"app.Model"``, a dotted path, ``"self"`` or a callable returning a class.
        through: The join model, if it is your own: it has a foreign key to each side and whatever else you need.
        related_name: Name of the attribute of the target that manages the pairs from the other side.
        through_fields: Names of the join model's foreign keys to this model and to the target, needed only when it has
            several of either kind.
        blank: Whether forms may leave it empty; the ORM ignores it.
        editable: Whether forms show it.
        help_text: A sentence for forms.

    Raises:
        TypeError: If `to` or `through` neither is a model nor names one.
        ValueError: If `related_name` cannot be a name, or `through_fields` is given without `through`.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: ManyToManyField[N],
            to: type[N],
            through: ModelReference | None = ...,
            related_name: str | None = ...,
            *,
            through_fields: tuple[str, str] | None = ...,
            blank: bool = ...,
            editable: bool = ...,
            help_text: str = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: ManyToManyField[Any],
            to: str | Callable[[], type[Any]],
            through: ModelReference | None = ...,
            related_name: str | None = ...,
            *,
            through_fields: tuple[str, str] | None = ...,
            blank: bool = ...,
            editable: bool = ...,
            help_text: str = ...,
        ) -> None: ...
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
        ) -> None: ...
        @overload
        def __get__(self, instance: None, owner: type[Any]) -> type[M]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> ManyToManyManager[M]: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the path of the class, the manager of an instance."""


# The pairs are managed from both sides: of the other one, only the relation is known.
ManyToManyRelation.make_manager = staticmethod(ManyToManyManager)
