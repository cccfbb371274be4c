"""Ready views for programs that log in, with tokens or a session; JSON in, JSON out.

>>> for path, handler, methods in jwt_routes:
...     router.add(path, handler, methods)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from openviper.auth import view_notes
from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.backends import authenticate, note_last_login
from openviper.auth.hooks import AuthHookContext, auth_hooks
from openviper.auth.jwt import decode_refresh_token
from openviper.auth.models import AuthToken
from openviper.auth.session_login import login, logout
from openviper.auth.together import with_its_events
from openviper.auth.tokens import (
    TokenPair,
    create_token,
    issue_tokens,
    refresh_tokens,
    revoke_auth_token,
    revoke_login,
)
from openviper.auth.two_factor import (
    SecondFactorRequired,
    check_second_factor,
    has_two_factor,
)
from openviper.auth.view_notes import MAX_CREDENTIAL
from openviper.exceptions import AuthenticationFailed
from openviper.http.permissions import refusal_of
from openviper.http.request import Request
from openviper.http.responses import JSONResponse
from openviper.routing.binding import Handler
from openviper.routing.operations import noted

__all__ = [
    "LoginCredentials",
    "Routes",
    "all_auth_routes",
    "jwt_routes",
    "me_routes",
    "session_routes",
    "token_routes",
]

Routes = list[tuple[str, Handler, list[str]]]
"""Path, handler and methods of each view, for `openviper.Router.add`."""

NOT_STORED = {"cache-control": "no-store"}
"""RFC 6749, section 5.1: nobody between keeps tokens."""


class LoginCredentials(NamedTuple):
    """A name and a password that somebody has sent."""

    username: str
    password: str

    @classmethod
    def from_request_body(cls, body: Any) -> LoginCredentials:
        """Return those in the body of a request, blanks around the name taken away.

        Args:
            body: What stood there as JSON.

        Raises:
            AuthenticationFailed: If it is no object with both, or one has no or more than 512 characters.
        """
        username, password = _text(body, "username").strip(), _text(body, "password")
        if not username or max(len(username), len(password)) > MAX_CREDENTIAL:
            raise AuthenticationFailed
        return cls(username, password)

    def __repr__(self) -> str:
        return f"LoginCredentials(username={self.username!r}, password='***')"


def _text(body: Any, name: str) -> str:
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, str) or not found:
        raise AuthenticationFailed
    return found


async def jwt_login(request: Request) -> JSONResponse:
    """Answer a name and a password with a pair of tokens; who has a second factor sends its ``code`` along."""
    user = await _user_of_body(request)
    context = AuthHookContext(user, request, "jwt")
    await auth_hooks.run("before_login", context)
    pair = issue_tokens(user)
    async with with_its_events(type(user)):
        await _record_login(context)
    await auth_hooks.run("on_login", context)
    return _answer(pair)


async def _user_of_body(request: Request) -> Any:
    """Return the user whose name and password, and ``code`` of a second factor, stand in the body of a request.

    Raises:
        AuthenticationFailed: If they are not right.
        SecondFactorRequired: If the code is missing, and the user has a second factor.
    """
    body = await request.json()
    given = LoginCredentials.from_request_body(body)
    user = await authenticate(given.username, given.password, request)
    if user is None:
        raise AuthenticationFailed
    if await has_two_factor(user):
        await _check_code(user, body, request)
    return user


async def _record_login(context: AuthHookContext) -> None:
    by = context.auth_backend
    await note_last_login(context.user)
    await record_event(AuditEvent.LOGGED_IN, context.user, context.request, details={"by": by})


async def _note_logout(request: Request, user: Any, by: str) -> None:
    """Record a logout; `user` may be the key of one, where the request itself is nobody's."""
    await record_event(AuditEvent.LOGGED_OUT, user, request, details={"by": by})
    await auth_hooks.run("on_logout", AuthHookContext(user, request, by))


async def _check_code(user: Any, body: Any, request: Request) -> None:
    if "code" not in body:
        raise SecondFactorRequired
    if not await check_second_factor(user, _text(body, "code"), request):
        raise AuthenticationFailed


async def jwt_refresh(request: Request) -> JSONResponse:
    """Answer a refresh token with the next pair."""
    return _answer(await refresh_tokens(_text(await request.json(), "refresh")))


def _answer(pair: TokenPair) -> JSONResponse:
    return JSONResponse(pair._asdict(), headers=NOT_STORED)


async def jwt_logout(request: Request) -> JSONResponse:
    """End the logins of the refresh token in the body and of the access token in the header; one of both is needed."""
    ended = []
    if request.auth.get("type") == "jwt":
        ended.append(request.auth["claims"])
    body = await request.json() if await request.body() else None
    if body is not None or not ended:
        ended.append(decode_refresh_token(_text(body, "refresh")))
    for claims in ended:
        await revoke_login(claims)
        is_asking = request.auth.get("type") == "jwt" and claims["sub"] == str(request.user.pk)
        await _note_logout(request, request.user if is_asking else claims["sub"], "jwt")
    return JSONResponse(LOGGED_OUT)


async def token_login(request: Request) -> JSONResponse:
    """Answer a name and a password with a token that is good until it is revoked, or the password changes."""
    user = await _user_of_body(request)
    context = AuthHookContext(user, request, "token")
    await auth_hooks.run("before_login", context)
    async with with_its_events(AuthToken, type(user)):
        raw, _ = await create_token(user)
        await _record_login(context)
    await auth_hooks.run("on_login", context)
    return JSONResponse({"token": raw}, headers=NOT_STORED)


async def token_logout(request: Request) -> JSONResponse:
    """Revoke the token that the request was sent with."""
    if request.auth.get("type") != "token":
        raise AuthenticationFailed
    given = request.headers.get("authorization", "").partition(" ")[2].strip()
    await revoke_auth_token(given)
    await _note_logout(request, request.user, "token")
    return JSONResponse(LOGGED_OUT)


async def session_login(request: Request) -> JSONResponse:
    """Log the session of the request in with a name and a password; ``"remember": true`` lets it outlive the browser."""
    user = await _user_of_body(request)
    wish = (await request.json()).get("remember")
    await login(request, user, remember=wish is True, second_factor_shown=True)
    return JSONResponse({"detail": "Logged in."}, headers=NOT_STORED)


async def session_logout(request: Request) -> JSONResponse:
    """End the session of the request; harmless where there is none."""
    await logout(request)
    return JSONResponse(LOGGED_OUT)


async def me(request: Request) -> JSONResponse:
    """Answer with what the user who asks may know of the account."""
    user = request.user
    if not getattr(user, "is_authenticated", False):
        raise refusal_of(request)
    shown = {name: getattr(user, name) for name in SHOWN if hasattr(user, name)}
    return JSONResponse({"id": user.pk, **shown}, headers=NOT_STORED)


LOGGED_OUT = {"detail": "Logged out."}
SHOWN = (
    "username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser",
)  # fmt: skip
"""What `me` tells, of the fields that the user model has."""
jwt_routes: Routes = [
    ("/jwt/login", noted(jwt_login, view_notes.JWT_LOGIN), ["POST"]),
    ("/jwt/refresh", noted(jwt_refresh, view_notes.JWT_REFRESH), ["POST"]),
    ("/jwt/logout", noted(jwt_logout, view_notes.JWT_LOGOUT), ["POST"]),
]
"""Views for pairs of JSON Web Tokens."""
token_routes: Routes = [
    ("/token/login", noted(token_login, view_notes.TOKEN_LOGIN), ["POST"]),
    ("/token/logout", noted(token_logout, view_notes.TOKEN_LOGOUT), ["POST"]),
]
"""Views for tokens without content."""
session_routes: Routes = [
    ("/session/login", noted(session_login, view_notes.SESSION_LOGIN), ["POST"]),
    ("/session/logout", noted(session_logout, view_notes.SESSION_LOGOUT), ["POST"]),
]
"""Views for sessions, for pages that send JSON; logging out needs a token of the CSRF middleware."""
me_routes: Routes = [("/me", noted(me, view_notes.ME), ["GET"])]
"""The view of one's own account."""
all_auth_routes: Routes = [*jwt_routes, *token_routes, *session_routes, *me_routes]
"""All of these views."""
