"""Sets of allowed texts with their labels."""

from __future__ import annotations

from enum import EnumMeta, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class TextChoiceMeta(EnumMeta):
    """The class of `TextChoice` classes, which lets a class speak about all its members."""

    @property
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs of value and label, in the order of the members."""
        return [(member.value, member.label) for member in cls._all()]

    @property
    def values(cls) -> list[str]:
        """The values, in the order of the members."""
        return [member.value for member in cls._all()]

    @property
    def labels(cls) -> list[str]:
        """The labels, in the order of the members."""
        return [member.label for member in cls._all()]

    @property
    def names(cls) -> list[str]:
        """The names of the members, in their order."""
        return [member.name for member in cls._all()]

    def _all(cls) -> list[TextChoice]:
        members: list[object] = list(cls.__members__.values())
        return [member for member in members if isinstance(member, TextChoice)]


class TextChoice(StrEnum, metaclass=TextChoiceMeta):
    """A set of texts with labels, for the option `choices` of a field.

    ::

        class State(TextChoice):
            DRAFT = "draft", "Not yet public"
            OUT = "out", "Published"

    A member without a label takes one from its name.
    """

    _value_: str
    _label: str

    def __new__(cls, value: str, label: str | None = None) -> Self:
        """Make a member of a value and, if it has one, its label."""
        member = str.__new__(cls, value)
        member._value_ = value
        member._label = label or ""
        return member

    @property
    def label(self) -> str:
        """What people read."""
        return self._label or self.name.replace("_", " ").capitalize()

    @classmethod
    def from_value(cls, value: str) -> Self:
        """Return the member of a value.

        Raises:
            ValueError: If there is none.
        """
        for member in cls:
            if member.value == value:
                return member
        raise ValueError(
            f"{value!r} is not a value of {cls.__name__}; values: {', '.join(cls.values)}"
        )

    @classmethod
    def from_label(cls, label: str) -> Self:
        """Return the member of a label.

        Raises:
            ValueError: If there is none.
        """
        for member in cls:
            if member.label == label:
                return member
        raise ValueError(
            f"{label!r} is not a label of {cls.__name__}; labels: {', '.join(cls.labels)}"
        )
