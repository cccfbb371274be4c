"""The types of the ASGI specification (https://asgi.readthedocs.io), and the keys that we put into a scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

HANDSHAKE_ANSWER = "websocket.http.response"
"""The extension by which a WebSocket can be refused with an answer of HTTP (ASGI 2.4)."""
RAISE_ERRORS = "openviper.raise_errors"
"""By this the test client asks for unexpected errors to be raised instead of answered."""
TEST_CLIENT = "openviper.test_client"
"""Marks requests of `openviper.testing`; only a caller in the same process can put it there."""
BODY = "openviper.body"
"""What is known of the request's body: an `openviper.http.body.Body`, shared by middleware and handler."""
ROUTE = "openviper.route"
"""The route that answers, once it is found."""
STATE = "openviper.state"
"""What middleware and handlers share about a request."""
BACKGROUND = "openviper.background"
"""Work to do once the answer is sent."""
MOUNTED = "openviper.mounted"
"""Marks the lifespan of an application that is mounted in another one, which starts and stops what they share."""
SESSION = "session"
"""The session of a request, where `SessionMiddleware` keeps one and somebody has asked for it."""
PERSONAL = "openviper.personal"
"""Marks a request whose user, session or credentials somebody has looked at."""
USER = "user"
"""Who asks, where `AuthenticationMiddleware` finds out."""
AUTH = "auth"
"""How it was found out who asks."""
FORGERY_PROOF = "openviper.forgery_proof"
"""Whether the credentials are such that no other site can have a browser send them."""
KEPT_SESSION = "openviper.session"
"""What makes the session of a request when it is first asked for: an `openviper.http.sessions.KeptSession`."""
CSRF = "openviper.csrf"
"""What guards forms against other sites: an object with `token` and `settle`, where `CSRFMiddleware` stands."""
