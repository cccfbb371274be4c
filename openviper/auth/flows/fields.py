"""The fields of account pages: what they are called, and what a form or JSON has sent for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from openviper.exceptions import OpenViperException
from openviper.i18n import gettext
from openviper.i18n.lazy import LazyText, gettext_lazy

FORM = "form"
"""The name under which errors stand that are of no single field."""
CHECKED = ("on", "true", "1")


class Field(NamedTuple):
    """One field of a page.

    Attributes:
        name: Its name in forms and in JSON.
        label: What people read beside it.
        kind: ``text``, ``email``, ``password``, ``code`` or ``checkbox``.
        autocomplete: What browsers and password managers fill in (HTML, section 4.10.18.7).
        is_required: Whether it must not be empty.
        max_length: Most characters of its value.
        hint: A sentence below it.
    """

    name: str
    label: LazyText
    kind: str = "text"
    autocomplete: str = "off"
    is_required: bool = True
    max_length: int = 254
    hint: LazyText | str = ""

    def described(self) -> dict[str, Any]:
        """Return the field as JSON tells of it."""
        return {
            "name": self.name,
            "label": str(self.label),
            "type": "boolean" if self.kind == "checkbox" else "string",
            "required": self.is_required,
            "max_length": self.max_length,
        }


Fields: TypeAlias = Sequence[Field]
"""The fields of a page, in order."""


class FormRefused(OpenViperException):
    """What was sent cannot be done; the page is shown again and says why.

    Args:
        errors: Sentences by the name of a field, or of `FORM`.
        status: The HTTP status.

    Attributes:
        errors: As given.
        status: As given.
    """

    def __init__(self, errors: Mapping[str, str], status: int = 422) -> None:
        self.errors = dict(errors)
        self.status = status
        super().__init__("; ".join(self.errors.values()))


def refused(sentence: str, status: int = 422, field: str = FORM) -> FormRefused:
    """Return the refusal with one sentence."""
    return FormRefused({field: sentence}, status)


def clean(fields: Sequence[Field], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the value of each field; an unchecked box is empty.

    Raises:
        FormRefused: If a value is missing, too long, or no text that can be stored.
    """
    values = {field.name: _value(field, given.get(field.name, "")) for field in fields}
    errors = {field.name: _problem(field, values[field.name]) for field in fields}
    found = {name: problem for name, problem in errors.items() if problem}
    if found:
        raise FormRefused(found)
    return values


def _value(field: Field, given: Any) -> str:
    if field.kind == "checkbox":
        return "on" if given is True or given in CHECKED else ""
    if not isinstance(given, str):
        raise refused(gettext("This has to be a text."), field=field.name)
    # Blanks may be part of a password.
    return given if field.kind == "password" else given.strip()


def _problem(field: Field, value: str) -> str:
    if not value:
        return gettext("This is needed.") if field.is_required else ""
    if len(value) > field.max_length:
        return gettext("At most %(most)d characters are allowed.") % {"most": field.max_length}
    is_storable = all(ord(character) > 31 and not _is_half(character) for character in value)
    return "" if is_storable else gettext("This holds characters that are not allowed.")


def _is_half(character: str) -> bool:
    """Return whether a character is half of one: JSON can bring such, and no database takes them."""
    return "\ud800" <= character <= "\udfff"


USERNAME = Field(
    "username",
    gettext_lazy("Username"),
    autocomplete="username",
    max_length=150,
    hint=gettext_lazy("Letters, digits and the characters @ . + - _"),
)
LOGIN_NAME = Field("username", gettext_lazy("Username or e-mail address"), autocomplete="username")
EMAIL = Field("email", gettext_lazy("E-mail address"), "email", "email")
PASSWORD = Field(
    "password", gettext_lazy("Password"), "password", "current-password", max_length=4096
)
NEW_PASSWORD = Field(
    "new_password",
    gettext_lazy("New password"),
    "password",
    "new-password",
    max_length=4096,
    hint=gettext_lazy("The longer the better; a few words will do."),
)
REPEATED = Field(
    "new_password_again",
    gettext_lazy("New password again"),
    "password",
    "new-password",
    max_length=4096,
)
REMEMBER = Field("remember", gettext_lazy("Stay logged in"), "checkbox", is_required=False)
DEVICE = Field(
    "remember_device",
    gettext_lazy("Do not ask again on this device"),
    "checkbox",
    is_required=False,
)
CODE = Field("code", gettext_lazy("Code"), "code", "one-time-code", max_length=64)
