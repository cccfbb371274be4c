"""Other ASGI applications below a path of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openviper.http.asgi import ROUTE, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.responses import Response
from openviper.routing.paths import below_root, sanitize_request_path


class MountedResponse(Response):
    """The answer that another application gives.

    Args:
        app: The application.
        depth: How many segments of the path lead to it.
        state: What its lifespan has left for its requests.
    """

    def __init__(self, app: ASGIApp, depth: int, state: Mapping[str, Any]) -> None:
        super().__init__()
        self.app = app
        self.depth = depth
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the application answer."""
        root = scope.get("root_path", "")
        path = sanitize_request_path(below_root(scope))
        prefix = "/".join(path.split("/")[: self.depth + 1])
        inner = {**scope, "root_path": root + prefix, "path": root + path}
        inner.pop("path_params", None)
        if self.state:
            inner["state"] = {**scope.get("state", {}), **self.state}
        await self.app(inner, receive, send)


class Mount:
    """The handler of a mount, for requests and for WebSockets.

    Args:
        app: The application.

    Attributes:
        state: What its lifespan leaves for its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.state: dict[str, Any] = {}

    async def __call__(self, request: Connection) -> MountedResponse:
        """Return the answer of the application."""
        segments = request.scope[ROUTE].segments
        depth = sum(not segment.has_path for segment in segments)
        return MountedResponse(self.app, depth, self.state)
