"""What can go wrong between us and a server."""

from __future__ import annotations

from openviper.exceptions import AIException


class TransportError(AIException):
    """A request got no answer.

    Attributes:
        is_safe_to_repeat: Whether the server has certainly not begun to answer.
    """

    is_safe_to_repeat = False


class ConnectFailedError(TransportError):
    """There is no connection, so nothing was sent."""

    is_safe_to_repeat = True


class DroppedError(TransportError):
    """The connection ended before the first byte of the answer."""

    is_safe_to_repeat = True


class ProtocolError(TransportError):
    """The server does not speak HTTP as it should, says too much, or stops in the middle."""


class TransportTimeoutError(TransportError, TimeoutError):
    """A step was not done in time.

    Attributes:
        step: What was being done.
        seconds: The time it was given.
    """

    def __init__(self, step: str, seconds: float) -> None:
        self.step = step
        self.seconds = seconds
        super().__init__(f"{step} was not done within {seconds:g} s")


class ConnectTimeoutError(TransportTimeoutError, ConnectFailedError):
    """Connecting took too long; nothing was sent."""
