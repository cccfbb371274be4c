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
BACKGROUND = "openviper.background"
"""Work to do once the answer is sent."""
MOUNTED = "openviper.mounted"
"""Marks the lifespan of an application that is mounted in another one, which starts and stops what they share."""
