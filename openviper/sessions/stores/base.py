"""What a session store promises."""

from __future__ import annotations

import abc
from typing import ClassVar

from openviper.sessions.exceptions import SessionError
from openviper.sessions.record import Changes, SessionRecord

MAX_ATTEMPTS = 20
"""How often a save is tried when others save the same session at the same time."""


class BaseSessionStore(abc.ABC):
    """A place for sessions.

    A store never holds a key itself, only what `openviper.sessions.keys.stored_key` makes of it, and gives back no session
    that has expired. `save` never brings back a session that has ended.
    """

    can_list: ClassVar[bool] = True
    """Whether the sessions of a user can be listed and ended from outside."""

    @abc.abstractmethod
    async def create(self, record: SessionRecord) -> str:
        """Keep a new session.

        Returns:
            The key for its cookie.
        """

    @abc.abstractmethod
    async def load(self, key: str) -> SessionRecord | None:
        """Return the session of a key; `None` if there is none, it has ended, or the key makes no sense."""

    @abc.abstractmethod
    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Merge changes into a session, by name, with what others have changed since it was loaded.

        Args:
            key: Its key.
            changes: What has changed.
            base: The session as it was loaded.

        Returns:
            The key for its cookie, which is the same one unless the cookie is the store; `None` if it has ended meanwhile.
        """

    @abc.abstractmethod
    async def delete(self, key: str) -> bool:
        """End a session; return whether there was one."""

    async def sessions_of(self, user_id: str) -> list[SessionRecord]:
        """Return the living sessions of a user, the one used last first, without their data.

        Raises:
            SessionError: If they cannot be listed here; see `can_list`.
        """
        raise self._cannot_list()

    async def delete_by_id(self, user_id: str, session_id: str) -> bool:
        """End the session of a user that a list has named; return whether there was one.

        Raises:
            SessionError: See `sessions_of`.
        """
        raise self._cannot_list()

    async def delete_user_sessions(self, user_id: str, keep: str | None = None) -> int:
        """End the sessions of a user.

        Args:
            user_id: The user's primary key as text.
            keep: The id of a session that goes on.

        Returns:
            How many have ended.

        Raises:
            SessionError: See `sessions_of`.
        """
        raise self._cannot_list()

    def _cannot_list(self) -> SessionError:
        return SessionError(
            f"{type(self).__name__} keeps nothing on the server, so the sessions of a user can be neither listed nor "
            "ended; set SESSION_STORE to 'database'"
        )

    async def move_fingerprint(self, user_id: str, old: str, new: str) -> None:
        """Let the sessions of a user go on when what stands for the credentials is written differently."""
        return

    async def clear_expired(self) -> int:
        """Throw away what has expired; return how many sessions that were."""
        return 0
