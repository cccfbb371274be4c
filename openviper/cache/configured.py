"""The caches of `CACHES`, one per alias and process."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any

from openviper.cache.base import BaseCache
from openviper.cache.options import CacheOptions
from openviper.conf import settings
from openviper.conf.sections import unknown_key_errors
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import import_string
from openviper.utils.signatures import signature_of

WORDS = {
    "memory": "openviper.cache.InMemoryCache",
    "file": "openviper.cache.FileCache",
    "database": "openviper.cache.DatabaseCache",
    "redis": "openviper.cache.RedisCache",
    "null": "openviper.cache.NullCache",
}
"""The built-in caches by a short name."""

_lock = RLock()
_caches: dict[str, tuple[Mapping[str, Any], BaseCache]] = {}
"""Each cache with the configuration that it was made from."""


def get_cache(alias: str = "default") -> BaseCache:
    """Return the cache of an alias, the same one each time; it may be used from every thread and event loop.

    Raises:
        ValueError: If `CACHES` has no such alias.
        ImproperlyConfigured: If what it says makes no cache.
    """
    entry = settings.CACHES.get(alias)
    if entry is None:
        entry = _absent(alias)
    found = _found(alias, entry)
    return _made(alias, entry) if found is None else found


def _absent(alias: str) -> dict[str, str]:
    """Return what stands for an alias that `CACHES` does not have, if that is ``default``.

    Raises:
        ValueError: If it is another one.
    """
    if alias == "default":
        return {"BACKEND": "memory"}
    known = ", ".join(map(repr, settings.CACHES)) or "none"
    raise ValueError(f"CACHES has no alias {alias!r}; it has {known}")


def _found(alias: str, entry: Any) -> BaseCache | None:
    """Return the cache of an alias if it was made from this entry."""
    made = _caches.get(alias)
    if made is None:
        return None
    return made[1] if made[0] is entry or made[0] == entry else None


def _made(alias: str, entry: Any) -> BaseCache:
    with _lock:
        cache = _found(alias, entry)  # Another thread may have been faster.
        if cache is None:
            cache = make_cache(alias, entry)
            _caches[alias] = (entry, cache)
        return cache


def make_cache(alias: str, entry: Any) -> BaseCache:
    """Return a new cache from an entry of `CACHES`.

    Raises:
        ImproperlyConfigured: If it makes none.
    """
    place = f"CACHES[{alias!r}]"
    if not isinstance(entry, dict):
        raise ImproperlyConfigured(f"{place} must be a mapping, not {type(entry).__name__}")
    errors = unknown_key_errors(place, entry, ("BACKEND", "OPTIONS"))
    if errors:
        raise ImproperlyConfigured(errors[0])
    cls = _cache_class(place, entry.get("BACKEND"))
    options = entry.get("OPTIONS", {})
    if not isinstance(options, dict):
        raise ImproperlyConfigured(
            f"{place}['OPTIONS'] must be a mapping, not {type(options).__name__}"
        )
    errors = unknown_key_errors(f"{place}['OPTIONS']", options, _known_options(cls) or options)
    if errors:
        raise ImproperlyConfigured(errors[0])
    try:
        cache = cls(**options)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{place}: {error}") from error
    cache.alias = alias
    return cache


def _cache_class(place: str, backend: Any) -> type[BaseCache]:
    if not isinstance(backend, str) or not backend:
        raise ImproperlyConfigured(
            f"{place}['BACKEND'] must be one of {', '.join(map(repr, WORDS))} or a dotted path, not {backend!r}"
        )
    try:
        cls: Any = import_string(WORDS.get(backend, backend))
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{place}['BACKEND'] {backend!r} is none of {', '.join(map(repr, WORDS))}, and cannot be imported: {error}"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, BaseCache)):
        raise ImproperlyConfigured(f"{place}['BACKEND'] {backend!r} is not a BaseCache")
    return cls


def _known_options(cls: type[BaseCache]) -> set[str]:
    """Return the options of a class; nothing if it takes whatever it is given."""
    known: set[str] = set()
    for parent in cls.__mro__:
        if parent is BaseCache:
            return known | set(CacheOptions.__annotations__)
        own, takes_more = _own_options(parent)
        known |= own
        if not takes_more:
            return known
    return known


def _own_options(cls: type) -> tuple[set[str], bool]:
    """Return the options that a class declares itself, and whether it hands others on."""
    own = cls.__dict__.get("__init__")
    if own is None:
        return set(), True
    parameters = signature_of(own).parameters.values()
    names = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    return names, any(each.kind is each.VAR_KEYWORD for each in parameters)


async def close_caches() -> None:
    """Let go of the connections that caches have on the running event loop."""
    for _, cache in list(_caches.values()):
        await cache.close()
