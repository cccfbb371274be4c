"""Finding the settings module of a project."""

from __future__ import annotations

import os

from openviper.utils.identifiers import is_dotted_path, is_identifier

SKIPPED = frozenset({"migrations", "patches", "static", "templates", "media", "logs", "tests"})
"""Folders that are never the project's package."""

# Paths are strings here: every start of a command loads this module, and `pathlib` takes longer than all of it.


def has_settings(directory: str | os.PathLike[str]) -> bool:
    """Return whether a directory holds `settings.py` or a `settings` package."""
    return os.path.isfile(os.path.join(directory, "settings.py")) or os.path.isfile(
        os.path.join(directory, "settings", "__init__.py")
    )


def candidate_packages(directory: str | os.PathLike[str]) -> list[str]:
    """Return the names of the packages directly below a directory that have settings."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [name for name in names if _is_candidate(directory, name)]


def _is_candidate(directory: str | os.PathLike[str], name: str) -> bool:
    if name.startswith((".", "_")) or name in SKIPPED or not is_identifier(name):
        return False
    path = os.path.join(directory, name)
    return os.path.isfile(os.path.join(path, "__init__.py")) and has_settings(path)


def auto_discover_settings(script_path: str) -> str | None:
    """Return the settings module that belongs to a `viperctl.py`.

    That of the package named like the script's directory, else of the only package beside the script that has one, else
    the module `settings` beside it.
    """
    directory = os.path.dirname(os.path.realpath(script_path))
    name = os.path.basename(directory)
    own = os.path.join(directory, name)
    if os.path.isfile(os.path.join(own, "__init__.py")) and has_settings(own):
        return f"{name}.settings"
    packages = candidate_packages(directory)
    if len(packages) == 1:
        return f"{packages[0]}.settings"
    return "settings" if has_settings(directory) else None


def discover_settings_module(
    target: str, cwd: str | os.PathLike[str] | None = None, explicit: str | None = None
) -> str | None:
    """Return the settings module for a target of `openviper viperctl`; the first of these that there is.

    The value of ``--settings``; `OPENVIPER_SETTINGS_MODULE`; the settings of the target or of a package around it;
    those of the working directory; those of the only package below it.

    Args:
        target: ``.`` or a dotted name.
        cwd: The project's directory; the working directory when not given.
        explicit: The value of ``--settings``.
    """
    given = explicit or os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    if given:
        return given
    root = os.fspath(cwd) if cwd is not None else os.getcwd()
    if target == ".":
        return _settings_below(root)
    if not is_dotted_path(target) or not _is_inside(os.path.join(root, *target.split(".")), root):
        return None
    return _settings_around(target, root) or _settings_below(root)


def _settings_around(target: str, root: str) -> str | None:
    """Return the settings of a dotted target, or of the nearest package around it."""
    parts = target.split(".")
    while parts:
        if has_settings(os.path.join(root, *parts)):
            return ".".join([*parts, "settings"])
        parts.pop()
    return None


def _settings_below(root: str) -> str | None:
    """Return the settings of a directory, or of the only package directly below it."""
    if has_settings(root):
        return "settings"
    packages = candidate_packages(root)
    return f"{packages[0]}.settings" if len(packages) == 1 else None


def _is_inside(path: str, root: str) -> bool:
    real = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(path), real]) == real
