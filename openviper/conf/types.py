"""The kinds of values that settings hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

ConfigMap: TypeAlias = "dict[str, Any]"
"""A setting that is a mapping, such as `DATABASES`."""

EnvValue: TypeAlias = "bool | int | float | str | tuple[str, ...] | list[str] | timedelta | None"
"""A value that can come from an environment variable."""
