"""Functions that read one part of a request each, and note what is wrong with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from openviper.exceptions import HTTPException
from openviper.http.json_body import LONG
from openviper.http.request import Request
from openviper.routing.typed.plans import InputNote
from openviper.validation.faults import Fault, ParseError, Place, shown_key
from openviper.validation.nodes import MISSING, ArrayNode, FieldNode, Node, NullableNode, RecordNode
from openviper.validation.parsers import Parser, parser_of
from openviper.validation.reading import takes_empty_text
from openviper.validation.unions import behind

Faults: TypeAlias = list[Fault]
CSRF_FIELD = "csrfmiddlewaretoken"


class Several(Protocol):
    """What may hold several values of one name: queries, headers, forms."""

    def getlist(self, key: str, /) -> Sequence[Any]:
        """Return the values of a name, in order."""
        ...


Read: TypeAlias = Callable[[Any, Faults], Any]


def make_reader(note: InputNote) -> Read:
    """Return the function that reads an input of its source: the query, the headers, ..., or for a body the request."""
    if note.source == "body":
        return _body_reader(note)
    if note.source == "path":
        return _path_reader(note)
    if note.source == "file":
        return _file_reader(note)
    if note.key == "":
        return _whole_reader(note)
    return _list_reader(note) if is_list(note.node) else _single_reader(note)


def is_list(node: Node) -> bool:
    """Return whether a type takes several values."""
    node = behind(node)
    return is_list(node.item) if isinstance(node, NullableNode) else isinstance(node, ArrayNode)


def _lenient(note: InputNote, *, ignore_unknown: bool = False) -> Callable[[Any], Any]:
    """Return what reads the texts of a query, a form, ..., which is made once per type."""
    parser: Parser[Any] = parser_of(note.node, strict=False, ignore_unknown=ignore_unknown)
    return parser.parse


def _single_reader(note: InputNote) -> Read:
    key, default, place = note.key, note.default, (note.source, note.key)
    parse = _lenient(note)
    skips_empty = default is not MISSING and not takes_empty_text(note.node)

    def read(values: Several, faults: Faults) -> Any:
        found = values.getlist(key)
        if len(found) != 1:
            return _instead(found, place, default, faults)
        is_skipped = skips_empty and found[0] == ""
        return default if is_skipped else _parsed(parse, found[0], place, faults)

    return read


def _instead(found: Sequence[Any], place: Place, default: Any, faults: Faults) -> Any:
    """Return the default of what is not there; note what is there more than once."""
    if found:
        faults.append(Fault(place, "multiple", "is given more than once"))
    elif default is MISSING:
        faults.append(Fault(place, "missing", "is missing"))
    return default


def _list_reader(note: InputNote) -> Read:
    key, default, place = note.key, note.default, (note.source, note.key)
    parse = _lenient(note)
    is_joined = note.source in _JOINED

    def read(values: Several, faults: Faults) -> Any:
        found = values.getlist(key)
        if not found:
            return _instead((), place, default, faults)
        texts = _split(found) if is_joined else list(found)
        return _parsed(parse, texts, place, faults)

    return read


_JOINED = ("header", "cookie")
"""Where a list may stand in one text, parted by commas: what is between may join headers of one name (RFC 9110, 5.3)."""
_ELEMENT = re.compile(r'(?:[^,"]++|"(?:[^"\\]++|\\.?)*+"?)++', re.DOTALL)


def _split(texts: Iterable[str]) -> list[str]:
    """Return the elements of lists that are parted by commas, but for those in quotes; empty ones count for nothing."""
    elements = (element.strip(" \t") for text in texts for element in _ELEMENT.findall(text))
    return [element for element in elements if element]


def _parsed(parse: Callable[[Any], Any], value: Any, place: Place, faults: Faults) -> Any:
    try:
        return parse(value)
    except ParseError as error:
        faults.extend(error.below(*place).faults)
        return None


def _path_reader(note: InputNote) -> Read:
    key, place = note.key, ("path", note.key)
    parse = _lenient(note)
    if is_list(note.node):
        return lambda path, faults: _parsed(parse, path[key].split(","), place, faults)
    return lambda path, faults: _parsed(parse, path[key], place, faults)


def _file_reader(note: InputNote) -> Read:
    key, default, place = note.key, note.default, ("form", note.key)
    takes_several = is_list(note.node)

    def read(form: Any, faults: Faults) -> Any:
        found = form.files.getlist(key)
        if any(form.getlist(key)):
            # What a browser sends of a form without enctype="multipart/form-data".
            faults.append(Fault(place, "type", "must be a file"))
            return None
        if takes_several and found:
            return list(found)
        return found[0] if len(found) == 1 else _instead(found, place, default, faults)

    return read


def _whole_reader(note: InputNote) -> Read:
    """Return what reads a class with fields from all of a query or a form.

    What a query has beside them is passed over, as links carry what others add to them; what a form has is refused.
    """
    record = _record_of(note.node)
    lists = frozenset(field.key for field in record.fields if is_list(field.node))
    skipped = frozenset(filter(None, map(_skipped_key, record.fields)))
    ignore_unknown = note.source == "query"
    parse = _lenient(note, ignore_unknown=ignore_unknown)

    def read(values: Any, faults: Faults) -> Any:
        data: dict[str, Any] = {}
        for key, value in values.multi_items():
            if key in lists:
                data.setdefault(key, []).append(value)
            elif key in data:
                faults.append(Fault((note.source, key), "multiple", "is given more than once"))
            elif key != CSRF_FIELD and not (value == "" and key in skipped):
                data[key] = value
        return _parsed(parse, data, (note.source,), faults)

    return read


def other_files(known: Container[str]) -> Callable[[Any, Faults], None]:
    """Return what notes the files of a form that nothing reads; a class that is the whole form says what there is."""

    def note(form: Any, faults: Faults) -> None:
        for key in dict.fromkeys(key for key, _ in form.files.multi_items()):
            if key not in known:
                faults.append(Fault(("form", shown_key(key)), "unknown", "is unknown"))

    return note


def _skipped_key(field: FieldNode) -> str:
    """Return the key of a field that an empty text says nothing about: its type has none, and it may be left out."""
    says_something = field.is_required or takes_empty_text(field.node)
    return "" if says_something else field.key


def _record_of(node: Node) -> RecordNode:
    node = behind(node)
    if isinstance(node, NullableNode):
        return _record_of(node.item)
    assert isinstance(node, RecordNode)  # The planner has asked.
    return node


def _body_reader(note: InputNote) -> Read:
    parser: Parser[Any] = parser_of(note.node)
    parse = parser.parse
    default = note.default

    async def read(request: Request, faults: Faults) -> Any:
        _check_json(request)
        if default is not MISSING and not await request.body():
            return default
        data = await request.json()
        if len(await request.body()) > LONG:
            # A long one would hold up everybody else.
            return await asyncio.to_thread(_parsed, parse, data, ("body",), faults)
        return _parsed(parse, data, ("body",), faults)

    return read


def _check_json(request: Request) -> None:
    content_type = request.header(b"content-type")
    if content_type is not None and not _is_json(content_type):
        raise HTTPException(415, "The body has to be JSON.")


def _is_json(content_type: bytes) -> bool:
    media_type = content_type.partition(b";")[0].strip().lower()
    return media_type == b"application/json" or media_type.endswith(b"+json")


class CookieValues:
    """Cookies, of which each name has one value."""

    def __init__(self, cookies: Mapping[str, str]) -> None:
        self._cookies = cookies

    def getlist(self, key: str, /) -> Sequence[str]:
        """Return the value of a cookie as a list."""
        value = self._cookies.get(key)
        return () if value is None else (value,)
