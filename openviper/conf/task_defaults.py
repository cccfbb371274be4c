"""Defaults of the `TASKS` setting."""

from __future__ import annotations

from typing import Any

DEFAULT_TASKS: dict[str, Any] = {
    "enabled": 1,
    "broker": "database",
    "broker_url": "",
    "backend_url": "",
    "lease": 60,
    "grace": 30,
    "async_concurrency": 100,
    "max_tasks_per_child": 0,
    "max_message_bytes": 4 * 1024 * 1024,
    "keep_results": 7 * 86400,
    "keep_dead": 7 * 86400,
    "keep_records": 7 * 86400,
    "sign": 0,
    "redis_prefix": "openviper:",
    "logging": {"level": "INFO", "file": None, "database": None},
}
