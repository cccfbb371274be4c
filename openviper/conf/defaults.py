"""Defaults of the settings that are mappings; each call returns a new one."""

from __future__ import annotations

import copy

from openviper.conf.task_defaults import DEFAULT_TASKS
from openviper.conf.types import ConfigMap


def databases() -> ConfigMap:
    """Return the default of `DATABASES`: one database without an address."""
    return {"default": {"OPTIONS": {"URL": ""}}}


def caches() -> ConfigMap:
    """Return the default of `CACHES`: one cache in memory, whose entries live five minutes."""
    return {"default": {"BACKEND": "openviper.cache.InMemoryCache", "OPTIONS": {"ttl": 300}}}


def tasks() -> ConfigMap:
    """Return the default of `TASKS`."""
    return copy.deepcopy(DEFAULT_TASKS)
