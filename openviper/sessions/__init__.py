"""Sessions: what is kept for a browser from one request to the next.

The store that keeps them in the database, and its table, are in `openviper.auth`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.http.sessions import SessionKey as SessionKey
    from openviper.sessions.cookie import get_session_cookie_config as get_session_cookie_config
    from openviper.sessions.exceptions import SessionDataError as SessionDataError
    from openviper.sessions.exceptions import SessionError as SessionError
    from openviper.sessions.exceptions import SessionTooLargeError as SessionTooLargeError
    from openviper.sessions.middleware import SessionMiddleware as SessionMiddleware
    from openviper.sessions.record import Changes as Changes
    from openviper.sessions.record import SessionRecord as SessionRecord
    from openviper.sessions.session import Session as Session
    from openviper.sessions.stores.base import BaseSessionStore as BaseSessionStore
    from openviper.sessions.stores.cache import CacheSessionStore as CacheSessionStore
    from openviper.sessions.stores.configured import session_store as session_store
    from openviper.sessions.stores.cookie import CookieSessionStore as CookieSessionStore
    from openviper.sessions.stores.memory import MemorySessionStore as MemorySessionStore
    from openviper.sessions.stores.redis import RedisSessionStore as RedisSessionStore

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.http.sessions": ("SessionKey",),
        "openviper.sessions.cookie": ("get_session_cookie_config",),
        "openviper.sessions.exceptions": (
            "SessionDataError",
            "SessionError",
            "SessionTooLargeError",
        ),
        "openviper.sessions.middleware": ("SessionMiddleware",),
        "openviper.sessions.record": ("Changes", "SessionRecord"),
        "openviper.sessions.session": ("Session",),
        "openviper.sessions.stores.base": ("BaseSessionStore",),
        "openviper.sessions.stores.cache": ("CacheSessionStore",),
        "openviper.sessions.stores.configured": ("session_store",),
        "openviper.sessions.stores.cookie": ("CookieSessionStore",),
        "openviper.sessions.stores.memory": ("MemorySessionStore",),
        "openviper.sessions.stores.redis": ("RedisSessionStore",),
    },
)
