"""What a field of a form looks like: the marker that says so, and the HTML of each control.

The attributes are those of the HTML standard (https://html.spec.whatwg.org/multipage/forms.html). What a browser checks, the
form checks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from html import escape
from typing import Any, Literal, NamedTuple

from openviper.utils.records import record
from openviper.validation.constraints import (
    Between,
    Email,
    Max,
    MaxLength,
    Min,
    MinLength,
    MultipleOf,
    OneOf,
    Url,
)
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import (
    AliasNode,
    ArrayNode,
    CustomNode,
    EnumNode,
    LiteralNode,
    Node,
    NullableNode,
    ScalarNode,
)

Kind = Literal[
    "text", "password", "email", "url", "tel", "search", "number", "date", "time", "datetime-local",
    "color", "hidden", "file", "textarea", "checkbox", "checkboxes", "select", "radio",
]  # fmt: skip
KINDS: frozenset[str] = frozenset(Kind.__args__)  # type: ignore[attr-defined]  # `Literal` has them.
TEXTS = frozenset(
    {"text", "password", "email", "url", "tel", "search", "textarea", "hidden", "color"}
)
# A text that may be longer than this gets an area of several lines.
LONG_TEXT = 255


class Html(str):
    """Text that is HTML already, which templates do not escape again."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it as it is."""
        return self


class Choice(NamedTuple):
    """One thing that can be chosen: the text that is sent, and what people read."""

    text: str
    label: str


@record(frozen=True, slots=True, eq=False)
class Choices:
    """The labels of values: ``Annotated[str, OneOf("de", "at"), Choices({"de": "Germany", "at": "Austria"})]``."""

    labels: Mapping[Any, str]


class Widget:
    """Says how a field is shown: ``Annotated[str, Widget("textarea", rows=8)]``.

    Args:
        kind: The control; see `Kind`.
        attributes: Further attributes of the control; underscores stand for hyphens, and one at the end is dropped, so
            ``class_="wide"``. `True` stands for an attribute without a value, `False` and `None` for none.

    Raises:
        UnsupportedTypeError: If there is no such control.
    """

    __slots__ = ("attributes", "kind")

    def __init__(self, kind: Kind | None = None, **attributes: str | int | bool | None) -> None:
        if kind is not None and kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise UnsupportedTypeError(f"there is no widget {kind!r}; there are {known}")
        self.kind = kind
        self.attributes = {
            name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()
        }


def behind(node: Node) -> Node:
    """Return the type that stands behind aliases and a possible `None`."""
    if isinstance(node, AliasNode):
        return behind(node.target)
    return behind(node.item) if isinstance(node, NullableNode) else node


def constraints_of(node: Node) -> list[Any]:
    """Return what a value must be beyond its type, whether said of the type or of the type or `None`."""
    inner = behind(node)
    found = list(node.notes.constraints)
    return found if inner is node else found + list(inner.notes.constraints)


def marker(node: Node, kind: type[Any]) -> Any:
    """Return the marker of a class that an annotation has; `None` if there is none."""
    for each in (node, behind(node)):
        for found in each.notes.markers:
            if isinstance(found, kind):
                return found
    return None


def choices_of(node: Node) -> list[Choice]:
    """Return what can be chosen, for types that have so many values and no more; empty for others."""
    inner = behind(node)
    item = behind(inner.item) if isinstance(inner, ArrayNode) else inner
    labels: Choices | None = marker(node, Choices) or marker(item, Choices)
    values = _values(item)
    if not values and labels is not None:
        values = list(labels.labels)
    return [Choice(as_text(value), _label(value, labels)) for value in values]


def _values(node: Node) -> list[Any]:
    if isinstance(node, LiteralNode):
        return list(node.values)
    if isinstance(node, EnumNode):
        return list(node.type)
    for constraint in constraints_of(node):
        if isinstance(constraint, OneOf):
            return list(constraint.choices)
    return []


def _label(value: object, labels: Choices | None) -> str:
    key = value.value if isinstance(value, Enum) else value
    if labels is not None and key in labels.labels:
        return str(labels.labels[key])
    if isinstance(value, Enum):
        own = getattr(value, "label", None)
        return str(own) if own else value.name.replace("_", " ").capitalize()
    return str(value)


def as_text(value: object) -> str:
    """Return a value as a form sends it."""
    if isinstance(value, Enum):
        value = value.value
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _moment(value: datetime) -> str:
    # A browser's control has no time zone.
    precision = "seconds" if value.second else "minutes"
    return value.replace(tzinfo=None).isoformat(timespec=precision)


# The first that fits decides: a `datetime` is a `date` too.
_WRITERS: Sequence[tuple[type[Any], Callable[[Any], str]]] = (
    (type(None), lambda _: ""),
    (bool, lambda value: "true" if value else "false"),
    (datetime, _moment),
    (date, date.isoformat),
    (time, time.isoformat),
    (Decimal, lambda value: format(value, "f")),
)


_OF_TYPE: dict[type[Any], str] = {
    bool: "checkbox",
    int: "number",
    float: "number",
    Decimal: "number",
    date: "date",
    time: "time",
    datetime: "datetime-local",
}


def kind_of(node: Node) -> str:
    """Return the control that fits a type when nothing is said."""
    inner = behind(node)
    if isinstance(inner, ArrayNode):
        return _kind_of_list(inner, has_choices=bool(choices_of(node)))
    may_be_unsaid = isinstance(node, NullableNode) and _is_bool(inner)
    if choices_of(node) or may_be_unsaid:
        return "select"
    if _is_file(inner):
        return "file"
    of_type = _OF_TYPE.get(inner.type) if isinstance(inner, ScalarNode) else None
    return of_type or _kind_of_text(node)


def _kind_of_list(node: ArrayNode, *, has_choices: bool) -> str:
    if has_choices:
        return "checkboxes"
    return "file" if _is_file(node.item) else "textarea"


def _kind_of_text(node: Node) -> str:
    is_secret = node.notes.is_secret or behind(node).notes.is_secret
    if is_secret:
        return "password"
    kinds = [_kind_of_constraint(constraint) for constraint in constraints_of(node)]
    return next(filter(None, kinds), "text")


def _kind_of_constraint(constraint: object) -> str:
    if isinstance(constraint, Email):
        return "email"
    if isinstance(constraint, Url):
        return "url"
    is_long = isinstance(constraint, MaxLength) and constraint.length > LONG_TEXT
    return "textarea" if is_long else ""


def _is_file(node: Node) -> bool:
    inner = behind(node)
    return isinstance(inner, CustomNode) and inner.schema.get("format") == "binary"


def _is_bool(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.type is bool


def attributes_of(node: Node, kind: str, *, is_required: bool) -> dict[str, Any]:
    """Return the attributes by which a browser checks what is typed."""
    found: dict[str, Any] = {}
    if is_required and kind not in ("checkbox", "checkboxes", "hidden"):
        found["required"] = True
    inner = behind(node)
    if kind == "number" and isinstance(inner, ScalarNode):
        found["step"] = 1 if inner.type is int else "any"
    for constraint in constraints_of(node):
        found.update(_attributes_of_constraint(constraint, kind))
    return found


def _attributes_of_constraint(constraint: Any, kind: str) -> dict[str, Any]:
    if kind in TEXTS:
        name = _OF_TEXTS.get(type(constraint))
        return {name: constraint.length} if name else {}
    write = _OF_NUMBERS.get(type(constraint)) if kind in NUMBERS else None
    return write(constraint) if write is not None else {}


NUMBERS = frozenset({"number", "date", "time", "datetime-local"})
_OF_TEXTS = {MaxLength: "maxlength", MinLength: "minlength"}
_OF_NUMBERS: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    Between: lambda given: {"min": as_text(given.least), "max": as_text(given.most)},
    Min: lambda given: {"min": as_text(given.least)},
    Max: lambda given: {"max": as_text(given.most)},
    MultipleOf: lambda given: {"step": as_text(given.step)},
}


def tag(name: str, attributes: Mapping[str, Any], content: str | None = None) -> Html:
    """Return an element; `content` is HTML, and an element without it has no end tag."""
    parts = [name]
    for key, value in attributes.items():
        if value is True:
            parts.append(escape(key))
        elif value is not None and value is not False:
            parts.append(f'{escape(key)}="{escape(str(value))}"')
    opening = f"<{' '.join(parts)}>"
    return Html(opening if content is None else f"{opening}{content}</{name}>")


def control(
    kind: str, attributes: Mapping[str, Any], values: Sequence[str], choices: Sequence[Choice]
) -> Html:
    """Return the HTML of a control.

    Args:
        kind: Which one.
        attributes: Its attributes, ``name`` and ``id`` among them.
        values: The texts it holds: none or one, or more where several can be chosen.
        choices: What can be chosen.
    """
    if kind == "select":
        return _select(attributes, values, choices)
    if kind in ("radio", "checkboxes"):
        return _boxes("radio" if kind == "radio" else "checkbox", attributes, values, choices)
    if kind == "textarea":
        # A line feed right behind the tag belongs to the tag.
        return tag("textarea", {"rows": 5, **attributes}, f"\n{escape(chr(10).join(values))}")
    return tag("input", {"type": kind, **_state(kind, values), **attributes})


def _state(kind: str, values: Sequence[str]) -> dict[str, Any]:
    """Return the attributes that say what a control holds."""
    if kind == "checkbox":
        return {"value": "true", "checked": values[:1] == ["true"]}
    # A password and a file are never sent back.
    if kind in ("password", "file"):
        return {}
    return {"value": values[0] if values else None}


def _select(
    attributes: Mapping[str, Any], values: Sequence[str], choices: Sequence[Choice]
) -> Html:
    options = [
        tag(
            "option",
            {"value": choice.text, "selected": choice.text in values},
            escape(choice.label),
        )
        for choice in choices
    ]
    has_empty = any(choice.text == "" for choice in choices)
    is_single = not attributes.get("multiple")
    if is_single and not has_empty:
        # Nobody chooses by not choosing.
        options.insert(0, tag("option", {"value": ""}, "—"))
    return tag("select", attributes, "".join(options))


def _option(choice: Choice, values: Sequence[str]) -> Html:
    attributes = {"value": choice.text, "selected": choice.text in values}
    return tag("option", attributes, escape(choice.label))


def _boxes(
    kind: str, attributes: Mapping[str, Any], values: Sequence[str], choices: Sequence[Choice]
) -> Html:
    shared = {key: value for key, value in attributes.items() if key not in ("id", "required")}
    parts = []
    for number, choice in enumerate(choices):
        own = {
            **shared,
            "id": f"{attributes['id']}-{number}",
            "value": choice.text,
            "checked": choice.text in values,
            "required": kind == "radio" and attributes.get("required"),
        }
        box = tag("input", {"type": kind, **own})
        parts.append(tag("label", {"class": "choice"}, f"{box} {escape(choice.label)}"))
    return Html("\n".join(parts))
