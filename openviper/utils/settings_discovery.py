"""Finding the settings module of a project."""

from __future__ import annotations

import os
from pathlib import Path

from openviper.utils.identifiers import is_dotted_path, is_identifier

SKIPPED = frozenset({"migrations", "static", "templates", "media", "logs", "tests"})
"""Folders that are never the project's package."""


def has_settings(directory: Path) -> bool:
    """Tell whether a directory holds `settings.py` or a `settings` package."""
    return (directory / "settings.py").is_file() or (directory / "settings" / "__init__.py").is_file()


def candidate_packages(directory: str | Path) -> list[str]:
    """Return the names of the packages directly below a directory that have settings."""
    directory = Path(directory)
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        entry.name
        for entry in entries
        if not entry.name.startswith((".", "_"))
        and entry.name not in SKIPPED
        and is_identifier(entry.name)
        and entry.is_dir()
        and (directory / entry.name / "__init__.py").is_file()
        and has_settings(directory / entry.name)
    ]


def discover_settings_module(target: str, cwd: str | Path | None = None, explicit: str | None = None) -> str | None:
    """Return the settings module for a target of `openviper viperctl`; the first of these that there is.

    The value of ``--settings``; `OPENVIPER_SETTINGS_MODULE`; the settings of the target or of a package around it; those of
    the working directory; those of the only package below it.

    Args:
        target: ``.`` or a dotted name.
        cwd: The project's directory; the working directory when not given.
        explicit: The value of ``--settings``.
    """
    if explicit:
        return explicit
    from_environment = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    if from_environment:
        return from_environment
    root = Path(cwd) if cwd is not None else Path.cwd()
    if target != ".":
        if not is_dotted_path(target):
            return None
        parts = target.split(".")
        while parts:
            directory = root.joinpath(*parts)
            if not directory.resolve().is_relative_to(root.resolve()):
                return None
            if has_settings(directory):
                return ".".join([*parts, "settings"])
            parts.pop()
    if has_settings(root):
        return "settings"
    packages = candidate_packages(root)
    return f"{packages[0]}.settings" if len(packages) == 1 else None
