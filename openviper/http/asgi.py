"""The types of the ASGI specification (https://asgi.readthedocs.io), and the keys that we put into a scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

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
NONCE = "openviper.csp_nonce"
"""The nonce of the content security policy, once something has asked for it."""
BACKGROUND = "openviper.background"
"""Work to do once the answer is sent."""
ANSWER = "openviper.answer"
"""How far the answer is: an `Answer`, shared by copies of the scope."""


SESSION = "session"
"""The session of a request, where `SessionMiddleware` keeps one."""
USER = "user"
"""Who asks, where `AuthenticationMiddleware` finds out."""
AUTH = "auth"
"""How it was found out who asks."""
FORGERY_PROOF = "openviper.forgery_proof"
"""Whether the credentials are such that no other site can have a browser send them."""
PERSONAL = "openviper.personal"
"""A function to call by whoever makes the answer depend on who asks."""
CSRF = "openviper.csrf"
"""What guards forms against other sites: an object with `token` and `settle`, where `CSRFMiddleware` stands."""

BeforeStart: TypeAlias = Callable[[Message], Awaitable[None]]
"""Is called with the head of an answer before it is sent, and may change it."""


class Answer:
    """How far the answer to a request is; also what its messages go through.

    Args:
        send: Where the messages go.

    Attributes:
        is_started: Whether its head is sent.
    """

    __slots__ = ("_before", "_send", "is_started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._before: list[BeforeStart] | None = None
        self.is_started = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Pass a message on; plain, for it runs twice in every request."""
        if message["type"] == "http.response.start":
            if self._before is not None:
                return self._prepare(message)
            self.is_started = True
        return self._send(message)

    def before_start(self, hook: BeforeStart) -> None:
        """Have `hook` called before the head is sent; what it raises is answered in place of the answer."""
        if self._before is None:
            self._before = []
        self._before.append(hook)

    async def _prepare(self, message: Message) -> None:
        # Taken away first: if one fails, the answer to that is sent without them.
        hooks, self._before = self._before or (), None
        for hook in hooks:
            await hook(message)
        self.is_started = True
        await self._send(message)
