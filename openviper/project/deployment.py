"""Where a project runs: in development, under test, or in production."""

from __future__ import annotations

import os

PRODUCTION = ("production", "prod")


def environment_name() -> str:
    """Return what this process says it runs in: `OPENVIPER_ENV`, else `ENVIRONMENT`, else ``"development"``."""
    for variable in ("OPENVIPER_ENV", "ENVIRONMENT"):
        name = os.environ.get(variable, "").strip()
        if name:
            return name
    return "development"


def is_production(name: str | None = None) -> bool:
    """Return whether a name means production.

    Args:
        name: What `environment_name` returns; asked when not given.
    """
    return (environment_name() if name is None else name).strip().lower() in PRODUCTION
