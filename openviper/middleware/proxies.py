"""Who is at the other side, behind proxies that are trusted."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from openviper.conf import settings
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.proxies import Hop, proxies_of
from openviper.middleware.base import BaseMiddleware


class TrustedProxyMiddleware(BaseMiddleware):
    """Gives requests that come from a trusted proxy the address, scheme and host of the client.

    Requests from elsewhere are left as they are, whatever they say. See `openviper.http.proxies.Proxies`.

    Args:
        app: The application inside.
        proxies: Addresses, networks, and ``unix``; the setting `TRUSTED_PROXIES` when not given.

    Raises:
        ImproperlyConfigured: If one of them is none of these.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, proxies: Sequence[str] | None = None) -> None:
        super().__init__(app)
        given = settings.TRUSTED_PROXIES if proxies is None else proxies
        self._proxies = proxies_of(tuple(given)) or None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Correct the scope of a request or a WebSocket."""
        if self._proxies is not None and scope["type"] in ("http", "websocket"):
            hop = self._proxies.client_hop(scope)
            if hop is not None:
                _believe(scope, hop)
        return self.app(scope, receive, send)


def _believe(scope: Scope, hop: Hop) -> None:
    if hop.address:
        scope["client"] = (hop.address, 0)
    if hop.scheme:
        scope["scheme"] = _scheme_for(scope["type"], hop.scheme)
    if hop.host:
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope["headers"] = [(b"host", hop.host.encode("latin-1")), *others]


def _scheme_for(kind: str, scheme: str) -> str:
    if kind != "websocket":
        return scheme
    return "wss" if scheme in ("https", "wss") else "ws"
