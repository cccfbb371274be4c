"""Answers of which clients choose the fields: beside each record, a part of it in which none has to be there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from openviper.api.renaming import free_name
from openviper.validation.json_schema import Schema

PREFIX = "#/components/schemas/"


class Parts:
    """The parts of records.

    Args:
        schemas: The schemas of a document by name; parts are added to them.
    """

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas
        self._parts: dict[str, str] = {}
        self._pages: set[str] = set()

    def allowed(self, schema: Any, records: Collection[str]) -> Any:
        """Return the schema of an answer which may be of parts of some records as well, also in the page that it is."""
        name = _name(schema)
        if name in records:
            return {"anyOf": [schema, {"$ref": PREFIX + self._part(name)}]}
        if name:
            self._allow_in(name, records)
        return _mapped(schema, lambda inner: self.allowed(inner, records))

    def _allow_in(self, name: str, records: Collection[str]) -> None:
        """Allow parts in a page, once."""
        if name not in self._pages:
            self._pages.add(name)
            self._schemas[name] = self.allowed(self._schemas[name], records)

    def _part(self, name: str) -> str:
        """Return the name of the part of a record."""
        known = self._parts.get(name)
        if known is None:
            base = name.removesuffix("Out") or name
            known = self._parts[name] = free_name(f"{base}Part", self._schemas)
            self._schemas[known] = {}  # It may hold itself.
            self._schemas[known] = self._reduced(self._schemas[name])
        return known

    def _reduced(self, schema: Any) -> Any:
        name = _name(schema)
        if name and self._schemas[name].get("type") == "object":
            return {**schema, "$ref": PREFIX + self._part(name)}
        return _mapped(_without_demands(schema), self._reduced)


def _without_demands(schema: Any) -> Any:
    """Return the schema of a record of which no field has to be there; others as they are."""
    is_record = isinstance(schema, dict) and isinstance(schema.get("properties"), dict)
    return {key: schema[key] for key in schema if key != "required"} if is_record else schema


def _mapped(schema: Any, change: Callable[[Any], Any]) -> Any:
    """Return a schema with everything in it changed."""
    if isinstance(schema, list):
        return [change(each) for each in schema]
    if isinstance(schema, dict):
        return {key: change(value) for key, value in schema.items()}
    return schema


def _name(schema: Any) -> str:
    """Return the name of the record that a schema refers to; empty for others."""
    target = schema.get("$ref") if isinstance(schema, dict) else None
    return target.removeprefix(PREFIX) if isinstance(target, str) else ""
