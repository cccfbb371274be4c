"""Finding the directories of apps."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

SEARCH_PATTERNS = ("apps", "src", "modules", "services", "api", "core")
"""Folders below the project root that commonly hold apps."""
SKIPPED = frozenset({"__pycache__", "venv", ".venv", "env", "node_modules", "build", "dist"})
MARKERS = (
    "models.py",
    "routes.py",
    "migrations",
    "schemas",
    "lifecycle.py",
    "tasks.py",
    "admin.py",
    "management",
)
"""An app has at least one of these beside its `__init__.py`."""
MAX_DEPTH = 4
"""How many folders below the root the walk goes down."""


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
        spec = None
        try:
            if "." not in app_name and app_name not in sys.modules:
                # The project's own package wins over an installed one of the same name.
                spec = PathFinder.find_spec(app_name, [self.project_root])
            if spec is None or spec.loader is None:
                spec = find_spec(app_name)
        except (ImportError, ValueError, AttributeError):
            return None
        if spec is None or spec.loader is None:
            return None  # Unknown, or a plain folder, which has to look like an app.
        if spec.submodule_search_locations:
            return str(Path(next(iter(spec.submodule_search_locations))))
        return str(Path(spec.origin).parent) if spec.origin and spec.has_location else None

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
        root = Path(self.project_root)
        matches: list[str] = []
        for current, directories, _files in os.walk(root):
            directories[:] = sorted(
                name for name in directories if not name.startswith(".") and name not in SKIPPED
            )
            if len(Path(current).relative_to(root).parts) >= MAX_DEPTH:
                directories.clear()
            if app_name in directories:
                found = self._accept(Path(current, app_name))
                if found:
                    matches.append(found)
        if len(matches) > 1:
            self.candidates[app_name] = matches
        return matches[0] if len(matches) == 1 else None

    def _accept(self, path: Path) -> str | None:
        if not self.is_valid_app_directory(str(path)):
            return None
        # A link that leads out of the project is somebody else's code.
        inside = path.resolve().is_relative_to(Path(self.project_root).resolve())
        return str(path) if inside else None

    @staticmethod
    def is_valid_app_directory(path: str) -> bool:
        """Tell whether a directory looks like an app: a package with something an app has."""
        directory = Path(path)
        if not (directory / "__init__.py").is_file():
            return False
        return any((directory / marker).exists() for marker in MARKERS)

    def get_app_dirs(self) -> list[Path]:
        """Return the directories of the installed apps that can be found, in order, each once."""
        from openviper.conf import settings

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
        found: dict[str, str] = {}
        missing: list[str] = []
        for name in installed_apps:
            if name.startswith("openviper.") and not include_builtin:
                continue
            path, ok = self.resolve_app(name)
            if ok and path:
                found[name] = path
            else:
                missing.append(name)
        return {"found": found, "not_found": missing}

    def get_migrations_dir(self, app_name: str) -> str | None:
        """Return the app's `migrations` package, made if absent, or `None` for an unknown app."""
        path, _ = self.resolve_app(app_name)
        if path is None:
            return None
        directory = Path(path, "migrations")
        directory.mkdir(exist_ok=True)
        (directory / "__init__.py").touch()
        return str(directory)

    def print_app_locations(self, installed_apps: Iterable[str]) -> None:
        """Write where the apps are on standard output."""
        resolved = self.resolve_all_apps(installed_apps)
        for name, path in resolved["found"].items():
            sys.stdout.write(f"{name} -> {os.path.relpath(path, self.project_root)}\n")
        for name in resolved["not_found"]:
            sys.stdout.write(f"{name} -> not found\n")

    @staticmethod
    def print_app_not_found_error(app_name: str, search_paths: Iterable[str]) -> None:
        """Write what was searched for an app, and what an app looks like, on standard error."""
        sys.stderr.write(f"ERROR: {app_not_found_text(app_name, search_paths)}\n")

    @staticmethod
    def print_app_not_in_settings_error(app_name: str, app_path: str) -> None:
        """Write that an app exists and is not installed on standard error."""
        sys.stderr.write(
            f"ERROR: App '{app_name}' exists but not in INSTALLED_APPS\n"
            f"It is at {app_path}; add '{app_name}' to INSTALLED_APPS in the settings.\n"
        )


def app_not_found_text(app_name: str, search_paths: Iterable[str]) -> str:
    """Return the message for an app that cannot be found."""
    places = "\n".join(f"  - {path}" for path in search_paths)
    return (
        f"App '{app_name}' not found\n"
        f"Searched:\n{places}\n"
        "An app is a folder with __init__.py and models.py, routes.py or another app module."
    )
