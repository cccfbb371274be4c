"""Messages for the user that wait until a page shows them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from openviper.http.sessions import AbsentSession, SessionAccess

LEVELS = ("debug", "info", "success", "warning", "error")
KEY = "_messages"
"""Where they wait: in the session, or in the state of the request where there is no session."""


class UserMessage(NamedTuple):
    """One message.

    Attributes:
        level: One of `LEVELS`.
        text: What it says.
    """

    level: str
    text: str

    def __str__(self) -> str:
        return self.text


class HoldsMessages(Protocol):
    """What is asked of a request here."""

    @property
    def session(self) -> SessionAccess:
        """The session."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """The state of the request."""
        ...


def add_message(request: HoldsMessages, text: str, level: str) -> None:
    """Leave a message.

    Raises:
        ValueError: If the level is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    place = _place(request)
    # A list of its own each time: a session notices that it changes by what is assigned to it.
    place[KEY] = [*place.get(KEY, ()), [level, str(text)]]


def stored_messages(request: HoldsMessages, *, keep: bool) -> list[UserMessage]:
    """Return the messages, and forget them unless they are to be kept."""
    place = _place(request)
    waiting = [UserMessage(*entry) for entry in place.get(KEY, ())]
    if waiting and not keep:
        del place[KEY]
    return waiting


def _place(request: HoldsMessages) -> Any:
    session = request.session
    return request.state if isinstance(session, AbsentSession) else session
