"""Defaults of the `TASKS` setting."""

from __future__ import annotations

from typing import Any

DEFAULT_TASKS: dict[str, Any] = {
    "enabled": 1,
    "broker": "database",
    "broker_url": "",
    "backend_url": "",
    "lease": 60,
    "async_concurrency": 100,
    "redis_prefix": "openviper:",
    "logging": {"level": "INFO", "file": None, "database": None},
}
