"""`version`: which OpenViper this is."""

from __future__ import annotations

from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.version import VERSION


class Command(BaseCommand):
    """Print the version, as ``openviper version`` does."""

    help = "Show the version of OpenViper."

    def handle(self, **options: Any) -> None:
        """Print it."""
        self.stdout(f"OpenViper {VERSION}")
