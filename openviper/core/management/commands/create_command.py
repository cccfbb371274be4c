"""The command `create-command`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.scaffolds.command import create_command


class Command(BaseCommand):
    """Create a management command."""

    help = "Create a management command inside an app."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's name and the app it goes into."""
        parser.add_argument("command_name", help="name of the command; '-' and '_' mean the same")
        parser.add_argument(
            "app_name", help="the app: directory name, relative path or dotted name"
        )
        parser.add_argument(
            "-d",
            "--directory",
            type=Path,
            default=Path(),
            help="existing directory the app lies in (default: here)",
        )

    def handle(self, *, command_name: str, app_name: str, directory: Path, **options: Any) -> None:
        """Create the command and say how to run it."""
        path = create_command(command_name, app_name, directory, built_in=BUILTIN)
        self.stdout(
            self.style_success(f"Created command {path.stem.replace('_', '-')!r} at {path}")
        )
        self.stdout(f"Run it with: python viperctl.py {path.stem.replace('_', '-')}")
