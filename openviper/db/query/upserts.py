"""Inserting many rows of which some may be there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from openviper.db.connection import transaction
from openviper.db.executor import read, write_many
from openviper.db.fields.constraints import UniqueConstraint
from openviper.db.fields.instance_state import forget_related, is_stored
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.rollback import keep_for_rollback
from openviper.db.query.made_values import left_out
from openviper.db.query.stored import fill_auto_fields, stored_value
from openviper.db.sql.description import EVERYTHING
from openviper.db.sql.expressions import Q
from openviper.db.sql.prepared import Plan
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.selects import select_instances
from openviper.exceptions import IntegrityError, QueryError

OnConflict = Literal["ignore", "update"]
Key = tuple[Any, ...]

READ_BACK = 100
"""Rows looked up by one query."""


class Conflict(NamedTuple):
    """What happens to a row that is there already.

    Attributes:
        unique: The attributes by which it is known.
        updated: Those that are written to it; none if it stays as it is.
    """

    unique: tuple[str, ...]
    updated: tuple[str, ...]


def conflict_of(
    meta: ModelOptions,
    instances: Sequence[Any],
    on_conflict: OnConflict,
    unique_fields: Sequence[str] | None,
    update_fields: Sequence[str] | None,
) -> Conflict:
    """Return what to do with rows that are there already.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If the arguments do not go together, or no unique constraint is meant for certain.
    """
    if on_conflict not in ("ignore", "update"):
        raise QueryError(f"bulk_create(on_conflict={on_conflict!r}): 'ignore' or 'update'")
    unique = _unique(meta, instances, unique_fields)
    if on_conflict == "ignore":
        if update_fields is not None:
            raise QueryError("bulk_create(on_conflict='ignore') takes no update_fields")
        return Conflict(unique, ())
    return Conflict(unique, _updated(meta, unique, update_fields))


def unique_groups(meta: ModelOptions) -> list[tuple[str, ...]]:
    """Return the attributes of each unique constraint that holds for all rows at once, that of the key first."""
    groups: list[tuple[str, ...]] = []
    groups += [(field.attname,) for field in meta.fields.values() if field.primary_key]
    groups += [(field.attname,) for field in meta.fields.values() if field.unique]
    groups += [_attnames(meta, group) for group in meta.unique_together]
    for constraint in meta.constraints:
        if isinstance(constraint, UniqueConstraint) and _is_plain(constraint):
            groups.append(_attnames(meta, constraint.fields))
    return list(dict.fromkeys(groups))


def _is_plain(constraint: UniqueConstraint) -> bool:
    is_partial = constraint.condition is not None or constraint.deferrable is not None
    return bool(constraint.fields) and not is_partial


def _attnames(meta: ModelOptions, names: Sequence[str]) -> tuple[str, ...]:
    return tuple([meta.field(name).attname for name in names])


def _unique(
    meta: ModelOptions, instances: Sequence[Any], names: Sequence[str] | None
) -> tuple[str, ...]:
    groups = unique_groups(meta)
    if names is not None:
        return _named_group(meta, groups, names)
    key = (meta.pk.attname,)
    if all(instance.pk is None for instance in instances):
        groups.remove(key)
    if len(groups) != 1:
        known = ", ".join(map(repr, map(list, groups))) or "none"
        raise QueryError(
            f"bulk_create(on_conflict=...) needs unique_fields; {meta.model_name} has {known}"
        )
    return groups[0]


def _named_group(
    meta: ModelOptions, groups: Sequence[tuple[str, ...]], names: Sequence[str]
) -> tuple[str, ...]:
    wanted = _attnames(meta, names)
    if not any(set(group) == set(wanted) for group in groups):
        raise QueryError(
            f"bulk_create(unique_fields={list(names)!r}): no unique constraint of {meta.model_name} is of these fields"
        )
    return wanted


def _updated(
    meta: ModelOptions, unique: tuple[str, ...], names: Sequence[str] | None
) -> tuple[str, ...]:
    fixed = {*unique, meta.pk.attname}
    updated = _all_updated(meta, fixed) if names is None else _attnames(meta, names)
    if fixed & set(updated):
        raise QueryError("bulk_create(update_fields=...) cannot name the key or unique_fields")
    if not updated:
        raise QueryError("bulk_create(on_conflict='update') has no field to update; use 'ignore'")
    return updated


def _all_updated(meta: ModelOptions, fixed: set[str]) -> tuple[str, ...]:
    """Return what may change: all but what is fixed or set only once."""
    once = {field.attname for field in meta.auto_fields if not field.auto_now}
    written = [field.attname for field in meta.written_fields]
    return tuple([attname for attname in written if attname not in fixed | once])


# Writing


async def insert_or_keep(
    plan: Plan, alias: str, instances: Sequence[Any], conflict: Conflict, batch_size: int | None
) -> None:
    """Insert instances in one transaction, and have each become what its row is then.

    Raises:
        QueryError: If an instance is stored already, or a unique value is missing.
        ValueError: If a value cannot be converted.
        IntegrityError: If another constraint refuses a row; then none is stored.
    """
    if any(map(is_stored, instances)):
        raise QueryError("bulk_create() takes instances that are not stored yet")
    fill_auto_fields(plan, instances, creating=True)
    rows = [plan.extract.one(instance.__dict__) for instance in instances]
    keys = [_key_of(plan, instance, conflict) for instance in instances]
    size = batch_size or len(instances)
    async with transaction(alias):
        for attnames, group in _by_columns(plan, rows).items():
            await _insert_group(plan, alias, insert_sql(plan, attnames, conflict), group, size)
        await _read_back(plan, alias, instances, keys, conflict)


async def _insert_group(
    plan: Plan, alias: str, sql: str, rows: list[tuple[Any, ...]], size: int
) -> None:
    for start in range(0, len(rows), size):
        await write_many(plan.meta, alias, sql, rows[start : start + size])


def _key_of(plan: Plan, instance: Any, conflict: Conflict) -> Key:
    key = tuple([stored_value(plan, instance, attname) for attname in conflict.unique])
    if None in key:
        raise QueryError(
            f"bulk_create(on_conflict=...): {instance!r} lacks a value of {', '.join(conflict.unique)}"
        )
    return key


def _by_columns(
    plan: Plan, rows: Sequence[tuple[Any, ...]]
) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return the values of rows by the columns they have, less those that the database fills."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        missing = left_out(plan, row)
        values = {
            attname: value
            for attname, value in zip(plan.written, row, strict=True)
            if attname not in missing
        }
        groups.setdefault(tuple(values), []).append(tuple(values.values()))
    return groups


def insert_sql(plan: Plan, attnames: tuple[str, ...], conflict: Conflict) -> str:
    """Return the INSERT of one row that may be there already."""
    names = {attname: plan.column(plan.meta.names[attname]) for attname in plan.written}
    columns = ", ".join(names[attname] for attname in attnames)
    marks = ", ".join([plan.dialect.placeholder] * len(attnames))
    insert = f"INSERT INTO {plan.table} ({columns}) VALUES ({marks})"
    unique = [names[attname] for attname in conflict.unique]
    # A column that is left to the database keeps its value.
    updated = [names[attname] for attname in conflict.updated if attname in attnames]
    if plan.dialect.name == "mysql":
        return f"{insert} ON DUPLICATE KEY UPDATE {_mysql_assignments(plan.key, unique, updated)}"
    return f"{insert} ON CONFLICT ({', '.join(unique)}) DO {_action(updated)}"


def _action(updated: Sequence[str]) -> str:
    assignments = ", ".join(f"{column} = excluded.{column}" for column in updated)
    return f"UPDATE SET {assignments}" if updated else "NOTHING"


def _mysql_assignments(key: str, unique: Sequence[str], updated: Sequence[str]) -> str:
    """Return what is assigned to a row that has any unique value of the new one, which may be another than is meant."""
    is_meant = " AND ".join(f"{column} <=> VALUES({column})" for column in unique)
    assignments = [f"{column} = IF({is_meant}, VALUES({column}), {column})" for column in updated]
    # Assigning a column to itself changes nothing, and at the end it keeps the driver from joining rows.
    return ", ".join([*assignments, f"{key} = {key}"])


async def _read_back(
    plan: Plan, alias: str, instances: Sequence[Any], keys: Sequence[Key], conflict: Conflict
) -> None:
    samples = dict(zip(keys, instances, strict=True))
    found = await _stored_by_key(plan, alias, samples, conflict)
    _check_all_found(plan, samples, found)
    relations = plan.meta.cached_relations
    keep_for_rollback(alias, instances, (*plan.attnames, *relations))
    for instance, key in zip(instances, keys, strict=True):
        forget_related(instance, relations)
        instance.__dict__.update(found[key].__dict__)


def _check_all_found(plan: Plan, samples: dict[Key, Any], found: dict[Key, Any]) -> None:
    missing = next((key for key in samples if key not in found), None)
    if missing is not None:
        raise IntegrityError(
            f"bulk_create(): another unique constraint of {plan.meta.model_name} refuses {samples[missing]!r}"
        )


async def _stored_by_key(
    plan: Plan, alias: str, samples: dict[Key, Any], conflict: Conflict
) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    distinct = list(samples.values())
    for start in range(0, len(distinct), READ_BACK):
        part = distinct[start : start + READ_BACK]
        for instance in await _stored(plan, alias, part, conflict):
            found[tuple(stored_value(plan, instance, name) for name in conflict.unique)] = instance
    return found


async def _stored(
    plan: Plan, alias: str, instances: Sequence[Any], conflict: Conflict
) -> list[Any]:
    """Return the rows of instances, known by their unique values."""
    where = QueryScope(plan.meta).conditions((_any_of(instances, conflict.unique),), {})
    select = select_instances(plan, EVERYTHING.changed(where=where, order=()))
    rows: list[Any] = await read(plan.meta, alias, select.sql, select.parameters, select.convert)
    return rows


def _any_of(instances: Sequence[Any], unique: Sequence[str]) -> Q:
    if len(unique) == 1:
        name = unique[0]
        return Q(**{f"{name}__in": [getattr(each, name) for each in instances]})
    condition = Q()
    for each in instances:
        condition |= Q(**{name: getattr(each, name) for name in unique})
    return condition
