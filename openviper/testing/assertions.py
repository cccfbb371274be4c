"""Assertions about responses and rows, with messages that show what there was."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.core.context import ignore_permissions

if TYPE_CHECKING:
    from openviper.testing.responses import TestResponse

SHOWN = 2000
"""Most characters of a body in a message."""
SHOWN_ROWS = 5
"""Most rows in a message."""
REDIRECTS = (301, 302, 303, 307, 308)


def _body(response: TestResponse) -> str:
    text = response.text
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


# Responses


def assert_status(response: TestResponse, code: int) -> None:
    """Check the status.

    Raises:
        AssertionError: If it is another one; the message shows the body.
    """
    if response.status_code != code:
        raise AssertionError(
            f"{response.url} answered {response.status_code}, not {code}:\n{_body(response)}"
        )


def assert_header(response: TestResponse, name: str, expected: str | None = None) -> None:
    """Check that there is a header, and what it says if `expected` is given.

    Raises:
        AssertionError: If not; the message names the headers.
    """
    found = response.headers.getlist(name)
    if not found:
        present = ", ".join(sorted({key for key, _ in response.headers.items()}))
        raise AssertionError(f"there is no header {name!r}; there are: {present}")
    if expected is not None and expected not in found:
        raise AssertionError(f"header {name!r} is {', '.join(map(repr, found))}, not {expected!r}")


def assert_cookie(response: TestResponse, name: str) -> None:
    """Check that the answer sets a cookie.

    Raises:
        AssertionError: If not; the message names those that it sets.
    """
    if name not in response.cookies:
        present = ", ".join(sorted(response.cookies)) or "none"
        raise AssertionError(f"no cookie {name!r} is set; set: {present}")


def assert_redirects(response: TestResponse, location: str | None = None) -> None:
    """Check that the answer, or the first of those that were followed, sends the client elsewhere.

    Args:
        response: The answer.
        location: Where to.

    Raises:
        AssertionError: If it does not, or somewhere else.
    """
    first = response.history[0] if response.history else response
    if first.status_code not in REDIRECTS:
        raise AssertionError(
            f"{first.url} answered {first.status_code}, which is no redirect:\n{_body(first)}"
        )
    sent_to = first.headers.get("location")
    if location is not None and sent_to != location:
        raise AssertionError(f"{first.url} sends to {sent_to!r}, not to {location!r}")


# JSON


def _json(response: TestResponse) -> Any:
    try:
        return response.json()
    except ValueError:
        raise AssertionError(
            f"{response.url} answered {response.status_code} without JSON:\n{_body(response)}"
        ) from None


def assert_response_json(response: TestResponse, expected: Any) -> None:
    """Check the body, which is JSON.

    Raises:
        AssertionError: If it is another value; the message shows the difference line by line.
    """
    _assert_equal(_json(response), expected)


def _assert_equal(value: Any, expected: Any) -> None:
    if value == expected:
        return
    lines = difflib.unified_diff(
        _lines(expected), _lines(value), "expected", "received", lineterm=""
    )
    raise AssertionError("the JSON differs:\n" + "\n".join(lines))


def _lines(value: Any) -> list[str]:
    return json.dumps(
        value, indent=2, sort_keys=True, ensure_ascii=False, default=repr
    ).splitlines()


def assert_json_contains(response: TestResponse, expected: Mapping[str, Any]) -> None:
    """Check some keys of the body, which is a JSON object.

    Raises:
        AssertionError: If one is missing or has another value; the message shows the difference.
    """
    value = _json(response)
    if not isinstance(value, dict):
        raise AssertionError(f"the JSON is {value!r}, not an object")
    _assert_equal({key: value[key] for key in expected if key in value}, dict(expected))


def assert_json_path(payload: Any, path: str, expected: Any) -> None:
    """Check a value within JSON.

    Args:
        payload: A response, or the value that its body has.
        path: Keys and indexes joined by points: ``items.0.name``.
        expected: The value.

    Raises:
        AssertionError: If there is no such value, or it is another one.
    """
    value = _json(payload) if hasattr(payload, "status_code") else payload
    done: list[str] = []
    for part in path.split("."):
        value = _step(value, part, ".".join(done))
        done.append(part)
    if value != expected:
        raise AssertionError(f"{path!r} is {value!r}, not {expected!r}")


def _step(value: Any, part: str, done: str) -> Any:
    where = repr(done) if done else "the JSON"
    if isinstance(value, Mapping):
        return _of_object(value, part, where)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _of_list(value, part, where)
    raise AssertionError(f"{where} is {value!r} and has no {part!r}")


def _of_object(value: Mapping[str, Any], part: str, where: str) -> Any:
    if part not in value:
        raise AssertionError(f"{where} has no {part!r}; it has: {', '.join(map(str, value))}")
    return value[part]


def _of_list(value: Sequence[Any], part: str, where: str) -> Any:
    is_index = part.lstrip("-").isdecimal() and -len(value) <= int(part) < len(value)
    if not is_index:
        raise AssertionError(f"{where} has {len(value)} entries and no {part!r}")
    return value[int(part)]


def assert_validation_error(response: TestResponse, field: str) -> None:
    """Check that the answer refuses a field: it is a 4xx, whose JSON names the field as a key or as a value of ``field``.

    Raises:
        AssertionError: If not; the message shows the body.
    """
    if not 400 <= response.status_code < 500:
        raise AssertionError(
            f"{response.url} answered {response.status_code}, which refuses nothing:\n{_body(response)}"
        )
    if not _names_field(_json(response), field):
        raise AssertionError(f"no error names the field {field!r}:\n{_body(response)}")


assert_field_error = assert_validation_error
"""The name of `assert_validation_error` for forms."""


def _names_field(value: Any, field: str) -> bool:
    if isinstance(value, dict):
        named = field in value or value.get("field") == field or _ends(value.get("loc"), field)
        return named or any(_names_field(entry, field) for entry in value.values())
    if isinstance(value, list):
        return any(_names_field(entry, field) for entry in value)
    return False


def _ends(path: Any, field: str) -> bool:
    """Return whether a place, given as a list of its parts, is that of a field."""
    return isinstance(path, list) and bool(path) and str(path[-1]) == field


def assert_error_code(response: TestResponse, code: str) -> None:
    """Check that the JSON of an answer has a code, or a type, of an error.

    Raises:
        AssertionError: If not; the message shows the body.
    """
    if not _has_code(_json(response), code):
        raise AssertionError(f"no error has the code {code!r}:\n{_body(response)}")


def _has_code(value: Any, code: str) -> bool:
    if isinstance(value, dict):
        return code in (value.get("code"), value.get("type")) or any(
            _has_code(entry, code) for entry in value.values()
        )
    return isinstance(value, list) and any(_has_code(entry, code) for entry in value)


# Rows


async def assert_model_exists(model: type[Any], **lookups: Any) -> None:
    """Check that there is a row, whatever the current user may read.

    Raises:
        AssertionError: If there is none; the message shows some of the rows that there are.
    """
    manager: Any = model.objects
    with ignore_permissions():
        is_there = await manager.filter(**lookups).exists()
    if not is_there:
        rows = await _some_rows(manager)
        raise AssertionError(f"no {model.__name__} has {_told(lookups)}; there are{rows}")


async def _some_rows(manager: Any) -> str:
    """Return the number of rows and what is in the first of them, for people."""
    with ignore_permissions():
        total = await manager.count()
        rows = await manager.all()[:SHOWN_ROWS].values()
    return f" {total}" + "".join(f"\n  {row}" for row in rows)


async def assert_model_count(model: type[Any], count: int, **lookups: Any) -> None:
    """Check the number of rows, whatever the current user may read.

    Raises:
        AssertionError: If it is another one.
    """
    manager: Any = model.objects
    with ignore_permissions():
        found = await manager.filter(**lookups).count()
    if found != count:
        such = f" with {_told(lookups)}" if lookups else ""
        raise AssertionError(f"there are {found} {model.__name__}{such}, not {count}")


async def assert_queryset_count(queryset: Any, count: int) -> None:
    """Check the number of rows of a queryset, whatever the current user may read.

    Raises:
        AssertionError: If it is another one.
    """
    with ignore_permissions():
        found = await queryset.count()
    if found != count:
        raise AssertionError(f"the queryset has {found} rows, not {count}")


def assert_field_value(instance: object, name: str, expected: Any) -> None:
    """Check an attribute of an instance.

    Raises:
        AssertionError: If it is another one, or there is none.
    """
    try:
        value = getattr(instance, name)
    except AttributeError as error:
        raise AssertionError(f"{instance!r} has no {name!r}: {error}") from error
    if value != expected:
        raise AssertionError(f"{name} of {instance!r} is {value!r}, not {expected!r}")


def _told(lookups: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in lookups.items())


# Files


def assert_storage_path(root: str | Path, path: str) -> None:
    """Check that there is a file below a folder, such as that of `tmp_storage`.

    Raises:
        AssertionError: If not; the message names the files that there are.
    """
    root = Path(root)
    if (root / path).is_file():
        return
    present = sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
    raise AssertionError(f"there is no file {path!r}; there are: {', '.join(present) or 'none'}")
