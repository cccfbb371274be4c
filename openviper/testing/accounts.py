"""Users in tests: who a client is, and what a user may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from openviper.auth.jwt import create_access_token
from openviper.auth.session_login import login
from openviper.conf import settings
from openviper.http.answer import begun
from openviper.http.asgi import KEPT_SESSION
from openviper.http.connection import Connection
from openviper.http.responses import Response
from openviper.sessions.middleware import KeptSession
from openviper.sessions.session import Session
from openviper.sessions.stores.configured import session_store
from openviper.testing.client import OpenViperTestClient
from openviper.testing.responses import TestResponse

U = TypeVar("U")
SESSIONS = "openviper.sessions.middleware.SessionMiddleware"


@dataclass
class TestUser:
    """A user without a row.

    Attributes:
        permissions: The codenames of what the user may do.
        roles: The names of the roles.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    id: int = 1
    email: str = "user@example.com"
    is_staff: bool = False
    is_superuser: bool = False
    permissions: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    username: str = "user"
    is_active: bool = True
    is_authenticated: bool = True
    is_anonymous: bool = False

    @property
    def pk(self) -> int:
        """The id."""
        return self.id

    async def get_permissions(self) -> set[str]:
        """Return the codenames of what the user may do."""
        return set(self.permissions)

    async def has_perm(self, codename: str) -> bool:
        """Return whether the user has a permission."""
        return self.is_active and (self.is_superuser or codename in self.permissions)

    async def has_role(self, name: str) -> bool:
        """Return whether the user has a role."""
        return self.is_active and (self.is_superuser or name in self.roles)

    async def has_model_perm(self, label: str, action: str) -> bool:
        """Return whether the user may do something with a model: a superuser may, others have no row that says so."""
        return self.is_active and self.is_superuser


def token_for_user(user: Any, extra_claims: Mapping[str, Any] | None = None) -> str:
    """Return a bearer token of a user.

    Raises:
        RuntimeError: If the user has no key.
    """
    if getattr(user, "pk", None) is None and getattr(user, "id", None) is None:
        raise RuntimeError(f"{user!r} has no primary key; save it first")
    return create_access_token(user, extra_claims)


def attach_bearer_token(client: OpenViperTestClient, token: str) -> None:
    """Send a bearer token with each further request."""
    client.headers["authorization"] = f"Bearer {token}"


def attach_session_cookie(
    client: OpenViperTestClient, value: str, cookie_name: str | None = None
) -> None:
    """Send the cookie of a session with each further request.

    Args:
        client: The client.
        value: What the cookie holds.
        cookie_name: Its name; the setting `SESSION_COOKIE_NAME` when not given.
    """
    client.cookies.set(cookie_name or settings.SESSION_COOKIE_NAME, value)


def force_authenticate(client: OpenViperTestClient, user: Any) -> None:
    """Have each further request come from a user, who needs no row and no session; `None` ends that."""
    client.user = user


async def force_login(client: OpenViperTestClient, user: Any) -> None:
    """Log a stored user in without a password: the client has a session from now on, as after a login page.

    Raises:
        ValueError: If the user is not stored.
    """
    kept = KeptSession()
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [],
        "client": client.client,
        KEPT_SESSION: kept,
    }
    # A session is begun only where an answer can tell the browser of it.
    kept.session = Session(session_store(), scope, begun(scope, _never, _never))
    response = Response()
    await login(Connection(scope), user, response)
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            _keep_cookie(client, value.decode("latin-1"))


async def _never(*_message: Any) -> Any:
    raise AssertionError("nothing is sent")


def _keep_cookie(client: OpenViperTestClient, line: str) -> None:
    """Keep a cookie where the client would, also one that is for https while the client speaks http."""
    base = urlsplit(client.base_url)
    client.cookies.take(line, base._replace(scheme="https"))


async def log_in(client: OpenViperTestClient, user: Any) -> None:
    """Have a client be a stored user: with a session where the project has sessions, else by `force_authenticate`."""
    if SESSIONS in settings.MIDDLEWARE:
        await force_login(client, user)
    else:
        force_authenticate(client, user)


async def login_user(client: OpenViperTestClient, path: str, **credentials: object) -> TestResponse:
    """Send credentials as JSON to a login page and return its answer; the client keeps the cookies."""
    return await client.post(path, json=credentials)


def with_permissions(user: U, permissions: Iterable[str]) -> U:
    """Give this instance permissions, without a row for them, and return it; `has_perm` obeys."""
    given = set(permissions)

    async def get_permissions() -> set[str]:
        return set(given)

    _set(user, permissions=given, get_permissions=get_permissions)
    return user


def with_roles(user: U, roles: Iterable[str]) -> U:
    """Give this instance roles, without a row for them, and return it; `has_role` obeys."""
    given = set(roles)
    is_active: Any = getattr(user, "is_active", True)

    async def has_role(name: str) -> bool:
        return bool(is_active) and name in given

    _set(user, roles=given, has_role=has_role)
    return user


def _set(user: object, **values: object) -> None:
    for name, value in values.items():
        # A row has neither of these as a field; what the class does is hidden for this instance.
        object.__setattr__(user, name, value)
