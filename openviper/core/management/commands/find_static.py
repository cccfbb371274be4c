"""`find-static`: which file answers for a static path."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from openviper.conf import settings
from openviper.core.management.base import BaseCommand, CommandError
from openviper.project.directory import in_project
from openviper.staticfiles.finders import discover_app_static_dirs, unique


class Command(BaseCommand):
    """Look a path up in the project's directories and those of the apps, in the order in which they win."""

    help = "Show which files a static path is found as; the first one is served."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "paths", nargs="+", metavar="PATH", help="as written after STATIC_URL, css/site.css"
        )
        parser.add_argument("--first", action="store_true", help="only the file that is served")

    def handle(self, **options: Any) -> None:
        """Print the files of each path.

        Raises:
            CommandError: If a path is not one below a directory, or no directory has it.
        """
        directories = unique(
            [*map(in_project, settings.STATICFILES_DIRS), *discover_app_static_dirs()]
        )
        found = {path: find(path, directories) for path in options["paths"]}
        for files in found.values():
            for file in files[:1] if options["first"] else files:
                self.stdout(str(file))
        missing = [repr(path) for path, files in found.items() if not files]
        if missing:
            searched = ", ".join(map(str, directories)) or "no directory"
            raise CommandError(f"no static file {', '.join(missing)} (searched {searched})")


def find(path: str, directories: Sequence[Path]) -> list[Path]:
    """Return the files that a path names, the one that wins first.

    Raises:
        CommandError: If the path is absolute or leads out of a directory.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path:
        raise CommandError(f"{path!r} is not a path below a directory of static files")
    candidates = (directory / relative for directory in directories)
    return [file for file in candidates if file.is_file()]
