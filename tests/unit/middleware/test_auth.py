"""Who sends a request is found out once, by the ways that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.auth import BaseAuthentication
from openviper.auth.anonymous import AnonymousUser
from openviper.core.context import current_user
from openviper.exceptions import AuthenticationFailed, ImproperlyConfigured
from openviper.http.asgi import FORGERY_PROOF, USER, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.middleware import AuthenticationMiddleware
from openviper.testing import override_openviper_settings as override


class Robot:
    """Somebody with a token."""

    is_authenticated = True
    is_active = True
    username = "robot"


class ByHeader(BaseAuthentication):
    """Knows a header."""

    name = b"x-token"

    def is_offered(self, scope: Scope) -> bool:
        return any(name == self.name for name, _ in scope["headers"])

    async def authenticate(self, request: Connection) -> Any:
        value = request.header(self.name)
        if value == b"wrong":
            raise AuthenticationFailed("The token is not valid.")
        return (Robot(), {"type": self.name.decode()}) if value == b"right" else None


class ByOther(ByHeader):
    """Knows another header."""

    name = b"x-other"


class NoWay:
    """Is no way to tell anything."""


WAYS = (f"{__name__}.ByHeader", f"{__name__}.ByOther")


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Two ways, and nothing around them."""
    with override(
        DEFAULT_AUTHENTICATION_CLASSES=WAYS,
        MIDDLEWARE=("openviper.middleware.auth.AuthenticationMiddleware",),
    ):
        yield


def make_app(**options: Any) -> OpenViper:
    """Return an application that tells who asks."""
    app = OpenViper(debug=False, **options)

    @app.get("/")
    async def who(request: Request) -> dict[str, Any]:
        return {
            "user": request.user.username,
            "current": current_user.get().username,
            "auth": dict(request.auth),
            "proof": request.scope.get(FORGERY_PROOF),
        }

    return app


async def who(**headers: str) -> dict[str, Any]:
    """Return what the application knows."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: dict[str, Any] = (await make_app().test_client().get("/", headers=given)).json()
    return answer


async def test_without_credentials_it_is_nobody() -> None:
    found = await who()
    assert found == {"user": "", "current": "", "auth": {"type": "none"}, "proof": None}


async def test_the_first_way_that_knows_the_credentials_wins() -> None:
    assert (await who(x_token="right", x_other="right"))["auth"] == {"type": "x-token"}
    found = await who(x_other="right")
    assert (found["user"], found["current"], found["proof"]) == ("robot", "robot", True)


async def test_a_way_that_does_not_know_them_leaves_them_to_the_next() -> None:
    assert (await who(x_token="unknown", x_other="right"))["auth"] == {"type": "x-other"}
    assert (await who(x_token="unknown"))["auth"] == {"type": "none"}


async def test_credentials_that_are_not_valid_are_noted_and_the_request_goes_on() -> None:
    found = await who(x_token="wrong")
    assert found["user"] == ""
    assert found["auth"] == {"type": "none", "failed": "The token is not valid."}
    assert (await who(x_token="wrong", x_other="right"))["user"] == "robot"


class Outside:
    """A middleware of the project's own that knows who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[USER] = Robot()
        await self.app(scope, receive, send)


async def test_whom_a_middleware_outside_knows_stays() -> None:
    app = OpenViper(debug=False, middleware=[Outside])
    app.get("/")(lambda request: f"{request.user.username} {current_user.get().username}")
    assert (await app.test_client().get("/")).text == "robot robot"


@pytest.mark.parametrize(
    ("path", "why"), [("no.such.Way", "cannot be imported"), (f"{__name__}.NoWay", "is not a")]
)
async def test_a_way_that_is_none_is_an_error_at_the_start(path: str, why: str) -> None:
    async def inner(*_: object) -> None:
        return

    with (
        override(DEFAULT_AUTHENTICATION_CLASSES=(path,)),
        pytest.raises(ImproperlyConfigured, match=why),
    ):
        AuthenticationMiddleware(inner)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("token", [b"right", b"unknown"])
async def test_it_works_in_other_applications_too(kind: str, token: bytes) -> None:
    seen: list[Any] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope[USER].username, current_user.get().username))

    async def nothing(*_: object) -> Any:
        return {"type": "nothing"}

    scope = {"type": kind, "headers": [(b"x-token", token)]}
    await AuthenticationMiddleware(inner)(scope, nothing, nothing)
    assert seen == [("robot", "robot") if token == b"right" else ("", "")]
    assert current_user.get() is None


async def test_other_kinds_of_connections_pass() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await AuthenticationMiddleware(inner)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]  # not used
    assert seen == ["lifespan"]


async def test_a_way_has_to_be_written() -> None:
    way = BaseAuthentication()
    connection = Connection({"type": "http", "headers": []})
    assert way.is_offered(connection.scope) and await way.is_still_good(connection)
    with pytest.raises(NotImplementedError):
        await way.authenticate(connection)


def test_nobody_is_like_nobody_else_and_false() -> None:
    assert AnonymousUser() == AnonymousUser() and not AnonymousUser()
    assert hash(AnonymousUser()) == hash(AnonymousUser())
