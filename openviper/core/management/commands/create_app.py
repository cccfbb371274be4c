"""The command `create-app`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from openviper.conf import settings
from openviper.core.management.base import BaseCommand
from openviper.core.management.scaffolds.app import create_app, dotted_name


class Command(BaseCommand):
    """Create an app."""

    help = "Create an app: models, routes, views and tests to start from."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the app's name and where to put it."""
        parser.add_argument("name", help="name of the app, a Python identifier")
        parser.add_argument(
            "-d",
            "--directory",
            type=Path,
            default=Path(),
            help="existing directory to create it in (default: here)",
        )

    def handle(self, *, name: str, directory: Path, **options: Any) -> None:
        """Create the app and say how to install it."""
        taken = settings.INSTALLED_APPS if settings.configured else ()
        path = create_app(name, directory, taken=taken)
        self.stdout(self.style_success(f"Created app {name!r} at {path}"))
        module = dotted_name(path)
        self.stdout(f"Add {module!r} to INSTALLED_APPS in the project's settings.py.")
        self.stdout(
            f"Mount the router of {module}.routes in the project's routes.py, for example at '/{name}'."
        )
