"""The page that shows an API: rendered here, without a script from elsewhere, and readable with none at all."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from openviper.api.examples import example_of
from openviper.template.environment import MissingDependencyError
from openviper.validation.forms.widgets import Html
from openviper.validation.json_schema import Schema

DEEPEST = 5
"""How deep the fields of a record are shown."""
METHODS = ("get", "post", "put", "patch", "delete")


class FieldRow(NamedTuple):
    """One line of a table of fields."""

    depth: int
    name: str
    type: str
    is_required: bool
    about: str


class OperationView(NamedTuple):
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_deprecated: bool
    is_guarded: bool
    parameters: list[dict[str, Any]]
    body_kind: str
    body_fields: list[FieldRow]
    body_example: str
    files: list[tuple[str, bool]]
    answers: list[tuple[str, str, list[FieldRow]]]


def theme(name: str) -> str:
    """Return one of the files of the page."""
    return files("openviper.api").joinpath("theme", name).read_text(encoding="utf-8")


def render_page(document: Mapping[str, Any], addresses: Mapping[str, str], token: str) -> str:
    """Return the page of a document.

    Args:
        document: The document of the API.
        addresses: Where the document, the style sheet and the script are: ``schema``, ``style``, ``script``, and ``root``.
        token: The token against forged forms, for trying requests with the session; empty if there is none.

    Raises:
        MissingDependencyError: If Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingDependencyError(
            "the page of the API needs the package 'jinja2'; run: pip install jinja2"
        ) from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = prose
    return environment.from_string(theme("page.html")).render(
        info=document["info"],
        groups=groups_of(document),
        schemes=document["components"].get("securitySchemes", {}),
        addresses=addresses,
        token=token,
    )


_CODE = re.compile(r"(`{1,2})([^`]+)\1")


def prose(text: str) -> Html:
    """Return text as HTML, with what stands in backticks as code."""
    return Html(_CODE.sub(r"<code>\2</code>", escape(text)))


def groups_of(document: Mapping[str, Any]) -> dict[str, list[OperationView]]:
    """Return the operations by their first tag, both in order."""
    groups: dict[str, list[OperationView]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                found = item[method]
                tag = (found["tags"] or ["other"])[0]
                view = operation_view(method, path, found, document["components"]["schemas"])
                groups.setdefault(tag, []).append(view)
    return dict(sorted(groups.items()))


def operation_view(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Schema]
) -> OperationView:
    """Return what the page shows of an operation."""
    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    schema = content[kind]["schema"] if kind else {}
    files = dict(_files(schema))
    example = example_of(_without(schema, files), schemas)
    return OperationView(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        is_deprecated=operation.get("deprecated", False),
        is_guarded={} not in operation.get("security", [{}]),
        parameters=[_parameter(each) for each in operation.get("parameters", ())],
        body_kind=kind,
        body_fields=list(field_rows(schema, schemas)) if kind else [],
        body_example=json.dumps(example, indent=2, ensure_ascii=False) if kind else "",
        files=list(files.items()),
        answers=[
            (status, answer["description"], _answer_fields(answer, schemas))
            for status, answer in operation["responses"].items()
        ],
    )


def _files(schema: Schema) -> Iterator[tuple[str, bool]]:
    """Yield the fields of a form that are files, and whether each takes several."""
    for name, field in schema.get("properties", {}).items():
        is_list = field.get("type") == "array"
        if (field["items"] if is_list else field).get("format") == "binary":
            yield name, is_list


def _without(schema: Schema, names: Collection[str]) -> Schema:
    """Return a schema without some fields."""
    fields = schema.get("properties", {})
    kept = {name: field for name, field in fields.items() if name not in names}
    return {**schema, "properties": kept} if names else schema


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter["schema"]
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "type": type_name(schema),
        "is_required": parameter.get("required", False),
        "about": _about(schema),
        "default": schema.get("default", ""),
        "several": _several(parameter),
    }


def _several(parameter: Mapping[str, Any]) -> str:
    """Return how several values of a parameter are sent: ``joined`` in one text, or ``apart``; empty if it takes one."""
    if parameter["schema"].get("type") != "array":
        return ""
    is_apart = parameter["in"] == "query" and parameter.get("explode", True)
    return "apart" if is_apart else "joined"


def _answer_fields(answer: Mapping[str, Any], schemas: Mapping[str, Schema]) -> list[FieldRow]:
    content = answer.get("content", {}).get("application/json")
    return [] if content is None else list(field_rows(content["schema"], schemas))


def type_name(schema: Schema) -> str:
    """Return the name of a type for people: ``integer``, ``list of Book``, ``text (date)``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(map(type_name, schema["anyOf"]))
    return _name_of_one(schema)


def _name_of_one(schema: Schema) -> str:
    if schema.get("maxLength") == 0:
        return "empty"
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    return _single_name(schema)


def _single_name(schema: Schema) -> str:
    name = str(schema.get("type", "anything"))
    form = _form(schema)
    return f"{name} ({form})" if form else name


def _form(schema: Schema) -> str:
    """Return the name of the form that a text has; it says more to people than a pattern."""
    return str(schema.get("format") or schema.get("contentEncoding") or "")


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "formatMinimum": "at least {}",
    "formatMaximum": "at most {}",
    "formatExclusiveMinimum": "more than {}",
    "formatExclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
    "multipleOf": "a multiple of {}",
    "pattern": "like {}",
}


_ONE = {" 1 characters": " 1 character", " 1 items": " 1 item", " 1 entries": " 1 entry"}


def _counted(words: str) -> str:
    """Return words in which one of something is one."""
    for several, one in _ONE.items():
        words = words.replace(several, one)
    return words


def _limits(schema: Schema) -> Iterator[str]:
    """Yield what a value must be; a pattern that has a name says nothing to people."""
    for key, words in _LIMITS.items():
        if key in schema and not (key == "pattern" and _form(schema)):
            yield _counted(words.format(schema[key]))


def _about(schema: Schema) -> str:
    """Return what is said of a value, and what it must be."""
    parts = [limit for each in (schema, *schema.get("allOf", ())) for limit in _limits(each)]
    if "default" in schema:
        parts.append(f"otherwise {json.dumps(schema['default'], ensure_ascii=False)}")
    limits = ", ".join(parts)
    description = str(schema.get("description", ""))
    if not description or not limits:
        return description or limits
    return f"{description.rstrip('.')}; {limits}"


def field_rows(
    schema: Schema, schemas: Mapping[str, Schema], depth: int = 0, seen: tuple[str, ...] = ()
) -> Iterator[FieldRow]:
    """Yield the fields of a record, and below each the fields of the record it holds."""
    inner, seen = _record(schema, schemas, seen)
    required = inner.get("required", ())
    for name, field in inner.get("properties", {}).items():
        yield FieldRow(depth, name, type_name(field), name in required, _about(field))
        if depth < DEEPEST:
            yield from field_rows(field, schemas, depth + 1, seen)


def _record(
    schema: Schema, schemas: Mapping[str, Schema], seen: tuple[str, ...]
) -> tuple[Schema, tuple[str, ...]]:
    """Return the record behind references, lists and alternatives; empty where it is shown around this one already."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return ({}, seen) if name in seen else _record(schemas[name], schemas, (*seen, name))
    if schema.get("type") == "array":
        return _record(schema.get("items", {}), schemas, seen)
    if "anyOf" in schema:
        return _record(schema["anyOf"][0], schemas, seen)
    return schema, seen
