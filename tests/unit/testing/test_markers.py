"""The markers of the pytest plug-in, and the numbers and cookies that tests give."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.testing import assert_queries
from openviper.testing.cookies import Cookies
from openviper.testing.fixtures import check_marker


@pytest.mark.parametrize(
    ("mark", "fixtures", "message"),
    [
        (pytest.mark.db("truncate"), ["db"], "nothing else, not 'truncate'"),
        (pytest.mark.db(isolatoin="truncate"), ["db"], "not isolatoin='truncate'"),
        (pytest.mark.db(isolation="trunc"), ["db"], "is 'trunc', not one of"),
        (pytest.mark.transactional_db(isolation="recreate"), [], "takes no arguments"),
        (
            pytest.mark.db(isolation="transaction"),
            ["db", "transactional_db"],
            "the fixture transactional_db 'truncate'",
        ),
        (
            pytest.mark.db(isolation="truncate"),
            ["isolated_db"],
            "the fixture isolated_db 'recreate'",
        ),
    ],
)
def test_a_marker_that_would_be_ignored_is_an_error(
    mark: pytest.MarkDecorator, fixtures: list[str], message: str
) -> None:
    with pytest.raises(pytest.UsageError, match=message):
        check_marker(mark.mark, fixtures)


@pytest.mark.parametrize("isolation", ["truncate", None])
def test_a_marker_may_say_what_the_fixtures_say(isolation: str | None) -> None:
    check_marker(pytest.mark.db(isolation=isolation).mark, ["db", "client", "live_server"])
    check_marker(pytest.mark.transactional_db.mark, ["transactional_db", "isolated_db"])


@pytest.mark.parametrize("number", ["2", True, 1.0])
def test_a_number_of_statements_is_a_whole_number(number: Any) -> None:
    with pytest.raises(TypeError, match="not a whole number"), assert_queries(number):
        pass
    with pytest.raises(ValueError, match="is -1"), assert_queries(at_most=-1):
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [("a;b", "c"), ("a", "b; admin=1"), ("a", "b\r\nX: y"), ("", "x"), ("a=b", "c")],
)
def test_a_cookie_that_would_arrive_as_another_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        Cookies({name: value})
