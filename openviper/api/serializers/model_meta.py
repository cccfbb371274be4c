"""`Meta` of a model serializer: which fields of which model, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from openviper.api.serializers.fields import SerializerError, names_of, unknown_name
from openviper.db.fields import FileField, PasswordField
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models.base import Model
from openviper.validation.constraints import Max, MaxLength, Min, MinLength, Pattern
from openviper.validation.markers import Description, Example, Title

ALL = "__all__"
OPTIONS = (
    "model",
    "fields",
    "exclude",
    "readonly_fields",
    "writeonly_fields",
    "extra_kwargs",
    "unsaved_fields",
    "nested_writes",
)
MARKS: Mapping[str, Callable[[Any], Any]] = {
    "title": Title,
    "description": Description,
    "example": Example,
    "min_length": MinLength,
    "max_length": MaxLength,
    "min_value": Min,
    "max_value": Max,
    "pattern": Pattern,
}
"""What `extra_kwargs` may add to what a column demands."""
FLAGS = ("read_only", "write_only", "required", "default")


class ModelFields(NamedTuple):
    """What the `Meta` of one serializer says, checked.

    Attributes:
        model: The model.
        names: The fields of the model that are shown, in order; declared ones of the same names among them.
        read_only: Those that are sent only.
        write_only: Those that are received only.
        extra: What is said of each further.
        unsaved: Declared fields that no column keeps.
        nested_writes: Nested serializers that are received as such, for a `create` and `update` of the program's own.
    """

    model: type[Model]
    names: tuple[str, ...]
    read_only: frozenset[str]
    write_only: frozenset[str]
    extra: Mapping[str, Mapping[str, Any]]
    unsaved: frozenset[str]
    nested_writes: frozenset[str]


def read_meta(cls: type[Any], declared: Iterable[str], argument: Any) -> ModelFields:
    """Return what `Meta` says.

    Args:
        cls: The serializer.
        declared: The fields that its body declares.
        argument: The model that its base names in brackets; `None` if it names none.

    Raises:
        SerializerError: If it names what is not there; names the nearest.
    """
    where = f"{cls.__qualname__}.Meta"
    given = _options(cls, where)
    model = _model(where, given.get("model"), argument)
    own = list(declared)
    names = _names(where, given, model, own)
    known = [*dict.fromkeys([*names, *own])]
    derived = [name for name in names if name not in own]
    extra = _extra(f"{where}.extra_kwargs", given.get("extra_kwargs", {}), derived)
    flagged = {
        flag: {name for name, options in extra.items() if options.get(flag)} for flag in FLAGS
    }
    return ModelFields(
        model=model,
        names=names,
        read_only=_set(where, given, "readonly_fields", known) | flagged["read_only"],
        write_only=_set(where, given, "writeonly_fields", known) | flagged["write_only"],
        extra=extra,
        unsaved=_set(where, given, "unsaved_fields", own),
        nested_writes=_set(where, given, "nested_writes", own),
    )


def _options(cls: type[Any], where: str) -> dict[str, Any]:
    """Return what `Meta` holds, what the `Meta` of a base says included if it is derived from it."""
    meta = getattr(cls, "Meta", object)
    names = [name for name in dir(meta) if not name.startswith("__")]
    for name in names:
        if name not in OPTIONS:
            raise unknown_name(where, name, OPTIONS)
    return {name: getattr(meta, name) for name in names}


def _model(where: str, given: Any, argument: Any) -> type[Model]:
    model = argument if given is None else given
    if not isinstance(model, type) or not issubclass(model, Model):
        raise SerializerError(f"{where}: model = {model!r} is not a model")
    if argument is not None and model is not argument:
        raise SerializerError(
            f"{where}: model = {model.__name__}, and the base says {argument.__name__}"
        )
    return _with_rows(where, model)


def _with_rows(where: str, model: type[Model]) -> type[Model]:
    if model._meta.abstract:
        raise SerializerError(f"{where}: {model.__name__} is abstract, so there are no rows of it")
    return model


def _names(
    where: str, given: Mapping[str, Any], model: type[Model], declared: list[str]
) -> tuple[str, ...]:
    meta = model._meta
    fields, exclude = given.get("fields"), given.get("exclude")
    _check_either(where, fields, exclude)
    if exclude is None and fields != ALL:
        return names_of(f"{where}.fields", fields, [*selectable(meta), *declared])
    left_out = names_of(f"{where}.exclude", exclude or (), meta.fields)
    return tuple(_usual(meta, left_out))


def _check_either(where: str, fields: object, exclude: object) -> None:
    if (fields is None) == (exclude is None):
        raise SerializerError(
            f"{where} needs either fields, a list of names or {ALL!r}, or exclude, a list of names"
        )


def _usual(meta: ModelOptions, left_out: Container[str]) -> Iterator[str]:
    """Yield the columns of a model that are shown if nobody names them."""
    for name, field in meta.fields.items():
        if not field.is_secret and name not in left_out:
            yield name


def selectable(meta: ModelOptions) -> list[str]:
    """Return the names of all fields and relations of a model."""
    return [*meta.fields, *meta.many_to_many, *meta.reverse, *meta.reverse_many_to_many]


def _set(where: str, given: Mapping[str, Any], option: str, known: Iterable[str]) -> frozenset[str]:
    return frozenset(names_of(f"{where}.{option}", given.get(option, ()), known))


def _extra(where: str, given: Any, names: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(given, Mapping):
        raise SerializerError(f"{where} is a dict of dicts by field, not {given!r}")
    names_of(where, list(given), names)
    for name, options in given.items():
        _check_extra(f"{where}[{name!r}]", options)
    return given


def _check_extra(where: str, options: Any) -> None:
    if not isinstance(options, Mapping):
        raise SerializerError(f"{where} is a dict, not {options!r}")
    names_of(where, list(options), [*FLAGS, *MARKS])
    for flag in ("read_only", "write_only", "required"):
        if not isinstance(options.get(flag, False), bool):
            raise SerializerError(f"{where}: {flag} is true or false, not {options[flag]!r}")
    if options.get("required") and "default" in options:
        raise SerializerError(f"{where}: what has a default is not required")


def is_write_only(field: Field[Any], options: Mapping[str, Any]) -> bool:
    """Return whether a column is received only: a secret that is named, unless it is said otherwise.

    Raises:
        SerializerError: If the hash of a password is to be sent.
    """
    said = options.get("write_only")
    if isinstance(field, PasswordField) and said is False:
        raise SerializerError(f"{field!r}: the hash of a password is not sent")
    return field.is_secret if said is None else bool(said)


def is_read_only(field: Field[Any], options: Mapping[str, Any]) -> bool:
    """Return whether a column is sent only: what the database or the ORM fills, and what nobody may edit."""
    said = options.get("read_only")
    if field.generated or isinstance(field, FileField):
        return True
    if said is not None:
        return bool(said)
    has_own_key = field.primary_key and (field.default is not None or field.asks_database)
    return has_own_key or not field.is_given or not field.editable
