"""How long answers take."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from time import perf_counter

from openviper.http.answer import Answer, finishing
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import RawHeaders
from openviper.utils.printable import printable

logger = logging.getLogger("openviper.timing")


class TimingMiddleware(BaseMiddleware):
    """Says in ``Server-Timing`` how long the application took until its answer began, and logs slow answers.

    Args:
        app: The application inside.
        slow: Answers that take longer are logged, in seconds; `None` logs none.
        header: Whether the header is sent. Times tell strangers what an answer costs, so it is not unless asked for.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, slow: float | None = 1.0, *, header: bool = False) -> None:
        super().__init__(app)
        self.slow = slow
        self.header = header

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Measure a request."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        started = perf_counter()

        def finish(_answer: Answer, headers: RawHeaders) -> RawHeaders:
            return self._timed(scope, headers, perf_counter() - started)

        return self.app(scope, receive, finishing(finish, scope, receive, send))

    def _timed(self, scope: Scope, headers: RawHeaders, seconds: float) -> RawHeaders:
        if self.slow is not None and seconds > self.slow:
            path = printable(scope["path"])
            logger.warning("%s %s took %.2f s", scope["method"], path, seconds)
        if not self.header:
            return headers
        return [*headers, (b"server-timing", f"app;dur={seconds * 1000:.1f}".encode())]
