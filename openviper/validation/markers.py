"""What `Annotated` may say about a value without demanding anything of it."""

from __future__ import annotations

from typing import Any

from openviper.utils.records import record


@record(frozen=True, slots=True, eq=False)
class Alias:
    """The key of a field in data, where it is not the field's name: ``Annotated[str, Alias("from")]``."""

    name: str


@record(frozen=True, slots=True, eq=False)
class Title:
    """A short heading for people: the label of a form's field."""

    text: str


@record(frozen=True, slots=True, eq=False)
class Description:
    """A sentence for people: the help of a form's field, the description in OpenAPI."""

    text: str


@record(frozen=True, slots=True, eq=False)
class Example:
    """A value that fits, for documentation."""

    value: Any


@record(frozen=True, slots=True, eq=False)
class Secret:
    """The value is never shown in an error."""


@record(frozen=True, slots=True, eq=False)
class ReadOnly:
    """The field is in what is sent, and refused in what is received; it needs a default."""


@record(frozen=True, slots=True, eq=False)
class WriteOnly:
    """The field is in what is received, and left out of what is sent."""


@record(frozen=True, slots=True, eq=False)
class AllowNaN:
    """The number may be NaN or infinite, which JSON has no word for."""
