"""`Form`: a page's form, made of a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Generic, Protocol, TypeVar, get_args, get_origin

from openviper.http.uploads import UploadFile
from openviper.i18n import gettext
from openviper.template.context import csrf_field
from openviper.utils.untranslated import gettext_noop
from openviper.validation.describing import describe, register_type
from openviper.validation.faults import (
    Fault,
    ParseError,
    Place,
    UnsupportedTypeError,
)
from openviper.validation.forms.arguments import check_arguments, reached
from openviper.validation.forms.bound import BoundField, BoundRecord, BoundRows
from openviper.validation.forms.sent import Fields, Sent, TooManyRowsError, control_kind, joined
from openviper.validation.forms.widgets import Choice, Html, as_text, behind, tag
from openviper.validation.nodes import (
    MISSING,
    ArrayNode,
    CustomNode,
    EnumNode,
    FieldNode,
    LiteralNode,
    Node,
    RecordNode,
    ScalarNode,
)
from openviper.validation.parsers import Parser

T = TypeVar("T")
WHOLE = ""
"""The name of what is wrong with the form as a whole."""
FOR_PEOPLE = {
    "is missing": gettext_noop("must be filled in"),
    "must be one of {choices}": gettext_noop("must be one of the choices"),
}
"""What a page says in place of what a program is told."""
FOR_TEXTS = {
    "must have at least {length} characters or items": gettext_noop(
        "must have at least {length} characters"
    ),
    "must have at most {length} characters or items": gettext_noop(
        "must have at most {length} characters"
    ),
}
FOR_LISTS = {
    "must have at least {length} characters or items": gettext_noop(
        "must have at least {length} items"
    ),
    "must have at most {length} characters or items": gettext_noop(
        "must have at most {length} items"
    ),
}
_SINGLE = (ScalarNode, EnumNode, LiteralNode, CustomNode)
_DEEPEST = 4
"""Most records within one another."""


def _taken(value: object) -> UploadFile:  # noqa: ARG001 - whatever was sent, it is none
    raise ValueError("must be a file")


register_type(UploadFile, read=_taken, write=str, schema={"type": "string", "format": "binary"})


class FormRequest(Protocol):
    """What a form asks of a request."""

    async def form(self) -> Fields:
        """Return what was sent."""
        ...


class Form(Generic[T]):
    """A form of the fields of a record: it shows them, reads what was typed, and tells what is wrong beside each field.

    ::

        form = Form(SignUp)
        if request.method == "POST" and await form.read(request):
            await register(form.value)              # a SignUp
            return RedirectResponse("/welcome")
        return HTMLResponse(template="sign_up.html", context={"form": form})

    In the template, ``{{ form.render() }}`` is the whole form; ``{{ form["email"] }}`` is one field with its label, help and errors.
    A class derived from ``Form[SignUp]`` needs no argument, and may override `check`.

    Args:
        of: A dataclass, `NamedTuple` or `TypedDict`.
        initial: What the fields begin with: an instance, or values by name.
        prefix: What stands before the names of the fields, where a page has several forms.
        extra: How many empty rows a list of records shows behind its own, by the field's name; 1 when not given.
        choices: What can be chosen for a field, by its name: values with labels. Anything else is refused.

    Raises:
        UnsupportedTypeError: If the type has no fields, or one for which there is no control; if another argument names a field
            that is not there.
    """

    def __init__(
        self,
        of: type[T] | None = None,
        *,
        initial: T | Mapping[str, Any] | None = None,
        prefix: str = "",
        extra: Mapping[str, int] | None = None,
        choices: Mapping[str, Iterable[tuple[Any, str]]] | None = None,
    ) -> None:
        self.type: Any = _type_of(type(self)) if of is None else of
        node = describe(self.type)
        if not isinstance(node, RecordNode):
            raise UnsupportedTypeError(
                f"a form is made of a class with fields, not of {self.type!r}"
            )
        check_controls(node)
        check_arguments(node, prefix=prefix, initial=initial, extra=extra, choices=choices)
        self._node = node
        self._prefix = prefix
        self._initial = initial
        self._extra = dict(extra or {})
        self._choices = {
            joined(prefix, name): [(value, Choice(as_text(value), label)) for value, label in pairs]
            for name, pairs in (choices or {}).items()
        }
        self._sent: Sent | None = None
        self._value: Any = MISSING
        self._errors: dict[str, list[str]] = {}
        self.faults: list[Fault] = []
        """What is wrong, as data."""

    # What was sent

    async def read(self, request: FormRequest) -> bool:
        """Read the form that a request sent, check it, and return whether all is well.

        Raises:
            HTTPException: If the body is no form, or too long.
        """
        if self.fill(await request.form()):
            await self.check(self._value)
            if self._errors:
                self._value = MISSING
        return self.is_valid

    def fill(self, sent: Fields) -> bool:
        """Take what was sent, without `check`; return whether it fits the type."""
        self._value, self._errors, self.faults = MISSING, {}, []
        try:
            self._sent = Sent(sent, self._prefix)
        except TooManyRowsError as error:
            self.add_error(WHOLE, str(error))
            return False
        try:
            data = self._sent.data(self._node)
            value = Parser[T](self._node, strict=False, ignore_unknown=True).parse(data)
        except ParseError as error:
            for fault in error.faults:
                self._take_fault(fault)
            return False
        self._check_choices(data)
        if not self._errors:
            self._value = value
        return self.is_valid

    async def check(self, value: T) -> None:
        """Demand what the type cannot say; override it, and call `add_error`.

        Args:
            value: What was sent, which fits the type.
        """

    def add_error(self, name: str, message: str) -> None:
        """Say that something is wrong with a field, named as in the page (``lines.0.count``), or with the whole (`""`)."""
        path = joined(self._prefix, name) if name else WHOLE
        self._errors.setdefault(path, []).append(_sentence(message))

    @property
    def is_valid(self) -> bool:
        """Whether a form was sent, and all is well with it."""
        return self._value is not MISSING and not self._errors

    @property
    def value(self) -> T:
        """What was sent.

        Raises:
            ValueError: If nothing was sent, or something is wrong with it.
        """
        if not self.is_valid:
            raise ValueError(
                "the form has no value: nothing was sent, or something is wrong with it"
            )
        value: T = self._value
        return value

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is wrong, in sentences, by the name of the field; of the whole under ``""``."""
        return {name: list(messages) for name, messages in self._errors.items()}

    def _take_fault(self, fault: Fault) -> None:
        self.faults.append(fault)
        # Of a list, no value is shown.
        of_kind = FOR_LISTS if fault.value is None else FOR_TEXTS
        template = (FOR_PEOPLE | of_kind).get(fault.template, fault.template)
        message = fault._replace(template=template).told(gettext)
        name = self._name_of(fault.place)
        self._errors.setdefault(name, []).append(_sentence(message))

    def _name_of(self, place: Place) -> str:
        """Return the name in the form of a place in the data, whose rows are numbered without the empty ones."""
        name = self._prefix
        kept = {} if self._sent is None else self._sent.kept
        for part in place:
            if isinstance(part, int):
                if name not in kept:
                    return name  # One of several values of one control.
                part = kept[name][part]
            name = joined(name, str(part))
        return name

    def _check_choices(self, data: Mapping[str, Any]) -> None:
        for name, pairs in self._choices.items():
            allowed = {choice.text for _, choice in pairs}
            key = name.removeprefix(f"{self._prefix}.") if self._prefix else name
            chosen = _chosen(reached(data, key.split(".")))
            wrong = [text for text in chosen if text not in allowed]
            if wrong:
                message = _sentence(gettext("must be one of the choices"))
                self._errors.setdefault(name, []).append(message)

    # What a page shows

    def __getitem__(self, name: str) -> BoundField | BoundRecord | BoundRows:
        """Return a field by its name in the type.

        Raises:
            KeyError: If the type has no such field.
        """
        return self._fields[name]

    def __iter__(self) -> Iterator[BoundField | BoundRecord | BoundRows]:
        return iter(self._fields)

    @property
    def _fields(self) -> BoundRecord:
        return BoundRecord(self, self._node, self._prefix)

    @property
    def has_files(self) -> bool:
        """Whether it sends files, and so in parts."""
        return any(field.kind == "file" for field in self._fields.leaves())

    def summary(self) -> Html:
        """Return what is wrong, as a list for the top of the page whose items lead to their fields; empty if nothing is."""
        if not self._errors:
            return Html("")
        fields = {field.name: field for field in self._fields.leaves()}
        items = [
            tag("li", {}, _pointing(message, fields.get(name)))
            for name, messages in self._errors.items()
            for message in messages
        ]
        heading = tag("p", {}, escape(gettext("Something is not right yet:")))
        attributes = {"class": "error-summary", "role": "alert", "tabindex": "-1"}
        return tag("div", attributes, f"{heading}<ul>{''.join(items)}</ul>")

    def __html__(self) -> str:
        """Return all fields, without the element around them."""
        return Html("\n".join(part.__html__() for part in self._fields))

    __str__ = __html__

    def render(self, submit: str = "Save", *, action: str = "", **attributes: str) -> Html:
        """Return the whole form: what is wrong, the fields, the token against forged forms, and a button.

        Args:
            submit: What the button says.
            action: Where it is sent; to the page's own address when not given.
            attributes: Further attributes of the element.
        """
        own: dict[str, Any] = {"method": "post", "action": action or None}
        if self.has_files:
            own["enctype"] = "multipart/form-data"
        button = tag("button", {"type": "submit"}, escape(gettext(submit)))
        body = [self.summary(), str(csrf_field()), self.__html__(), button]
        return tag("form", own | attributes, "\n".join(part for part in body if part))

    # What the fields ask

    def texts_of(self, name: str) -> list[str] | None:
        """Return what was typed into a field; `None` if nothing was sent yet."""
        # A row that was not sent begins like one of a new form.
        if self._sent is None or not self._sent.has_row_of(name):
            return None
        return self._sent.texts(name)

    def initial_of(self, name: str) -> Any:
        """Return the value that a field begins with."""
        value: Any = self._initial
        node: Node = self._node
        for key in self._parts(name):
            node, value = _below(behind(node), value, key)
        return value

    def _parts(self, name: str) -> list[str]:
        inner = name.removeprefix(f"{self._prefix}.") if self._prefix else name
        return inner.split(".")

    def errors_of(self, name: str) -> list[str]:
        """Return what is wrong with a field."""
        return self._errors.get(name, [])

    def choices_for(self, name: str) -> Sequence[Choice] | None:
        """Return what can be chosen, where the form says so."""
        pairs = self._choices.get(name)
        return None if pairs is None else [choice for _, choice in pairs]

    def rows_of(self, name: str) -> tuple[list[int], list[int]]:
        """Return the numbers of the rows that a list has, and of the empty ones that it shows behind them."""
        if self._sent is None:
            initial = self.initial_of(name)
            rows = list(range(len(initial) if isinstance(initial, Sequence) else 0))
        else:
            rows = list(self._sent.kept.get(name, ()))
        begin = max(rows, default=-1) + 1
        extra = self._extra.get(".".join(self._parts(name)), 1)
        return rows, list(range(begin, begin + extra))

    def __repr__(self) -> str:
        return f"<Form of {self._node.name}>"  # Values may be secret.


def _pointing(message: str, field: BoundField | None) -> str:
    """Return what is wrong, as a link to the field where there is one."""
    if field is None:
        return escape(message)
    shown = f"{escape(field.label)}: {escape(message)}"
    return tag("a", {"href": f"#{field.id}"}, shown)


def _chosen(sent: Any) -> list[Any]:
    """Return what was chosen: nothing, one value or several."""
    if sent is None or sent == "":
        return []
    return sent if isinstance(sent, list) else [sent]


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _type_of(cls: type[Any]) -> Any:
    """Return the type that a class names: ``class SignUpForm(Form[SignUp])``."""
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, Form):
            (argument,) = get_args(base)
            if not isinstance(argument, TypeVar):
                return argument
    raise TypeError(f"{cls.__name__}: say of which type the form is: {cls.__name__}(SignUp)")


def _below(node: Node, value: Any, key: str) -> tuple[Node, Any]:
    """Return the type and the value of a field or row."""
    if isinstance(node, ArrayNode):
        number = int(key)
        is_there = isinstance(value, Sequence) and number < len(value)
        return node.item, value[number] if is_there else None
    assert isinstance(node, RecordNode)
    field = next(field for field in node.fields if field.key == key)
    return field.node, _value_of(value, field)


def _value_of(record: Any, field: FieldNode) -> Any:
    if record is None:
        return _default_of(field)
    if isinstance(record, Mapping):
        return record.get(field.name, record.get(field.key))
    return getattr(record, field.name, None)


def _default_of(field: FieldNode) -> Any:
    if field.default_factory is not None:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def check_controls(node: RecordNode, place: str = "", depth: int = 1) -> None:
    """Demand that each field of a type can be shown.

    Raises:
        UnsupportedTypeError: If not; names the field.
    """
    for field in node.fields:
        if field.is_received:
            _check_control(node, field, joined(place, field.name), depth)


def _check_control(node: RecordNode, field: FieldNode, path: str, depth: int) -> None:
    inner = behind(field.node)
    if isinstance(inner, ArrayNode):
        inner = behind(inner.item)
    if isinstance(inner, RecordNode) and depth < _DEEPEST:
        check_controls(inner, path, depth + 1)
        return
    if not isinstance(inner, _SINGLE):
        raise UnsupportedTypeError(
            f"{node.name}: there is no control for the field {path!r}; "
            "give it a type of one value, a record or a list"
        )
    control_kind(field.node)
