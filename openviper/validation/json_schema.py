"""The JSON schema of a type (JSON Schema 2020-12, https://json-schema.org/draft/2020-12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from openviper.validation.constraints import (
    Between,
    Constraint,
    Email,
    Max,
    MaxLength,
    Min,
    MinLength,
    MultipleOf,
    OneOf,
    Pattern,
    Url,
)
from openviper.validation.dumping import dump, key_text
from openviper.validation.nodes import (
    MISSING,
    AliasNode,
    ArrayNode,
    CustomNode,
    EnumNode,
    FieldNode,
    LiteralNode,
    MapNode,
    Node,
    Notes,
    NullableNode,
    RecordNode,
    ScalarNode,
    TupleNode,
    UnionNode,
)

Schema = dict[str, Any]
"""A JSON schema, or a part of one."""
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_TIME = (
    r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$"
)
_DECIMAL: Schema = {"type": "string", "format": "decimal", "pattern": _NUMBER}
_DURATION: Schema = {
    "type": "string",
    # Not the format `duration`, which knows no signs; neither years nor months, which are not all of one length.
    "pattern": (
        r"^[+-]?P(?!$)([0-9]{1,9}W)?([0-9]{1,9}D)?"
        r"(T(?!$)([0-9]{1,9}H)?([0-9]{1,9}M)?([0-9]{1,9}(\.[0-9]{1,6})?S)?)?$"
    ),
}
_SCALARS: Mapping[type[object], Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    # `dump` writes a text; `parse` reads numbers too.
    Decimal: {"anyOf": [_DECIMAL, {"type": "number"}]},
    bytes: {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
    date: {"type": "string", "format": "date"},
    # The format `time` demands an offset (RFC 3339, 5.6), which times of day seldom have.
    time: {"type": "string", "format": "time-local", "pattern": _TIME},
    datetime: {"type": "string", "format": "date-time"},
    # `dump` writes seconds; `parse` reads both.
    timedelta: {"anyOf": [{"type": "number"}, _DURATION]},
    UUID: {"type": "string", "format": "uuid"},
    type(None): {"type": "null"},
}
_SENT: Mapping[type[object], Schema] = {Decimal: _DECIMAL, timedelta: {"type": "number"}}
"""What is sent otherwise than it may be received."""
_KEYS: Mapping[type[object], Schema] = {
    int: {"pattern": r"^[+-]?[0-9]+$"},
    float: {"pattern": _NUMBER},
    Decimal: {"pattern": _NUMBER},
    bool: {"enum": ["true", "false"]},
    timedelta: {"anyOf": [{"pattern": _NUMBER}, {"pattern": _DURATION["pattern"]}]},
}
"""How keys of objects are written that are no texts otherwise."""


def schema_of(node: Node, *, is_sent: bool = False) -> Schema:
    """Return the JSON schema of a type's description; types that contain themselves are in ``$defs``.

    Args:
        node: The description.
        is_sent: Describe what `dump` writes in place of what `parse` reads.
    """
    schemas = Schemas(is_sent=is_sent)
    schema = schemas.of(node)
    return {**schema, "$defs": schemas.definitions} if schemas.definitions else schema


class Schemas:
    """Writes the schemas of types.

    Args:
        place: Where records are defined, in front of their names.
        named: Define every record, and refer to it; otherwise only those that contain themselves, and write the others out.
        is_sent: Describe what `dump` writes in place of what `parse` reads.

    Attributes:
        definitions: The records that are referred to, by name.
    """

    def __init__(
        self, place: str = "#/$defs/", *, named: bool = False, is_sent: bool = False
    ) -> None:
        self.definitions: dict[str, Schema] = {}
        self._place = place
        self._named_always = named
        self._is_sent = is_sent
        self._open: dict[object, str] = {}
        self._names: set[str] = set()
        self._referred: set[str] = set()

    def of(self, node: Node) -> Schema:
        """Return the schema of a node, with what its annotation says."""
        schema = self._bare(node) | _told(node.notes)
        for constraint in node.notes.constraints:
            schema = _with_demand(schema, _demand(constraint, schema))
        return schema

    def _bare(self, node: Node) -> Schema:
        write = self._CONTAINERS.get(type(node))
        return _single(node) if write is None else write(self, node)

    def _scalar(self, node: ScalarNode) -> Schema:
        schema = _SENT.get(node.type) if self._is_sent else None
        if self._is_sent and node.notes.allows_nan:
            return {"anyOf": [_SCALARS[node.type], {"type": "null"}]}  # Which stands for NaN.
        return dict(_SCALARS[node.type] if schema is None else schema)

    def _record(self, node: RecordNode) -> Schema:
        return self._named(node.key, node.name, lambda: self._fields(node))

    def _alias(self, node: AliasNode) -> Schema:
        return self._named(node.key, node.name, lambda: self.of(node.target))

    def _nullable(self, node: NullableNode) -> Schema:
        return {"anyOf": [self.of(node.item), {"type": "null"}]}

    def _union(self, node: UnionNode) -> Schema:
        return {"anyOf": [self.of(option) for option in node.options]}

    def _map(self, node: MapNode) -> Schema:
        keys = self._key(node.key_node)
        schema: Schema = {"type": "object", "additionalProperties": self.of(node.value)}
        return {**schema, "propertyNames": keys} if keys else schema

    def _key(self, node: Node) -> Schema:
        """Return what keys of an object are demanded to be, which are texts in any case."""
        if isinstance(node, ScalarNode) and node.type in _KEYS:
            return dict(_KEYS[node.type])
        schema = {key: value for key, value in self.of(node).items() if key != "type"}
        if "enum" in schema:
            schema["enum"] = [key_text(value) for value in schema["enum"]]
        return schema

    def _array(self, node: ArrayNode) -> Schema:
        schema: Schema = {"type": "array", "items": self.of(node.item)}
        return {**schema, "uniqueItems": True} if node.container in (set, frozenset) else schema

    def _tuple(self, node: TupleNode) -> Schema:
        count = len(node.items)
        items = [self.of(item) for item in node.items]
        sizes = {"minItems": count, "maxItems": count}
        return (
            {"type": "array", "prefixItems": items, **sizes}
            if items
            else {"type": "array", **sizes}
        )

    def _named(self, key: object, name: str, write: Callable[[], Schema]) -> Schema:
        """Return what is written, or a reference where it is written already."""
        known = self._open.get(key)
        if known is not None:
            self._referred.add(known)
            return self._reference(known)
        safe = self._free_name(name)
        self._open[key] = safe
        self._names.add(safe)
        schema = write()
        if not self._is_defined(safe):
            del self._open[key]
            self._names.discard(safe)
            return schema
        # It refers to itself, and stays known, so that others refer to it, too.
        self.definitions[safe] = schema
        return self._reference(safe)

    def _free_name(self, name: str) -> str:
        """Return a name as it may stand in a reference, and as no other record has it."""
        safe = "".join(char if char.isalnum() else "_" for char in name)
        while safe in self._names:
            safe += "_"
        return safe

    def _is_defined(self, name: str) -> bool:
        return self._named_always or name in self._referred

    def _reference(self, name: str) -> Schema:
        return {"$ref": f"{self._place}{name}"}

    def _fields(self, node: RecordNode) -> Schema:
        fields = [field for field in node.fields if self._has(field)]
        schema: Schema = {
            "type": "object",
            "properties": {field.key: self._field(field) for field in fields},
            "required": [field.key for field in fields if self._requires(field)],
        }
        if self._is_sent or node.hooks is None or not node.hooks.ignores_unknown:
            schema["additionalProperties"] = False
        return {"description": node.description, **schema} if node.description else schema

    def _has(self, field: FieldNode) -> bool:
        return field.is_sent if self._is_sent else field.is_received

    def _requires(self, field: FieldNode) -> bool:
        return field.is_sure if self._is_sent else field.is_required

    def _field(self, field: FieldNode) -> Schema:
        schema = self.of(field.written if self._is_sent else field.node)
        if field.default is not MISSING and not self._is_sent and not field.node.notes.is_secret:
            schema["default"] = dump(field.default)
        return schema

    _CONTAINERS: Mapping[type[Node], Callable[[Any, Any], Schema]] = {
        RecordNode: _record,
        AliasNode: _alias,
        NullableNode: _nullable,
        UnionNode: _union,
        MapNode: _map,
        ArrayNode: _array,
        TupleNode: _tuple,
        ScalarNode: _scalar,
    }


_SINGLE: Mapping[type[Node], Callable[[Any], Schema]] = {
    CustomNode: lambda node: dict(node.schema),
    EnumNode: lambda node: {"enum": [dump(member) for member in node.type]},
    LiteralNode: lambda node: {"enum": [dump(value) for value in node.values]},
}


def _single(node: Node) -> Schema:
    """Return the schema of a value that is not made of others."""
    write = _SINGLE.get(type(node))
    return {} if write is None else write(node)


def _told(notes: Notes) -> Schema:
    """Return what an annotation says of a value to people."""
    told: Schema = {
        "title": notes.title,
        "description": notes.description,
        "examples": [dump(example) for example in notes.examples],
    }
    return {key: value for key, value in told.items() if value}


def _demand(constraint: Constraint, schema: Schema) -> Schema:
    """Return what a constraint is called there; nothing for those that have no name."""
    demand = _bare_demand(constraint)
    if constraint.is_about_size():
        return _size(demand, schema)
    return demand


def _with_demand(schema: Schema, demand: Schema) -> Schema:
    """Return a schema that demands something more; of two demands of one name both are kept."""
    if all(schema.get(key, value) == value for key, value in demand.items()):
        return schema | demand
    return {**schema, "allOf": [*schema.get("allOf", ()), demand]}


def _size(demand: Schema, schema: Schema) -> Schema:
    """Return a demand on the length of a text as one on the types that a schema takes."""
    found: Schema = {}
    for option in schema.get("anyOf", [schema]):
        is_base64 = "contentEncoding" in option
        names = _SIZES.get(str(option.get("type")), {})
        for key, length in demand.items():
            if key in names:
                found[names[key]] = _base64_length(length) if is_base64 else length
    return found


def _base64_length(count: int) -> int:
    """Return how many characters so many bytes take (RFC 4648, 4)."""
    return (count + 2) // 3 * 4


def _bare_demand(constraint: Constraint) -> Schema:
    # A constraint of a program's own may be made of one of ours.
    for cls in type(constraint).__mro__:
        write = _DEMANDS.get(cls)
        if write is not None:
            return write(constraint)
    return {}


def _min(constraint: Min) -> Schema:
    return _bound("exclusiveMinimum" if constraint.exclusive else "minimum", constraint.least)


def _max(constraint: Max) -> Schema:
    return _bound("exclusiveMaximum" if constraint.exclusive else "maximum", constraint.most)


def _between(constraint: Between) -> Schema:
    return _bound("minimum", constraint.least) | _bound("maximum", constraint.most)


def _bound(key: str, value: object) -> Schema:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, int | float | Decimal):
        return {key: _number(value)}
    # The schema's own bounds are numbers; those of times are a common extension, which others pass over.
    return {f"format{key[0].upper()}{key[1:]}": dump(value)}


_DEMANDS: Mapping[type[Any], Callable[[Any], Schema]] = {
    Between: _between,
    Min: _min,
    Max: _max,
    MinLength: lambda constraint: {"minLength": constraint.length},
    MaxLength: lambda constraint: {"maxLength": constraint.length},
    Pattern: lambda constraint: {"pattern": constraint.pattern},
    MultipleOf: lambda constraint: {"multipleOf": _number(constraint.step)},
    OneOf: lambda constraint: {"enum": [dump(choice) for choice in constraint.choices]},
    Email: lambda _: {"format": "email"},
    Url: lambda _: {"format": "uri"},
}
_SIZES: Mapping[str, Mapping[str, str]] = {
    "string": {"minLength": "minLength", "maxLength": "maxLength"},
    "array": {"minLength": "minItems", "maxLength": "maxItems"},
    "object": {"minLength": "minProperties", "maxLength": "maxProperties"},
}
"""What a length is called, by type."""


def _number(value: int | float | Decimal) -> int | float:
    return float(value) if isinstance(value, Decimal) else value
