"""The stages of a save or delete around its statement: each hook, followed by the event of the same name."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from openviper.db.models.hooks import Hooks, run_hook
from openviper.db.query.events import get_dispatcher, is_watched

BEFORE_INSERT = ("before_validate", "validate", "before_insert", "before_save")
BEFORE_UPDATE = ("before_validate", "validate", "before_save")


def fire(instance: Any, event: str, alias: str | None = None, **context: Any) -> None:
    """Tell the handlers of an event.

    Args:
        instance: The instance.
        event: The event.
        alias: Where a coming write goes; where the instance is when not given.
        **context: Further arguments of the handlers.
    """
    alias = alias or instance._alias or instance._meta.backend
    get_dispatcher().dispatch(type(instance), event, instance, alias, **context)


def is_only_its_statement(cls: type[Any]) -> bool:
    """Return whether nothing runs around the INSERT of an instance but a look at its fields."""
    return not (_insert_hooks(cls) != _NO_HOOKS or cls._meta.unique_together or is_watched(cls))


# One call for all six: there is one per INSERT.
_insert_hooks = attrgetter(*BEFORE_INSERT, "after_insert", "on_change")
_NO_HOOKS = _insert_hooks(Hooks)


async def run_before_save(instance: Any, alias: str, *, creating: bool) -> None:
    """Run what comes before the statement, `validate` included."""
    cls = type(instance)
    if is_watched(cls):
        await _run_watched(instance, alias, BEFORE_INSERT if creating else BEFORE_UPDATE)
        return
    # Each empty hook is passed over by a comparison, which is much cheaper than awaiting it.
    if cls.before_validate is not Hooks.before_validate:
        await run_hook(instance.before_validate)
    await instance.validate()
    if creating and cls.before_insert is not Hooks.before_insert:
        await run_hook(instance.before_insert)
    if cls.before_save is not Hooks.before_save:
        await run_hook(instance.before_save)


async def _run_watched(instance: Any, alias: str, stages: tuple[str, ...]) -> None:
    for stage in stages:
        await run_hook(getattr(instance, stage))
        fire(instance, stage, alias)


def has_work_after_save(instance: Any, *, creating: bool) -> bool:
    """Return whether anything runs behind the statement, and so needs a transaction together with it."""
    cls: type[Hooks] = type(instance)
    if creating:
        hooked = cls.after_insert is not Hooks.after_insert
    else:
        hooked = cls.on_update is not Hooks.on_update
    return hooked or cls.on_change is not Hooks.on_change or is_watched(cls)


async def run_after_save(instance: Any, changed: dict[str, Any], *, creating: bool) -> None:
    """Run what comes behind the statement.

    Args:
        instance: The instance.
        changed: The old values of what an UPDATE changed, by field.
        creating: Whether it was an INSERT.
    """
    stage = "after_insert" if creating else "on_update"
    await run_hook(getattr(instance, stage))
    if is_watched(type(instance)):
        fire(instance, stage)
    values = instance.to_dict() if creating else changed
    if values:
        await _run_on_change(instance, values)


async def _run_on_change(instance: Any, values: dict[str, Any]) -> None:
    await run_hook(instance.on_change, values)
    if is_watched(type(instance)):
        fire(instance, "on_change", change_dict=values)


async def run_before_delete(instance: Any, alias: str | None) -> None:
    """Run what comes before a DELETE."""
    await run_hook(instance.on_delete)
    if is_watched(type(instance)):
        fire(instance, "on_delete", alias)


def has_work_after_delete(instance: Any) -> bool:
    """Return whether anything runs behind a DELETE, and so needs a transaction together with it."""
    cls: type[Hooks] = type(instance)
    return cls.after_delete is not Hooks.after_delete or is_watched(cls)


async def run_after_delete(instance: Any) -> None:
    """Run what comes behind a DELETE."""
    await run_hook(instance.after_delete)
    if is_watched(type(instance)):
        fire(instance, "after_delete")
