"""`settings`: the settings in use, secrets masked."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from openviper.conf import Settings, settings
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.errors import did_you_mean


class Command(BaseCommand):
    """Show what the settings class, `.env` and the environment come to."""

    help = "Show the settings in use, secrets masked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="only these settings")
        parser.add_argument(
            "--changed", action="store_true", help="only what differs from OpenViper's defaults"
        )
        parser.add_argument("--json", action="store_true", help="print them as JSON")

    def handle(self, **options: Any) -> None:
        """Print a line for each setting.

        Raises:
            CommandError: If there is no setting of a given name.
        """
        in_use = settings.as_dict()
        wanted = changed_names(settings) if options["changed"] else in_use.keys()
        names = self._chosen(options["names"], in_use)
        shown = {name: in_use[name] for name in names if name in wanted}
        if options["json"]:
            self._print_json(shown)
            return
        for name, value in shown.items():
            self.stdout(f"{name} = {value!r}")

    @staticmethod
    def _chosen(names: Iterable[str], in_use: dict[str, Any]) -> list[str]:
        for name in names:
            if name not in in_use:
                raise CommandError(f"there is no setting {name!r}{did_you_mean(name, [*in_use])}")
        return list(names) or list(in_use)

    def _print_json(self, values: dict[str, Any]) -> None:
        import json  # Late: most people read the lines.

        self.stdout(json.dumps(values, indent=2, ensure_ascii=False, default=str))


def changed_names(instance: Settings) -> set[str]:
    """Return the settings whose values differ from OpenViper's defaults; a project's own fields are among them."""
    defaults = Settings().as_dict(mask_sensitive=False)
    values = instance.as_dict(mask_sensitive=False)
    return {name for name in values if name not in defaults or values[name] != defaults[name]}
