"""Who gets which answer where: every role on every kind of route, with every method and every credential.

`ROUTES` says what each role gets; `CREDENTIALS` whom a request with one counts as. Every cell of the product is tried.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from openviper import HTMLResponse, OpenViper, Request, Router, WebSocket
from openviper.auth import (
    AllowAny,
    HasScope,
    IsAdmin,
    IsAuthenticated,
    create_access_token,
    create_api_key,
    create_token,
    issue_tokens,
    login,
    login_required,
    permission_required,
    require_recent_login,
    revoke_api_key,
    revoke_auth_token,
    revoke_login,
    role_required,
    staff_required,
    superuser_required,
)
from openviper.auth.jwt import decode_access_token
from openviper.auth.models import Permission, Role, RolePermission, StoredSession, User
from openviper.core.context import ignore_permissions
from openviper.http.views import View
from openviper.testing import OpenViperTestClient
from openviper.testing import override_openviper_settings as override
from openviper.testing.websockets import WebSocketRefused
from tests.integration.auth.test_tokens import tokens

ROLES = ("nobody", "user", "editor", "staff", "root")
"""An editor has the role ``editor``, which has the permission ``note.publish``; staff and root have a flag each."""

ROUTES = """
#route                      nobody user editor staff root
page  open                     200  200   200   200  200
page  members                  303  200   200   200  200
page  recent                   303  200   200   200  200
json  members                  401  200   200   200  200
json  view                     401  200   200   200  200
json  role                     401  403   200   403  200
json  permission               401  403   200   403  200
json  staff                    401  403   403   200  200
json  superuser                401  403   403   403  200
json  scope                    401  200   200   200  200
closed inside                  401  200   200   200  200
closed excepted                200  200   200   200  200
closed staff                   401  403   403   200  200
mount open                     200  200   200   200  200
mount inside                   401  200   200   200  200
mount staff                    401  403   403   200  200
"""
"""The answers to GET, and to POST and DELETE of whoever sends a form of ours or needs none. A WebSocket is let in where a
GET gets 200. To POST and DELETE a page sends nobody to log in with a 303 too, without ``next``; one whose header is refused is
no browser, and gets a 401."""


class Credential(NamedTuple):
    """What a request brings.

    Attributes:
        counts: Whether it counts as its user, or as nobody.
        is_cookie: Whether a browser sends it by itself, so that POST needs a token of ours.
        has_scope: Whether it is narrowed by scopes, and to which: ``None`` if not.
    """

    counts: bool
    is_cookie: bool = False
    has_scope: bool | None = None

    @property
    def is_refused_header(self) -> bool:
        """Whether it is in a header, and good for nothing."""
        return self != NOTHING and not self.counts and not self.is_cookie


NOTHING = Credential(False, has_scope=False)

CREDENTIALS = {
    "none": NOTHING,
    "session": Credential(True, is_cookie=True),
    "session expired": Credential(False, is_cookie=True),
    "session ended": Credential(False, is_cookie=True),
    "session of a changed password": Credential(False, is_cookie=True),
    "session of an inactive user": Credential(False, is_cookie=True),
    "session of a deleted user": Credential(False, is_cookie=True),
    "jwt": Credential(True),
    "jwt of another audience": Credential(False),
    "jwt expired": Credential(False),
    "jwt revoked": Credential(False),
    "jwt for refreshing": Credential(False),
    "jwt of a changed password": Credential(False),
    "jwt of a deleted user": Credential(False),
    "jwt of an inactive user": Credential(False),
    "token": Credential(True),
    "token expired": Credential(False),
    "token revoked": Credential(False),
    "token of a changed password": Credential(False),
    "token of an inactive user": Credential(False),
    "token of a deleted user": Credential(False),
    "key with the scope": Credential(True, has_scope=True),
    "key without the scope": Credential(True, has_scope=False),
    "key expired": Credential(False),
    "key revoked": Credential(False),
    "key of an inactive user": Credential(False),
    "key of a deleted user": Credential(False),
}
METHODS = ("GET", "POST", "DELETE", "WEBSOCKET")


def expected(role: str, route: str, method: str, credential: Credential) -> int:
    """Return the answer of a cell."""
    lines = [line.rsplit(maxsplit=len(ROLES)) for line in ROUTES.strip().splitlines()[1:]]
    table = {" ".join(name.split()): dict(zip(ROLES, cells, strict=True)) for name, *cells in lines}
    who = role if credential.counts else "nobody"
    answer = int(table[route][who])
    lacks_scope = route == "json scope" and credential.counts and credential.has_scope is False
    needs_session = route == "page recent" and credential.counts and not credential.is_cookie
    if lacks_scope:
        answer = 403
    if needs_session:
        answer = 303  # A token proves nothing about the person before the screen.
    if answer == 303 and credential.is_refused_header:
        answer = 401
    if method == "WEBSOCKET":
        return 101 if answer == 200 else 403
    return answer


def build() -> OpenViper:
    """Return an application with every kind of route."""
    app = OpenViper(debug=False)
    page, json = Router("/page"), Router("/json")
    closed = Router("/closed", permission=IsAuthenticated)
    inner = OpenViper(debug=False, middleware=[])
    inside = Router(permission=IsAuthenticated)

    async def answer(request: Request) -> HTMLResponse:
        return HTMLResponse(f"{request.method} {request.user.username}")

    class AccountView(View):
        permission_classes = (IsAuthenticated,)

        async def get(self, request: Request) -> str:
            return "get"

        async def post(self, request: Request) -> str:
            return "post"

        async def delete(self, request: Request) -> str:
            return "delete"

    methods = ["GET", "POST", "DELETE"]
    page.add("/open", answer, methods)
    page.add("/members", login_required(answer), methods)
    page.add("/recent", require_recent_login(60)(answer), methods)
    json.add("/members", login_required(answer), methods)
    json.add("/view", AccountView.as_view(), methods)
    json.add("/role", role_required("editor")(answer), methods)
    json.add("/permission", permission_required("note.publish")(answer), methods)
    json.add("/staff", staff_required(answer), methods)
    json.add("/superuser", superuser_required(answer), methods)
    json.add("/scope", answer, methods, permission=IsAuthenticated & HasScope("books.read"))
    closed.add("/inside", answer, methods)
    closed.add("/excepted", answer, methods, permission=AllowAny)
    closed.add("/staff", answer, methods, permission=IsAdmin)
    inside.add("/inside", answer, methods)
    inside.add("/staff", answer, methods, permission=IsAdmin)
    inner.router.add("/open", answer, methods)
    add_sockets(page, json, closed, inner.router, inside)
    inner.include_router(inside)
    app.mount("/mount", inner)
    for router in (page, json, closed):
        app.include_router(router)
    return app


def add_sockets(page: Router, json: Router, closed: Router, inner: Router, inside: Router) -> None:
    """Add a WebSocket beside every route, under the same permission."""

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(websocket.user.username))

    page.websocket("/open/socket")(talk)
    closed.websocket("/inside/socket")(talk)
    closed.websocket("/excepted/socket", permission=AllowAny)(talk)
    closed.websocket("/staff/socket", permission=IsAdmin)(talk)
    json.websocket("/scope/socket", permission=IsAuthenticated & HasScope("books.read"))(talk)
    inner.websocket("/open/socket")(talk)
    inside.websocket("/inside/socket")(talk)
    inside.websocket("/staff/socket", permission=IsAdmin)(talk)


SOCKETS = {
    "page open",
    "closed inside",
    "closed excepted",
    "closed staff",
    "json scope",
    "mount open",
    "mount inside",
    "mount staff",
}


async def make_people() -> dict[str, User]:
    """Store a user of each role."""
    role = await Role.objects.create(name="editor")
    permission = await Permission.objects.create(codename="note.publish", name="Publish")
    await RolePermission.objects.create(role=role, permission=permission)
    people = {}
    for name in ROLES[1:]:
        people[name] = await User.objects.create_user(
            name,
            f"{name}@example.org",
            is_staff=name in ("staff", "root"),
            is_superuser=name == "root",
        )
    await people["editor"].assign_role(role)
    return people


class Client(OpenViperTestClient):
    """A client with one credential."""

    csrf = ""

    async def enter(self, user: User) -> None:
        """Log in, as the page of a project does."""
        await self.get("/page/enter", headers={"x-user": user.username})
        await self.renew()

    async def renew(self) -> None:
        """Get a token for forms, as a browser does by showing a page."""
        self.csrf = (await self.get("/page/form")).text


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"authorization": f"{scheme} {token}"}


Maker = Callable[[OpenViper, User], Awaitable[Client]]
MAKERS: dict[str, Maker] = {}


def makes(name: str) -> Callable[[Maker], Maker]:
    """Register what makes a credential."""

    def register(maker: Maker) -> Maker:
        MAKERS[name] = maker
        return maker

    return register


@makes("none")
async def _none(app: OpenViper, _user: User) -> Client:
    return Client(app)


@makes("session")
async def _session(app: OpenViper, user: User) -> Client:
    client = Client(app)
    await client.enter(user)
    return client


@makes("session expired")
async def _session_expired(app: OpenViper, user: User) -> Client:
    client = await _session(app, user)
    rows = StoredSession.objects.filter(user_id=str(user.pk))
    await rows.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await client.renew()
    return client


@makes("session ended")
async def _session_ended(app: OpenViper, user: User) -> Client:
    client = await _session(app, user)
    await StoredSession.objects.filter(user_id=str(user.pk)).delete()
    await client.renew()
    return client


@makes("session of a changed password")
async def _session_password(app: OpenViper, user: User) -> Client:
    client = await _session(app, user)
    user.set_unusable_password()
    await user.save()
    await client.renew()
    return client


@makes("session of an inactive user")
async def _session_inactive(app: OpenViper, user: User) -> Client:
    client = await _session(app, user)
    await User.objects.filter(pk=user.pk).update(is_active=False)
    await client.renew()
    return client


@makes("jwt")
async def _jwt(app: OpenViper, user: User) -> Client:
    return Client(app, headers=bearer(issue_tokens(user).access))


@makes("jwt of another audience")
async def _jwt_audience(app: OpenViper, user: User) -> Client:
    with override(JWT_AUDIENCE="others"):
        return Client(app, headers=bearer(issue_tokens(user).access))


@makes("jwt expired")
async def _jwt_expired(app: OpenViper, user: User) -> Client:
    token = create_access_token(user, expires_delta=timedelta(seconds=-60))
    return Client(app, headers=bearer(token))


@makes("jwt revoked")
async def _jwt_revoked(app: OpenViper, user: User) -> Client:
    pair = issue_tokens(user)
    await revoke_login(decode_access_token(pair.access))
    return Client(app, headers=bearer(pair.access))


@makes("jwt for refreshing")
async def _jwt_refresh(app: OpenViper, user: User) -> Client:
    return Client(app, headers=bearer(issue_tokens(user).refresh))


@makes("jwt of an inactive user")
async def _jwt_inactive(app: OpenViper, user: User) -> Client:
    client = await _jwt(app, user)
    await User.objects.filter(pk=user.pk).update(is_active=False)
    return client


async def _with_another_password(client: Client, user: User) -> Client:
    user.set_unusable_password()
    await user.save()
    return client


async def _without_its_user(client: Client, user: User) -> Client:
    pk = user.pk
    await user.delete()
    # The key is given out again, to somebody with the same rights.
    user.pk = pk
    user.set_unusable_password()
    await user.save()
    await client.renew()
    return client


@makes("session of a deleted user")
async def _session_deleted(app: OpenViper, user: User) -> Client:
    return await _without_its_user(await _session(app, user), user)


@makes("jwt of a changed password")
async def _jwt_password(app: OpenViper, user: User) -> Client:
    return await _with_another_password(await _jwt(app, user), user)


@makes("jwt of a deleted user")
async def _jwt_deleted(app: OpenViper, user: User) -> Client:
    return await _without_its_user(await _jwt(app, user), user)


@makes("token of a changed password")
async def _token_password(app: OpenViper, user: User) -> Client:
    return await _with_another_password(await _token(app, user), user)


@makes("token of a deleted user")
async def _token_deleted(app: OpenViper, user: User) -> Client:
    return await _without_its_user(await _token(app, user), user)


@makes("token of an inactive user")
async def _token_inactive(app: OpenViper, user: User) -> Client:
    client = await _token(app, user)
    await User.objects.filter(pk=user.pk).update(is_active=False)
    return client


@makes("key of a deleted user")
async def _key_deleted(app: OpenViper, user: User) -> Client:
    return await _without_its_user(await _key_with(app, user), user)


@makes("token")
async def _token(app: OpenViper, user: User) -> Client:
    return Client(app, headers=bearer((await create_token(user))[0], "Token"))


@makes("token expired")
async def _token_expired(app: OpenViper, user: User) -> Client:
    raw, _ = await create_token(user, datetime.now(UTC) - timedelta(seconds=1))
    return Client(app, headers=bearer(raw, "Token"))


@makes("token revoked")
async def _token_revoked(app: OpenViper, user: User) -> Client:
    raw, _ = await create_token(user)
    await revoke_auth_token(raw)
    return Client(app, headers=bearer(raw, "Token"))


async def _key(app: OpenViper, user: User, scope: str, **options: Any) -> tuple[Client, str]:
    raw, row = await create_api_key(user, scopes=[scope], **options)
    return Client(app, headers=bearer(raw, "Api-Key")), row.prefix


@makes("key with the scope")
async def _key_with(app: OpenViper, user: User) -> Client:
    return (await _key(app, user, "books.read"))[0]


@makes("key without the scope")
async def _key_without(app: OpenViper, user: User) -> Client:
    return (await _key(app, user, "books.write"))[0]


@makes("key expired")
async def _key_expired(app: OpenViper, user: User) -> Client:
    over = datetime.now(UTC) - timedelta(seconds=1)
    return (await _key(app, user, "books.read", expires_at=over))[0]


@makes("key revoked")
async def _key_revoked(app: OpenViper, user: User) -> Client:
    client, prefix = await _key(app, user, "books.read")
    await revoke_api_key(prefix)
    return client


@makes("key of an inactive user")
async def _key_inactive(app: OpenViper, user: User) -> Client:
    client = await _key_with(app, user)
    await User.objects.filter(pk=user.pk).update(is_active=False)
    return client


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[tuple[OpenViper, dict[str, User]]]:
    """Serve the application, with a page to log in and one user of each role."""
    async with tokens(directory, LOGIN_URL="/log-in", JWT_AUDIENCE="us"):
        app = build()

        @app.get("/page/enter")
        async def enter(request: Request) -> str:
            await login(request, await User.objects.get(username=request.headers["x-user"]))
            return "in"

        @app.get("/page/form")
        async def form(request: Request) -> HTMLResponse:
            return HTMLResponse(str(request.csrf_token))

        with ignore_permissions():
            people = await make_people()
        yield app, people


async def ask(client: Client, route: str, method: str, csrf: str = "") -> int:
    """Return the answer of a route."""
    path = "/" + route.replace(" ", "/")
    if method == "WEBSOCKET":
        try:
            async with client.websocket(f"{path}/socket") as socket:
                await socket.receive_text()
            return 101
        except WebSocketRefused:
            return 403
    accept = "text/html" if route.startswith("page") else "application/json"
    headers = {"accept": accept, **({"x-csrftoken": csrf} if csrf else {})}
    answer = await client.request(method, path, headers=headers, follow_redirects=False)
    if answer.status_code == 401:
        assert "www-authenticate" in answer.headers
    return int(answer.status_code)


def cells() -> list[tuple[str, str]]:
    """Return the routes with the methods that they have."""
    names = [
        " ".join(line.rsplit(maxsplit=len(ROLES))[0].split())
        for line in ROUTES.strip().splitlines()[1:]
    ]
    return [
        (route, method)
        for route in names
        for method in METHODS
        if method != "WEBSOCKET" or route in SOCKETS
    ]


def test_every_credential_is_made_and_every_cell_has_an_answer() -> None:
    assert MAKERS.keys() == CREDENTIALS.keys()
    assert len(cells()) == 16 * 3 + len(SOCKETS)


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_every_role_gets_what_the_table_says(tmp_path: Path, name: str) -> None:
    credential = CREDENTIALS[name]
    wrong: dict[tuple[str, str, str], tuple[int, int]] = {}
    tried = 0
    async with site(tmp_path) as (app, people):
        for role, user in people.items():
            client = await MAKERS[name](app, user)
            for route, method in cells():
                answer = await ask(client, route, method, client.csrf)
                wanted = expected(role, route, method, credential)
                tried += 1
                if answer != wanted:
                    wrong[role, route, method] = (answer, wanted)
    assert wrong == {}
    assert tried == len(people) * len(cells())


@pytest.mark.parametrize("name", [name for name, each in CREDENTIALS.items() if each.is_cookie])
async def test_what_a_browser_sends_by_itself_changes_nothing_without_a_token_of_ours(
    tmp_path: Path, name: str
) -> None:
    async with site(tmp_path) as (app, people):
        for user in people.values():
            client = await MAKERS[name](app, user)
            for route, method in cells():
                if method in ("POST", "DELETE"):
                    assert await ask(client, route, method) == 403
                    assert await ask(client, route, method, "x" * 43) == 403


async def test_a_proof_that_is_old_is_asked_for_again(tmp_path: Path) -> None:
    async with site(tmp_path) as (app, people):
        client = await MAKERS["session"](app, people["root"])
        before = datetime.fromtimestamp(time.time() - 61, UTC)
        await StoredSession.objects.all().update(authenticated_at=before)
        assert await ask(client, "page members", "GET") == 200
        assert await ask(client, "page recent", "GET") == 303
