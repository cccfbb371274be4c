"""What can go wrong while static files are collected."""

from __future__ import annotations

from openviper.exceptions import OpenViperException


class CollectError(OpenViperException):
    """Static files cannot be collected; the destination is as it was."""


class UnsafeDestinationError(CollectError, ValueError):
    """Removing things from this destination could delete something that was not collected."""
