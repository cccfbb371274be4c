"""The directory of the project, whatever the working directory is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openviper.project.source import find_source


def project_directory() -> str:
    """Return the absolute path of the directory that relative paths of settings are meant from.

    That is the folder around the package of the settings module; without one, that of the `viperctl.py` that runs; else
    the working directory.
    """
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    source = _source_of(module) if module else None
    if source is not None:
        return _above(os.path.abspath(source), module)
    script = os.path.abspath(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    if os.path.basename(script) == "viperctl.py":
        return os.path.dirname(script)
    return os.getcwd()


def in_project(path: str | os.PathLike[str]) -> Path:
    """Return a path of the settings as an absolute one; a relative one is meant from the project."""
    return Path(project_directory(), path)


def _source_of(module: str) -> str | None:
    loaded = getattr(sys.modules.get(module), "__file__", None)
    return loaded or find_source(module)


def _above(source: str, module: str) -> str:
    """Return the directory that the top of a dotted name lies in, given the file of the whole name."""
    is_package = os.path.basename(source) == "__init__.py"
    levels = module.count(".") + (2 if is_package else 1)
    for _ in range(levels):
        source = os.path.dirname(source)
    return source
