"""Storing what a model serializer has received, and saying what the database refuses of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from openviper.api.serializers.fields import unknown_name
from openviper.api.serializers.refusals import fault_of, refusal_of, unfit
from openviper.auth.hashers import make_password
from openviper.auth.password_rules import password_problems
from openviper.db.connection import atomic
from openviper.db.executor import write_alias
from openviper.db.fields import JSONField, PasswordField, SensitiveField
from openviper.db.fields.instance_state import alias_of, is_stored
from openviper.db.models.validation import ModelValidationError
from openviper.exceptions import IntegrityError
from openviper.validation.dumping import dump
from openviper.validation.faults import Fault, ParseError
from openviper.validation.nodes import FieldNode


async def store(serializer: Any, row: Any, extra: Mapping[str, Any]) -> Any:
    """Put what a serializer has received into a row and store it, relations included, in one transaction.

    Args:
        serializer: The instance.
        row: The row, which is new, or is changed.
        extra: Further values, by field of the model.

    Raises:
        ParseError: If something is missing, or the database refuses it.
    """
    cls = type(serializer)
    values = _received(serializer)
    if is_stored(row):
        _check_key(cls, row, values)
        _check_with_row(serializer, row)
    else:
        _check_complete(cls, values, extra)
    wanted = {**values, **_checked_extra(cls, extra)}
    await _hash_passwords(cls, wanted, values)
    links = {name: wanted.pop(name) for name in list(wanted) if _is_link(cls, name)}
    _assign(row, wanted)
    try:
        async with await _transaction(row):
            await row.save()
            for name, related in links.items():
                await getattr(row, name).set(related)
    except (IntegrityError, ModelValidationError) as error:
        raise await refusal_of(cls, row, links, error) from error
    except ValueError as error:
        raise unfit(cls, row, error) from error
    return row


async def _transaction(row: Any) -> AbstractAsyncContextManager[Any]:
    meta = row._meta
    if meta.virtual:
        return nullcontext()
    return atomic(await write_alias(meta, None, alias_of(row)))


def _received(serializer: Any) -> dict[str, Any]:
    """Return what was received and is stored, by field of the model."""
    cls = type(serializer)
    fields = cls._plan().fields
    kept = {name for name in cls._sources if fields[name].is_received and _is_kept(cls, name)}
    values = serializer._values()
    return {cls._source_of(name): values[name] for name in values if name in kept}


def _is_kept(cls: Any, name: str) -> bool:
    """Return whether the model has the field, and takes what is received for it."""
    said, meta, source = cls._fields_of_model(), cls.model._meta, cls._source_of(name)
    has_field = source in meta.fields or source in meta.many_to_many
    return has_field and name not in said.unsaved and name not in said.nested_writes


def _checked_extra(cls: Any, extra: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = cls.model._meta
    for name in extra:
        if name not in meta.names and name not in meta.many_to_many:
            known = [*meta.fields, *meta.many_to_many]
            raise unknown_name(f"{cls.__name__}: a value for {meta.model_name}", name, known)
    return extra


def _is_link(cls: Any, name: str) -> bool:
    return name in cls.model._meta.many_to_many


def _assign(row: Any, values: Mapping[str, Any]) -> None:
    names = row._meta.names
    for name, value in values.items():
        field = names[name]
        is_row = hasattr(type(value), "_meta")
        # JSON is kept as plain data, whatever class it was read as.
        kept = dump(value) if isinstance(field, JSONField) else value
        setattr(row, field.name if is_row else field.attname, kept)


def _check_key(cls: Any, row: Any, values: dict[str, Any]) -> None:
    """Refuse to give a row another key; the one it has may be repeated.

    Raises:
        ParseError: If another one was received.
    """
    key = row._meta.pk
    if key.name in values and values.pop(key.name) != row.pk:
        raise ParseError([fault_of(cls, key.name, "read_only", "is read-only")])


def _check_complete(cls: Any, values: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Refuse a new row of a PATCH that lacks something.

    Raises:
        ParseError: If so.
    """
    if not cls._is_partial:
        return
    given = {*values, *extra}
    missing = [
        fault_of(cls, column.name, "missing", "is missing")
        for column in _required_columns(cls)
        if not {column.name, column.attname} & given
    ]
    if missing:
        raise ParseError(missing)


def _required_columns(cls: Any) -> Iterator[Any]:
    for field in cls._plan().fields.values():
        column = _column(cls, field)
        if column is not None and field.is_received and _must_be_given(column):
            yield column


def _column(cls: Any, field: FieldNode) -> Any:
    """Return the column that a field shows; `None` if it is none."""
    source = cls._sources.get(field.name)
    return None if source is None else cls.model._meta.fields.get(source)


def _must_be_given(column: Any) -> bool:
    has_default = column.default is not None or column.db_default is not None
    return column.is_given and not (column.null or has_default or column.blank)


def _check_with_row(serializer: Any, row: Any) -> None:
    """Ask the validators of the whole of a PATCH together with what stays of the row.

    Raises:
        ParseError: If one of them refuses it.
    """
    cls = type(serializer)
    if not cls._is_partial or not cls._plan().checks:
        return
    merged = object.__new__(cls)
    merged.__dict__.update(_stored_values(cls, row))
    merged.__dict__.update(serializer.__dict__)
    try:
        merged._check_whole()
    except ValueError as error:
        raise ParseError([Fault((), "invalid", "{message}", {"message": str(error)})]) from None


def _stored_values(cls: Any, row: Any) -> Iterable[tuple[str, Any]]:
    """Yield the values of a row's columns that are received otherwise; hashes of passwords are none of them."""
    for field in cls._plan().fields.values():
        column = _column(cls, field)
        if column is None or isinstance(column, PasswordField) or field.name in cls._nested:
            continue
        if isinstance(column, SensitiveField):
            yield field.name, row.get_sensitive(column.name)
        elif column.attname in row.__dict__:
            yield field.name, row.__dict__[column.attname]


async def _hash_passwords(cls: Any, wanted: dict[str, Any], received: Mapping[str, Any]) -> None:
    """Replace passwords that were received by their hashes.

    Raises:
        ParseError: If one breaks the rules for passwords.
    """
    fields = cls.model._meta.fields
    for name, value in received.items():
        # What the program itself has given is stored as it is.
        is_received = value is not None and wanted[name] is value
        if is_received and isinstance(fields.get(name), PasswordField):
            await _check_password(cls, name, value, received)
            wanted[name] = await make_password(value)


async def _check_password(cls: Any, name: str, password: str, values: Mapping[str, Any]) -> None:
    problems = await password_problems(password, values)
    if problems:
        raise ParseError(
            [
                fault_of(cls, name, problem.code, "{message}", message=problem.message)
                for problem in problems
            ]
        )
