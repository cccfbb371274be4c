"""From the flat names of a form to the nested data of its type.

A field of a record within the form is called ``address.street``, one of the third row of a list ``lines.2.count``. The form's
type says what is looked for, so a name that it does not know is never followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from openviper.validation.forms.widgets import Widget, as_text, behind, kind_of, marker
from openviper.validation.nodes import (
    MISSING,
    ArrayNode,
    CustomNode,
    FieldNode,
    Node,
    NullableNode,
    RecordNode,
    ScalarNode,
)

T = TypeVar("T")
MAX_ROWS = 1000
"""Most rows of one list that a form may send."""
REMOVE = "_remove"
"""The name of the box that takes a row out."""


class Files(Protocol):
    """The files of a form."""

    def multi_items(self) -> Sequence[tuple[str, Any]]:
        """Return every name with its file."""
        ...


class Fields(Protocol):
    """The texts of a form; see `openviper.http.FormData`."""

    @property
    def files(self) -> Files:
        """The files."""
        ...

    def multi_items(self) -> Sequence[tuple[str, str]]:
        """Return every name with its text."""
        ...


class TooManyRowsError(ValueError):
    """A list has more rows than a form may send."""


class Sent:
    """What a browser sent, read along the form's type.

    Args:
        form: The texts and files.
        prefix: What stands before the names of this form, where a page has several.

    Raises:
        TooManyRowsError: If a list has more than `MAX_ROWS` rows.
    """

    def __init__(self, form: Fields, prefix: str = "") -> None:
        self._texts = _by_name(form.multi_items())
        self._files = _by_name(form.files.multi_items())
        self._prefix = prefix
        self._rows = _rows_of(self._texts)
        self.kept: dict[str, list[int]] = {}
        """The numbers of the rows of each list that stand in the data, in order."""

    def data(self, node: RecordNode) -> dict[str, Any]:
        """Return the data of the whole form."""
        return self._record(node, self._prefix)

    def _record(self, node: RecordNode, name: str) -> dict[str, Any]:
        found = {}
        for field in node.fields:
            if field.is_received:
                value = self._field(field, joined(name, field.key))
                if value is not MISSING:
                    found[field.key] = value
        return found

    def _field(self, field: FieldNode, name: str) -> Any:
        inner = behind(field.node)
        if isinstance(inner, RecordNode):
            return self._nested(field, inner, name)
        if isinstance(inner, ArrayNode):
            return self._array(field, inner, name)
        if is_file(inner):
            files = self._files.get(name)
            return files[0] if files else MISSING
        return self._single(field, inner, name)

    def _nested(self, field: FieldNode, node: RecordNode, name: str) -> Any:
        data = self._record(node, name)
        may_be_left_out = isinstance(field.node, NullableNode)
        return None if may_be_left_out and is_blank(data, node) else data

    def _single(self, field: FieldNode, inner: Node, name: str) -> Any:
        texts = self._texts.get(name, [])
        is_box = isinstance(inner, ScalarNode) and inner.type is bool
        if is_box and not isinstance(field.node, NullableNode):
            # A box that is not ticked is not sent. One that is sends "true", or "on".
            return texts[0] if texts else False
        if not texts:
            return MISSING
        text = tidied(texts[0], field.node)
        return MISSING if text == "" and _means_nothing(field, inner) else text

    def _array(self, field: FieldNode, node: ArrayNode, name: str) -> Any:
        item = behind(node.item)
        if isinstance(item, RecordNode):
            return self._filled_rows(item, name)
        if is_file(item):
            return list(self._files.get(name, ()))
        texts = [tidied(text, node.item) for text in self.texts(name)]
        if control_kind(field.node) == "textarea":
            texts = _lines_of(texts)
        return [text for text in texts if text != ""]

    def _filled_rows(self, node: RecordNode, name: str) -> list[dict[str, Any]]:
        """Return the data of the rows that are neither empty nor taken out."""
        rows = []
        kept = []
        for row in sorted(self._rows.get(name, ())):
            if joined(name, f"{row}.{REMOVE}") in self._texts:
                continue
            data = self._record(node, joined(name, str(row)))
            if not is_blank(data, node):
                rows.append(data)
                kept.append(row)
        self.kept[name] = kept
        return rows

    def has_row_of(self, name: str) -> bool:
        """Return whether the rows that a field lies in were sent; so it is for one that lies in none."""
        parts = name.split(".")
        for place, part in enumerate(parts):
            if part.isdigit() and int(part) not in self._rows.get(".".join(parts[:place]), ()):
                return False
        return True

    def texts(self, name: str) -> list[str]:
        """Return what was typed into a field."""
        return self._texts.get(name, [])


def _by_name(items: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return found


def _rows_of(names: Iterable[str]) -> Mapping[str, set[int]]:
    """Return the numbers of the rows by the name of their list."""
    found: dict[str, set[int]] = {}
    for name in names:
        for place, row in _numbers_in(name):
            rows = found.setdefault(place, set())
            rows.add(row)
            if len(rows) > MAX_ROWS:
                raise TooManyRowsError(f"a form may have at most {MAX_ROWS} rows")
    return found


def _numbers_in(name: str) -> Iterator[tuple[str, int]]:
    """Yield the name of each list that a field lies in, and the number of its row."""
    parts = name.split(".")
    for place, part in enumerate(parts[1:9], 1):
        # Digits as we write them, and few: the rest is nobody's row.
        is_number = part.isascii() and part.isdigit()
        if is_number and len(part) < 8:
            yield ".".join(parts[:place]), int(part)


def _lines_of(texts: Iterable[str]) -> list[str]:
    """Return the lines of texts, one item each."""
    return [line.strip() for text in texts for line in text.split("\n")]


def joined(name: str, key: str) -> str:
    """Return the name of a field below another one."""
    return f"{name}.{key}" if name else key


def is_file(node: Node) -> bool:
    """Return whether values are files that were sent."""
    return isinstance(node, CustomNode) and node.schema.get("format") == "binary"


def control_kind(node: Node) -> str:
    """Return the control of a type: the one that is asked for, or the one that fits."""
    widget: Widget | None = marker(node, Widget)
    return (widget.kind if widget is not None and widget.kind else None) or kind_of(node)


def tidied(text: str, node: Node) -> str:
    """Return a text as it is meant: with line feeds for line ends, without blanks around; a password as it is."""
    if control_kind(node) == "password":
        return text
    if control_kind(node) == "textarea":
        # Browsers send CRLF (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html).
        return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return text.strip()


def is_blank(data: Mapping[str, Any], node: RecordNode) -> bool:
    """Return whether nobody has filled in anything: each field is empty, or as the page showed it."""
    fields = {field.key: field for field in node.fields}
    return all(_is_untouched(value, fields[key]) for key, value in data.items())


def _is_untouched(value: Any, field: FieldNode) -> bool:
    if isinstance(value, dict):
        inner = behind(field.node)
        return isinstance(inner, RecordNode) and is_blank(value, inner)
    if value is None or value is False or value in ("", []):
        return True
    return field.default is not MISSING and value == as_text(field.default)


def _means_nothing(field: FieldNode, inner: Node) -> bool:
    """Return whether an empty text stands for what is not there."""
    if isinstance(field.node, NullableNode):
        return False
    is_text = isinstance(inner, ScalarNode) and inner.type is str
    return field.is_required or not is_text
