"""Other ASGI applications below a path of this one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from openviper.http.asgi import ROUTE, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.responses import Response
from openviper.routing.paths import below_root, sanitize_request_path


class MountedResponse(Response):
    """The answer that another application gives.

    Args:
        app: The application.
        depth: How many segments of the path lead to it.
    """

    def __init__(self, app: ASGIApp, depth: int) -> None:
        super().__init__()
        self.app = app
        self.depth = depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the application answer."""
        root = scope.get("root_path", "")
        path = sanitize_request_path(below_root(scope))
        prefix = "/".join(path.split("/")[: self.depth + 1])
        inner = {**scope, "root_path": root + prefix, "path": root + path}
        inner.pop("path_params", None)
        await self.app(inner, receive, send)


def mounted_endpoint(app: ASGIApp) -> Callable[[Connection], Awaitable[MountedResponse]]:
    """Return the handler of a mount, for requests and for WebSockets."""

    async def mounted(request: Connection) -> MountedResponse:
        segments = request.scope[ROUTE].segments
        return MountedResponse(app, sum(not segment.has_path for segment in segments))

    return mounted
