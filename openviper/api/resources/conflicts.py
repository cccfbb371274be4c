"""What contradicts what is stored already: values that another row has, rows that others refer to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.models import Model
from openviper.exceptions import Conflict
from openviper.validation.faults import Fault, ParseError, Place

HOLDING = frozenset({"RESTRICT", "NO ACTION"})
"""What a foreign key says so that the row it refers to cannot be deleted."""
_CONFLICTING = frozenset({"unique", "integrity"})
"""What serializers call a value that is taken, and a refusal of the database that nothing explains."""


def unexplained(place: Place) -> ConflictError:
    """Return the error for what the database refuses and nothing explains."""
    return ConflictError([Fault(place, "integrity", "the database does not take these values")])


class ConflictError(ParseError):
    """409: what was sent fits, and contradicts what is stored already."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.status_code = 409


def as_conflict(error: ParseError) -> ParseError:
    """Return an error as a conflict if what was sent fits, and cannot be stored beside what is there."""
    is_conflict = all(fault.code in _CONFLICTING for fault in error.faults)
    return ConflictError(error.faults) if is_conflict else error


async def refusal_to_delete(instance: Model) -> Conflict:
    """Return what is in the way of deleting a row: how many rows of which models refer to it."""
    meta: ModelOptions = instance._meta
    held = [f"{count} {words}" async for count, words in _holding(instance)]
    by = ", ".join(held) or "other rows"
    verb = "refers" if len(held) == 1 and held[0].startswith("1 ") else "refer"
    return Conflict(f"This {meta.verbose_name} cannot be deleted: {by} {verb} to it.")


async def _holding(instance: Model) -> AsyncIterator[tuple[int, str]]:
    meta: ModelOptions = instance._meta
    for key in meta.reverse.values():
        count = await _count(key, instance) if key.on_delete in HOLDING else 0
        if count:
            yield count, _words(key, count)


async def _count(key: ForeignKey[Any], instance: Model) -> int:
    model: type[Model] = key.model
    lookup: dict[str, Any] = {key.attname: instance.pk}
    return await model.objects.all(ignore_permissions=True).filter(**lookup).count()


def _words(key: ForeignKey[Any], count: int) -> str:
    options: ModelOptions = key.model._meta
    return f"{options.verbose_name if count == 1 else options.verbose_name_plural} ({key.name})"
