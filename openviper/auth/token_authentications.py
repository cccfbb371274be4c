"""Ways for programs to say who they are, in the header `Authorization`; no other site can make a browser send it."""

from __future__ import annotations

from typing import Any, ClassVar

from openviper.auth.api_keys import find_api_key
from openviper.auth.authentications import BaseAuthentication, Identified, may_go_on
from openviper.auth.jwt import MAX_TOKEN, decode_access_token_checked
from openviper.auth.tokens import find_token_user
from openviper.auth.users import get_user_by_id
from openviper.exceptions import AuthenticationFailed
from openviper.http.asgi import Scope
from openviper.http.connection import Connection


class HeaderAuthentication(BaseAuthentication):
    """Credentials behind a word in the header `Authorization` (RFC 9110, section 11.6.2).

    Attributes:
        scheme: The word, in small letters.
    """

    scheme: ClassVar[bytes]

    @classmethod
    def security_scheme(cls) -> tuple[str, dict[str, Any]]:
        """Return the header, under the word that stands in it (OpenAPI 3.1, 4.8.27)."""
        name = cls.scheme.decode().replace("-", "_")
        return name, {"type": "apiKey", "in": "header", "name": "Authorization"}

    def is_offered(self, scope: Scope) -> bool:
        """Return whether the header bears the word."""
        return _credentials(scope, self.scheme) is not None

    async def authenticate(self, request: Connection) -> Identified | None:
        """Return the user; see `BaseAuthentication.authenticate`."""
        given = _credentials(request.scope, self.scheme)
        return None if given is None else await self.identify(given)

    async def is_still_good(self, request: Connection) -> bool:
        """Return whether the credentials of a WebSocket would let it in again."""
        try:
            return await self.authenticate(request) is not None
        except AuthenticationFailed:
            return False

    async def identify(self, given: str) -> Identified:
        """Return whose credentials these are, with what is known of them.

        Raises:
            AuthenticationFailed: If they are nobody's, or not good any more.
        """
        raise NotImplementedError


def _credentials(scope: Scope, scheme: bytes) -> str | None:
    """Return what stands behind a word in the header; nothing if the header comes twice, which leaves open what counts."""
    found: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1 or len(found[0]) > MAX_TOKEN + 20:
        return None
    word, _, given = found[0].strip().partition(b" ")
    if word.lower() != scheme or not given.strip():
        return None
    return given.strip().decode("latin-1")


class JWTAuthentication(HeaderAuthentication):
    """``Authorization: Bearer <token>``, with an access token; see `openviper.auth.jwt`."""

    scheme: ClassVar[bytes] = b"bearer"
    offered_in: ClassVar[bytes | None] = b"authorization"

    @classmethod
    def security_scheme(cls) -> tuple[str, dict[str, Any]]:
        """Return the scheme ``bearer`` (OpenAPI 3.1, 4.8.27)."""
        return "jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

    async def identify(self, given: str) -> Identified:
        """Return the user of a token that is good still; see `HeaderAuthentication.identify`."""
        claims = await decode_access_token_checked(given)
        user = await get_user_by_id(claims["sub"])
        if user is None or not getattr(user, "is_active", True):
            raise AuthenticationFailed
        if "pwd" in claims and not may_go_on(user, str(claims["pwd"])):
            raise AuthenticationFailed
        return user, {"type": "jwt", "claims": claims}


class TokenAuthentication(HeaderAuthentication):
    """``Authorization: Token <token>``, with what `create_token` has made."""

    scheme: ClassVar[bytes] = b"token"
    offered_in: ClassVar[bytes | None] = b"authorization"

    async def identify(self, given: str) -> Identified:
        """Return the user of a token that is good still; see `HeaderAuthentication.identify`."""
        user = await find_token_user(given)
        if user is None:
            raise AuthenticationFailed
        return user, {"type": "token"}


class APIKeyAuthentication(HeaderAuthentication):
    """``Authorization: Api-Key <prefix>.<secret>``, with what `create_api_key` has made."""

    scheme: ClassVar[bytes] = b"api-key"
    offered_in: ClassVar[bytes | None] = b"authorization"

    async def identify(self, given: str) -> Identified:
        """Return the user of a key that is good still; see `HeaderAuthentication.identify`."""
        found = await find_api_key(given)
        if found is None:
            raise AuthenticationFailed
        return found.user, {"type": "api-key", "key": found.key.prefix, "scopes": found.scopes}
