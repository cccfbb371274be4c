"""What a database refuses, as faults of the data: asked of the database afterwards, so that a race tells as much as a check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from openviper.db.fields import ForeignKey, UniqueConstraint
from openviper.db.fields.instance_state import alias_of, is_stored
from openviper.db.models.validation import ModelValidationError, NotUniqueTogetherError
from openviper.db.query.queryset import QuerySet
from openviper.db.sql.expressions import Q
from openviper.validation.dumping import dump_any
from openviper.validation.faults import MAX_FAULTS, Fault, ParseError, shown_value

_AS_TEXT = (Decimal, date, time, timedelta, UUID)


def fault_of(
    cls: Any, name: str, code: str, template: str, *, value: str | None = None, **params: Any
) -> Fault:
    """Return a fault of a field of a model; one of the whole where the serializer does not have it."""
    keys = {
        cls._sources[field.name]: field.key
        for field in cls._plan().fields.values()
        if field.name in cls._sources
    }
    place = (keys[name],) if name in keys else ()
    return Fault(place, code, template, params, value)


async def refusal_of(
    cls: Any, row: Any, links: Mapping[str, Sequence[Any]], error: Exception
) -> ParseError:
    """Return what is wrong with a row that could not be stored.

    Args:
        cls: The serializer.
        row: The row.
        links: The keys of the rows that it should be related to, by relation.
        error: What storing it raised.
    """
    if isinstance(error, ModelValidationError) and not isinstance(error, NotUniqueTogetherError):
        return ParseError(list(_told(cls, row, error)))
    faults = []
    async for fault in _faults(cls, row, links):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    return ParseError(faults or [Fault((), "integrity", "the database does not take these values")])


def unfit(cls: Any, row: Any, error: ValueError) -> Exception:
    """Return the fault of the column that says it cannot hold a value; another error as it is, as the program has made it."""
    name, colon, _ = str(error).partition(": ")
    if not colon or name not in cls.model._meta.fields:
        return error
    return ParseError([_invalid(cls, row, name, str(error))])


def _invalid(cls: Any, row: Any, name: str, message: str) -> Fault:
    # The fault says itself of which field it is.
    told = message.removeprefix(f"{name}: ")
    return fault_of(cls, name, "invalid", "{message}", value=_shown(row, name), message=told)


def _shown(row: Any, name: str) -> str | None:
    """Return the value of a column as it may be shown; `None` for what concerns several, and for those that are not there."""
    field = row._meta.fields.get(name)
    if field is None or field.attname not in row.__dict__:
        return None
    value = row.__dict__[field.attname]
    # As it was sent: other data has such values as texts and numbers.
    sent = dump_any(value) if isinstance(value, _AS_TEXT) else value
    return shown_value(sent, is_secret=field.is_secret)


def _told(cls: Any, row: Any, error: ModelValidationError) -> Iterator[Fault]:
    """Yield what a model says itself of its values."""
    for name, messages in error.errors.items():
        for message in messages:
            yield _invalid(cls, row, name, message)


async def _faults(cls: Any, row: Any, links: Mapping[str, Sequence[Any]]) -> AsyncIterator[Fault]:
    for group, condition in _unique_groups(row):
        if await _is_taken(row, group, condition):
            yield _taken(cls, row, group)
    for field in row._meta.fields.values():
        if isinstance(field, ForeignKey) and await _is_missing(row, field):
            yield _no_row(cls, field.name, field.remote_model, row.__dict__[field.attname])
    for name, keys in links.items():
        async for fault in _missing_links(cls, row, name, keys):
            yield fault


def _unique_groups(row: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Return the names of fields that are unique together, with the condition under which they are."""
    meta = row._meta
    single: list[tuple[tuple[str, ...], Any]] = [
        ((field.name,), None)
        for field in meta.fields.values()
        if field.unique or (field.primary_key and not is_stored(row))
    ]
    groups = [(tuple(group), None) for group in meta.unique_together]
    return [*single, *groups, *_unique_constraints(meta.constraints)]


def _unique_constraints(constraints: Iterable[Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the fields of unique constraints; whether text in SQL holds is for the database to say."""
    for each in constraints:
        is_known = isinstance(each, UniqueConstraint) and isinstance(each.condition, Q | None)
        if is_known and each.fields:
            yield tuple(each.fields), each.condition


async def _is_taken(row: Any, group: tuple[str, ...], condition: Any) -> bool:
    meta = row._meta
    fields = [meta.field(name) for name in group]
    values = {field.name: row.__dict__.get(field.attname) for field in fields}
    if None in values.values() or not all(field.searchable for field in fields):
        return False
    others = _others(row).filter(**values)
    return await (others if condition is None else others.filter(condition)).exists()


def _others(row: Any) -> QuerySet[Any]:
    rows = _all_rows(row, type(row))
    return rows.exclude(pk=row.pk) if is_stored(row) else rows


def _all_rows(row: Any, model: type[Any]) -> QuerySet[Any]:
    """Return all rows of a model, whatever its manager leaves out and whoever asks."""
    query: QuerySet[Any] = QuerySet(model).all(ignore_permissions=True)
    alias = alias_of(row)
    return query if alias is None else query.using(alias)


def _taken(cls: Any, row: Any, group: tuple[str, ...]) -> Fault:
    if len(group) > 1:
        return Fault(
            (),
            "unique",
            "there is one with the same {names} already",
            {"names": " and ".join(group)},
        )
    value = _shown(row, group[0])
    return fault_of(cls, group[0], "unique", "there is one with this value already", value=value)


async def _is_missing(row: Any, field: ForeignKey[Any]) -> bool:
    """Return whether a foreign key means no row."""
    key = row.__dict__.get(field.attname)
    if key is None:
        return False
    return not await _all_rows(row, field.remote_model).filter(pk=key).exists()


def _no_row(cls: Any, name: str, model: type[Any], key: Any) -> Fault:
    return fault_of(
        cls,
        name,
        "no_row",
        "there is no {model} with this key",
        value=shown_value(key),
        model=model.__name__,
    )


async def _missing_links(
    cls: Any, row: Any, name: str, keys: Sequence[Any]
) -> AsyncIterator[Fault]:
    """Yield the keys that mean no row."""
    model = row._meta.many_to_many[name].remote_model
    wanted = [getattr(key, "pk", key) for key in keys]
    found = set(await _all_rows(row, model).filter(pk__in=wanted).values_list("pk", flat=True))
    for index, key in enumerate(wanted):
        if key not in found:
            fault = _no_row(cls, name, model, key)
            yield fault._replace(place=(*fault.place, index)) if fault.place else fault
