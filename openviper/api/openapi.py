"""The document of an API, made of its routes and their types (OpenAPI 3.1.1, https://spec.openapis.org/oas/v3.1.1.html)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from openviper.api.renaming import rename_answers, renames, with_references
from openviper.api.requests import (
    WITHOUT_BODY,
    function_of,
    inputs_of,
    is_guarded,
    is_joined,
    is_open_to,
    is_parameter,
    notes_for,
    refusals_of,
)
from openviper.api.selecting import Parts
from openviper.exceptions import ImproperlyConfigured
from openviper.routing.mounts import Mount
from openviper.routing.operations import Answer, OperationNotes, Transfer
from openviper.routing.route import WEBSOCKET, Route
from openviper.routing.typed.inputs import is_list
from openviper.routing.typed.plans import InputNote
from openviper.routing.typed.results import describe_result
from openviper.validation.dumping import dump
from openviper.validation.json_schema import Schema, Schemas
from openviper.validation.nodes import MISSING, FieldNode, Node, NullableNode, RecordNode
from openviper.validation.reading import takes_empty_text

OPENAPI = "3.1.0"
LEFT_OUT = frozenset({"HEAD", "OPTIONS", "TRACE", "CONNECT", WEBSOCKET})
"""Methods that the document does not have: what every GET answers, and what is no request."""
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_OF_CONVERTER: Mapping[str, Schema] = {
    "int": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
    "slug": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
}
_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")
PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "place": {"type": "array"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "value": {"type": "string"},
                },
                "required": ["pointer", "place", "code", "message"],
            },
        },
    },
    "required": ["title", "status"],
}


FORM_PROBLEM: Schema = {
    **PROBLEM,
    "properties": {
        **PROBLEM["properties"],
        "errors": {
            "type": "object",
            "description": "A sentence by the name of each field that is wrong; `form` for the whole.",
            "additionalProperties": {"type": "string"},
        },
    },
}


@dataclass(frozen=True)
class Info:
    """What the document says of the API as a whole.

    Attributes:
        title: Its name.
        version: Its version.
        description: What it is for, in Markdown.
        security: The ways to log in, by name; see `openviper.api.security`.
    """

    title: str = "API"
    version: str = "0.0.1"
    description: str = ""
    security: Mapping[str, Schema] | None = None


def build_document(routes: Iterable[Route], info: Info, host: str | None = None) -> dict[str, Any]:
    """Return the document of some routes; equal routes give equal documents.

    Args:
        routes: The routes of an application.
        info: What is said of the whole.
        host: Describe what is answered on this host, without its port; everything when not given.

    Raises:
        ImproperlyConfigured: If two routes that both answer would be one operation, as they differ in what a document's paths do
            not tell: the host, or the converters of their parameters.
    """
    described = [route for route in routes if _is_described(route)]
    return _Document(info).of(described if host is None else on_host(described, host))


class _Document:
    def __init__(self, info: Info) -> None:
        self._info = info
        self._received = Schemas("#/components/schemas/", named=True)
        self._sent = Schemas("#/components/schemas/", named=True, is_sent=True)
        self._ids: set[str] = set()
        self._has_forms = False
        self._selecting: list[tuple[dict[str, Any], str]] = []
        self._described: dict[tuple[str, str], Route] = {}

    def of(self, routes: Sequence[Route]) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for route in sorted(routes, key=lambda route: (route.path, route.methods, route.host.text)):
            for method in _documented(route):
                self._add(route, method, paths)
        return {
            "openapi": OPENAPI,
            "info": self._about(),
            "paths": paths,
            "components": self._components(paths),
        }

    def _add(self, route: Route, method: str, paths: dict[str, dict[str, Any]]) -> None:
        path = _PARAMETER.sub(r"{\1}", route.path)
        if self._is_new(route, method, path):
            paths.setdefault(path, {})[method.lower()] = self._operation(route, method)

    def _is_new(self, route: Route, method: str, path: str) -> bool:
        """Return whether a route is to be an operation; of two of the same pattern the first one answers."""
        other = self._described.setdefault((path, method), route)
        if other is route or (other.path, other.host) == (route.path, route.host):
            return other is route
        raise ImproperlyConfigured(
            f"the document of the API cannot have both {_where(other)} and {_where(route)}, which are both {method} {path} "
            "there; leave one out with @operation(hidden=True), or describe one host"
        )

    def _about(self) -> dict[str, Any]:
        info = self._info
        return {
            "title": info.title,
            "version": info.version,
            **_filled(description=info.description),
        }

    def _components(self, paths: dict[str, Any]) -> dict[str, Any]:
        schemes = dict(self._info.security or {})
        return {"schemas": self._schemas(paths), **_filled(securitySchemes=schemes)}

    def _schemas(self, paths: dict[str, Any]) -> dict[str, Any]:
        """Return all records; what is sent has a name of its own where it is not what is received."""
        found = dict(self._received.definitions)
        renamed = renames(self._sent.definitions, found)
        for name, schema in self._sent.definitions.items():
            found[renamed.get(name, name)] = with_references(schema, renamed)
        rename_answers(paths, renamed)
        found["Problem"] = PROBLEM
        if self._has_forms:
            found["FormProblem"] = FORM_PROBLEM
        self._allow_parts(found, renamed)
        return dict(sorted(found.items()))

    def _allow_parts(self, schemas: dict[str, Any], renamed: Mapping[str, str]) -> None:
        """Say of answers of which clients choose the fields that they may have some of them only."""
        parts = Parts(schemas)
        for operation, name in self._selecting:
            record = renamed.get(name, name)
            operation["responses"] = parts.allowed(operation["responses"], {record})

    def _operation(self, route: Route, method: str) -> dict[str, Any]:
        notes = notes_for(route, method)
        summary, description = _words(function_of(route, method), notes)
        found: dict[str, Any] = {
            "operationId": self._id(route, method, notes),
            "tags": list(notes.tags or route.tags or _tags(route.path)),
            **_filled(
                summary=summary,
                description=description,
                deprecated=notes.is_deprecated,
                parameters=list(self._parameters(route, method)),
                requestBody=self._body(route, method),
                responses=self._responses(route, method, notes),
                security=self._security(route, method),
                servers=_servers(route),
            ),
        }
        if notes.transfer.selected is not None:
            name = str(self._sent.of(notes.transfer.selected)["$ref"]).rpartition("/")[2]
            self._selecting.append((found, name))
        return found

    def _security(self, route: Route, method: str) -> list[dict[str, Any]]:
        """Return the ways to log in that open a route, any one of them; an empty one first where nobody has to."""
        if not is_guarded(route):
            return []
        ways: list[dict[str, Any]] = [{name: []} for name in self._info.security or ()]
        # Who logs in may see more than others: the ways stay (OpenAPI 3.1, 4.8.10.1, `security`).
        return [{}, *ways] if ways and is_open_to(route, method) else ways

    def _id(self, route: Route, method: str, notes: OperationNotes) -> str:
        """Return a name that no other operation has, and that stays when other routes are added behind it."""
        name = notes.id or re.sub(r"\W+", "_", route.name).strip("_") or "operation"
        methods = _documented(route) if route.view is None else route.view.view_methods
        is_alone = len(methods) == 1
        wanted = name if is_alone or notes.id else f"{name}_{method.lower()}"
        if wanted in self._ids:
            path = re.sub(r"\W+", "_", _PARAMETER.sub(r"\1", route.path)).strip("_")
            wanted = f"{wanted}_{path}_{method.lower()}"
        self._ids.add(wanted)
        return wanted

    # What is received

    def _parameters(self, route: Route, method: str) -> Iterator[dict[str, Any]]:
        inputs = list(filter(is_parameter, inputs_of(route, method)))
        told = {note.key for note in inputs if note.source == "path"}
        for name, kind in route.parameters.items():
            if name not in told:
                yield _path_parameter(name, kind)
        for note in inputs:
            yield from self._told(note, route.parameters)

    def _told(self, note: InputNote, in_path: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield what is said of one input; the parameters of its host are those of its server."""
        if note.source != "path":
            yield from self._parameters_of(note)
        elif note.key in in_path:
            for each in self._parameters_of(note):
                yield _narrowed(each, in_path[note.key])

    def _parameters_of(self, note: InputNote) -> Iterator[dict[str, Any]]:
        if note.key or not isinstance(note.node, RecordNode):
            found = self._parameter(
                note.key, note.source, note.node, note.default, note.is_required
            )
            if note.refuses_empty:
                found.pop("allowEmptyValue", None)
            # Behind `?` and in cookies several values are parameters of one name unless this says otherwise.
            yield {**found, "explode": False} if is_joined(note) else found
            return
        # A class with fields is the whole query.
        for field in note.node.fields:
            if field.is_received:
                yield self._field_parameter(field, note.source)

    def _field_parameter(self, field: FieldNode, source: str) -> dict[str, Any]:
        default = MISSING if field.is_required else field.default
        return self._parameter(field.key, source, field.node, default, field.is_required)

    def _parameter(
        self, name: str, source: str, node: Node, default: Any, is_required: bool
    ) -> dict[str, Any]:
        is_query = source == "query"
        empty = not is_query
        text = self._of_text(node, is_required=is_required, with_empty=empty)
        schema = _with_default(text, default)
        return {
            "name": name,
            "in": source,
            "schema": schema,
            **_filled(
                required=is_required or source == "path",
                description=schema.get("description"),
                allowEmptyValue=is_query and _may_be_empty(node, is_required=is_required),
            ),
        }

    def _of_text(self, node: Node, *, is_required: bool = True, with_empty: bool = True) -> Schema:
        """Return the schema of what is sent as text: it is there or not, there is no null, but an empty text may stand for it."""
        inner = node.item if isinstance(node, NullableNode) else node
        schema = self._received.of(inner)
        if not with_empty or not _may_be_empty(node, is_required=is_required):
            return schema
        return {"anyOf": [schema, {"type": "string", "maxLength": 0}]}

    def _body(self, route: Route, method: str) -> dict[str, Any]:
        """Return what is said of a request's body; nothing where there is none."""
        if method in WITHOUT_BODY:
            return {}
        bodies = [note for note in inputs_of(route, method) if note.source == "body"]
        if bodies:
            return self._json_body(bodies[0], notes_for(route, method).transfer.body_types)
        forms = [note for note in inputs_of(route, method) if note.source in ("form", "file")]
        return self._form_body(forms) if forms else {}

    def _json_body(self, note: InputNote, types: Sequence[str]) -> dict[str, Any]:
        return {"required": note.is_required, **_content(self._received.of(note.node), types)}

    def _form_body(self, notes: Sequence[InputNote]) -> dict[str, Any]:
        schema = self._form(notes)
        has_files = any(note.source == "file" for note in notes)
        kinds = (MULTIPART,) if has_files else (URLENCODED, MULTIPART)
        return {
            "required": any(note.is_required for note in notes),
            "content": {kind: {"schema": schema} for kind in kinds},
        }

    def _form(self, notes: Sequence[InputNote]) -> Schema:
        record = notes[0].node if len(notes) == 1 and not notes[0].key else None
        if isinstance(record, RecordNode):
            fields = [field for field in record.fields if field.is_received]
            parts = [(field.key, field.node, field.is_required) for field in fields]
            return {**self._form_of(parts), "additionalProperties": False}
        return self._form_of(
            [(note.key or note.name, note.node, note.is_required) for note in notes]
        )

    def _form_of(self, parts: Sequence[tuple[str, Node, bool]]) -> Schema:
        """Return the schema of a form: keys, types, and whether each has to be sent."""
        return {
            "type": "object",
            "properties": {
                key: self._of_text(node, is_required=is_required)
                for key, node, is_required in parts
            },
            "required": [key for key, _, is_required in parts if is_required],
        }

    # What is sent

    def _responses(self, route: Route, method: str, notes: OperationNotes) -> dict[str, Any]:
        found: dict[str, Any] = {str(notes.status): self._usual(route, notes)}
        for status, description in (*refusals_of(route, method), *notes.transfer.problems.items()):
            found[str(status)] = _problem(description, names_fields=notes.transfer.names_fields)
        self._has_forms |= notes.transfer.names_fields
        for status, answer in notes.answers.items():
            found[str(status)] = self._answer(answer, notes.transfer)
        found["default"] = _problem("Something else went wrong.")
        return dict(sorted(found.items()))

    def _usual(self, route: Route, notes: OperationNotes) -> dict[str, Any]:
        transfer = notes.transfer
        answer = {
            "description": HTTPStatus(notes.status).phrase,
            **_filled(headers={name: _header(text) for name, text in transfer.headers.items()}),
        }
        returns = transfer.returns or (route.plan.returns if route.plan is not None else None)
        if returns is None:
            return answer
        content = _json(self._sent.of(returns))["content"]
        return {**answer, "content": {**content, **_others(transfer)}}

    def _answer(self, answer: Answer, transfer: Transfer) -> dict[str, Any]:
        if answer.type is None:
            return {"description": answer.description}
        content = _json(self._sent.of(describe_result(answer.type)))["content"]
        return {"description": answer.description, "content": {**content, **_others(transfer)}}


def _is_described(route: Route) -> bool:
    # What a mounted application answers is for its own document to say.
    return not isinstance(route.handler, Mount)


def on_host(routes: Sequence[Route], host: str) -> list[Route]:
    """Return the routes that answer on a host, those of the host before those of every host."""
    found = [route for route in routes if route.matches_host(host)]
    answering: dict[tuple[str, str], str] = {}
    for route in sorted(found, key=_by_host):
        for method in route.methods:
            answering.setdefault((route.path, method), route.host.text)
    return [route for route in found if _answers(route, answering)]


def _answers(route: Route, answering: Mapping[tuple[str, str], str]) -> bool:
    return any(answering[route.path, method] == route.host.text for method in route.methods)


def _by_host(route: Route) -> tuple[bool, bool, str]:
    """Sort hosts as they are tried: those without parameters first, what answers on every host last."""
    return not route.host.text, "{" in route.host.text, route.host.text


def _where(route: Route) -> str:
    return f"{route.name!r} ({route.host.text}{route.path})"


def _servers(route: Route) -> list[dict[str, Any]]:
    """Return the address of a route that answers on some hosts only; nothing for others."""
    if not route.host.text:
        return []
    names = [name for name in route.kinds if name not in route.parameters]
    variables = {name: {"default": name} for name in names}
    host = _PARAMETER.sub(r"{\1}", route.host.text)
    return [{"url": f"//{host}", **_filled(variables=variables)}]


def _documented(route: Route) -> list[str]:
    """Return the methods of a route that the document has."""
    methods = [method for method in route.methods if method not in LEFT_OUT]
    return [method for method in methods if not notes_for(route, method).is_hidden]


def _may_be_empty(node: Node, *, is_required: bool) -> bool:
    """Return whether an empty text stands for nothing in what is sent as text."""
    may_be_left_out = not is_required or isinstance(node, NullableNode)
    return may_be_left_out and not is_list(node) and not takes_empty_text(node)


def _filled(**fields: object) -> dict[str, Any]:
    """Return the fields that say something."""
    return {key: value for key, value in fields.items() if value}


def _with_default(schema: Schema, default: Any) -> Schema:
    if default is MISSING or default is None:
        return schema
    return {**schema, "default": dump(default)}


def _json(schema: Schema) -> dict[str, Any]:
    return _content(schema, ("application/json",))


def _content(schema: Schema, types: Iterable[str]) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema} for media_type in types}}


def _others(transfer: Transfer) -> dict[str, Any]:
    """Return the answers of other types than JSON, which are texts."""
    return {media_type: {"schema": {"type": "string"}} for media_type in transfer.answer_types}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _problem(description: str, *, names_fields: bool = False) -> dict[str, Any]:
    name = "FormProblem" if names_fields else "Problem"
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _path_parameter(name: str, kind: str) -> dict[str, Any]:
    schema = dict(_OF_CONVERTER.get(kind, {"type": "string"}))
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _narrowed(parameter: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a parameter of the path with what its converter demands beside its type."""
    demanded, schema = _OF_CONVERTER.get(kind, {}), parameter["schema"]
    is_same = demanded.get("type") == schema.get("type")
    return {**parameter, "schema": {**demanded, **schema}} if is_same else parameter


def _words(handler: object, notes: OperationNotes) -> tuple[str, str]:
    """Return the summary and the description of a handler."""
    has_words = inspect.isroutine(handler) or inspect.isclass(handler)
    text = inspect.getdoc(handler) if has_words else ""
    first, _, rest = (text or "").partition("\n")
    # What an argument means stands at the argument.
    rest = re.split(r"^(?:Args|Returns|Raises):$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return notes.summary or first.strip(), notes.description or rest.strip()


def _tags(path: str) -> list[str]:
    words = [part for part in path.split("/") if part and "{" not in part]
    meaningful = [word for word in words if word != "api" and not re.fullmatch(r"v\d+", word)]
    return meaningful[:1]
