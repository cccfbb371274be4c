"""From the columns and relations of a model to the fields of its serializer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from openviper.api.serializers.fields import SerializerError, is_marked, serializer_in
from openviper.api.serializers.json_input import is_json
from openviper.api.serializers.model_meta import (
    MARKS,
    ModelFields,
    is_read_only,
    is_write_only,
    selectable,
)
from openviper.db.fields import (
    ArrayField,
    BinaryField,
    FileField,
    ForeignKey,
    JSONField,
    PasswordField,
)
from openviper.db.fields.base import Field, unwrap_enum
from openviper.db.models.base import Model
from openviper.db.query.prefetch import Relation, find_relation
from openviper.exceptions import FieldError
from openviper.validation.constraints import Check, MaxLength, MinLength
from openviper.validation.describing import UnknownNameError
from openviper.validation.forms.model_records import WORDS, annotation_of, needs_words
from openviper.validation.markers import Alias, ReadOnly, Secret
from openviper.validation.nodes import MISSING
from openviper.validation.slots import Slot


def model_slot(meta: ModelFields, name: str, key: str) -> Slot:
    """Return the field that shows a column or a relation of a model.

    Args:
        meta: What the serializer says.
        name: The field of the model.
        key: The key in data, where the field of the serializer has another name.

    Raises:
        SerializerError: If there is no type for it.
    """
    field: Field[Any] | None = meta.model._meta.fields.get(name)
    slot = _relation_slot(meta, name) if field is None else _column_slot(meta, name, field)
    if not key:
        return slot
    return dataclasses.replace(slot, annotation=Annotated[slot.annotation, Alias(key)])


def declared_slot(meta: ModelFields, cls: Any, name: str, slot: Slot) -> Slot:
    """Return a field that the class declares itself, with what the model says of it.

    Raises:
        SerializerError: If it is received, and nothing keeps it.
    """
    options = meta.model._meta
    column = options.fields.get(name)
    is_relation = name in selectable(options) and isinstance(column, ForeignKey | None)
    if is_relation and serializer_in(slot.annotation) is not None:
        return _nested_slot(meta, cls, name, slot)
    if column is None:
        return _extra_slot(meta, cls, name, _flagged(meta, name, slot))
    is_read = is_read_only(column, {})
    return _flagged(
        meta, name, slot, is_received=not is_read, is_sent=not is_write_only(column, {})
    )


def _flagged(
    meta: ModelFields, name: str, slot: Slot, *, is_received: bool = True, is_sent: bool = True
) -> Slot:
    return dataclasses.replace(
        slot,
        is_received=is_received and name not in meta.read_only,
        is_sent=is_sent and name not in meta.write_only,
    )


def _extra_slot(meta: ModelFields, cls: Any, name: str, slot: Slot) -> Slot:
    """Return a declared field that is no column: an attribute of rows that is shown, or what is only checked."""
    if name in meta.unsaved:
        return dataclasses.replace(slot, is_sent=slot.is_sent and hasattr(meta.model, name))
    is_shown_only = is_marked(slot.annotation, ReadOnly) or name in cls.readonly_fields
    if slot.is_received and not is_shown_only:
        _check_kept(meta, cls, name)
    return slot


def _check_kept(meta: ModelFields, cls: Any, name: str) -> None:
    """Refuse to receive what nothing keeps."""
    if not cls._stores_itself():
        raise SerializerError(
            f"{cls.__qualname__}.{name} is received, and {meta.model.__name__} does not keep it; add it to readonly_fields or "
            "to Meta.unsaved_fields, or write create() and update()"
        )


# Relations


def _relation(meta: ModelFields, name: str) -> Relation:
    """Return a relation of the model.

    Raises:
        UnknownNameError: If its other side is not known yet.
    """
    try:
        return find_relation(meta.model._meta, name)
    except FieldError as error:
        raise UnknownNameError(str(error)) from None


def _nested_slot(meta: ModelFields, cls: Any, name: str, slot: Slot) -> Slot:
    """Return the field of a nested serializer, which takes keys where the model itself has the relation."""
    relation = _relation(meta, name)
    shown = _flagged(meta, name, dataclasses.replace(slot, is_sure=False))
    if name in meta.nested_writes:
        _check_kept(meta, cls, name)
        return shown
    key: Any = key_type_of(relation.model)
    if relation.reverse or not shown.is_received:
        return dataclasses.replace(shown, is_received=False)
    if not relation.single:
        is_required = slot.is_required and not relation.field.blank
        keys = _some(key) if is_required else list[key]
        return _keyed(shown, keys, is_required=is_required, default=MISSING)
    if relation.field.null:
        return _keyed(shown, key | None, is_required=False, default=None)
    return _keyed(shown, key, is_required=slot.is_required, default=MISSING)


def _some(key: Any) -> Any:
    """Return the type of the keys of a relation that has to have rows."""
    return Annotated[(list[key], MinLength(1))]


def _keyed(slot: Slot, annotation: Any, *, is_required: bool, default: Any) -> Slot:
    """Return a field that is received as keys, and sent as it is declared."""
    return dataclasses.replace(
        slot,
        annotation=annotation,
        sent_annotation=slot.annotation,
        is_required=is_required,
        default=default,
        default_factory=None,
    )


def _relation_slot(meta: ModelFields, name: str) -> Slot:
    """Return the field of a relation without a column, which shows keys."""
    relation = _relation(meta, name)
    options = meta.extra.get(name, {})
    _check_options(name, options, ("read_only", "write_only", "required"))
    key: Any = key_type_of(relation.model)
    if relation.single:
        return Slot(key | None, is_required=False, is_received=False, is_sure=False)
    slot = Slot(list[key], is_required=False, is_received=False, is_sure=False)
    if relation.reverse:
        return slot
    is_required = options.get("required", not relation.field.blank)
    shown = _flagged(meta, name, dataclasses.replace(slot, is_required=is_required))
    if not (is_required and shown.is_received):
        return shown
    return dataclasses.replace(shown, annotation=_some(key), sent_annotation=slot.annotation)


def _check_options(name: str, options: Mapping[str, Any], allowed: Iterable[str]) -> None:
    wrong = [option for option in options if option not in allowed]
    if wrong:
        raise SerializerError(
            f"extra_kwargs[{name!r}]: {wrong[0]!r} says nothing about such a field"
        )


def key_type_of(model: type[Model]) -> Any:
    """Return the type of a model's keys."""
    field: Field[Any] = model._meta.pk
    return annotation_of(field)


# Columns


def _column_slot(meta: ModelFields, name: str, field: Field[Any]) -> Slot:
    options = meta.extra.get(name, {})
    read_only, write_only = _directions(meta, name, field, options)
    annotation = _column_type(field, options)
    if read_only:
        _check_options(name, options, ("read_only", *MARKS))
        return Slot(annotation, is_required=False, is_received=False)
    received = _received_column(field, options, annotation)
    words = _words(field, options)
    if words or isinstance(field, ArrayField):
        # What is stored already is sent as it is.
        filled = _column_type(field, options, *words, received=True)
        received = dataclasses.replace(received, annotation=filled, sent_annotation=annotation)
    return dataclasses.replace(received, is_sent=not write_only)


def _words(field: Field[Any], options: Mapping[str, Any]) -> Sequence[Any]:
    """Return what is demanded of a text that may not be empty; nothing of others, and where the serializer says that it may."""
    may_be_empty = options.get("min_length") == 0 or options.get("default") == ""
    return WORDS if needs_words(field) and not may_be_empty else ()


def _directions(
    meta: ModelFields, name: str, field: Field[Any], options: Mapping[str, Any]
) -> tuple[bool, bool]:
    """Return whether a column is read-only, and whether it is write-only."""
    read_only = name in meta.read_only or is_read_only(field, options)
    write_only = name in meta.write_only or is_write_only(field, options)
    if read_only and write_only:
        raise SerializerError(f"{field!r} is both read-only and write-only")
    return read_only, write_only


def _received_column(field: Field[Any], options: Mapping[str, Any], annotation: Any) -> Slot:
    if options.get("required"):
        return Slot(annotation)
    slot = _with_given_default(options, annotation)
    if slot is None:
        slot = _with_default(field, annotation)
    if "required" in options:
        return dataclasses.replace(slot, is_required=False)
    return slot


def _with_given_default(options: Mapping[str, Any], annotation: Any) -> Slot | None:
    """Return a field with the default that `extra_kwargs` gives it; `None` if it gives none."""
    if "default" not in options:
        return None
    default = options["default"]
    if callable(default):
        return Slot(annotation, is_required=False, default_factory=default)
    return Slot(annotation, is_required=False, default=default)


def _with_default(field: Field[Any], annotation: Any) -> Slot:
    """Return a field with the default of its column."""
    if field.makes_default:
        return Slot(annotation, is_required=False, default_factory=field.get_default)
    if field.asks_database:
        return Slot(annotation, is_required=False)
    default = field.db_default if field.default is None else field.default
    default = _nothing(field) if default is None else unwrap_enum(default)
    return Slot(annotation, is_required=default is MISSING, default=default)


def _nothing(field: Field[Any]) -> Any:
    """Return what stands for nothing in a column without a default."""
    if field.null:
        return None
    return "" if field.blank and field.python_type is str else MISSING


def _column_type(
    field: Field[Any], options: Mapping[str, Any], *more: Any, received: bool = False
) -> Any:
    """Return the type of a column with what is demanded of it, and more."""
    if isinstance(field, ForeignKey) and field.resolve() is None:
        raise UnknownNameError(f"{field!r}: no model {field.to!r} is known")
    marks = [MARKS[option](value) for option, value in options.items() if option in MARKS]
    marks += more
    plain = _plain_type(field, received=received)
    annotation = Annotated[(plain, *marks)] if marks else plain
    return annotation | None if field.null else annotation


def _plain_type(field: Field[Any], *, received: bool) -> Any:
    if isinstance(field, FileField):
        return str  # Its address; a file is uploaded by a form.
    if isinstance(field, BinaryField):
        return bytes
    if isinstance(field, JSONField):
        return Annotated[
            Any, Check(is_json, "is not JSON: numbers are finite, texts made of whole characters")
        ]
    if isinstance(field, PasswordField):
        bounds = MinLength(field.min_length), MaxLength(field.max_password_length)
        return Annotated[(str, *bounds, Secret())]
    try:
        return annotation_of(field, received=received)
    except FieldError:
        raise SerializerError(
            f"{field!r}: a serializer knows no type for a {type(field).__name__}; declare the field, or exclude it"
        ) from None
