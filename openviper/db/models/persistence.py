"""Storing, deleting and reloading one instance; what runs around the statements is in `lifecycle`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from openviper.db.connection import transaction
from openviper.db.exceptions import SingleModelDeleteForbiddenError
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
from openviper.db.fields.instance_state import (
    PREFETCHED,
    forget_related,
    layout_of,
    remember_row,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.related_paths import Named, name_of
from openviper.db.fields.rollback import keep_for_rollback
from openviper.db.models.lifecycle import (
    has_work_after_delete,
    has_work_after_save,
    run_after_delete,
    run_after_save,
    run_before_delete,
    run_before_save,
)
from openviper.db.models.single import insert_single, prepare_single
from openviper.db.query.computed import expressions_of, update_computed
from openviper.db.query.made_values import insert_part, load_made, refuse_generated
from openviper.db.query.races import again_after_deadlock
from openviper.db.query.stored import (
    changed_values,
    fill_auto_fields,
    key_value,
    mark_inserted,
    mark_updated,
    names_another_row,
    stored_key,
    stored_value,
)
from openviper.db.sql.prepared import Plan
from openviper.exceptions import DoesNotExist
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.virtual import persistence as virtual
else:
    virtual = lazy_module("openviper.db.virtual.persistence")  # Few projects have such models.

Limited = set[str] | None
"""The attributes that an UPDATE may write; `None` for all."""


# Saving


async def save_instance(
    instance: Any, ignore_permissions: bool, update_fields: Iterable[Named] | None
) -> None:
    """Insert or update an instance; see `Model.save`."""
    meta: ModelOptions = instance._meta
    creating = instance._row is None or _is_another(instance)
    check_not_read_only(meta)
    limited = None if update_fields is None else _attnames(instance, update_fields)
    if creating and limited is not None:
        _refuse_limits(instance)
    await check_permission(meta, "create" if creating else "update", ignore_permissions)
    if meta.virtual:
        await _save_virtual(instance, limited, creating=creating)
        return
    alias = await write_alias(meta, None, instance._alias)
    is_copy = creating and instance._row is not None
    with _as_new(instance, alias) if is_copy else nullcontext():
        await _save(instance, alias, limited, creating=creating, ignore=ignore_permissions)


async def _save(
    instance: Any, alias: str, limited: Limited, *, creating: bool, ignore: bool
) -> None:
    if creating and instance._meta.single:
        await prepare_single(instance, alias)
    await run_before_save(instance, alias, creating=creating)
    plan = plan_on(instance._meta, alias)
    await _write(plan, alias, instance, limited, creating=creating, ignore=ignore)


async def _write(
    plan: Plan, alias: str, instance: Any, limited: Limited, *, creating: bool, ignore: bool
) -> None:
    if has_work_after_save(instance, creating=creating):
        await _save_with_hooks(plan, alias, instance, limited, creating=creating, ignore=ignore)
    elif creating:
        # Nothing runs after the statement, so it needs no transaction around it.
        await _insert(plan, alias, instance)
    else:
        await _update(plan, alias, instance, limited, ignore=ignore)


def _refuse_limits(instance: Any) -> None:
    """Refuse to write some fields of a row that is not there.

    Raises:
        ValueError: If the instance was stored under another key than it has; a new instance is stored as a whole.
    """
    if instance._row is not None:
        raise ValueError(
            f"{instance!r} has another primary key than its row; save(update_fields=...) cannot make a new row"
        )


def _is_another(instance: Any) -> bool:
    """Return whether an instance is not that of its row any more: its key was taken away or changed."""
    meta: ModelOptions = instance._meta
    if meta.virtual or instance.pk is None:
        return instance.pk is None
    return names_another_row(plan_on(meta, choose_alias(meta, instance._alias)), instance)


@contextmanager
def _as_new(instance: Any, alias: str) -> Iterator[None]:
    """Forget the row of an instance whose key was taken away or changed: it asks for another row with the same values.

    If that row cannot be stored, the instance is that of its old row again.

    Raises:
        ValueError: If not all of the values are loaded.
    """
    missing = ", ".join(sorted(deferred_fields(instance)))
    if missing:
        raise ValueError(
            f"{instance!r} has not the primary key of its row any more, and no values for a new row: {missing} not loaded"
        )
    keep_for_rollback(alias, (instance,))
    row, layout = instance._row, layout_of(instance)
    remember_row(instance, None)
    try:
        yield
    except BaseException:
        remember_row(instance, row, layout)
        raise


async def _save_virtual(instance: Any, limited: Limited, *, creating: bool) -> None:
    meta: ModelOptions = instance._meta
    virtual.check_writable(type(instance))
    alias = instance._alias or meta.backend
    if creating and meta.single:
        await prepare_single(instance, alias)
    await run_before_save(instance, alias, creating=creating)
    changed = await virtual.save_virtual(instance, limited, creating=creating)
    await run_after_save(instance, _by_name(meta, changed), creating=creating)


async def _save_with_hooks(
    plan: Plan, alias: str, instance: Any, limited: Limited, *, creating: bool, ignore: bool
) -> None:
    """Store a row and run its hooks as a whole; once more if a deadlock ends it, unless hooks have begun, who may have sent mail."""
    is_written = False

    async def attempt() -> None:
        nonlocal is_written
        async with transaction(alias):
            changed = await _store(plan, alias, instance, limited, creating, ignore)
            is_written = True
            await run_after_save(instance, _by_name(plan.meta, changed), creating=creating)

    await again_after_deadlock(alias, attempt, lambda: not is_written)


async def _store(
    plan: Plan, alias: str, instance: Any, limited: Limited, creating: bool, ignore: bool
) -> dict[str, Any]:
    """Insert or update a row, and return what has changed."""
    if creating:
        await _insert(plan, alias, instance)
        return {}
    return await _update(plan, alias, instance, limited, ignore=ignore)


def _attnames(instance: Any, named: Iterable[Named]) -> set[str]:
    known = instance._meta.names
    names = [name if isinstance(name, str) else name_of(instance._meta, name) for name in named]
    unknown = sorted(str(name) for name in names if name not in known)
    if unknown:
        raise ValueError(
            f"update_fields names no fields of {instance._meta.model_name}: {', '.join(unknown)}"
        )
    return {known[name].attname for name in names}


def _by_name(meta: ModelOptions, changed: dict[str, Any]) -> dict[str, Any]:
    return {meta.names[attname].name: value for attname, value in changed.items()}


async def _insert(plan: Plan, alias: str, instance: Any) -> None:
    keep_for_rollback(alias, (instance,))
    if plan.auto_fields:
        fill_auto_fields(plan, (instance,), creating=True)
    if plan.pre_save_fields:
        await _pre_save(plan, instance)
    row = plan.extract.one(instance.__dict__)
    if plan.meta.single:
        await insert_single(instance, alias, lambda: _insert_row(plan, alias, row))
    else:
        row = await _insert_row(plan, alias, row)
    mark_inserted(plan, instance, row, alias)
    if plan.meta.made_fields:
        await load_made(plan, alias, instance)


async def _insert_row(plan: Plan, alias: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Insert a row and return it with its key."""
    key = plan.key_position
    if plan.meta.made_fields:
        return await insert_part(plan, alias, row)
    if row[key] is None and plan.meta.pk.auto_increment:
        sql, values = plan.insert_sql_without_key, row[:key] + row[key + 1 :]
        number = await insert(plan.meta, alias, sql, values)
        return (*row[:key], number, *row[key + 1 :])
    await insert(plan.meta, alias, plan.insert_sql_with_key, row)
    return row


async def _pre_save(plan: Plan, instance: Any) -> None:
    values = instance.__dict__
    for field in plan.pre_save_fields:
        if field.attname in values:
            values[field.attname] = await field.pre_save(instance, values[field.attname])


async def _update(
    plan: Plan, alias: str, instance: Any, limited: Limited, *, ignore: bool
) -> dict[str, Any]:
    """Write what changed and return the old values by attribute.

    Raises:
        DoesNotExist: If the row is gone.
    """
    keep_for_rollback(alias, (instance,))
    if plan.auto_fields:
        _touch(plan, instance, limited)
    if plan.pre_save_fields:
        await _pre_save(plan, instance)
    changed = _changes(plan, instance, limited)
    if not changed:
        return changed
    if expressions_of(instance, changed):
        if not await update_computed(plan, alias, instance, changed, ignore=ignore):
            raise _gone(instance)
        return changed
    written = {attname: stored_value(plan, instance, attname) for attname in changed}
    parameters = [*written.values(), stored_key(plan, instance)]
    count = await write(plan.meta, alias, plan.update_sql(tuple(written)), parameters, bulk=False)
    if count == 0:
        raise _gone(instance)
    mark_updated(plan, instance, written)
    if plan.meta.made_fields:
        await load_made(plan, alias, instance)
    return changed


def _changes(plan: Plan, instance: Any, limited: Limited) -> dict[str, Any]:
    """Return the stored value of each attribute that an UPDATE has to write."""
    changed = changed_values(plan, instance)
    if plan.meta.made_fields:
        refuse_generated(plan, changed)
    if limited is None:
        return changed
    return {attname: old for attname, old in changed.items() if attname in limited}


def _touch(plan: Plan, instance: Any, limited: Limited) -> None:
    """Set the attributes that are set to now on every save."""
    for field in plan.auto_fields:
        if field.auto_now and (limited is None or field.attname in limited):
            instance.__dict__[field.attname] = field.now()


def _gone(instance: Any) -> DoesNotExist:
    return DoesNotExist(
        f"{instance._meta.model_name} with primary key {instance.pk!r} is not stored any more"
    )


# Deleting


async def delete_instance(instance: Any, ignore_permissions: bool) -> None:
    """Delete the row of an instance; see `Model.delete`."""
    meta: ModelOptions = instance._meta
    check_not_read_only(meta)
    if meta.single:
        raise SingleModelDeleteForbiddenError(f"the row of {meta.label!r} cannot be deleted")
    if meta.virtual:
        virtual.check_deletable(type(instance))
    await check_permission(meta, "delete", ignore_permissions)
    _check_key(instance)
    if meta.virtual:
        await run_before_delete(instance, None)
        await virtual.delete_virtual(instance)
        await run_after_delete(instance)
        _forget_row(instance)
        return
    alias = await write_alias(meta, None, instance._alias)
    await run_before_delete(instance, alias)
    await _delete_row(plan_on(meta, alias), alias, instance)


def _check_key(instance: Any) -> None:
    """Check that it is clear which row an instance means.

    Raises:
        ValueError: If it has no key, or another one than its row.
    """
    if instance.pk is None:
        raise ValueError(f"{instance!r} is not saved, so it cannot be deleted")
    if instance._row is not None and _is_another(instance):
        raise ValueError(
            f"{instance!r} has another primary key than its row; delete by filter(pk=...)"
        )


async def _delete_row(plan: Plan, alias: str, instance: Any) -> None:
    if not has_work_after_delete(instance):
        await _delete(plan, alias, instance)
        _forget_row(instance)
        return
    async with transaction(alias):
        await _delete(plan, alias, instance)
        await run_after_delete(instance)
        _forget_row(instance)


async def _delete(plan: Plan, alias: str, instance: Any) -> None:
    keep_for_rollback(alias, (instance,), _not_loaded(instance))
    key = key_value(plan, instance.pk) if instance._row is None else stored_key(plan, instance)
    # The database may cascade, so the size of the work is not known.
    await write(plan.meta, alias, plan.delete_sql, [key], bulk=True)


def _forget_row(instance: Any) -> None:
    # What was not loaded is gone for good; a new row would have it empty.
    instance.__dict__.update(dict.fromkeys(_not_loaded(instance)))
    remember_row(instance, None)


def _not_loaded(instance: Any) -> list[str]:
    attnames = [field.attname for field in instance._meta.fields.values()]
    return [attname for attname in attnames if attname not in instance.__dict__]


# Reloading


async def refresh_instance(instance: Any) -> None:
    """Reload all fields of an instance; see `Model.refresh_from_db`."""
    meta: ModelOptions = instance._meta
    await check_permission(meta, "read")
    if meta.virtual:
        await virtual.refresh_virtual(instance)
        return
    alias = await read_alias(meta, None, instance._alias)
    plan = plan_on(meta, alias)
    reloaded = await read(meta, alias, plan.get_sql, [key_value(plan, instance.pk)], plan.build)
    if not reloaded:
        raise _gone(instance)
    # Besides the values, cached relations are dropped; both come back after a rollback.
    keep_for_rollback(alias, (instance,), (*plan.attnames, *meta.cached_relations, PREFETCHED))
    forget_related(instance, meta.cached_relations)
    remember_row(instance, None)
    instance.__dict__.update(reloaded[0].__dict__)


# Changes


def changed_fields(instance: Any) -> dict[str, Any]:
    """Return the stored values of the fields that differ from them, by field."""
    meta: ModelOptions = instance._meta
    if instance._row is None:
        return {}
    if meta.virtual:
        return _by_name(meta, virtual.changed_values(instance))
    plan = plan_on(meta, choose_alias(meta, instance._alias))
    return _by_name(meta, changed_values(plan, instance))


def deferred_fields(instance: Any) -> set[str]:
    """Return the names of the fields that were not loaded."""
    layout = layout_of(instance)
    if layout is None:
        return set()
    return {field.name for field in instance._meta.fields.values() if field.attname not in layout}
