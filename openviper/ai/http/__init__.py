"""An HTTP client on the standard library, for the servers of models.

Connections are kept and used again, everything has a deadline and a size, nothing is followed, and a cancelled request
closes its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.ai.http.answer import Answer as Answer
    from openviper.ai.http.client import HttpClient as HttpClient
    from openviper.ai.http.connecting import Route as Route
    from openviper.ai.http.endpoint import Endpoint as Endpoint
    from openviper.ai.http.endpoint import parse_endpoint as parse_endpoint
    from openviper.ai.http.errors import ConnectFailedError as ConnectFailedError
    from openviper.ai.http.errors import ProtocolError as ProtocolError
    from openviper.ai.http.errors import TransportError as TransportError
    from openviper.ai.http.errors import TransportTimeoutError as TransportTimeoutError
    from openviper.ai.http.patience import Patience as Patience
    from openviper.ai.http.patience import Timeouts as Timeouts

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.ai.http.answer": ("Answer",),
        "openviper.ai.http.client": ("HttpClient",),
        "openviper.ai.http.connecting": ("Route",),
        "openviper.ai.http.endpoint": ("Endpoint", "parse_endpoint"),
        "openviper.ai.http.errors": (
            "ConnectFailedError",
            "ProtocolError",
            "TransportError",
            "TransportTimeoutError",
        ),
        "openviper.ai.http.patience": ("Patience", "Timeouts"),
    },
)
