"""The field by which one row of a resource is found, and how the path writes its value."""

from __future__ import annotations

from openviper.api.resources.mistakes import ResourceError, hint
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.numbers import IntegerField
from openviper.db.fields.structured import UUIDField
from openviper.db.fields.text import SlugField


def lookup_field(meta: ModelOptions, lookup: str) -> Field[object]:
    """Return the field by which rows are found.

    Raises:
        ResourceError: If there is no such field, or several rows may have one value of it.
    """
    field = meta.pk if lookup == "pk" else meta.fields.get(lookup)
    if field is None:
        reason = f"{meta.model_name} has no field {lookup!r}{hint(lookup, ['pk', *meta.fields])}"
        raise ResourceError(meta.model_name, "lookup", reason)
    if not (field.primary_key or field.unique):
        raise ResourceError(
            meta.model_name, "lookup", f"{lookup!r} is not unique, so it does not tell rows apart"
        )
    return field


def converter_of(field: Field[object]) -> str:
    """Return the converter of the path for the values of a field; what does not fit it is not found."""
    if isinstance(field, IntegerField):
        return "int"
    if isinstance(field, UUIDField):
        return "uuid"
    return "slug" if isinstance(field, SlugField) else "str"
