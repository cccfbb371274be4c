"""Keys with scopes, joined with other permissions: every cell of the matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper import OpenViper, Request, Router
from openviper.auth import HasScope, IsAuthenticated, create_api_key, create_token
from openviper.http.permissions import BasePermission
from openviper.testing import OpenViperTestClient
from tests.integration.auth.test_tokens import ann, tokens

READS, ONLY_KEYS = HasScope("books.read"), HasScope("books.read", others=False)
RULES: dict[str, BasePermission] = {
    "reads": READS,
    "keys": ONLY_KEYS,
    "both": IsAuthenticated() & READS & HasScope("books.write"),
    "either": HasScope("books.write") | READS,
    "not": IsAuthenticated() & ~ONLY_KEYS,
}


def app_with(rules: dict[str, BasePermission]) -> OpenViper:
    app = OpenViper(debug=False)
    for name, rule in rules.items():
        router = Router(permission=rule)

        @router.get(f"/{name}")
        async def inside(request: Request) -> str:
            return "in"

        app.include_router(router)
    return app


@pytest.mark.parametrize(
    ("who", "answers"),
    [
        ("nobody", {"reads": 401, "keys": 401, "both": 401, "either": 401, "not": 401}),
        ("token", {"reads": 200, "keys": 403, "both": 200, "either": 200, "not": 200}),
        ("", {"reads": 403, "keys": 403, "both": 403, "either": 403, "not": 200}),
        ("books.read", {"reads": 200, "keys": 200, "both": 403, "either": 200, "not": 403}),
        ("books.write", {"reads": 403, "keys": 403, "both": 403, "either": 200, "not": 200}),
        ("books.read books.write", {"reads": 200, "keys": 200, "both": 200, "either": 200, "not": 403}),
        ("books", {"reads": 403, "keys": 403, "both": 403, "either": 403, "not": 200}),
        ("Books.Read", {"reads": 403, "keys": 403, "both": 403, "either": 403, "not": 200}),
    ],
)  # fmt: skip
async def test_a_key_may_what_its_scopes_say(
    tmp_path: Path, who: str, answers: dict[str, int]
) -> None:
    async with tokens(tmp_path):
        user = await ann()
        headers: dict[str, str] = {}
        if who == "token":
            headers["authorization"] = f"Token {(await create_token(user))[0]}"
        elif who != "nobody":
            headers["authorization"] = (
                f"Api-Key {(await create_api_key(user, scopes=who.split()))[0]}"
            )
        client = OpenViperTestClient(app_with(RULES))
        found = {
            name: (await client.get(f"/{name}", headers=headers)).status_code for name in RULES
        }
        assert found == answers
