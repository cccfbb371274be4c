"""Querysets: immutable descriptions of queries that run when awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.db.query.queryset import QuerySet as QuerySet

__all__, __getattr__, __dir__ = lazy_exports(
    __name__, {"openviper.db.query.queryset": ("QuerySet",)}
)
