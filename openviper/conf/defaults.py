"""Defaults of the settings that are mappings; each call returns a new one."""

from __future__ import annotations

import copy

from openviper.conf.task_defaults import DEFAULT_TASKS
from openviper.conf.types import ConfigMap

DEFAULT_OPENAPI: ConfigMap = {
    "title": "OpenViper API",
    "version": "0.0.1",
    "description": "",
    "docs_url": "/open-api/docs",
    "redoc_url": "/open-api/redoc",
    "schema_url": "/open-api/openapi.json",
    "enabled": True,
    "admin_url": None,
    "exclude": [],
}


def admin_settings() -> ConfigMap:
    """Return the default of `ADMIN_SETTINGS`."""
    return {
        "title": "OpenViper Admin",
        "header_title": "OpenViper",
        "footer_title": "OpenViper Admin",
    }


def databases() -> ConfigMap:
    """Return the default of `DATABASES`: one database without an address."""
    return {"default": {"OPTIONS": {"URL": ""}}}


def caches() -> ConfigMap:
    """Return the default of `CACHES`."""
    return {"default": {"BACKEND": "openviper.cache.InMemoryCache", "OPTIONS": {"ttl": 300}}}


def email() -> ConfigMap:
    """Return the default of `EMAIL`, empty: each key has a default of its own, see `openviper.core.email.config`."""
    return {}


def tasks() -> ConfigMap:
    """Return the default of `TASKS`."""
    return copy.deepcopy(DEFAULT_TASKS)


def openapi() -> ConfigMap:
    """Return the default of `OPENAPI`."""
    return copy.deepcopy(DEFAULT_OPENAPI)


def country_field() -> ConfigMap:
    """Return the default of `COUNTRY_FIELD`."""
    return {"EXTRA_COUNTRIES": {}, "ENABLE_CACHE": True, "STRICT": True}
