"""Querysets: immutable descriptions of queries that run when awaited."""

from __future__ import annotations

from openviper.db.query.queryset import QuerySet

__all__ = ["QuerySet"]
