"""The document of the API in tests: what it says of paths, bodies and answers."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from openviper.api.routes import document_of
from openviper.app import OpenViper

SHOWN = 2000
"""Most characters of a schema in a message."""
JSON = "application/json"
Document = Mapping[str, Any]


def openapi_document(app: OpenViper) -> dict[str, Any]:
    """Return the document of an application that has started, as the setting `OPENAPI` has it.

    Raises:
        ImproperlyConfigured: If the setting is wrong, or two routes would be one operation.
    """
    return document_of(app.router.routes, app.title)


def assert_openapi_path(schema: Document, path: str) -> None:
    """Check that the document has a path, written as there: ``/posts/{post_id}``.

    Raises:
        AssertionError: If not; it names those that are like it, or all.
    """
    _path_item(schema, path)


def assert_openapi_operation(schema: Document, path: str, method: str) -> None:
    """Check that a path of the document has a method.

    Raises:
        AssertionError: If not; it names those it has.
    """
    _operation(schema, path, method)


def assert_request_schema(
    schema: Document,
    path: str,
    method: str,
    expected: Mapping[str, Any] | None = None,
    *,
    content_type: str = JSON,
) -> None:
    """Check that an operation describes the body of its requests.

    Args:
        schema: The document.
        path: The path, as in the document.
        method: The method.
        expected: What the schema of the body holds, besides other things; references are followed, and the order of lists does
            not count.
        content_type: The kind of body.

    Raises:
        AssertionError: If it describes none, or another one.
    """
    found = _operation(schema, path, method).get("requestBody")
    if found is None:
        raise AssertionError(f"{method.upper()} {path} describes no body of requests")
    _check(schema, found, expected, content_type, f"the body of {method.upper()} {path}")


def assert_response_schema(
    schema: Document,
    path: str,
    method: str,
    status: int = 200,
    expected: Mapping[str, Any] | None = None,
    *,
    content_type: str = JSON,
) -> None:
    """Check that an operation describes an answer.

    Args:
        schema: The document.
        path: The path, as in the document.
        method: The method.
        status: The status of the answer.
        expected: What the schema of the answer holds; see `assert_request_schema`.
        content_type: The kind of answer.

    Raises:
        AssertionError: If it describes none of this status, or another one.
    """
    answers = _operation(schema, path, method).get("responses", {})
    found = answers.get(str(status))
    if found is None:
        present = ", ".join(sorted(answers)) or "none"
        raise AssertionError(
            f"{method.upper()} {path} describes no answer with status {status}; it has: {present}"
        )
    what = f"the answer {status} of {method.upper()} {path}"
    _check(schema, _resolved(schema, found), expected, content_type, what)


def _path_item(schema: Document, path: str) -> Document:
    paths: Document = schema.get("paths", {})
    if path not in paths:
        like = difflib.get_close_matches(path, paths) or sorted(paths)
        raise AssertionError(
            f"the document has no path {path!r}; it has: {', '.join(like) or 'none'}"
        )
    found: Document = paths[path]
    return found


def _operation(schema: Document, path: str, method: str) -> Document:
    item = _path_item(schema, path)
    found: Document | None = item.get(method.lower())
    if found is None:
        present = ", ".join(
            name.upper() for name in sorted(item) if isinstance(item[name], Mapping)
        )
        raise AssertionError(f"{path} has no method {method.upper()}; it has: {present or 'none'}")
    return found


def _check(
    schema: Document,
    described: Document,
    expected: Mapping[str, Any] | None,
    content_type: str,
    what: str,
) -> None:
    content: Document = described.get("content", {})
    if content_type not in content:
        present = ", ".join(sorted(content)) or "no content"
        raise AssertionError(f"{what} is not {content_type!r} but {present}")
    found = content[content_type].get("schema", {})
    if expected is not None and not _holds(schema, found, expected):
        shown = json.dumps(_resolved(schema, found), indent=2, default=str)[:SHOWN]
        raise AssertionError(
            f"the schema of {what} does not hold {json.dumps(expected, default=str)}; it is:\n{shown}"
        )


def _resolved(schema: Document, found: Any) -> Any:
    """Return what a reference within the document leads to; anything else as it is."""
    while isinstance(found, Mapping) and isinstance(found.get("$ref"), str):
        target: Any = schema
        for part in found["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        found = target
    return found


def _holds(schema: Document, found: Any, expected: Any) -> bool:
    """Return whether a part of the document is, or holds, what is expected of it."""
    if isinstance(expected, Mapping):
        return _holds_map(
            schema, found if "$ref" in expected else _resolved(schema, found), expected
        )
    if _is_list(expected) and _is_list(found) and len(expected) == len(found):
        return all(any(_holds(schema, had, one) for had in found) for one in expected)
    return bool(found == expected)


def _holds_map(schema: Document, found: Any, expected: Mapping[str, Any]) -> bool:
    return isinstance(found, Mapping) and all(
        name in found and _holds(schema, found[name], value) for name, value in expected.items()
    )


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
