"""The exception tree."""

from __future__ import annotations

import copy
import pickle

import pytest

from openviper import exceptions
from openviper.db import exceptions as db_exceptions
from openviper.exceptions import HTTPException, OpenViperException

SAMPLES: list[OpenViperException] = [
    exceptions.SettingsValidationError(["a is wrong", "b too"]),
    exceptions.HTTPException(418, None, {"X-Tea": "no"}),
    exceptions.NotFound(),
    exceptions.MethodNotAllowed(["GET", "POST"]),
    exceptions.ValidationError({"name": ["too long"]}),
    exceptions.TooManyRequests(30),
    exceptions.TokenExpired(),
    exceptions.TableNotFound("Post", "blog_post"),
    exceptions.ModelNotFoundError("m", ["a"]),
    exceptions.ModelCollisionError("m", "a", "b"),
    db_exceptions.DatabaseAliasNotFoundError("x", ["default"]),
    db_exceptions.OperationalError("busy", retryable=True),
    db_exceptions.PoolTimeoutError("default", 3.0),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy_with_its_attributes(error: OpenViperException) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.__dict__ == error.__dict__


def test_an_http_error_takes_the_phrase_of_its_status() -> None:
    assert HTTPException(404).detail == "Not Found"
    assert HTTPException(599).detail == "Error"
    assert str(HTTPException(404, "gone")) == "HTTP 404: gone"
    assert HTTPException(404).headers == {}


def test_none_as_detail_falls_back_to_the_default_text() -> None:
    assert exceptions.PermissionDenied(None).detail == "Permission denied."
    assert exceptions.Unauthorized(None, {"X-A": "b"}).headers == {
        "WWW-Authenticate": "Bearer",
        "X-A": "b",
    }


def test_too_many_requests_tells_when_to_come_back() -> None:
    assert exceptions.TooManyRequests(30).headers == {"Retry-After": "30"}
    assert exceptions.TooManyRequests().headers == {}


def test_a_missing_table_names_the_command_that_creates_it() -> None:
    assert "viperctl.py migrate" in str(exceptions.TableNotFound("Post", "blog_post"))
