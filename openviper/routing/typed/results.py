"""What handlers return: classes with fields, and models, of which answers have what `Model.to_dict` shows of them.

Those are all columns but passwords and encrypted texts, under the names of their attributes: ``author_id``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from openviper.db.fields import ArrayField, BinaryField, ForeignKey
from openviper.db.fields.base import Field, choice_pairs
from openviper.db.fields.plain_types import plain_type
from openviper.routing.typed.sources import is_model
from openviper.validation.constraints import OneOf
from openviper.validation.describing import describe
from openviper.validation.nodes import (
    MISSING,
    AnyNode,
    ArrayNode,
    FieldNode,
    Node,
    Notes,
    NullableNode,
    RecordNode,
    ScalarNode,
)


def describe_result(annotation: Any, names: Mapping[str, Any] | None = None) -> Node:
    """Return the description of what is sent; see `describe`, which knows no models, as nothing is read into one.

    Raises:
        UnsupportedTypeError: If it, or something in it, has no form as data.
    """
    return describe(annotation, names, _record_of)


def _record_of(cls: Any, notes: Notes) -> RecordNode | None:
    if not is_model(cls):
        return None
    words = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return RecordNode(notes, cls, cls, "dataclass", cls.__name__, words, list(_fields(cls)))


def _fields(model: Any) -> Iterator[FieldNode]:
    for field in model._meta.fields.values():
        if not field.is_secret:
            yield FieldNode(
                name=field.attname,
                key=field.attname,
                node=_node(field),
                is_required=True,
                default=MISSING,
                default_factory=None,
                is_received=False,
                is_sent=True,
                by_keyword=True,
            )


def _node(field: Field[Any]) -> Node:
    notes = Notes(description=str(field.help_text), constraints=_choices(field))
    if not field.null:
        return _filled_node(field, notes)
    bare = Notes(constraints=notes.constraints)
    return NullableNode(Notes(description=notes.description), _filled_node(field, bare))


def _choices(field: Field[Any]) -> tuple[OneOf, ...]:
    if field.choices is None:
        return ()
    return (OneOf(*(value for value, _ in choice_pairs(field.choices))),)


def _filled_node(field: Field[Any], notes: Notes) -> Node:
    if isinstance(field, ForeignKey):
        return _filled_node(field.target(), notes)
    if isinstance(field, ArrayField):
        return ArrayNode(notes, list, _node(field.base_field))
    of = bytes if isinstance(field, BinaryField) else plain_type(field)
    # Anything is JSON, and fields of a project's own.
    return AnyNode(notes) if of is None else ScalarNode(notes, of)
