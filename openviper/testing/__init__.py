"""Helpers for testing OpenViper applications."""

from __future__ import annotations

from openviper.testing.client import OpenViperTestClient, TestResponse

__all__ = ["OpenViperTestClient", "TestResponse"]
