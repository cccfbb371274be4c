"""Caches: values kept for a while in this process, in files, in a database or in Redis.

``get_cache()`` is the one that `CACHES` calls ``default``; ``@cached`` keeps what a function returns. For answers of
handlers there is `openviper.http.cache_page`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.cache.backends.base import EntryStore as EntryStore
    from openviper.cache.backends.database import DatabaseCache as DatabaseCache
    from openviper.cache.backends.file import FileCache as FileCache
    from openviper.cache.backends.memory import InMemoryCache as InMemoryCache
    from openviper.cache.backends.null import NullCache as NullCache
    from openviper.cache.backends.redis import RedisCache as RedisCache
    from openviper.cache.base import MISSING as MISSING
    from openviper.cache.base import BaseCache as BaseCache
    from openviper.cache.configured import close_caches as close_caches
    from openviper.cache.configured import get_cache as get_cache
    from openviper.cache.exceptions import CacheError as CacheError
    from openviper.cache.exceptions import CacheKeyError as CacheKeyError
    from openviper.cache.exceptions import CacheUnavailableError as CacheUnavailableError
    from openviper.cache.exceptions import CacheValueError as CacheValueError
    from openviper.cache.functions import CachedFunction as CachedFunction
    from openviper.cache.functions import cached as cached
    from openviper.cache.keys import validate_cache_key as validate_cache_key
    from openviper.cache.values import cacheable as cacheable

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.cache.backends.base": ("EntryStore",),
        "openviper.cache.backends.database": ("DatabaseCache",),
        "openviper.cache.backends.file": ("FileCache",),
        "openviper.cache.backends.memory": ("InMemoryCache",),
        "openviper.cache.backends.null": ("NullCache",),
        "openviper.cache.backends.redis": ("RedisCache",),
        "openviper.cache.base": ("MISSING", "BaseCache"),
        "openviper.cache.configured": ("close_caches", "get_cache"),
        "openviper.cache.exceptions": (
            "CacheError",
            "CacheKeyError",
            "CacheUnavailableError",
            "CacheValueError",
        ),
        "openviper.cache.functions": ("CachedFunction", "cached"),
        "openviper.cache.keys": ("validate_cache_key",),
        "openviper.cache.values": ("cacheable",),
    },
)
