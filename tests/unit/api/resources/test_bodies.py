"""Merge patches, and the versions and addresses of answers."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.api.resources.bodies import merged
from openviper.api.resources.links import link_header
from openviper.api.resources.versions import check_version, version_of
from openviper.exceptions import HTTPException
from openviper.http.request import Request


@pytest.mark.parametrize(
    ("current", "patch", "wanted"),
    [
        # RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_applied(current: Any, patch: Any, wanted: Any) -> None:
    before = repr(current)
    assert merged(current, patch) == wanted
    assert repr(current) == before


def test_a_patch_may_be_nested_deeper_than_calls_are() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = {"a": deep}
    found, depth = merged({}, deep), 0
    while isinstance(found, dict):
        found, depth = found["a"], depth + 1
    assert depth == 20_000


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "PATCH", "path": "/", "headers": raw})


def test_a_version_is_that_of_the_content() -> None:
    tag = version_of({"a": 1})
    assert tag.startswith('"') and tag == version_of({"a": 1}) != version_of({"a": 2})
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*", f'W/"x",W/{tag}'):
        check_version(request(if_match=header), tag, is_required=True)
    check_version(request(), tag, is_required=False)
    check_version(request(if_none_match='"x"'), tag, is_required=False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 428),
        ({"if_match": '"x"'}, 412),
        ({"if_match": ""}, 412),
        ({"if_match": "x"}, 412),
        ({"if_match": '"x', "if_none_match": "*"}, 412),
        ({"if_match": "*", "if_none_match": "*"}, 412),
    ],
)
def test_another_version_is_refused(headers: dict[str, str], status: int) -> None:
    with pytest.raises(HTTPException) as caught:
        check_version(request(**headers), version_of(1), is_required=True)
    assert caught.value.status_code == status


def test_there_is_no_link_where_there_is_no_page() -> None:
    assert link_header(None, None) == {}
    assert link_header(None, "/a") == {"link": '</a>; rel="prev"'}
