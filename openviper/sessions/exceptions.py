"""What can go wrong with sessions."""

from __future__ import annotations

from openviper.exceptions import OpenViperException


class SessionError(OpenViperException, RuntimeError):
    """A session is used where it cannot be."""


class SessionDataError(OpenViperException, TypeError):
    """A value cannot be kept in a session: it has no form in JSON.

    Attributes:
        key: Where it stands.
        kind: Its type.
    """

    def __init__(self, offender: tuple[str, str]) -> None:
        self.key, self.kind = offender
        super().__init__(
            f"session[{self.key!r}] holds a {self.kind}, and sessions keep only what JSON can say"
        )


class SessionTooLargeError(SessionError):
    """A session does not fit into a cookie.

    Attributes:
        size: Its size, in bytes.
        limit: What browsers take.
    """

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        super().__init__(
            f"the session takes {size} bytes and a cookie holds {limit}; keep less in it, "
            "or set SESSION_STORE to 'database'"
        )
