"""How long answers take."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from time import perf_counter

from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware

logger = logging.getLogger("openviper.timing")


class TimingMiddleware(BaseMiddleware):
    """Says in ``Server-Timing`` how long the application took until its answer began, and logs slow answers.

    Args:
        app: The application inside.
        slow: Answers that take longer are logged, in seconds; `None` logs none.
        header: Whether the header is sent. Times tell strangers what an answer costs, so it is not unless asked for.
    """

    def __init__(self, app: ASGIApp, slow: float | None = 1.0, *, header: bool = False) -> None:
        super().__init__(app)
        self.slow = slow
        self.header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()

        def measured(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                self._take(scope, message, perf_counter() - started)
            return send(message)

        await self.app(scope, receive, measured)

    def _take(self, scope: Scope, message: Message, seconds: float) -> None:
        if self.header:
            value = f"app;dur={seconds * 1000:.1f}".encode()
            message["headers"] = [*(message.get("headers") or ()), (b"server-timing", value)]
        if self.slow is not None and seconds > self.slow:
            logger.warning("%s %s took %.2f s", scope["method"], scope["path"], seconds)
