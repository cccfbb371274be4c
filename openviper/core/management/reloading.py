"""What a reload watches: the files of the project and, in a checkout, OpenViper's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from uvicorn.supervisors.statreload import StatReload

from openviper.project.directory import project_directory
from openviper.project.dotenv_file import find_dotenv

SUFFIXES = frozenset({".py", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".po", ".mo"})
"""Code, templates and translations."""
SKIPPED = frozenset(
    {"node_modules", "venv", "env", "build", "dist", "media", "staticfiles", "vendor"}
)
"""Folders without anything that is written by hand; those that begin with a dot or two underlines are skipped too."""


def watched_directories() -> list[str]:
    """Return the project's directory, wherever one stands, and OpenViper's when it is a source checkout."""
    root = Path(project_directory()).resolve()
    directories = [str(root)]
    checkout = Path(__file__).resolve().parents[3]
    is_checkout = (checkout / "pyproject.toml").is_file()
    if is_checkout and not root.is_relative_to(checkout):
        directories.append(str(checkout / "openviper"))
    return directories


def watched_files(directories: list[str]) -> Iterator[Path]:
    """Yield the files of some directories that a reload looks at, and the project's `.env`."""
    dotenv = find_dotenv()
    if dotenv is not None:
        yield Path(dotenv)
    for directory in directories:
        for folder, folders, files in os.walk(directory):
            folders[:] = [name for name in folders if _is_watched(name)]
            for name in files:
                if os.path.splitext(name)[1] in SUFFIXES:
                    yield Path(folder, name)


def _is_watched(folder: str) -> bool:
    return folder not in SKIPPED and not folder.startswith((".", "__"))


class ProjectReload(StatReload):
    """uvicorn's reloader that needs no package, looking at more than Python files."""

    def iter_py_files(self) -> Iterator[Path]:
        """Yield every file that is watched."""
        yield from watched_files([str(directory) for directory in self.config.reload_dirs])
