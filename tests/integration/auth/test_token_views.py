"""The ready views for programs: log in, refresh, log out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper import Router
from openviper.auth import (
    AuthHookContext,
    AuthHookReject,
    LoginCredentials,
    all_auth_routes,
    auth_hooks,
    find_events,
    issue_tokens,
    jwt_routes,
)
from openviper.auth.models import AuthToken, User
from openviper.core.context import ignore_permissions
from openviper.exceptions import AuthenticationFailed
from openviper.testing import OpenViperTestClient
from tests.integration.auth.test_tokens import ann, tokens
from tests.integration.auth.web import PASSWORD


@asynccontextmanager
async def served(directory: Path, **values: Any) -> AsyncIterator[OpenViperTestClient]:
    """Serve the views below ``/api``."""
    router = Router("/api")
    for path, handler, methods in jwt_routes:
        router.add(path, handler, methods)
    async with tokens(directory, **values) as app:
        app.include_router(router)
        yield OpenViperTestClient(app)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def name(client: OpenViperTestClient, access: str) -> str:
    """Return whom the application takes a token for."""
    return str((await client.get("/whoami", headers=bearer(access))).json()["user"])


async def log_in(client: OpenViperTestClient, **changes: Any) -> Any:
    given = {"username": "ann", "password": PASSWORD, **changes}
    return await client.post("/api/jwt/login", json=given)


async def test_a_login_gives_a_pair_that_nobody_between_keeps(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = await log_in(client, username="  ann ")
        assert (answer.status_code, set(answer.json())) == (200, {"access", "refresh"})
        assert answer.headers["cache-control"] == "no-store"
        assert await name(client, answer.json()["access"]) == "ann"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"password": f" {PASSWORD}"},
        {"password": ""},
        {"password": None},
        {"password": ["x"]},
        {"password": "x" * 513},
        {"username": "bob"},
        {"username": "  "},
        {"username": 5},
        {"username": "x" * 513},
    ],
    ids=lambda changes: str(changes)[:40],
)
async def test_what_is_no_login_is_a_401(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with served(tmp_path) as client:
        answer = await log_in(client, **changes)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid credentials.")


@pytest.mark.parametrize("path", [path for path, _, _ in jwt_routes])
async def test_bodies_of_another_shape_are_errors_of_the_client(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as client:
        for body in (b"[]", b'"x"', b"7", b"null", b"{}", b'{"refresh":null,"username":"ann"}'):
            assert (await client.post(f"/api{path}", content=body)).status_code == 401
        assert (await client.post(f"/api{path}", content=b"{")).status_code == 400
        assert (await client.get(f"/api{path}")).status_code == 405


async def test_logins_that_fail_have_to_wait(tmp_path: Path) -> None:
    async with served(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=1) as client:
        codes = [(await log_in(client, password="wrong")).status_code for _ in range(3)]
        assert codes[0] == 401 and codes[-1] == 429


async def test_a_refresh_token_is_good_for_one_pair(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        first = issue_tokens(await ann())
        answer = await client.post("/api/jwt/refresh", json={"refresh": first.refresh})
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
        second = answer.json()
        assert await name(client, second["access"]) == "ann"
        for wrong in (first.access, first.refresh, "x", second["refresh"]):
            refused = await client.post("/api/jwt/refresh", json={"refresh": wrong})
            assert refused.status_code == 401
        assert await name(client, second["access"]) == ""


async def test_a_user_who_is_switched_off_gets_no_next_pair(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        user = await ann()
        pair = issue_tokens(user)
        with ignore_permissions():
            await User.objects.filter(pk=user.pk).update(is_active=False)
        answer = await client.post("/api/jwt/refresh", json={"refresh": pair.refresh})
        assert answer.status_code == 401


@pytest.mark.parametrize("by", ["header", "body", "both"])
async def test_a_logout_ends_the_login_and_no_other(tmp_path: Path, by: str) -> None:
    async with served(tmp_path) as client:
        user = await ann()
        pair, other = issue_tokens(user), issue_tokens(user)
        headers = {} if by == "body" else bearer(pair.access)
        body: dict[str, Any] = {} if by == "header" else {"json": {"refresh": pair.refresh}}
        done = await client.post("/api/jwt/logout", headers=headers, **body)
        assert (done.status_code, done.json()) == (200, {"detail": "Logged out."})
        refused = await client.post("/api/jwt/refresh", json={"refresh": pair.refresh})
        assert refused.status_code == 401
        assert [await name(client, each.access) for each in (pair, other)] == ["", "ann"]


async def test_a_logout_with_two_logins_ends_both(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        user = await ann()
        one, two = issue_tokens(user), issue_tokens(user)
        body = {"refresh": two.refresh}
        await client.post("/api/jwt/logout", headers=bearer(one.access), json=body)
        assert [await name(client, each.access) for each in (one, two)] == ["", ""]


async def test_a_logout_with_a_token_that_is_not_ours_ends_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        pair = issue_tokens(await ann())
        for wrong in (pair.access, f"{pair.refresh}A", ""):
            body = {"refresh": wrong}
            for headers in ({}, bearer(pair.access)):
                answer = await client.post("/api/jwt/logout", headers=headers, json=body)
                assert answer.status_code == 401
        assert (await client.post("/api/jwt/logout", content=b"")).status_code == 401
        assert await name(client, pair.access) == "ann"


def test_credentials_do_not_show_the_password() -> None:
    given = LoginCredentials.from_request_body({"username": " ann ", "password": " s3cret "})
    assert given == ("ann", " s3cret ")
    assert "s3cret" not in repr(given) and "s3cret" not in f"{given}"
    with pytest.raises(AuthenticationFailed):
        LoginCredentials.from_request_body({"username": "ann"})


@asynccontextmanager
async def all_views(directory: Path, **values: Any) -> AsyncIterator[OpenViperTestClient]:
    """Serve every view below ``/api``."""
    router = Router("/api")
    for path, handler, methods in all_auth_routes:
        router.add(path, handler, methods)
    async with tokens(directory, **values) as app:
        app.include_router(router)
        yield OpenViperTestClient(app)


async def test_a_token_login_is_good_until_its_logout(tmp_path: Path) -> None:
    async with all_views(tmp_path) as client:
        given = {"username": "ann", "password": PASSWORD}
        answer = await client.post("/api/token/login", json=given)
        assert answer.status_code == 200 and set(answer.json()) == {"token"}
        assert answer.headers["cache-control"] == "no-store"
        headers = {"authorization": f"Token {answer.json()['token']}"}
        assert (await client.get("/api/me", headers=headers)).json()["username"] == "ann"
        assert (await client.post("/api/token/logout", headers=headers)).json() == {
            "detail": "Logged out."
        }
        assert (await client.get("/api/me", headers=headers)).status_code == 401
        assert (await client.post("/api/token/logout", headers=headers)).status_code == 401
        assert (await client.post("/api/token/logout")).status_code == 401


@pytest.mark.parametrize("kind", ["token", "session", "jwt"])
async def test_wrong_credentials_are_a_401_everywhere(tmp_path: Path, kind: str) -> None:
    async with all_views(tmp_path) as client:
        for body in (
            {"username": "ann", "password": "wrong one"},
            {"username": "nobody", "password": PASSWORD},
            {"username": "ann"},
            ["ann", PASSWORD],
        ):
            answer = await client.post(f"/api/{kind}/login", json=body)
            assert answer.status_code == 401 and "set-cookie" not in answer.headers


async def test_a_session_login_sets_a_cookie_and_its_logout_needs_a_token_of_ours(
    tmp_path: Path,
) -> None:
    async with all_views(tmp_path) as client:
        given = {"username": "ann", "password": PASSWORD, "remember": True}
        answer = await client.post("/api/session/login", json=given)
        assert answer.json() == {"detail": "Logged in."}
        assert "Max-Age" in answer.headers["set-cookie"]
        assert (await client.get("/api/me")).json() == {
            "id": 1,
            "username": "ann",
            "email": "ann@example.org",
            "first_name": None,
            "last_name": None,
            "is_active": True,
            "is_staff": False,
            "is_superuser": False,
        }
        assert (await client.post("/api/session/logout")).status_code == 403
        page = await client.get("/form")
        token = page.text.partition('value="')[2].partition('"')[0]
        headers = {"x-csrftoken": token}
        assert (await client.post("/api/session/logout", headers=headers)).status_code == 200
        assert (await client.get("/api/me")).status_code == 401


async def test_me_tells_nobody_anything_and_says_why(tmp_path: Path) -> None:
    async with all_views(tmp_path) as client:
        answer = await client.get("/api/me")
        assert answer.status_code == 401 and "www-authenticate" in answer.headers
        assert (await client.get("/api/me", headers=bearer("nonsense"))).status_code == 401


async def test_logins_by_token_are_recorded_and_run_the_hooks_once(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    auth_hooks.before_login(lambda context: seen.append(("before", context.auth_backend)))
    auth_hooks.on_login(lambda context: seen.append(("in", context.auth_backend)))
    auth_hooks.on_logout(lambda context: seen.append(("out", context.auth_backend)))
    try:
        async with all_views(tmp_path) as client:
            given = {"username": "ann", "password": PASSWORD}
            token = (await client.post("/api/token/login", json=given)).json()["token"]
            await client.post("/api/token/logout", headers={"authorization": f"Token {token}"})
            access = (await client.post("/api/jwt/login", json=given)).json()["access"]
            await client.post("/api/jwt/logout", headers=bearer(access))
            await client.post("/api/session/login", json=given)
            found = [
                (event.event, event.username, event.details["by"])
                for event in reversed(await find_events(events=("login", "logout")))
            ]
    finally:
        auth_hooks.clear()
    ways = ("token", "token", "jwt", "jwt", "session")
    assert found == [
        ("login" if place % 2 == 0 else "logout", "ann", way) for place, way in enumerate(ways)
    ]
    assert seen == [
        ("before", "token"),
        ("in", "token"),
        ("out", "token"),
        ("before", "jwt"),
        ("in", "jwt"),
        ("out", "jwt"),
        ("before", "session"),
        ("in", "session"),
    ]


async def test_a_hook_refuses_every_way_to_log_in(tmp_path: Path) -> None:
    @auth_hooks.before_login
    def refuse(context: AuthHookContext) -> None:
        raise AuthHookReject

    try:
        async with all_views(tmp_path) as client:
            given = {"username": "ann", "password": PASSWORD}
            for kind in ("token", "session", "jwt"):
                assert (await client.post(f"/api/{kind}/login", json=given)).status_code == 401
            with ignore_permissions():
                assert not await AuthToken.objects.all().exists()
    finally:
        auth_hooks.clear()
