"""An example of what a schema describes, for people who try an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openviper.validation.json_schema import Schema

DEEPEST = 6
"""How deep an example goes into what contains itself."""
_OF_FORMAT = {
    "date": "2026-01-31",
    "time-local": "12:30:00",
    "date-time": "2026-01-31T12:30:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "decimal": "1.50",
    "email": "ann@example.org",
    "uri": "https://example.org/",
}
_OF_TYPE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


def example_of(schema: Schema, components: Mapping[str, Schema], depth: int = 0) -> Any:
    """Return a value that fits a schema, as far as its types go.

    Args:
        schema: The schema.
        components: The schemas that it may refer to, by name.
        depth: How deep it stands in an outer example.
    """
    if "$ref" in schema:
        return _referred(schema["$ref"], components, depth)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if schema.get("anyOf"):
        return example_of(schema["anyOf"][0], components, depth + 1)
    if "default" in schema:
        return schema["default"]
    return _made(schema, components, depth)


def _referred(reference: str, components: Mapping[str, Schema], depth: int) -> Any:
    if depth > DEEPEST:
        return None
    return example_of(components[reference.rpartition("/")[2]], components, depth + 1)


def _made(schema: Schema, components: Mapping[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: example_of(field, components, depth + 1) for name, field in fields.items()}
    if kind == "array":
        return _items(schema, components, depth)
    return _single(schema)


def _items(schema: Schema, components: Mapping[str, Schema], depth: int) -> list[Any]:
    if depth > DEEPEST:
        return []
    items = schema.get("prefixItems") or [schema.get("items", {})]
    return [example_of(item, components, depth + 1) for item in items]


def _single(schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "string":
        return _text(schema)
    if kind in ("integer", "number"):
        return schema.get("minimum", _OF_TYPE[kind])
    return _OF_TYPE.get(str(kind))


def _text(schema: Schema) -> str:
    text = _OF_FORMAT.get(schema.get("format", ""), "text")
    least = schema.get("minLength", 0)
    return text if len(text) >= least else text.ljust(least, "x")
