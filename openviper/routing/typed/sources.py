"""What a type says of where its values can come from."""

from __future__ import annotations

import re
import types
from collections.abc import Hashable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from openviper.db.models.base import Model
from openviper.http.inputs import Body, By, Cookie, File, FormInput, Header, Input, Path, Query
from openviper.http.responses import Response
from openviper.http.uploads import UploadFile
from openviper.routing.typed.plans import Source
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import (
    AliasNode,
    ArrayNode,
    CustomNode,
    EnumNode,
    LiteralNode,
    Node,
    Notes,
    NullableNode,
    RecordNode,
    ScalarNode,
    UnionNode,
)
from openviper.validation.recursion import children
from openviper.validation.unions import behind

SOURCES: dict[type[Input], Source] = {
    Query: "query",
    Path: "path",
    Header: "header",
    Cookie: "cookie",
    Body: "body",
    FormInput: "form",
    File: "file",
}
"""The source that each mark names."""
_UPLOAD = CustomNode(
    Notes(), UploadFile, lambda value: value, str, {"type": "string", "format": "binary"}
)


def parts_of(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type and the marks that `Annotated` puts on it."""
    if get_origin(annotation) is Annotated:
        plain, *marks = get_args(annotation)
        return plain, tuple(marks)
    return annotation, ()


def input_mark(marks: Sequence[Any]) -> Input | None:
    """Return the mark that names a source; `Query` is taken for `Query()`.

    Raises:
        UnsupportedTypeError: If there are several.
    """
    made = [mark() if mark in SOURCES else mark for mark in marks if _has_hash(mark)]
    found = [mark for mark in made if isinstance(mark, Input)]
    if len(found) > 1:
        names = " and ".join(type(mark).__name__ for mark in found)
        raise UnsupportedTypeError(f"{names} are two places, and it can come from one")
    return found[0] if found else None


def _has_hash(mark: Any) -> bool:
    return isinstance(mark, Hashable)


def _options(annotation: Any) -> list[Any]:
    """Return the types of a union, or the one type."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return list(get_args(annotation)) if is_union else [annotation]


def without_responses(annotation: Any) -> Any:
    """Return the type of what a handler returns beside responses, which are sent as they are; `None` if it is none."""
    options = _options(annotation)
    kept = [option for option in options if not _is_response(option)]
    return Union[tuple(kept)] if kept else None  # noqa: UP007 - known at run time only


def _is_response(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Response)


def is_model(plain: Any) -> bool:
    """Return whether a type is a model."""
    return isinstance(plain, type) and issubclass(plain, Model)


def field_of(model: Any, marks: Sequence[Any], kind: str) -> str:
    """Return the field by which a model is looked up: that of `By`, the slug for a slug of the path, else the key.

    Raises:
        UnsupportedTypeError: If the model has no such field.
    """
    named = next((mark.field for mark in marks if isinstance(mark, By)), "")
    if named and named not in model._meta.fields:
        raise UnsupportedTypeError(f"{model.__name__} has no field {named!r}")
    is_slug = kind == "slug" and "slug" in model._meta.fields
    return named or ("slug" if is_slug else "pk")


def upload_node(plain: Any) -> Node | None:
    """Return the node of a file, or of several; `None` for other types."""
    options = [option for option in _options(plain) if option is not type(None)]
    if len(options) != 1:
        return None
    if isinstance(options[0], type) and issubclass(options[0], UploadFile):
        return _UPLOAD
    is_list = get_origin(options[0]) is list and get_args(options[0])[0] is UploadFile
    return ArrayNode(Notes(), list, _UPLOAD) if is_list else None


def key_of(source: Source, node: Node, name: str, marker: Input | None) -> str:
    """Return the name of an input in its source; empty if it is all there is."""
    if source == "body" or _record(node) is not None:
        return ""
    given = (marker.key if marker is not None else "") or node.notes.alias
    if given:
        _check_key(source, given)
        return given
    return name.replace("_", "-") if source == "header" else name


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _check_key(source: Source, key: object) -> None:
    """Check the name that a program has given.

    Raises:
        UnsupportedTypeError: If it is no text, or no header or cookie is called so (RFC 9110, 5.1; RFC 6265, 4.1.1).
    """
    if not isinstance(key, str):
        raise UnsupportedTypeError(f"{key!r} is no name of a {source}")
    if source in ("header", "cookie") and not _TOKEN.fullmatch(key):
        raise UnsupportedTypeError(f"no {source} can be called {key!r}")


def _record(node: Node) -> RecordNode | None:
    node = behind(node)
    if isinstance(node, NullableNode):
        return _record(node.item)
    return node if isinstance(node, RecordNode) else None


def can_hold(source: Source, node: Node) -> bool:
    """Return whether values of a type can come from a source."""
    if source == "body":
        return True
    has_keys = source in ("query", "form") and _record(node) is not None
    return has_keys or (source != "file" and is_flat(node))


_SINGLE = (ScalarNode, EnumNode, LiteralNode)


def is_flat(node: Node) -> bool:
    """Return whether a query can hold values of a type: single ones, and lists of them."""
    node = behind(node)
    if isinstance(node, NullableNode):
        return is_flat(node.item)
    if isinstance(node, UnionNode):
        return all(map(is_flat, node.options))
    if isinstance(node, ArrayNode):
        return is_flat(node.item) and not isinstance(behind(node.item), ArrayNode)
    return isinstance(node, _SINGLE) or _is_text(node)


def _is_text(node: Node) -> bool:
    return isinstance(node, CustomNode) and node.schema.get("type") != "object"


def has_fields(node: Node, seen: set[Any]) -> bool:
    """Return whether a type has a class with fields in it."""
    if isinstance(node, RecordNode):
        return True
    if isinstance(node, AliasNode):
        if node.key in seen:
            return False
        seen.add(node.key)
        return has_fields(node.target, seen)
    return any(has_fields(child, seen) for child in children(node))
