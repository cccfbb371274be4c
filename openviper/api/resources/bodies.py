"""The bodies that a resource takes: JSON, and JSON Merge Patch (RFC 7396)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openviper.exceptions import HTTPException
from openviper.http.request import Request

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
WHOLE = (JSON,)
"""The media types of a row, or of several."""
PATCHES = (JSON, MERGE_PATCH)
"""The media types of what changes a row; both mean the same."""


async def read_body(request: Request, types: Sequence[str]) -> Any:
    """Return the body of a request.

    Args:
        request: The request; one that does not say of which type its body is means the first.
        types: The media types that it may have.

    Raises:
        HTTPException: 400 if it is no JSON, 413 if it is too long, 415 if it is of another type.
    """
    header = request.header(b"content-type")
    if header is not None:
        given = header.partition(b";")[0].strip().lower().decode("latin-1")
        if given not in types:
            # RFC 9110, 15.5.16, and for PATCH RFC 5789, 2.2.
            name = "accept-patch" if types is PATCHES else "accept"
            told = f"The body has to be {' or '.join(types)}, not {given!r}."
            raise HTTPException(415, told, {name: ", ".join(types)})
    return await request.json()


def merged(current: Any, patch: Any) -> Any:
    """Return a value with a merge patch applied: what is null is taken away, objects are merged, all else takes its place.

    Args:
        current: The value.
        patch: The patch, however deep it is nested.
    """
    if not isinstance(patch, Mapping):
        return patch
    result: dict[str, Any] = {}
    waiting = [(result, current, patch)]
    while waiting:
        target, before, changes = waiting.pop()
        target.update(before if isinstance(before, Mapping) else {})
        waiting += _merge(target, changes)
    return result


def _merge(
    target: dict[str, Any], changes: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], Any, Mapping[str, Any]]]:
    """Apply the changes of one object, and yield those of the objects within it."""
    for key, value in changes.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping):
            inner: dict[str, Any] = {}
            yield inner, target.get(key), value
            target[key] = inner
        else:
            target[key] = value
