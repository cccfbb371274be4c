"""What differs between databases in SQL text and values; nothing here performs I/O."""

from __future__ import annotations

from openviper.db.dialects.base import Dialect, Features
from openviper.db.dialects.sqlite import SQLiteDialect

__all__ = ["Dialect", "Features", "SQLiteDialect"]
