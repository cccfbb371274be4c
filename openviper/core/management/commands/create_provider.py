"""The command `create-provider`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from openviper.conf import settings
from openviper.core.management.base import BaseCommand
from openviper.core.management.scaffolds.app import dotted_name
from openviper.core.management.scaffolds.provider import class_name, create_provider


class Command(BaseCommand):
    """Create an AI provider."""

    help = "Create an AI provider: the class, its tests and a README to start from."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the provider's name and where to put it."""
        parser.add_argument("name", help="name of the provider; '-' stands for '_'")
        parser.add_argument(
            "-o",
            "--output-dir",
            type=Path,
            default=Path(),
            help="existing directory to create it in (default: here)",
        )
        parser.add_argument(
            "--standalone",
            action="store_true",
            help="make a package that can be installed, with a pyproject.toml",
        )

    def handle(self, *, name: str, output_dir: Path, standalone: bool, **options: Any) -> None:
        """Create the provider and say how to go on."""
        taken = settings.INSTALLED_APPS if settings.configured else ()
        path = create_provider(name, output_dir, standalone=standalone, taken=taken)
        package = path.name if standalone else dotted_name(path)
        self.stdout(self.style_success(f"Created provider {path.name!r} at {path}"))
        self.stdout("Next steps:")
        self.stdout(f"1. Ask your server in generate() of {path / 'provider.py'}.")
        self.stdout(f"2. Set the key in the environment: {path.name.upper()}_API_KEY.")
        self.stdout(
            f"3. Set ENABLE_AI_PROVIDERS, and add to AI_PROVIDERS in settings.py: {path.name!r}: "
            f'{{"provider": "{package}.provider.{class_name(path.name)}", "model": "{path.name}-v1"}}'
        )
        self.stdout(f"4. Run its tests: {_test_command(path, package, standalone)}")
        self.stdout(
            f'Without settings: provider_registry.register_from_module("{package}.provider")'
        )


def _test_command(path: Path, package: str, standalone: bool) -> str:
    if standalone:
        return f"cd {path}, then: pip install -e . && python -m pytest"
    return f"python -m pytest {package.replace('.', '/')}/tests"
