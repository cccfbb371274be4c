"""What tests ask of the document of an API."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from openviper import OpenViper
from openviper.testing import (
    assert_openapi_operation,
    assert_openapi_path,
    assert_request_schema,
    assert_response_schema,
    openapi_document,
    override_openviper_settings,
)


@dataclasses.dataclass
class Post:
    """What is posted."""

    title: str
    rank: int = 0


@pytest.fixture
def document() -> dict[str, Any]:
    app = OpenViper(title="Desk")

    @app.post("/posts")
    async def add(post: Post) -> Post:
        return post

    @app.get("/posts/{post_id:int}")
    async def show(post_id: int) -> Post:
        return Post(str(post_id))

    with override_openviper_settings():
        return openapi_document(app)


def test_what_the_document_says_passes(document: dict[str, Any]) -> None:
    assert document["info"]["title"] == "Desk"
    assert_openapi_path(document, "/posts")
    assert_openapi_operation(document, "/posts", "POST")
    assert_request_schema(document, "/posts", "post")
    title = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    assert_request_schema(document, "/posts", "post", title)
    assert_response_schema(document, "/posts/{post_id}", "get", 200, {"properties": {"rank": {}}})


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (lambda d: assert_openapi_path(d, "/post"), "no path '/post'; it has: /posts"),
        (lambda d: assert_openapi_path(d, "/x/y/z"), r"it has: /posts, /posts/\{post_id\}"),
        (lambda d: assert_openapi_operation(d, "/posts", "put"), "no method PUT; it has: POST"),
        (
            lambda d: assert_request_schema(d, "/posts/{post_id}", "get"),
            "describes no body of requests",
        ),
        (
            lambda d: assert_request_schema(d, "/posts", "post", {"required": ["rank"]}),
            r'does not hold \{"required": \["rank"\]\}; it is:\n.*"title"',
        ),
        (
            lambda d: assert_request_schema(d, "/posts", "post", {"properties": {"body": {}}}),
            "does not hold",
        ),
        (
            lambda d: assert_request_schema(d, "/posts", "post", content_type="text/csv"),
            "is not 'text/csv' but application/json",
        ),
        (
            lambda d: assert_response_schema(d, "/posts", "post", 418),
            "no answer with status 418; it has: 200",
        ),
    ],
)
def test_what_it_does_not_say_fails_with_what_it_says(
    document: dict[str, Any], check: Any, told: str
) -> None:
    with pytest.raises(AssertionError, match=f"(?s){told}"):
        check(document)


def test_references_and_the_order_of_lists_do_not_matter() -> None:
    document: dict[str, Any] = {
        "components": {
            "schemas": {
                "A": {"$ref": "#/components/schemas/a~1b"},
                "a/b": {"required": ["x", "y"], "anyOf": [{"type": "null"}, {"const": 1}]},
            }
        },
        "paths": {
            "/a": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/A"}}
                        }
                    }
                }
            }
        },
    }
    assert_request_schema(document, "/a", "post", {"required": ["y", "x"]})
    assert_request_schema(document, "/a", "post", {"anyOf": [{"const": 1}, {"type": "null"}]})
    for wrong in ({"required": ["x"]}, {"required": "xy"}, {"anyOf": [{"const": 2}, {"const": 1}]}):
        with pytest.raises(AssertionError, match="does not hold"):
            assert_request_schema(document, "/a", "post", wrong)
