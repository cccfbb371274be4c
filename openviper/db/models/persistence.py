"""Storing, deleting and reloading one instance, with its hooks in their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from openviper.db.connection import transaction
from openviper.db.exceptions import SingleModelAlreadyExistsError, SingleModelDeleteForbiddenError
from openviper.db.executor import (
    check_not_read_only,
    check_permission,
    choose_alias,
    insert,
    plan_on,
    read,
    read_alias,
    write,
    write_alias,
)
from openviper.db.models.hooks import Hooks, run_hook
from openviper.db.query import QuerySet
from openviper.db.query.bulk import fill_auto_fields
from openviper.db.query.events import get_dispatcher, is_watched
from openviper.db.query.stored import (
    changed_values,
    key_value,
    mark_inserted,
    mark_updated,
    stored_key,
    stored_value,
)
from openviper.db.sql.prepared import Plan
from openviper.exceptions import DoesNotExist, IntegrityError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.virtual import queries as virtual
else:
    virtual = lazy_module("openviper.db.virtual.queries")  # Few projects have such models.


async def save_instance(
    instance: Any, ignore_permissions: bool, update_fields: Iterable[str] | None
) -> None:
    """Insert or update an instance; see `Model.save`."""
    meta = instance._meta
    creating = instance._row is None
    check_not_read_only(meta)
    if meta.virtual:
        virtual.backend_of(meta).check_writable(type(instance))
    limited = None if update_fields is None else _attnames(instance, update_fields)
    await check_permission(meta, "create" if creating else "update", ignore_permissions)
    cls = type(instance)
    alias = (
        instance._alias or meta.backend
        if meta.virtual
        else await write_alias(meta, None, instance._alias)
    )
    if creating and meta.single:
        await _prepare_single(instance, alias)
    watched = is_watched(cls)
    # Each empty hook is passed over by a comparison, which is much cheaper than awaiting it.
    if cls.before_validate is not Hooks.before_validate:
        await run_hook(instance.before_validate)
    if watched:
        _fire(instance, "before_validate", alias)
    await instance.validate()
    if watched:
        _fire(instance, "validate", alias)
    if creating and cls.before_insert is not Hooks.before_insert:
        await run_hook(instance.before_insert)
    if watched and creating:
        _fire(instance, "before_insert", alias)
    if cls.before_save is not Hooks.before_save:
        await run_hook(instance.before_save)
    if watched:
        _fire(instance, "before_save", alias)
    if meta.virtual:
        await _save_virtual(instance, limited, creating)
        return
    plan = plan_on(meta, alias)
    hooked = (
        cls.after_insert is not Hooks.after_insert
        if creating
        else cls.on_update is not Hooks.on_update
    )
    if watched or hooked or cls.on_change is not Hooks.on_change:
        await _save_with_hooks(plan, alias, instance, limited, creating)
    elif creating:
        # Nothing runs after the statement, so it needs no transaction around it.
        await (_insert_single if meta.single else _insert)(plan, alias, instance)
    else:
        await _update(plan, alias, instance, limited)


def _fire(instance: Any, event: str, alias: str | None = None, **context: Any) -> None:
    """Tell the handlers of an event; `alias` is where a coming write goes, where the instance is when not given."""
    alias = alias or instance._alias or instance._meta.backend
    get_dispatcher().dispatch(type(instance), event, instance, alias, **context)


async def _prepare_single(instance: Any, alias: str) -> None:
    """Give the one row of a single model its key.

    Raises:
        SingleModelAlreadyExistsError: If it exists.
    """
    rows = QuerySet(type(instance)).filter(pk=1, ignore_permissions=True)
    if await (rows if instance._meta.virtual else rows.using(alias)).exists():
        raise _exists_already(instance)
    instance.pk = 1


def _exists_already(instance: Any) -> SingleModelAlreadyExistsError:
    return SingleModelAlreadyExistsError(f"the row of {instance._meta.label!r} exists already")


async def _insert_single(plan: Plan, alias: str, instance: Any) -> None:
    """Insert the one row of a single model, which another task or process may do at the same time.

    Raises:
        SingleModelAlreadyExistsError: If somebody else was faster.
    """
    try:
        # A savepoint inside a transaction: that goes on after the refusal.
        async with transaction(alias):
            await _insert(plan, alias, instance)
    except IntegrityError as error:
        rows = QuerySet(type(instance)).using(alias).filter(pk=1, ignore_permissions=True)
        async with transaction(alias):
            # With a lock, since a snapshot taken before does not show the other one's row (MariaDB's REPEATABLE READ).
            taken = await rows.select_for_update().values_list("pk", flat=True)
        if not taken:
            raise
        raise _exists_already(instance) from error


async def _save_virtual(instance: Any, limited: set[str] | None, creating: bool) -> None:
    changed = await virtual.save_virtual(instance, limited, creating=creating)
    await _after_save(instance, changed, creating)


async def _after_save(instance: Any, changed: dict[str, Any], creating: bool) -> None:
    """Run what comes behind the statement: hooks, and the events of the same names."""
    watched = is_watched(type(instance))
    await run_hook(instance.after_insert if creating else instance.on_update)
    if watched:
        _fire(instance, "after_insert" if creating else "on_update")
    if creating or changed:
        values = instance.to_dict() if creating else _by_name(instance, changed)
        await run_hook(instance.on_change, values)
        if watched:
            _fire(instance, "on_change", change_dict=values)


async def _save_with_hooks(
    plan: Plan, alias: str, instance: Any, limited: set[str] | None, creating: bool
) -> None:
    before = (instance.__dict__.get("_row"), instance.__dict__.get("_layout"), instance.pk)
    try:
        async with transaction(alias):
            changed: dict[str, Any] = {}
            if creating:
                await (_insert_single if plan.meta.single else _insert)(plan, alias, instance)
            else:
                changed = await _update(plan, alias, instance, limited)
            await _after_save(instance, changed, creating)
    except BaseException:
        _restore(instance, *before)
        raise


def _restore(
    instance: Any, row: tuple[Any, ...] | None, layout: tuple[str, ...] | None, key: Any
) -> None:
    """Take back what was remembered about a write that is undone."""
    values = instance.__dict__
    for name, value in (("_row", row), ("_layout", layout)):
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
    values[instance._meta.pk.attname] = key


def _attnames(instance: Any, names: Iterable[str]) -> set[str]:
    known = instance._meta.names
    unknown = sorted(str(name) for name in names if name not in known)
    if unknown:
        raise ValueError(
            f"update_fields names no fields of {instance._meta.model_name}: {', '.join(unknown)}"
        )
    return {known[name].attname for name in names}


def _by_name(instance: Any, changed: dict[str, Any]) -> dict[str, Any]:
    names = instance._meta.names
    return {names[attname].name: value for attname, value in changed.items()}


async def _pre_save(plan: Plan, instance: Any) -> None:
    for field in plan.pre_save_fields:
        values = instance.__dict__
        if field.attname in values:
            values[field.attname] = await field.pre_save(instance, values[field.attname])


async def _insert(plan: Plan, alias: str, instance: Any) -> None:
    if plan.auto_fields:
        fill_auto_fields(plan, (instance,), creating=True)
    if plan.pre_save_fields:
        await _pre_save(plan, instance)
    row = plan.extract.one(instance.__dict__)
    key = plan.key_position
    if row[key] is None and plan.meta.pk.auto_increment:
        sql, values = plan.insert_sql_without_key, row[:key] + row[key + 1 :]
        number = await insert(plan.meta, alias, sql, values)
        row = (*row[:key], number, *row[key + 1 :])
    else:
        await insert(plan.meta, alias, plan.insert_sql_with_key, row)
    mark_inserted(plan, (instance,), (row,), alias)


async def _update(
    plan: Plan, alias: str, instance: Any, limited: set[str] | None
) -> dict[str, Any]:
    """Write what changed and return the old values by attribute.

    Raises:
        DoesNotExist: If the row is gone.
    """
    meta = plan.meta
    for field in plan.auto_fields:
        if field.auto_now and (limited is None or field.attname in limited):
            instance.__dict__[field.attname] = field.now()
    if plan.pre_save_fields:
        await _pre_save(plan, instance)
    changed = changed_values(plan, instance)
    if limited is not None:
        changed = {attname: old for attname, old in changed.items() if attname in limited}
    if not changed:
        return changed
    written = {attname: stored_value(plan, instance, attname) for attname in changed}
    parameters = [*written.values(), stored_key(plan, instance)]
    count = await write(meta, alias, plan.update_sql(tuple(written)), parameters, bulk=False)
    if count == 0:
        raise DoesNotExist(
            f"{meta.model_name} with primary key {instance.pk!r} is not stored any more"
        )
    mark_updated(plan, instance, written)
    return changed


async def delete_instance(instance: Any, ignore_permissions: bool) -> None:
    """Delete the row of an instance; see `Model.delete`."""
    meta = instance._meta
    check_not_read_only(meta)
    if meta.single:
        raise SingleModelDeleteForbiddenError(f"the row of {meta.label!r} cannot be deleted")
    if meta.virtual:
        virtual.backend_of(meta).check_writable(type(instance))
        virtual.require(meta, "delete")
    await check_permission(meta, "delete", ignore_permissions)
    if instance.pk is None:
        raise ValueError(f"{instance!r} is not saved, so it cannot be deleted")
    await run_hook(instance.on_delete)
    watched = is_watched(type(instance))
    if watched:
        alias = None if meta.virtual else await write_alias(meta, None, instance._alias)
        _fire(instance, "on_delete", alias)
    if meta.virtual:
        await virtual.backend_of(meta).delete(type(instance), instance.pk)
        await run_hook(instance.after_delete)
        if watched:
            _fire(instance, "after_delete")
    else:
        await _delete_row(instance, watched)
    # What was not loaded is gone for good; a new row would have it empty.
    attnames = [field.attname for field in meta.fields.values()]
    instance.__dict__.update({name: None for name in attnames if name not in instance.__dict__})
    instance.__dict__.pop("_row", None)
    instance.__dict__.pop("_layout", None)


async def _delete_row(instance: Any, watched: bool) -> None:
    alias = await write_alias(instance._meta, None, instance._alias)
    plan = plan_on(instance._meta, alias)
    if not watched and type(instance).after_delete is Hooks.after_delete:
        await _delete(plan, alias, instance)
        return
    async with transaction(alias):
        await _delete(plan, alias, instance)
        await run_hook(instance.after_delete)
        if watched:
            _fire(instance, "after_delete")


async def _delete(plan: Plan, alias: str, instance: Any) -> None:
    key = key_value(plan, instance.pk) if instance._row is None else stored_key(plan, instance)
    # The database may cascade, so the size of the work is not known.
    await write(plan.meta, alias, plan.delete_sql, [key], bulk=True)


async def refresh_instance(instance: Any) -> None:
    """Reload all fields of an instance; see `Model.refresh_from_db`."""
    meta = instance._meta
    await check_permission(meta, "read")
    if meta.virtual:
        row = await virtual.backend_of(meta).get(type(instance), instance.pk)
        if row is None:
            raise DoesNotExist(
                f"{meta.model_name} with primary key {instance.pk!r} is not stored any more"
            )
        instance.__dict__.update(virtual.build_instance(type(instance), row).__dict__)
        return
    alias = await read_alias(meta, None, instance._alias)
    plan = plan_on(meta, alias)
    found = await read(meta, alias, plan.get_sql, [key_value(plan, instance.pk)], plan.build)
    if not found:
        raise DoesNotExist(
            f"{meta.model_name} with primary key {instance.pk!r} is not stored any more"
        )
    values = instance.__dict__
    for field in meta.fields.values():
        values.pop(field.name, None)  # Cached relations; plain values are replaced below.
    values.pop("_layout", None)
    values.pop("_prefetched", None)
    values.update(found[0].__dict__)


def changed_fields(instance: Any) -> dict[str, Any]:
    """Return the stored values of the fields that differ from them, by field."""
    if instance._row is None:
        return {}
    if instance._meta.virtual:
        old = zip(
            (field.attname for field in instance._meta.fields.values()), instance._row, strict=True
        )
        return _by_name(
            instance, {name: value for name, value in old if instance.__dict__.get(name) != value}
        )
    plan = plan_on(instance._meta, choose_alias(instance._meta, instance._alias))
    return _by_name(instance, changed_values(plan, instance))


def deferred_fields(instance: Any) -> set[str]:
    """Return the names of the fields that were not loaded."""
    layout = instance.__dict__.get("_layout")
    if layout is None:
        return set()
    return {field.name for field in instance._meta.fields.values() if field.attname not in layout}
