"""Ready views for programs that log in with tokens; JSON in, JSON out.

>>> for path, handler, methods in jwt_routes:
...     router.add(path, handler, methods)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from openviper.auth.backends import authenticate
from openviper.auth.jwt import decode_refresh_token
from openviper.auth.tokens import TokenPair, issue_tokens, refresh_tokens, revoke_login
from openviper.exceptions import AuthenticationFailed
from openviper.http.request import Request
from openviper.http.responses import JSONResponse
from openviper.routing.binding import Handler

__all__ = ["LoginCredentials", "jwt_routes"]

MAX_CREDENTIAL = 512
"""Longest name or password that is looked at, in characters."""
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
    """Answer a name and a password with a pair of tokens."""
    given = LoginCredentials.from_request_body(await request.json())
    user = await authenticate(given.username, given.password, request)
    if user is None:
        raise AuthenticationFailed
    return _answer(issue_tokens(user))


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
    return JSONResponse({"detail": "Logged out."})


jwt_routes: list[tuple[str, Handler, list[str]]] = [
    ("/jwt/login", jwt_login, ["POST"]),
    ("/jwt/refresh", jwt_refresh, ["POST"]),
    ("/jwt/logout", jwt_logout, ["POST"]),
]
"""Path, handler and methods of each view, for `openviper.Router.add`."""
