"""Checking instances before they are stored."""

from __future__ import annotations

from typing import Any

from openviper.db.executor import plan_on, read, write_alias
from openviper.db.fields.base import Field
from openviper.db.fields.instance_state import is_stored
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql import operands
from openviper.db.sql.description import EVERYTHING
from openviper.db.sql.expressions import Q
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.rows.suspects import FindSuspects, make_suspect_finder
from openviper.db.sql.selects import select_exists
from openviper.exceptions import IntegrityError, ORMException


class ModelValidationError(ORMException, ValueError):
    """One or more fields have values that are not allowed.

    Attributes:
        errors: The messages by field; those that concern several fields are under ``__all__``.
    """

    def __init__(self, model_name: str, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        messages = "; ".join(message for messages in errors.values() for message in messages)
        super().__init__(f"Validation failed for {model_name}: {messages}")


class NotUniqueTogetherError(ModelValidationError, IntegrityError):
    """Another row has the values of a group of `unique_together` already.

    The check is a courtesy, and tells in words what the database would refuse; so whoever is prepared for the database's
    refusal, such as `get_or_create` when it is overtaken, is prepared for this one.
    """


async def check_instance(instance: Any) -> None:
    """Check all fields and the groups of `unique_together`.

    Raises:
        ModelValidationError: If something is not allowed.
    """
    check_fields(instance)
    for group in instance._meta.unique_together:
        await _check_group(instance, group)


def check_fields(instance: Any) -> None:
    """Check all loaded fields.

    Raises:
        ModelValidationError: If something is not allowed; it names everything found.
    """
    meta = instance._meta
    find = meta.find_suspects or _make_finder(meta)
    suspects = find(instance.__dict__)
    if suspects:
        _check_suspects(instance, suspects)


def _make_finder(meta: ModelOptions) -> FindSuspects:
    meta.find_suspects = make_suspect_finder(meta)
    return meta.find_suspects


def _check_suspects(instance: Any, suspects: list[Field[Any]]) -> None:
    """Check the fields whose values need a closer look.

    Raises:
        ModelValidationError: If some are not allowed.
    """
    if is_stored(instance):
        # What the database computes, it judges as well.
        suspects = [field for field in suspects if not _is_computed(instance, field)]
    else:
        suspects = [field for field in suspects if not _is_left_out(instance, field)]
    errors = _field_errors(instance.__dict__, suspects)
    if errors:
        raise ModelValidationError(instance._meta.model_name, errors)


def _is_left_out(instance: Any, field: Field[Any]) -> bool:
    """Return whether an INSERT leaves a field to the database."""
    return field.asks_database and instance.__dict__[field.attname] is None


def _is_computed(instance: Any, field: Field[Any]) -> bool:
    """Return whether a value is an expression, such as ``F("views") + 1``."""
    return operands.is_selectable(instance.__dict__[field.attname])


def _field_errors(values: dict[str, Any], suspects: list[Field[Any]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for field in suspects:
        try:
            if operands.is_selectable(values[field.attname]):
                raise ValueError(f"{field.name}: an expression needs a row that is stored already")
            field.validate(values[field.attname])
        except (ValueError, TypeError) as error:
            errors[field.name] = [str(error)]
    return errors


async def _check_group(instance: Any, group: tuple[str, ...]) -> None:
    meta = instance._meta
    values = [instance.__dict__.get(meta.field(name).attname) for name in group]
    if None in values:  # Incomplete, and NULL equals nothing.
        return
    if any(map(operands.is_selectable, values)):  # The database knows them when it computes them.
        return
    if await _is_taken(instance, dict(zip(group, values, strict=True))):
        message = f"{' and '.join(group)} must be unique together"
        raise NotUniqueTogetherError(meta.model_name, {"__all__": [message]})


async def _is_taken(instance: Any, values: dict[str, Any]) -> bool:
    """Return whether another row has these values."""
    meta = instance._meta
    others = (~Q(pk=instance.pk),) if is_stored(instance) else ()
    conditions = QueryScope(meta).conditions(others, values)
    alias = await write_alias(meta, None, instance._alias)
    select = select_exists(plan_on(meta, alias), EVERYTHING.changed(where=conditions))
    taken: bool = await read(meta, alias, select.sql, select.parameters, select.convert)
    return taken
