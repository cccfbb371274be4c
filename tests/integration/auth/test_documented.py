"""What account pages and the views for programs answer is what the document of the API says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openviper import Router
from openviper.auth import all_auth_routes, issue_tokens
from tests.integration.auth.visitors import JSON, Visitor, user, visited
from tests.integration.auth.web import PASSWORD

NO_JSON = b"{"


class Documented(Visitor):
    """Somebody who compares each answer with the document."""

    document: dict[str, Any]

    def check(self, method: str, path: str, answer: Any) -> None:
        """Compare an answer."""
        told = self.document["paths"][path][method.lower()]["responses"]
        status = str(answer.status_code)
        assert status in told, (method, path, answer.text)
        content = told[status].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            return
        assert kind in content, (method, path, status, kind)
        if kind.endswith("json"):
            schema = {**content[kind]["schema"], "components": self.document["components"]}
            assert Draft202012Validator(schema).is_valid(answer.json()), answer.text


def bodies_of(told: dict[str, Any]) -> list[bytes]:
    """Return bodies for an operation: nothing, no JSON, another type, and one that fits."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    fitting = dict.fromkeys((content or {}).get("schema", {}).get("properties", {}), "123456")
    return [b"", NO_JSON, b"[]", b"{}", json.dumps(fitting).encode()]


@pytest.mark.parametrize("is_member", [False, True])
async def test_every_answer_of_account_pages_is_in_the_document(
    tmp_path: Path, is_member: bool
) -> None:
    async with visited(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=1000) as app:
        visitor = Documented(app)
        visitor.document = app.get_openapi_schema()
        if is_member:
            await visitor.log_in()
        paths = {
            path: item
            for path, item in visitor.document["paths"].items()
            # The last page ends what the others are about.
            if path.startswith("/accounts") and path not in ("/accounts/delete", "/accounts/logout")
        }
        token = await visitor.token()
        for path, item in paths.items():
            address = path.replace("{token}", "no-token")
            visitor.check("GET", path, await visitor.get(address, headers=JSON))
            if not is_member:
                # Who asks for a page gets one, or is led to another.
                page = await visitor.page(address)
                assert str(page.status_code) in item["get"]["responses"] or page.history
            for body in bodies_of(item["post"]) if "post" in item else ():
                headers = {**JSON, "content-type": "application/json", "x-csrftoken": token}
                answer = await visitor.post(address, content=body, headers=headers)
                visitor.check("POST", path, answer)


async def test_every_answer_of_the_views_for_programs_is_in_the_document(tmp_path: Path) -> None:
    async with visited(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=1) as app:
        router = Router("/api")
        for path, handler, methods in all_auth_routes:
            router.add(path, handler, methods)
        app.include_router(router)
        visitor = Documented(app)
        visitor.document = app.get_openapi_schema()
        headers = {"x-csrftoken": await visitor.token(), "content-type": "application/json"}
        pair = issue_tokens(await user())
        known = json.dumps({"username": "ann", "password": PASSWORD, "refresh": pair.refresh})
        seen = set()
        for path, _, methods in all_auth_routes:
            for body in (b"", NO_JSON, b"{}", known.encode()):
                address = f"/api{path}"
                answer = await visitor.request(methods[0], address, content=body, headers=headers)
                visitor.check(methods[0], address, answer)
                seen.add(answer.status_code)
        assert {200, 400, 401} <= seen
        wrong = json.dumps({"username": "ann", "password": "wrong"}).encode()
        stranger = Documented(app)
        stranger.document = visitor.document
        for _ in range(3):
            answer = await stranger.post("/api/jwt/login", content=wrong)
            stranger.check("POST", "/api/jwt/login", answer)
        assert answer.status_code == 429
