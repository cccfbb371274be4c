"""Assertions say what was expected and what there was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openviper import testing
from openviper.testing import TestResponse


def response(
    value: Any = None, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> TestResponse:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return TestResponse(status, list(headers), body, "http://testserver/x")


ERRORS = {
    "errors": [{"field": "title", "code": "blank"}, {"loc": ["body", "price"], "type": "number"}]
}
SENT = response(None, 302, ((b"location", b"/there"), (b"set-cookie", b"a=1; path=/")))


@pytest.mark.parametrize(
    "check",
    [
        lambda: testing.assert_status(response(), 200),
        lambda: testing.assert_header(SENT, "Location", "/there"),
        lambda: testing.assert_cookie(SENT, "a"),
        lambda: testing.assert_redirects(SENT, "/there"),
        lambda: testing.assert_response_json(response({"a": [1]}), {"a": [1]}),
        lambda: testing.assert_json_contains(response({"a": 1, "b": 2}), {"b": 2}),
        lambda: testing.assert_json_path(response({"a": [{"b": 3}]}), "a.0.b", 3),
        lambda: testing.assert_json_path({"a": [1, 2]}, "a.-1", 2),
        lambda: testing.assert_validation_error(response(ERRORS, 422), "title"),
        lambda: testing.assert_validation_error(response(ERRORS, 422), "price"),
        lambda: testing.assert_field_error(response({"errors": {"name": ["x"]}}, 400), "name"),
        lambda: testing.assert_error_code(response(ERRORS, 422), "blank"),
        lambda: testing.assert_error_code(response(ERRORS, 422), "number"),
        lambda: testing.assert_field_value(SENT, "status_code", 302),
    ],
)  # fmt: skip
def test_what_holds_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: testing.assert_status(response({"why": "no"}, 403), 200), 'answered 403, not 200:\n{"why": "no"}'),
        (lambda: testing.assert_header(SENT, "etag"), "there is no header 'etag'; there are: location, set-cookie"),
        (lambda: testing.assert_header(SENT, "location", "/x"), "is '/there', not '/x'"),
        (lambda: testing.assert_cookie(SENT, "b"), "no cookie 'b' is set; set: a"),
        (lambda: testing.assert_redirects(response()), "answered 200, which is no redirect"),
        (lambda: testing.assert_redirects(SENT, "/"), "sends to '/there', not to '/'"),
        (lambda: testing.assert_response_json(response({"a": 1}), {"a": 2}), '-  "a": 2\n+  "a": 1'),
        (lambda: testing.assert_response_json(response(b"<p>"), {}), "answered 200 without JSON:\n<p>"),
        (lambda: testing.assert_json_contains(response([1]), {"a": 1}), "is [1], not an object"),
        (lambda: testing.assert_json_contains(response({"b": 1}), {"a": 1}), '-  "a": 1'),
        (lambda: testing.assert_json_path({"a": {"b": 1}}, "a.c", 1), "'a' has no 'c'; it has: b"),
        (lambda: testing.assert_json_path({"a": [1]}, "a.3", 1), "'a' has 1 entries and no '3'"),
        (lambda: testing.assert_json_path({"a": [1]}, "a.-2", 1), "'a' has 1 entries and no '-2'"),
        (lambda: testing.assert_json_path({"a": 1}, "a.b", 1), "'a' is 1 and has no 'b'"),
        (lambda: testing.assert_validation_error(response(ERRORS), "title"), "which refuses nothing"),
        (lambda: testing.assert_validation_error(response(ERRORS, 422), "x"), "no error names the field 'x'"),
        (lambda: testing.assert_error_code(response(ERRORS, 422), "title"), "has the code 'title'"),
        (lambda: testing.assert_field_value(SENT, "status_code", 1), "is 302, not 1"),
        (lambda: testing.assert_field_value(SENT, "statuscode", 1), "has no 'statuscode'"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_shown(check: Callable[[], None], said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check()
    assert said in str(caught.value)


def test_a_long_body_is_cut() -> None:
    with pytest.raises(AssertionError) as caught:
        testing.assert_status(response(b"x" * 10_000, 500), 200)
    assert len(str(caught.value)) < 2200 and "(10000 characters)" in str(caught.value)


def test_a_file_that_is_missing_is_said_with_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").touch()
    testing.assert_storage_path(tmp_path, "a/b.txt")
    with pytest.raises(AssertionError, match=r"no file 'c'; there are: a/b\.txt"):
        testing.assert_storage_path(tmp_path, "c")
