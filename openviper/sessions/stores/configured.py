"""The store that `SESSION_STORE` names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.sessions.stores.base import BaseSessionStore
from openviper.utils.importing import import_string

WORDS = {
    "database": "openviper.auth.session_store.DatabaseSessionStore",
    "cookie": "openviper.sessions.stores.cookie.CookieSessionStore",
    "redis": "openviper.sessions.stores.redis.RedisSessionStore",
    "cache": "openviper.sessions.stores.cache.CacheSessionStore",
    "memory": "openviper.sessions.stores.memory.MemorySessionStore",
}
"""The stores by what the setting calls them."""


def session_store() -> BaseSessionStore:
    """Return the store of this process.

    Raises:
        ImproperlyConfigured: If the setting names no store.
    """
    place = (
        settings.SESSION_CACHE if settings.SESSION_STORE == "cache" else settings.SESSION_REDIS_URL
    )
    return _store(settings.SESSION_STORE, place)


def check_session_store() -> None:
    """Import a store of the project's own now; those that are ours wait until somebody has a session.

    Raises:
        ImproperlyConfigured: If the setting names no store.
    """
    if settings.SESSION_STORE not in WORDS:
        session_store()


def forget_stores() -> None:
    """Make stores anew when they are next asked for; sessions in memory are gone then."""
    _store.cache_clear()


@lru_cache(maxsize=8)
def _store(name: str, _place: str) -> BaseSessionStore:
    path = WORDS.get(name, name)
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"SESSION_STORE {name!r} cannot be imported: {error}") from error
    try:
        store = found() if isinstance(found, type) else found
    except (
        TypeError,
        ValueError,
    ) as error:  # An abstract class, or an alias that `CACHES` does not have.
        raise ImproperlyConfigured(f"SESSION_STORE {name!r}: {error}") from error
    if not isinstance(store, BaseSessionStore):
        raise ImproperlyConfigured(f"SESSION_STORE {name!r} is not a BaseSessionStore")
    return store
