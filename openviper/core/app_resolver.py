"""Finding the directories of apps."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from openviper.conf import settings

SEARCH_PATTERNS = ("apps", "src", "modules", "services", "api", "core")
"""Folders below the project root that commonly hold apps."""
SKIPPED = frozenset(
    {"__pycache__", "venv", ".venv", "env", "node_modules", "build", "dist", "vendor"}
)
MARKERS = (
    "models.py",
    "routes.py",
    "migrations",
    "schemas",
    "patches",
    "lifecycle.py",
    "tasks.py",
    "admin.py",
    "management",
)
"""An app has at least one of these beside its `__init__.py`."""
MAX_DEPTH = 4
"""How many folders below the root the walk goes down."""


def _may_hold_apps(name: str) -> bool:
    return not name.startswith(".") and name not in SKIPPED


class ResolvedApps(TypedDict):
    """Directories by name, and the names that have none."""

    found: dict[str, str]
    not_found: list[str]


class AppResolver:
    """Finds apps by name: importable packages first, then folders of the project.

    Args:
        project_root: Where to search; the working directory when not given.
    """

    def __init__(self, project_root: str | None = None) -> None:
        self.project_root = project_root or self.get_project_root()
        self.app_cache: dict[str, str | None] = {}
        self.candidates: dict[str, list[str]] = {}
        """Names for which the walk found several directories, so that none was taken."""

    @staticmethod
    def get_project_root() -> str:
        """Return the working directory."""
        return os.getcwd()

    def clear_cache(self) -> None:
        """Forget what was found and what was not."""
        self.app_cache.clear()
        self.candidates.clear()

    def resolve_app(self, app_name: str) -> tuple[str | None, bool]:
        """Return the directory of an app and whether it was found."""
        if app_name not in self.app_cache:
            self.app_cache[app_name] = self._resolve(app_name)
        path = self.app_cache[app_name]
        return path, path is not None

    def _resolve(self, app_name: str) -> str | None:
        if not app_name or ".." in app_name or app_name.startswith(("/", "\\")):
            return None
        return (
            self._importable(app_name)
            or self.try_direct_path(app_name)
            or self.try_relative_path(app_name)
            or self.try_search_patterns(app_name)
            or self._walk(app_name)
        )

    def _importable(self, app_name: str) -> str | None:
        try:
            spec = self._own_spec(app_name) or find_spec(app_name)
        except (ImportError, ValueError, AttributeError):
            return None
        if spec is None or spec.loader is None:
            return None  # Unknown, or a plain folder, which has to look like an app.
        if spec.submodule_search_locations:
            return str(Path(next(iter(spec.submodule_search_locations))))
        return str(Path(spec.origin).parent) if spec.origin and spec.has_location else None

    def _own_spec(self, app_name: str) -> ModuleSpec | None:
        """Return the spec of the project's own package, which wins over an installed one of the same name."""
        if "." in app_name or app_name in sys.modules:
            return None
        spec = PathFinder.find_spec(app_name, [self.project_root])
        return spec if spec is not None and spec.loader is not None else None

    def try_direct_path(self, app_name: str) -> str | None:
        """Try ``<root>/<name>`` as it is written."""
        return self._accept(Path(self.project_root, app_name))

    def try_relative_path(self, app_name: str) -> str | None:
        """Try ``<root>/a/b/c`` for ``a.b.c``."""
        return self._accept(Path(self.project_root, *app_name.split(".")))

    def try_search_patterns(self, app_name: str) -> str | None:
        """Try the folders that commonly hold apps; for names without a dot."""
        if "." in app_name:
            return None
        for folder in SEARCH_PATTERNS:
            found = self._accept(Path(self.project_root, folder, app_name))
            if found:
                return found
        return None

    def _walk(self, app_name: str) -> str | None:
        if "." in app_name:
            return None
        wanted = (directory for directory in self._folders() if directory.name == app_name)
        matches = list(filter(None, map(self._accept, wanted)))
        if len(matches) > 1:
            self.candidates[app_name] = matches
        return matches[0] if len(matches) == 1 else None

    def _folders(self) -> Iterator[Path]:
        """Yield the folders below the root in which apps may lie, each before those in it."""
        root = Path(self.project_root)
        for current, directories, _files in os.walk(root):
            directories[:] = sorted(name for name in directories if _may_hold_apps(name))
            if len(Path(current).relative_to(root).parts) >= MAX_DEPTH:
                directories.clear()
            for name in directories:
                yield Path(current, name)

    def _accept(self, path: Path) -> str | None:
        if not self.is_valid_app_directory(str(path)):
            return None
        # A link that leads out of the project is somebody else's code.
        inside = path.resolve().is_relative_to(Path(self.project_root).resolve())
        return str(path) if inside else None

    @staticmethod
    def is_valid_app_directory(path: str) -> bool:
        """Return whether a directory looks like an app: a package with something an app has."""
        directory = Path(path)
        if not (directory / "__init__.py").is_file():
            return False
        return any((directory / marker).exists() for marker in MARKERS)

    def get_app_dirs(self) -> list[Path]:
        """Return the directories of the installed apps that can be found, in order, each once."""
        found = (self.resolve_app(name)[0] for name in settings.INSTALLED_APPS)
        return list(dict.fromkeys(Path(path) for path in found if path))

    def resolve_all_apps(
        self, installed_apps: Iterable[str], include_builtin: bool = False
    ) -> ResolvedApps:
        """Return ``{"found": {name: path}, "not_found": [name]}``.

        Args:
            installed_apps: The names.
            include_builtin: Also resolve ``openviper.*``, which are in neither list otherwise.
        """
        names = list(installed_apps)
        if not include_builtin:
            names = [name for name in names if not name.startswith("openviper.")]
        paths = [(name, self.resolve_app(name)[0]) for name in names]
        return {
            "found": {name: path for name, path in paths if path},
            "not_found": [name for name, path in paths if not path],
        }

    def nearby_apps(self) -> list[str]:
        """Return the names of the apps that lie directly below the root, for hints about a misspelt one."""
        root = Path(self.project_root)
        return sorted(marker.parent.name for marker in root.glob("*/__init__.py"))
