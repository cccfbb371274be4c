"""The fields of a form as a page shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Protocol

from openviper.i18n import gettext
from openviper.validation.forms.sent import REMOVE, control_kind, joined
from openviper.validation.forms.widgets import (
    Choice,
    Html,
    Widget,
    as_text,
    attributes_of,
    behind,
    choices_of,
    control,
    marker,
    tag,
)
from openviper.validation.nodes import ArrayNode, FieldNode, NullableNode, RecordNode


class Answers(Protocol):
    """What a field asks its form."""

    def texts_of(self, name: str) -> list[str] | None:
        """Return what was typed into a field; `None` if nothing was sent yet."""
        ...

    def initial_of(self, name: str) -> Any:
        """Return the value a field begins with."""
        ...

    def errors_of(self, name: str) -> list[str]:
        """Return what is wrong with a field."""
        ...

    def choices_for(self, name: str) -> Sequence[Choice] | None:
        """Return what can be chosen, where the form says so."""
        ...

    def rows_of(self, name: str) -> tuple[list[int], list[int]]:
        """Return the numbers of the rows that a list has, and of the empty ones that it shows behind them."""
        ...


class BoundField:
    """One field with its control, label, help and errors; as text, all of them.

    Args:
        answers: The form.
        field: The field of its type.
        name: Its name in the form.
        is_optional: Whether what it belongs to may be left out as a whole, so that a browser must not insist on it.
    """

    def __init__(
        self, answers: Answers, field: FieldNode, name: str, *, is_optional: bool = False
    ) -> None:
        self._answers = answers
        self._field = field
        self._node = field.node
        self.is_required = field.is_required and not is_optional
        self.name = name
        self.id = f"field-{name.replace('.', '-')}"
        self.kind = control_kind(field.node)

    @property
    def label(self) -> str:
        """What people read: the title, or the name in words."""
        title = self._node.notes.title or behind(self._node).notes.title
        words = self.name.rpartition(".")[2].replace("_", " ").strip()
        return gettext(title) if title else gettext(words[:1].upper() + words[1:])

    @property
    def help(self) -> str:
        """The sentence below the control; empty if there is none."""
        text = self._node.notes.description or behind(self._node).notes.description
        return gettext(text) if text else ""

    @property
    def errors(self) -> list[str]:
        """What is wrong, in sentences."""
        return self._answers.errors_of(self.name)

    @property
    def values(self) -> list[str]:
        """The texts that the control holds: what was typed, or what the field begins with."""
        typed = self._answers.texts_of(self.name)
        if typed is not None:
            return ["true" if text == "on" and self.kind == "checkbox" else text for text in typed]
        initial = self._answers.initial_of(self.name)
        if isinstance(initial, (list, tuple, set, frozenset)):
            return [as_text(each) for each in initial]
        return [] if initial is None else [as_text(initial)]

    @property
    def choices(self) -> Sequence[Choice]:
        """What can be chosen."""
        given = self._answers.choices_for(self.name)
        return choices_of(self._node) if given is None else given

    @property
    def control(self) -> Html:
        """The control alone."""
        kind = self.kind
        if self._answers.choices_for(self.name) is not None and kind in ("text", "number"):
            kind = "select"
        attributes = self._attributes(kind) | self._described()
        widget: Widget | None = marker(self._node, Widget)
        if widget is not None:
            attributes |= widget.attributes
        return control(kind, attributes, self.values, self._shown_choices())

    def _attributes(self, kind: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {"name": self.name, "id": self.id}
        attributes |= attributes_of(self._node, kind, is_required=self.is_required)
        if isinstance(behind(self._node), ArrayNode):
            attributes["multiple"] = kind in ("select", "file")
        return attributes

    def _described(self) -> dict[str, Any]:
        """Return the attributes that lead to what is said about the control."""
        described = []
        if self.help:
            described.append(f"{self.id}-help")
        if self.errors:
            described.append(f"{self.id}-errors")
        return {
            "aria-invalid": "true" if self.errors else None,
            "aria-describedby": " ".join(described) or None,
        }

    def _shown_choices(self) -> Sequence[Choice]:
        choices = self.choices
        if choices or not isinstance(self._node, NullableNode):
            return choices
        # Yes, no, or nothing said.
        return [Choice("true", gettext("Yes")), Choice("false", gettext("No"))]

    def __html__(self) -> str:
        """Return label, control, help and errors."""
        if self.kind == "hidden":
            return self.control
        about = self._about()
        classes = "field has-errors" if self.errors else "field"
        if self.kind in ("checkboxes", "radio"):
            legend = tag("legend", {}, escape(self.label))
            return tag(
                "fieldset", {"class": classes, "id": self.id}, f"{legend}\n{self.control}\n{about}"
            )
        label = tag("label", {"for": self.id}, escape(self.label))
        both = f"{self.control} {label}" if self.kind == "checkbox" else f"{label}\n{self.control}"
        return tag("div", {"class": classes}, f"{both}\n{about}")

    __str__ = __html__

    def _about(self) -> str:
        parts = []
        if self.help:
            parts.append(tag("p", {"class": "help", "id": f"{self.id}-help"}, escape(self.help)))
        if self.errors:
            items = "".join(tag("li", {}, escape(error)) for error in self.errors)
            parts.append(tag("ul", {"class": "errors", "id": f"{self.id}-errors"}, items))
        return "\n".join(parts)


class BoundRecord:
    """Fields that belong together: the form itself, a record within it, or one row of a list.

    Args:
        answers: The form.
        node: The record.
        name: Its name in the form; empty for the form itself.
        legend: What stands above it; empty for nothing.
        is_row: Whether it can be taken out.
        is_optional: Whether it may be left out as a whole.
    """

    def __init__(
        self,
        answers: Answers,
        node: RecordNode,
        name: str,
        legend: str = "",
        *,
        is_row: bool = False,
        is_optional: bool = False,
    ) -> None:
        self._answers = answers
        self._fields = {field.name: field for field in node.fields if field.is_received}
        self._name = name
        self._legend = legend
        self._is_row = is_row
        self._is_optional = is_optional

    def __getitem__(self, name: str) -> BoundField | BoundRecord | BoundRows:
        """Return a field by its name in the type.

        Raises:
            KeyError: If the type has no such field.
        """
        field = self._fields[name]
        path = joined(self._name, field.key)
        inner = behind(field.node)
        legend = field.node.notes.title or field.name.replace("_", " ").capitalize()
        if isinstance(inner, RecordNode):
            is_optional = self._is_optional or isinstance(field.node, NullableNode)
            return BoundRecord(self._answers, inner, path, legend, is_optional=is_optional)
        if isinstance(inner, ArrayNode) and isinstance(item := behind(inner.item), RecordNode):
            return BoundRows(self._answers, item, path, legend)
        return BoundField(self._answers, field, path, is_optional=self._is_optional)

    def __iter__(self) -> Iterator[BoundField | BoundRecord | BoundRows]:
        return (self[name] for name in self._fields)

    def leaves(self) -> Iterator[BoundField]:
        """Yield every single field, those of records and rows within too."""
        for part in self:
            if isinstance(part, BoundField):
                yield part
            else:
                yield from part.leaves()

    @property
    def remove(self) -> Html:
        """The box that takes a row out."""
        name = joined(self._name, REMOVE)
        box = tag("input", {"type": "checkbox", "name": name, "value": "true"})
        return tag("label", {"class": "remove"}, f"{box} {escape(gettext('Remove'))}")

    def __html__(self) -> str:
        """Return all fields, in a group with a legend where there is one."""
        parts = [part.__html__() for part in self]
        if self._is_row:
            parts.append(self.remove)
        body = "\n".join(parts)
        if not self._name:
            return Html(body)
        legend = tag("legend", {}, escape(gettext(self._legend))) if self._legend else ""
        return tag("fieldset", {"class": "row" if self._is_row else "group"}, f"{legend}\n{body}")

    __str__ = __html__


class BoundRows:
    """The rows of a list of records: those that were sent or that are there, and empty ones behind them."""

    def __init__(self, answers: Answers, node: RecordNode, name: str, legend: str) -> None:
        self._answers = answers
        self._node = node
        self._legend = legend
        self.name = name

    @property
    def errors(self) -> list[str]:
        """What is wrong with the list as a whole."""
        return self._answers.errors_of(self.name)

    def __iter__(self) -> Iterator[BoundRecord]:
        rows, empty = self._answers.rows_of(self.name)
        for row in [*rows, *empty]:
            name = joined(self.name, str(row))
            is_empty = row in empty
            yield BoundRecord(self._answers, self._node, name, is_row=True, is_optional=is_empty)

    def leaves(self) -> Iterator[BoundField]:
        """Yield every single field of every row."""
        for row in self:
            yield from row.leaves()

    def __html__(self) -> str:
        """Return the rows in a group with a legend."""
        errors = "".join(tag("li", {}, escape(error)) for error in self.errors)
        shown = tag("ul", {"class": "errors"}, errors) if errors else ""
        rows = "\n".join(row.__html__() for row in self)
        legend = tag("legend", {}, escape(gettext(self._legend)))
        return tag("fieldset", {"class": "rows"}, f"{legend}\n{shown}\n{rows}")

    __str__ = __html__
