"""From a model to a class that validation reads: the fields of a form or of an API, with the rules of their columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable
from enum import Enum
from typing import Annotated, Any

from openviper.db.fields import (
    ArrayField,
    BooleanField,
    CharField,
    EmailField,
    FileField,
    ForeignKey,
    IntegerField,
    JSONField,
    PasswordField,
    SensitiveField,
    TextField,
    URLField,
)
from openviper.db.fields.base import Field, choice_pairs, unwrap_enum
from openviper.db.fields.plain_types import plain_type
from openviper.db.models.base import Model
from openviper.exceptions import FieldError
from openviper.http.uploads import UploadFile
from openviper.utils.untranslated import gettext_noop
from openviper.validation.constraints import (
    Between,
    Check,
    Email,
    MaxLength,
    MinLength,
    OneOf,
    Url,
)
from openviper.validation.forms.widgets import Choices, Widget
from openviper.validation.markers import Description, Secret


def field_names(model: type[Model], fields: Iterable[str]) -> list[str]:
    """Return names of fields of a model, each of which is one that people may change.

    Raises:
        FieldError: If one is none, or cannot be written, or is named twice; if there is none.
        TypeError: If the model is none, or the names are one text.
    """
    names = _given_names(model, fields)
    for name in names:
        field = _field(model, name)
        if not field.editable or field.generated is not None:
            raise FieldError(f"{model.__name__}.{name} cannot be changed, so no form has it")
    return names


def _given_names(model: type[Model], fields: Iterable[str]) -> list[str]:
    if not hasattr(model, "_meta"):
        raise TypeError(f"a form of a model needs a model, not {model!r}")
    if isinstance(fields, str):
        raise TypeError(f"fields are several names, such as [{fields!r}], not {fields!r}")
    names = list(fields)
    if not names or len(set(names)) != len(names):
        raise FieldError(
            f"fields of a form of {model.__name__} are names, each once, not {names!r}"
        )
    return names


def _field(model: type[Model], name: str) -> Field[Any]:
    field: Field[Any] | None = model._meta.fields.get(name)
    if field is None:
        known = ", ".join(model._meta.fields)
        raise FieldError(f"{model.__name__} has no field {name!r}; there are {known}")
    return field


def record_of(
    model: type[Model], fields: Iterable[str], *, optional: Container[str] = ()
) -> type[Any]:
    """Return a dataclass with some fields of a model, as validation reads them.

    Args:
        model: The model.
        fields: The names, in the order of the form.
        optional: Names of fields that may be left out whatever their columns demand.

    Raises:
        FieldError: If the model has no such field, or there is no type for it.
    """
    made = [
        _declared(_field(model, name), name, is_optional=name in optional)
        for name in field_names(model, fields)
    ]
    # Those without a default stand first in the constructor; it is called by name only.
    return dataclasses.make_dataclass(model.__name__, made, kw_only=True)


def _declared(field: Field[Any], name: str, *, is_optional: bool) -> tuple[str, Any, Any]:
    annotation = annotation_of(field, received=True)
    if field.null or is_optional:
        return name, annotation | None, dataclasses.field(default=None)
    if callable(field.default):
        return name, annotation, dataclasses.field(default_factory=field.default)
    default = _default_of(field)
    if default is None:
        return name, annotation, dataclasses.field()
    return name, annotation, dataclasses.field(default=default)


def _default_of(field: Field[Any]) -> Any:
    """Return the default of a field that is a plain value; `None` if it has none and must be filled in."""
    if field.default is not None:
        return field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(field, BooleanField):
        # A box that is not ticked says no.
        return False
    return "" if field.blank and isinstance(field, TextField) else None


NOT_BLANK = gettext_noop("must not be blank")
WORDS = (MinLength(1), Check(lambda text: not text.isspace(), NOT_BLANK, "blank"))
"""What is demanded of a text that may not be empty."""


def needs_words(field: Field[Any]) -> bool:
    """Return whether a text may not be empty: where `blank` is not set, and neither default nor choice is the empty text."""
    if field.python_type is not str or isinstance(field, (FileField, PasswordField)):
        return False
    usual = (unwrap_enum(field.default), field.db_default)
    choices = choice_pairs(field.choices or ())
    return not field.blank and "" not in (*usual, *(value for value, _ in choices))


def annotation_of(field: Field[Any], *, received: bool = False) -> Any:
    """Return the type of a field's values with everything that its column demands.

    Args:
        field: The field.
        received: Whether the elements of lists are also not to be empty texts, which may be stored already.

    Raises:
        FieldError: If there is no type for such a field.
    """
    of = _type_of(field, received=received)
    notes = [note for rule in _RULES for note in rule(field)]
    if field.choices is not None:
        pairs = list(choice_pairs(field.choices))
        notes.append(OneOf(*(value for value, _ in pairs)))
        notes.append(Choices({value: label for value, label in pairs}))
    if field.help_text:
        notes.append(Description(field.help_text))
    return Annotated[(of, *notes)] if notes else of


def _type_of(field: Field[Any], *, received: bool = False) -> Any:
    if isinstance(field, ForeignKey):
        return _type_of(field.target())
    if isinstance(field, ArrayField):
        return list[_element_of(field, received=received)]  # type: ignore[misc]  # Made at run time.
    if isinstance(field, JSONField):
        return Any
    of = UploadFile if isinstance(field, FileField) else plain_type(field)
    if of is not None:
        return of
    raise FieldError(f"{field!r}: a form has no control for a {type(field).__name__}")


def _element_of(field: ArrayField[Any], *, received: bool) -> Any:
    annotation = annotation_of(field.base_field, received=received)
    if received and needs_words(field.base_field):
        return Annotated[(annotation, *WORDS)]
    return annotation


def _of_array(field: Field[Any]) -> Iterable[Any]:
    if isinstance(field, ArrayField) and field.size is not None:
        yield MaxLength(field.size)


def _of_text(field: Field[Any]) -> Iterable[Any]:
    if isinstance(field, FileField):
        return
    if isinstance(field, CharField):
        yield MaxLength(field.max_length)
    elif isinstance(field, TextField):
        yield Widget("textarea")
    if isinstance(field, EmailField):
        yield Email()
    if isinstance(field, URLField):
        yield Url()


def _of_secret(field: Field[Any]) -> Iterable[Any]:
    if isinstance(field, (PasswordField, SensitiveField)):
        yield Secret()


def _of_number(field: Field[Any]) -> Iterable[Any]:
    if isinstance(field, IntegerField):
        yield Between(field.minimum, field.maximum)


_RULES: tuple[Callable[[Field[Any]], Iterable[Any]], ...] = (
    _of_array,
    _of_text,
    _of_secret,
    _of_number,
)
