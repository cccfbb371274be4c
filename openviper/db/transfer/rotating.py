"""Encrypting the stored values of `SensitiveField` anew, with the newest key, while others read and write."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from openviper.core.context import ignore_permissions
from openviper.db.connection import atomic
from openviper.db.executor import plan_on, write, write_alias
from openviper.db.fields.sensitive import SensitiveField
from openviper.db.models import Model, QuerySet, model_registry

BATCH = 200
"""Rows that are read at once, and written in one transaction."""


@dataclasses.dataclass(slots=True)
class FieldRotation:
    """What was done about one field.

    Attributes:
        model: The label of its model.
        field: Its name.
        seen: Values that are there.
        rotated: Values that were encrypted anew, or would be.
        changed: Values that somebody else has written meanwhile; with which key, the next run says.
        unreadable: Primary keys of rows whose value no key opens; the first `MOST_NAMED`.
        failures: How many these are.
    """

    model: str
    field: str
    seen: int = 0
    rotated: int = 0
    changed: int = 0
    failures: int = 0
    unreadable: list[Any] = dataclasses.field(default_factory=list)


MOST_NAMED = 10


def sensitive_models() -> list[tuple[type[Model], list[SensitiveField[Any]]]]:
    """Return the models of the project that have a table with encrypted values, with the fields."""
    found: list[tuple[type[Model], list[SensitiveField[Any]]]] = []
    for model in model_registry.all():
        meta = model._meta
        if meta.proxy or meta.virtual or meta.abstract or meta.read_only:
            continue
        fields = [field for field in meta.fields.values() if isinstance(field, SensitiveField)]
        if fields:
            found.append((model, fields))
    return found


async def rotate_model(
    model: type[Model],
    fields: list[SensitiveField[Any]],
    *,
    using: str | None = None,
    batch: int = BATCH,
    writes: bool = True,
) -> AsyncIterator[list[FieldRotation]]:
    """Encrypt the values of a model anew; yields what was done so far after each batch, at least once.

    Rows come in the order of their keys. One that is right already is not written, so a run that was ended goes on where it
    was. A row is written only if nobody else has written the value since it was read: nothing waits, and nothing is lost.

    Args:
        model: A model.
        fields: Its encrypted fields.
        using: The alias of the database.
        batch: Rows per transaction.
        writes: Whether values are written; otherwise they are only counted.
    """
    with ignore_permissions():
        alias = await write_alias(model._meta, using)
    done = [FieldRotation(model._meta.label, field.name) for field in fields]
    last: Any = None
    while True:
        rows = await _rows_behind(model, fields, alias, last, batch)
        if not rows:
            yield done
            return
        last = rows[-1][0]
        pending = [
            (key, field, value, new, counted)
            for key, *values in rows
            for field, value, counted in zip(fields, values, done, strict=True)
            if (new := _judged(key, field, value, counted)) is not None
        ]
        await _write(model, alias, pending if writes else [])
        for *_, counted in pending if not writes else ():
            counted.rotated += 1
        yield done


async def _rows_behind(
    model: type[Model], fields: list[SensitiveField[Any]], alias: str, last: Any, batch: int
) -> list[tuple[Any, ...]]:
    # Past the model's own manager, which may leave rows out.
    query: Any = QuerySet(model).using(alias)
    if last is not None:
        query = query.filter(pk__gt=last)
    names = [field.name for field in fields]
    with ignore_permissions():
        rows: list[tuple[Any, ...]] = (
            await query.order_by("pk").limit(batch).values_list("pk", *names)
        )
    return rows


def _judged(key: Any, field: SensitiveField[Any], value: Any, counted: FieldRotation) -> str | None:
    """Return what a value is to be replaced by, if it is."""
    if value is None:
        return None
    counted.seen += 1
    try:
        return field.rewritten(value)
    except ValueError:
        counted.failures += 1
        if len(counted.unreadable) < MOST_NAMED:
            counted.unreadable.append(key)
        return None


async def _write(
    model: type[Model],
    alias: str,
    pending: list[tuple[Any, SensitiveField[Any], str, str, FieldRotation]],
) -> None:
    if not pending:
        return
    plan = plan_on(model._meta, alias)
    mark = plan.dialect.placeholder
    write_key = plan.write_key or (lambda key: key)
    changed: list[tuple[FieldRotation, bool]] = []
    async with atomic(alias):
        for key, field, old, new, counted in pending:
            column = plan.column(field)
            sql = f"UPDATE {plan.table} SET {column} = {mark} WHERE {plan.key} = {mark} AND {column} = {mark}"
            rows = await write(
                model._meta, alias, sql, [str(new), write_key(key), str(old)], bulk=True
            )
            changed.append((counted, rows == 1))
    for counted, is_ours in changed:  # Not before it is stored.
        counted.rotated += is_ours
        counted.changed += not is_ours
