"""Importing what queries take before the first one."""

from __future__ import annotations

import importlib
import sys

MODELS = "openviper.db.models.base"
QUERIES = (
    "openviper.db.query.related",
    "openviper.db.models.persistence",
    "openviper.db.models.short_insert",
    "openviper.db.models.validation",
)
"""What models and managers import when it is first used, and all that this needs in turn."""


def preload_queries() -> None:
    """Import what queries and saves take, if there are models: for a server, whose first request would wait for it."""
    if MODELS in sys.modules:
        for name in QUERIES:
            importlib.import_module(name)
