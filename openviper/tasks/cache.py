"""The periodic job that throws away what has come to its end in caches that do not do so themselves.

A worker imports this module; where `CACHES` has no such cache, there is no such job.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from openviper.cache.backends.base import EntryStore
from openviper.cache.base import BaseCache
from openviper.cache.configured import get_cache
from openviper.cache.exceptions import CacheUnavailableError
from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.tasks.actors import actor
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.tasks.schedule import periodic as schedule
else:
    # A worker without periodic jobs does not load what they need.
    schedule = lazy_module("openviper.tasks.schedule.periodic")

logger = logging.getLogger("openviper.tasks.cache")

PRUNE_NAME = "openviper.prune_caches"


def pruned_caches() -> list[BaseCache]:
    """Return the shared caches that keep what has ended until it is pruned."""
    caches = [get_cache(alias) for alias in settings.CACHES]
    return [
        cache for cache in caches if cache.is_shared and type(cache).prune is not EntryStore.prune
    ]


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
