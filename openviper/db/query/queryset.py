"""The queryset: reading, and the methods that write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.connection import transaction
from openviper.db.exceptions import (
    SingleModelAlreadyExistsError,
    SingleModelDeleteForbiddenError,
    SingleModelDoesNotExist,
    SingleModelDuplicateForbiddenError,
)
from openviper.db.executor import (
    check_not_read_only,
    check_permission,
    check_write,
    plan_on,
    write,
    write_alias,
)
from openviper.db.fields.instance_state import remember_alias
from openviper.db.fields.related_paths import Named
from openviper.db.query.events import get_dispatcher, is_watched
from openviper.db.query.finding import FindingQuery
from openviper.db.query.races import in_own_transaction, is_in_transaction
from openviper.db.query.showing import shown_query
from openviper.db.sql.claims import claiming
from openviper.db.sql.prepared import Plan
from openviper.db.sql.writes import (
    assigned_nodes,
    check_writable,
    delete_rows,
    update_rows,
)
from openviper.exceptions import IntegrityError, QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from typing import Self

    from openviper.db.query import bulk, upserts
    from openviper.db.query.upserts import Conflict, OnConflict
else:
    # Many processes do not need them.
    bulk = lazy_module("openviper.db.query.bulk")
    upserts = lazy_module("openviper.db.query.upserts")

M = TypeVar("M")


class QuerySet(FindingQuery[M]):
    """A query for the instances of one model; immutable, and run only when awaited."""

    __slots__ = ()

    def __repr__(self) -> str:
        return shown_query(type(self).__name__, self._meta, self.query)

    # Many rows

    async def update(self, **values: Any) -> int:
        """Set columns of all rows of the query and return the number of rows; no hook runs.

        Args:
            **values: Values or expressions such as ``F("views") + 1`` by field.

        Raises:
            FieldError: If a name is unknown or a value cannot be converted; then nothing is changed.
            QueryError: If the query is sliced or distinct.
            IntegrityError: If a constraint refuses it.
        """
        meta, query = self._meta, self.query
        check_not_read_only(meta)
        alias = await write_alias(meta, query.using)
        plan = plan_on(meta, alias)
        check_writable(query, "update")
        nodes = assigned_nodes(plan, query, values)
        await check_write(meta, "update", query, [node for _, node in nodes])
        statement = update_rows(plan, query, nodes)
        return await write(meta, alias, statement.sql, statement.parameters, bulk=True)

    async def delete(self) -> int:
        """Delete all rows of the query and return their number; no hook runs, nor for rows the database cascades to.

        Of a slice, those rows go that the query would give; without an order they come by primary key.

        Raises:
            FieldError: If a value cannot be converted; then nothing is deleted.
            QueryError: If the query is distinct.
            IntegrityError: If other rows refer to them.
        """
        meta, query = self._meta, self.query
        check_not_read_only(meta)
        if meta.single:
            raise SingleModelDeleteForbiddenError(f"the row of {meta.label!r} cannot be deleted")
        alias = await write_alias(meta, query.using)
        check_writable(query, "delete")
        await check_write(meta, "delete", query, [])
        statement = delete_rows(plan_on(meta, alias), query)
        return await write(meta, alias, statement.sql, statement.parameters, bulk=True)

    # One row

    async def create(self, *, ignore_permissions: bool = False, **values: Any) -> M:
        """Build an instance and save it.

        Raises:
            TypeError: If a name is no field.
            ValueError: If a value is not allowed.
            IntegrityError: If a constraint refuses it.
        """
        make: Any = self.model
        # Most often no database is named, and then there is nothing to be done but the call.
        instance = make(**values) if self.query.using is None else self._build(values)
        await instance.save(ignore_permissions=ignore_permissions or self.query.ignore_permissions)
        created: M = instance
        return created

    def _build(self, values: Mapping[str, Any]) -> Any:
        make: Any = self.model
        instance = make(**values)
        if self.query.using is not None:
            remember_alias(instance, self.query.using)
        return instance

    async def get_or_create(
        self, defaults: Mapping[str, Any] | None = None, **lookups: Any
    ) -> tuple[M, bool]:
        """Return the matching instance, or create it; the second value tells whether it was created.

        When another writer creates it first, that instance is returned.

        Args:
            defaults: Further values for a new instance; callables are called.
            **lookups: Conditions; those without an operator are also values for a new instance.

        Raises:
            FieldError: If a name is unknown.
            MultipleObjectsReturned: If several match.
        """
        self._check_names(defaults)
        found = await self.get_or_none(**lookups)
        if found is not None:
            return found, False
        return await self._create_or_get(defaults, lookups)

    async def update_or_create(
        self, defaults: Mapping[str, Any] | None = None, **lookups: Any
    ) -> tuple[M, bool]:
        """Save `defaults` on the matching instance, or create it; the second value tells whether it was created.

        Args:
            defaults: The values; callables are called.
            **lookups: Conditions; those without an operator are also values for a new instance.

        Raises:
            FieldError: If a name is unknown.
            MultipleObjectsReturned: If several match.
        """
        self._check_names(defaults)
        alias = await write_alias(self._meta, self.query.using)
        return await in_own_transaction(alias, lambda: self._update_or_create(defaults, lookups))

    async def _update_or_create(
        self, defaults: Mapping[str, Any] | None, lookups: Mapping[str, Any]
    ) -> tuple[M, bool]:
        found = await self.get_or_none(**lookups)
        if found is None:
            found, created = await self._create_or_get(defaults, lookups)
            if created:
                return found, True
        instance: Any = found
        self._set_values(instance, _called(defaults))
        await instance.save(ignore_permissions=self.query.ignore_permissions)
        return found, False

    def _set_values(self, instance: Any, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            field = self._meta.field(name)
            is_whole = name in (field.name, "pk")
            setattr(instance, field.name if is_whole else field.attname, value)

    def _check_names(self, defaults: Mapping[str, Any] | None) -> None:
        for name in defaults or ():
            self._meta.field(name)

    async def _create_or_get(
        self, defaults: Mapping[str, Any] | None, lookups: Mapping[str, Any]
    ) -> tuple[M, bool]:
        values = {name: value for name, value in lookups.items() if name in self._meta.names}
        instance = self._build({**values, **_called(defaults)})
        alias = await write_alias(self._meta, self.query.using)
        claim = claiming(self._meta) if is_in_transaction(alias) else nullcontext()
        try:
            with claim:
                async with transaction(alias):
                    await instance.save(ignore_permissions=self.query.ignore_permissions)
        except (IntegrityError, ValueError):
            # Another writer was faster; the database has said so, or validation, which sees a unique pair.
            found = await self._seeing_others(alias).get_or_none(**lookups)
            if found is None:
                raise
            return found, False
        return instance, True

    def _seeing_others(self, alias: str) -> Self:
        """Return the query so that it sees what others have committed meanwhile.

        A snapshot taken before (MariaDB's REPEATABLE READ) does not show that; a read with a lock does.
        """
        query = self.using(alias)
        return query.select_for_update() if is_in_transaction(alias) else query

    # The one row of a single model

    def _check_single(self) -> None:
        if not self._meta.single:
            raise QueryError(
                f"{self._meta.model_name} is no single model; Meta.single makes it one"
            )

    async def get_single(self) -> M:
        """Return the one row of a single model.

        Raises:
            SingleModelDoesNotExist: If it does not exist yet.
            QueryError: If the model is no single one.
        """
        self._check_single()
        found = await self.filter(pk=1).get_or_none()
        if found is None:
            raise SingleModelDoesNotExist(f"the row of {self._meta.label!r} does not exist yet")
        return found

    async def create_single(self, **values: Any) -> M:
        """Create the one row of a single model.

        Raises:
            SingleModelAlreadyExistsError: If it exists.
            QueryError: If the model is no single one.
        """
        self._check_single()
        return await self.create(**values)

    async def update_single(self, **values: Any) -> M:
        """Set values of the one row of a single model, save and return it.

        Raises:
            SingleModelDoesNotExist: If it does not exist yet.
            FieldError: If a name is unknown.
            QueryError: If the model is no single one.
        """
        for name in values:
            self._meta.field(name)
        instance: Any = await self.get_single()
        for name, value in values.items():
            setattr(instance, name, value)
        await instance.save(ignore_permissions=self.query.ignore_permissions)
        updated: M = instance
        return updated

    async def get_or_create_single(self, **values: Any) -> M:
        """Return the one row of a single model; made from `values` and defaults if it does not exist yet.

        Raises:
            QueryError: If the model is no single one.
        """
        try:
            return await self.get_single()
        except SingleModelDoesNotExist:
            pass
        try:
            return await self.create_single(**values)
        except SingleModelAlreadyExistsError:  # Somebody else was faster.
            alias = await write_alias(self._meta, self.query.using)
            return await self._seeing_others(alias).get_single()

    # Many instances

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
        """Insert instances in one transaction and return them, keys set; no hook runs.

        Args:
            objs: The instances.
            batch_size: Rows per statement; all by default.
            ignore_permissions: Do not check model permissions.
            on_conflict: What happens where a row has the unique values of an instance already: ``ignore`` leaves it as it
                is, ``update`` writes to it. The instance becomes what the row is then, its key included.
            unique_fields: The fields by which such a row is known; by default those of the only unique constraint.
            update_fields: What ``update`` writes; by default all but the unique fields and `auto_now_add`.

        Raises:
            QueryError: If an instance is stored already, or the arguments for conflicts do not go together.
            ValueError: If a value cannot be converted, or `batch_size` is less than 1.
            IntegrityError: If a constraint refuses a row; then none is stored.
        """
        instances = list(objs)
        check_not_read_only(self._meta)
        _check_batch_size(batch_size)
        await check_permission(
            self._meta, "create", ignore_permissions or self.query.ignore_permissions
        )
        if not instances:
            return instances
        alias = await write_alias(self._meta, self.query.using)
        if self._meta.single:
            await self._prepare_single(instances, alias)
        conflict = await self._conflict(
            instances, on_conflict, unique_fields, update_fields, ignore_permissions
        )
        self._tell_handlers("pre_bulk_create", instances, alias)
        try:
            await _insert(plan_on(self._meta, alias), alias, instances, conflict, batch_size)
        except IntegrityError as error:
            await self._refuse_second(alias, error)
            raise
        self._tell_handlers("post_bulk_create", instances, alias)
        return instances

    async def _conflict(
        self,
        instances: Sequence[Any],
        on_conflict: OnConflict | None,
        unique_fields: Sequence[str] | None,
        update_fields: Sequence[str] | None,
        ignore: bool,
    ) -> Conflict | None:
        """Return what to do with rows that are there already, if the user may do that and see them."""
        meta = self._meta
        if on_conflict is None:
            if unique_fields is not None or update_fields is not None:
                raise QueryError(
                    "bulk_create(): unique_fields and update_fields go with on_conflict"
                )
            return None
        if meta.single:
            raise QueryError(
                f"{meta.model_name} is a single model; bulk_create() has no on_conflict"
            )
        conflict = upserts.conflict_of(meta, instances, on_conflict, unique_fields, update_fields)
        ignore = ignore or self.query.ignore_permissions
        await check_permission(meta, "read", ignore)
        if conflict.updated:
            await check_permission(meta, "update", ignore)
        return conflict

    def _tell_handlers(self, event: str, instances: list[Any], alias: str) -> None:
        if is_watched(self.model):
            get_dispatcher().dispatch(self.model, event, instances, alias)

    async def _refuse_second(self, alias: str, error: IntegrityError) -> None:
        """Say that the one row of a single model exists, if that is what an error means."""
        if self._meta.single and await self._single_exists(alias):
            raise SingleModelAlreadyExistsError(
                f"the row of {self._meta.label!r} exists already"
            ) from error

    async def _prepare_single(self, instances: list[Any], alias: str) -> None:
        if len(instances) > 1:
            raise SingleModelDuplicateForbiddenError(
                f"{self._meta.label!r} has one row, not {len(instances)}"
            )
        if await self._single_exists(alias):
            raise SingleModelAlreadyExistsError(f"the row of {self._meta.label!r} exists already")
        instances[0].pk = 1

    async def _single_exists(self, alias: str) -> bool:
        return (
            await QuerySet(self.model).using(alias).filter(pk=1, ignore_permissions=True).exists()
        )

    async def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[Named],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> int:
        """Write some fields of stored instances in one transaction and return the number of rows; no hook runs.

        Args:
            objs: The instances; values such as ``F("stock") + 1`` are computed by the database and read back.
            fields: The fields to write, by name or column.
            batch_size: Rows per statement; all by default.
            ignore_permissions: Do not check model permissions.

        Raises:
            FieldError: If a name is unknown.
            QueryError: If no field is named, one is the primary key, or an instance is not stored.
            ValueError: If a value cannot be converted, or `batch_size` is less than 1.
            IntegrityError: If a constraint refuses a row; then none is changed.
        """
        instances = list(objs)
        check_not_read_only(self._meta)
        _check_batch_size(batch_size)
        names = self._fields(fields)
        await check_permission(
            self._meta, "update", ignore_permissions or self.query.ignore_permissions
        )
        alias = await write_alias(self._meta, self.query.using)
        self._tell_handlers("pre_bulk_update", instances, alias)
        ignore = ignore_permissions or self.query.ignore_permissions
        plan = plan_on(self._meta, alias)
        count = await bulk.update_all(plan, alias, instances, names, batch_size, ignore=ignore)
        self._tell_handlers("post_bulk_update", instances, alias)
        return count


async def _insert(
    plan: Plan,
    alias: str,
    instances: Sequence[Any],
    conflict: Conflict | None,
    batch_size: int | None,
) -> None:
    if conflict is None:
        await bulk.insert_all(plan, alias, instances, batch_size)
    else:
        await upserts.insert_or_keep(plan, alias, instances, conflict, batch_size)


def _called(defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of defaults, of which callables are called."""
    return {name: value() if callable(value) else value for name, value in (defaults or {}).items()}


def _check_batch_size(batch_size: int | None) -> None:
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size!r} is less than 1")
