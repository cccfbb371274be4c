"""Importing what queries take before the first one."""

from __future__ import annotations

import importlib
import sys

REGISTRY = "openviper.db.models.model_registry"
QUERIES = (
    "openviper.db.query.related",
    "openviper.db.models.persistence",
    "openviper.db.models.short_insert",
    "openviper.db.models.validation",
)
"""What models and managers import when it is first used, and all that this needs in turn."""


def preload_queries() -> None:
    """Import what queries and saves take, if there are models: for a server, whose first request would wait for it."""
    registry = sys.modules.get(REGISTRY)
    # The class of all models comes with typed handlers; with no model of its own a server has nothing to ask for.
    if registry is not None and not registry.is_empty():
        for name in QUERIES:
            importlib.import_module(name)
