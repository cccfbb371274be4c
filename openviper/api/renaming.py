"""Names of records in a document that are sent otherwise than they are received."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from openviper.validation.json_schema import Schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        target = schema.get("$ref")
        if isinstance(target, str):
            yield target.rpartition("/")[2]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def renames(sent: Mapping[str, Schema], received: Mapping[str, Schema]) -> dict[str, str]:
    """Return new names for the records that are sent otherwise than they are received."""
    differing = [name for name, schema in sent.items() if received.get(name, schema) != schema]
    taken = {*sent, *received}
    renamed: dict[str, str] = {}
    for name in _with_referring(differing, sent, received):
        renamed[name] = free_name(f"{name}Out", taken)
        taken.add(renamed[name])
    return renamed


def _with_referring(
    names: Iterable[str], sent: Mapping[str, Schema], received: Mapping[str, Schema]
) -> list[str]:
    """Return some records and those that are received too and refer to them, directly or not."""
    referring: dict[str, list[str]] = {}
    for name in sent.keys() & received.keys():
        for target in set(_references(sent[name])):
            referring.setdefault(target, []).append(name)
    found = dict.fromkeys(names)
    waiting = list(found)
    while waiting:
        more = [name for name in referring.get(waiting.pop(), ()) if name not in found]
        found |= dict.fromkeys(more)
        waiting += more
    return sorted(found)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not among some others."""
    while name in taken:
        name += "_"
    return name


def with_references(schema: Any, renamed: Mapping[str, str]) -> Any:
    """Return a schema that refers to the new names."""
    if isinstance(schema, list):
        return [with_references(value, renamed) for value in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: with_references(value, renamed) for key, value in schema.items()}
    target = schema.get("$ref")
    if isinstance(target, str):
        changed["$ref"] = _renamed(target, renamed)
    return changed


def _renamed(target: str, renamed: Mapping[str, str]) -> str:
    place, slash, name = target.rpartition("/")
    return f"{place}{slash}{renamed.get(name, name)}"


def rename_answers(paths: dict[str, Any], renamed: Mapping[str, str]) -> None:
    """Have the answers of all operations refer to the new names."""
    for item in paths.values():
        for operation in item.values():
            operation["responses"] = with_references(operation["responses"], renamed)
