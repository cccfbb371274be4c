"""What the document of an API says of the views and pages that come with the framework."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openviper.api import Info, build_document
from openviper.auth import account_routes, all_auth_routes
from openviper.auth.flows.routes import PAGES
from openviper.auth.views import LOGGED_OUT
from openviper.routing import Router
from openviper.tasks import pages


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    router = Router("/api")
    for path, handler, methods in all_auth_routes:
        router.add(path, handler, methods)
    router.include_router(account_routes(), "/accounts")
    router.include_router(pages.router, "/tasks")
    return build_document(router.routes, Info())


def validator(document: dict[str, Any], schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_every_view_says_what_it_answers_and_each_that_reads_what(document: dict[str, Any]) -> None:
    without = {"/api/token/logout", "/api/session/logout"}
    for path, item in document["paths"].items():
        for method, told in item.items():
            assert told["responses"]["200"]["content"]["application/json"], path
            assert ("requestBody" in told) == (method == "post" and path not in without), path
            assert told["summary"], path


def test_what_is_sent_to_log_in_fits_and_other_things_do_not(document: dict[str, Any]) -> None:
    login = document["paths"]["/api/jwt/login"]["post"]
    body = login["requestBody"]
    fits = validator(document, body["content"]["application/json"]["schema"]).is_valid
    assert body["required"] and fits({"username": "ann", "password": "x", "code": "123"})
    wrongs: list[Any] = [{}, [], {"username": "ann"}, {"username": "", "password": "x"}]
    for wrong in wrongs:
        assert not fits(wrong)
    assert set(login["responses"]) == {"200", "400", "401", "403", "413", "429", "503", "default"}
    logout = document["paths"]["/api/jwt/logout"]["post"]
    assert logout["requestBody"]["required"] is False
    answer = logout["responses"]["200"]["content"]["application/json"]["schema"]
    assert validator(document, answer).is_valid(LOGGED_OUT)


def test_account_pages_are_documented_as_programs_use_them(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert {path for path in paths if path.startswith("/api/accounts")} == {
        f"/api/accounts{path}".rstrip("/") for path, _ in PAGES.values()
    }
    login = paths["/api/accounts/login"]["post"]
    content = login["requestBody"]["content"]
    assert list(content) == [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ]
    schema = content["application/json"]["schema"]
    assert list(schema["properties"]) == ["username", "password", "remember"]
    assert schema["required"] == ["username", "password"]
    assert schema["properties"]["remember"]["type"] == "boolean"
    problem = login["responses"]["422"]["content"]["application/problem+json"]["schema"]
    refusal = {"title": "x", "status": 422, "errors": {"username": "This is needed."}}
    assert validator(document, problem).is_valid(refusal)
    assert "410" in paths["/api/accounts/password/reset/{token}"]["get"]["responses"]
    assert "404" in paths["/api/accounts/sessions"]["post"]["responses"]


def test_pages_for_people_are_left_out(document: dict[str, Any]) -> None:
    assert not [path for path in document["paths"] if path.startswith("/api/tasks")]
