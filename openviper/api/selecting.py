"""Answers of which clients choose the fields: beside each record, a part of it in which none has to be there."""

from __future__ import annotations

from collections.abc import Collection
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
        if isinstance(schema, list):
            return [self.allowed(each, records) for each in schema]
        if not isinstance(schema, dict):
            return schema
        name = _name(schema)
        if name in records:
            return {"anyOf": [schema, {"$ref": PREFIX + self._part(name)}]}
        if name and name not in self._pages:
            self._pages.add(name)
            self._schemas[name] = self.allowed(self._schemas[name], records)
        return {key: self.allowed(value, records) for key, value in schema.items()}

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
        if isinstance(schema, list):
            return [self._reduced(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        name = _name(schema)
        if name and self._schemas[name].get("type") == "object":
            return {**schema, "$ref": PREFIX + self._part(name)}
        is_record = "properties" in schema and schema.get("type") == "object"
        kept = {
            key: value for key, value in schema.items() if not (is_record and key == "required")
        }
        return {key: self._reduced(value) for key, value in kept.items()}


def _name(schema: Schema) -> str:
    target = schema.get("$ref")
    return target.removeprefix(PREFIX) if isinstance(target, str) else ""
