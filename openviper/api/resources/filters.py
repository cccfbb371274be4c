"""The filters, orders and searches that clients may ask a list for, as its resource declares them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeAlias, get_origin
from uuid import UUID

from openviper.api.resources.mistakes import ResourceError, several, unknown_path
from openviper.api.resources.parameters import Parameter, typed
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.sensitive import SensitiveField
from openviper.db.fields.text import PasswordField
from openviper.db.sql.lookups import Lookup
from openviper.db.sql.names import order_named
from openviper.db.sql.nodes import Column
from openviper.db.sql.resolving import find_lookup
from openviper.db.sql.types import Family
from openviper.exceptions import FieldError
from openviper.validation.forms.model_records import annotation_of

Filters: TypeAlias = "Sequence[str] | Mapping[str, Sequence[str]]"
"""Names of fields, which are compared for equality, or the words of lookups for each."""

_REFUSED: Mapping[str, str] = {
    "regex": "a pattern of a client can keep the database busy; offer 'icontains' or 'startswith'",
    "iregex": "a pattern of a client can keep the database busy; offer 'icontains' or 'istartswith'",
    "range": "offer 'gte' and 'lte'",
    "has_keys": "offer 'has_key'",
    "has_any_keys": "offer 'has_key'",
}
_TEXT = frozenset(
    "contains icontains startswith istartswith endswith iendswith iexact has_key".split()
)
"""Words whose operand is a text, whatever the field."""
_LISTS = ("in", "not_in")
_OF_FAMILY: Mapping[Family, Any] = {
    Family.INTEGER: int,
    Family.FLOAT: float,
    Family.DECIMAL: Decimal,
    Family.TEXT: str,
    Family.DATETIME: datetime,
    Family.DATE: date,
    Family.TIME: time,
    Family.DURATION: timedelta,
    Family.BOOLEAN: bool,
    Family.UUID: UUID,
}


def make_filters(meta: ModelOptions, declared: Filters) -> dict[str, Parameter]:
    """Return the parameters of the filters that a resource declares; each is called as its lookup is.

    Raises:
        ResourceError: If a field or a lookup is none, or nothing that clients may be offered.
    """
    found: dict[str, Parameter] = {}
    for name, words in _by_name(meta, declared).items():
        for word in _words(meta, name, words):
            key = name if word == "exact" else f"{name}__{word}"
            found[key] = _filter(meta, name, word, key)
    return found


def _words(meta: ModelOptions, name: str, given: Sequence[str]) -> Sequence[str]:
    words = several(meta.model_name, "filters", given)
    if not words:
        raise ResourceError(meta.model_name, "filters", f"{name!r} has no lookup; write ['exact']")
    return words


def _by_name(meta: ModelOptions, declared: Filters) -> Mapping[str, Sequence[str]]:
    if isinstance(declared, Mapping):
        return declared
    return {name: ("exact",) for name in several(meta.model_name, "filters", declared)}


def _filter(meta: ModelOptions, name: str, word: str, key: str) -> Parameter:
    of = _type(meta, _lookup(meta, name, word), word)
    if word in _LISTS:
        return typed(key, list[of], takes_several=True)  # type: ignore[valid-type]  # Made at run time.
    return typed(key, of)


def _lookup(meta: ModelOptions, name: str, word: str) -> Lookup:
    if word in _REFUSED:
        reason = f"{word!r} of {name!r} is not for clients: {_REFUSED[word]}"
        raise ResourceError(meta.model_name, "filters", reason)
    return _resolved(meta, "filters", name, word)


def _resolved(meta: ModelOptions, option: str, name: str, word: str) -> Lookup:
    """Return a lookup of a field.

    Raises:
        ResourceError: If there is no such field, or it has no such lookup, or is secret.
    """
    key = f"{name}__{word}"
    try:
        lookup = find_lookup(meta, key)
    except FieldError as error:
        raise _unknown(meta, option, (name, key), error) from None
    refuse_secret(meta, option, name, lookup.left)
    return lookup


def _unknown(
    meta: ModelOptions, option: str, paths: Iterable[str], error: FieldError
) -> ResourceError:
    """Return the error for the first of some paths that means nothing."""
    reasons = filter(None, (unknown_path(meta, path) for path in paths))
    return ResourceError(meta.model_name, option, next(reasons, str(error.detail)))


def refuse_secret(meta: ModelOptions, option: str, name: str, node: Any) -> None:
    """Refuse to show what is secret by the rows that are found, or by their order.

    Raises:
        ResourceError: If a column is secret.
    """
    field: Field[Any] | None = node.field if isinstance(node, Column) else None
    if isinstance(field, (PasswordField, SensitiveField)):
        raise ResourceError(meta.model_name, option, f"{name!r} is secret")


def _type(meta: ModelOptions, lookup: Lookup, word: str) -> Any:
    """Return the type of what a filter is compared with."""
    if word == "isnull":
        return bool
    if word in _TEXT:
        return str
    return _type_compared(meta, lookup) if lookup.field is None else _type_of(lookup.field)


def _type_of(field: Field[Any]) -> Any:
    annotation = annotation_of(field)
    # What a column holds at most is no fault of who asks for more or less; which choices there are is good to know.
    return annotation if field.choices is not None else _plain(annotation)


def _type_compared(meta: ModelOptions, lookup: Lookup) -> Any:
    """Return the type of a part of a value, such as its year."""
    found = lookup.left.type
    if found.family not in _OF_FAMILY:
        reason = f"no text can be compared with {lookup.key!r}, a {found}"
        raise ResourceError(meta.model_name, "filters", reason)
    return _OF_FAMILY[found.family]


def _plain(annotation: Any) -> Any:
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def make_orders(meta: ModelOptions, declared: Sequence[str]) -> tuple[str, ...]:
    """Return the names by which clients may have a list ordered, each in both directions.

    Raises:
        ResourceError: If one is none, or leads to many rows, or is secret.
    """
    names = several(meta.model_name, "ordering", declared)
    for name in names:
        _check_order(meta, name)
    return tuple(names)


def _check_order(meta: ModelOptions, name: str) -> None:
    if name.startswith("-"):
        reason = f"{name!r}: name the field as {name[1:]!r}; clients may ask for both directions"
        raise ResourceError(meta.model_name, "ordering", reason)
    try:
        node = order_named(meta, name).node
    except FieldError as error:
        raise _unknown(meta, "ordering", (name,), error) from None
    refuse_secret(meta, "ordering", name, node)


def make_searched(meta: ModelOptions, declared: Sequence[str]) -> tuple[str, ...]:
    """Return the lookups by which each word of a search is looked for.

    Raises:
        ResourceError: If a field is none, or is no text.
    """
    names = several(meta.model_name, "search", declared)
    return tuple(_searched(meta, name) for name in names)


def _searched(meta: ModelOptions, name: str) -> str:
    lookup = _resolved(meta, "search", name, "icontains")
    if lookup.left.type.family is not Family.TEXT:
        reason = f"{name!r} is a {lookup.left.type}, not a text"
        raise ResourceError(meta.model_name, "search", reason)
    return lookup.key
