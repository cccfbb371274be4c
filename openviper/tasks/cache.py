"""The periodic job that throws away what has come to its end in caches that do not do so themselves.

A worker imports this module; where `CACHES` has no such cache, there is no such job.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from openviper.cache.exceptions import CacheUnavailableError
from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.tasks.actors import actor
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.cache import configured
    from openviper.cache.backends import base as stores
    from openviper.cache.base import BaseCache
    from openviper.tasks.schedule import periodic as schedule
else:
    # A worker without such caches does not load what they need, nor one without periodic jobs.
    configured = lazy_module("openviper.cache.configured")
    stores = lazy_module("openviper.cache.backends.base")
    schedule = lazy_module("openviper.tasks.schedule.periodic")

logger = logging.getLogger("openviper.tasks.cache")

PRUNE_NAME = "openviper.prune_caches"
IN_MEMORY = ("memory", "openviper.cache.InMemoryCache")
"""The caches of each process, which forget by themselves: what most projects have."""


def pruned_caches() -> list[BaseCache]:
    """Return the shared caches that keep what has ended until it is pruned."""
    if all(map(_forgets_by_itself, settings.CACHES.values())):
        return []
    caches = [configured.get_cache(alias) for alias in settings.CACHES]
    prune = stores.EntryStore.prune
    return [cache for cache in caches if cache.is_shared and type(cache).prune is not prune]


def _forgets_by_itself(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("BACKEND") in IN_MEMORY


async def prune_caches() -> None:
    """Prune every such cache; one that does not answer does not keep the others from it."""
    for cache in pruned_caches():
        try:
            removed = await cache.prune()
        except CacheUnavailableError as error:
            logger.warning("%s", error)
        else:
            logger.info("removed %d entries of cache %r", removed, cache.alias)


def register() -> None:
    """Register the job, if there is something for it to do."""
    try:
        is_needed = bool(pruned_caches())
    except ImproperlyConfigured:
        is_needed = True  # `check` says what is wrong, and so does the job when it is due.
    if is_needed:
        schedule.periodic(every="1h")(actor(actor_name=PRUNE_NAME)(prune_caches))


register()
