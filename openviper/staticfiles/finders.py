"""Where static files come from: the project's directories, then those of the installed apps; the first one wins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from openviper.conf import settings
from openviper.utils.resources import PACKAGE_PLACE, is_directory, on_disk

ADMIN = "openviper.admin"
AppLocator = Callable[[str], "str | None"]
"""Finds the directory of an app that cannot be imported."""

_locators: list[AppLocator] = []


def register_app_locator(locator: AppLocator) -> None:
    """Ask this too for apps that the import system does not know; the floors above call it."""
    _locators[:] = [locator]


def discover_app_static_dirs() -> tuple[Path, ...]:
    """Return the `static` directories of the installed apps and of the admin, in order, each real one once."""
    return app_static_dirs(tuple(dict.fromkeys((*settings.INSTALLED_APPS, ADMIN))))


def app_static_dirs(apps: Sequence[str]) -> tuple[Path, ...]:
    """Return the `static` directories of some apps, in order, each real one once."""
    folders = (Path(place, "static") for app in apps for place in _app_directories(app))
    return unique(on_disk(folder) for folder in folders if is_directory(folder))


def unique(directories: Iterable[Path]) -> tuple[Path, ...]:
    """Return the directories that exist, in order, each once however it is written."""
    by_real_path: dict[str, Path] = {}
    for directory in directories:
        if directory.is_dir():
            by_real_path.setdefault(os.path.realpath(directory), directory)
    return tuple(by_real_path.values())


def _app_directories(app: str) -> list[str]:
    package, _, ours = app.partition(".")
    if package == "openviper" and ours:
        # It lies in this package or nowhere; importers and folders need not be searched for it with each application.
        return [os.path.join(PACKAGE_PLACE, *ours.split("."))]
    try:
        spec = find_spec(app)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is not None and spec.submodule_search_locations:
        return list(spec.submodule_search_locations)
    located = [locator(app) for locator in _locators]
    return [place for place in located if place]
