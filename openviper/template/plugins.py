"""Filters and global functions that a project and its apps give their templates, found by their place."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from openviper.exceptions import ImproperlyConfigured
from openviper.utils.resources import is_directory, list_names

FOLDER = "jinja_plugins"
"""Where they are looked for, if `JINJA_PLUGINS` does not say otherwise."""
KINDS = ("filters", "globals")
KEYS = ("enable", "path")


class Place(NamedTuple):
    """Where plug-ins of one app or of the project may be.

    Attributes:
        package: What the names of their modules begin with; empty for the project.
        directory: The directory of the app or the project.
    """

    package: str
    directory: Path


def plugin_folder(setting: Mapping[str, Any]) -> str | None:
    """Return the folder that `JINJA_PLUGINS` names, or `None` if plug-ins are off.

    Raises:
        ImproperlyConfigured: If it holds something else than ``enable`` and ``path``, or the path leads elsewhere.
    """
    unknown = set(setting) - set(KEYS)
    if unknown:
        raise ImproperlyConfigured(
            f"JINJA_PLUGINS holds {sorted(unknown)[0]!r}; it has: {', '.join(KEYS)}"
        )
    folder = setting.get("path", FOLDER)
    if not isinstance(folder, str) or not all(map(str.isidentifier, folder.split("/"))):
        raise ImproperlyConfigured(
            f"the path of JINJA_PLUGINS must be names of folders, such as {FOLDER!r}, not {folder!r}"
        )
    return folder if setting.get("enable") else None


def load_plugins(places: list[Place], folder: str) -> dict[str, dict[str, Callable[..., Any]]]:
    """Return the functions of each kind by name; where two places have one name, the later place wins.

    Raises:
        ImproperlyConfigured: If a module of them cannot be imported.
    """
    found: dict[str, dict[str, Callable[..., Any]]] = {kind: {} for kind in KINDS}
    for place in places:
        for kind in KINDS:
            for module in _modules(place, folder, kind):
                found[kind].update(_public_functions(module))
    return found


def _modules(place: Place, folder: str, kind: str) -> Iterator[ModuleType]:
    dotted = folder.replace("/", ".")
    prefix = f"{place.package}.{dotted}" if place.package else dotted
    directory = place.directory / folder / kind
    for name in sorted(list_names(directory)) if is_directory(directory) else ():
        if name.endswith(".py") and not name.startswith("_"):
            yield _loaded(f"{prefix}.{kind}.{name.removesuffix('.py')}", directory / name)


def _loaded(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        return importlib.import_module(name)  # In an archive, which only the import system reads.
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImproperlyConfigured(f"the template plug-in {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ImproperlyConfigured(
            f"the template plug-in {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _public_functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return what a module offers: what ``__all__`` names, else the functions and classes of its own."""
    named = getattr(module, "__all__", None)
    if named is not None:
        return {name: getattr(module, name) for name in named}
    own = {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
    }
    return {name: value for name, value in own.items() if name[0] != "_" and callable(value)}
