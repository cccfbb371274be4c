"""Checking instances before they are stored."""

from __future__ import annotations

from typing import Any

from openviper.db.executor import plan_on, read, write_alias
from openviper.db.fields.base import Field
from openviper.db.fields.instance_state import is_stored
from openviper.db.sql.description import EVERYTHING
from openviper.db.sql.expressions import Condition, Q
from openviper.db.sql.rows.suspects import make_suspect_finder
from openviper.db.sql.selects import select_exists
from openviper.exceptions import ORMException


class ModelValidationError(ORMException, ValueError):
    """One or more fields have values that are not allowed.

    Attributes:
        errors: The messages by field; those that concern several fields are under ``__all__``.
    """

    def __init__(self, model_name: str, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        messages = "; ".join(message for messages in errors.values() for message in messages)
        super().__init__(f"Validation failed for {model_name}: {messages}")


async def validate_instance(instance: Any) -> None:
    """Check all loaded fields, then the groups of `unique_together`.

    Raises:
        ModelValidationError: If something is not allowed; it names everything found.
    """
    meta = instance._meta
    find = meta.find_suspects
    if find is None:
        find = meta.find_suspects = make_suspect_finder(meta)
    errors = _field_errors(instance.__dict__, find(instance.__dict__))
    if errors:
        raise ModelValidationError(meta.model_name, errors)
    for group in meta.unique_together:
        await _check_group(instance, group)


def _field_errors(values: dict[str, Any], suspects: list[Field[Any]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for field in suspects:
        try:
            field.validate(values[field.attname])
        except (ValueError, TypeError) as error:
            errors[field.name] = [str(error)]
    return errors


async def _check_group(instance: Any, group: tuple[str, ...]) -> None:
    meta = instance._meta
    values = [instance.__dict__.get(meta.field(name).attname) for name in group]
    if None in values:  # Incomplete, and NULL equals nothing.
        return
    conditions: list[Condition] = list(zip(group, values, strict=True))
    if is_stored(instance):
        conditions.append(Q.combined((("pk", instance.pk),), negated=True))
    alias = await write_alias(meta, None, instance._alias)
    select = select_exists(plan_on(meta, alias), EVERYTHING.changed(where=tuple(conditions)))
    is_taken = await read(meta, alias, select.sql, select.parameters, select.convert)
    if is_taken:
        message = f"{' and '.join(group)} must be unique together"
        raise ModelValidationError(meta.model_name, {"__all__": [message]})
