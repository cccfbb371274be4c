"""All commands there are, found without importing any: the built-in ones, files of apps, entry points in metadata."""

from __future__ import annotations

import os
import sys

from openviper.core.management.builtin_commands import (
    BUILTIN,
    ENTRY_POINT_GROUP,
    is_command_name,
    normalise,
)
from openviper.project.installed_apps import read_installed_apps
from openviper.project.source import find_attribute, find_classes, literal_text

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BUILTIN_ORIGIN = "openviper"


class CommandInfo:
    """A command for the list.

    Attributes:
        name: What to type.
        origin: ``openviper``, the app's name, or the entry point.
        path: The file, for a command of an app.
        shadowed_by: The origin of the command of the same name that comes first, if there is one.
    """

    __slots__ = ("name", "origin", "path", "shadowed_by")

    def __init__(
        self, name: str, origin: str, path: str | None = None, shadowed_by: str | None = None
    ) -> None:
        self.name = name
        self.origin = origin
        self.path = path
        self.shadowed_by = shadowed_by

    @property
    def summary(self) -> str | None:
        """The one-line help, or `None` if the command has to be imported to know."""
        if self.origin == BUILTIN_ORIGIN:
            return BUILTIN[self.name]
        return _literal_help(self.path) if self.path is not None else None


def describe_commands() -> list[CommandInfo]:
    """Return all commands, shadowed ones included: first the built-in ones, then by app, then by entry point.

    Raises:
        ImproperlyConfigured: If the settings have to be loaded and cannot be.
    """
    found = [CommandInfo(name, BUILTIN_ORIGIN) for name in BUILTIN]
    taken = {info.name: info.origin for info in found}
    for info in (*_of_apps(), *_of_entry_points()):
        info.shadowed_by = taken.get(info.name)
        taken.setdefault(info.name, info.origin)
        found.append(info)
    return found


def list_commands(verbose: bool = False) -> list[str]:
    """Return the names of all commands.

    Args:
        verbose: Add a line for each command that another one of the same name hides.
    """
    infos = describe_commands()
    names = sorted({info.name for info in infos})
    if verbose:
        names += [
            f"{info.name} of {info.origin} (hidden by {info.shadowed_by})"
            for info in infos
            if info.shadowed_by
        ]
    return names


def installed_apps() -> tuple[str, ...]:
    """Return the installed apps, by reading the settings where that is enough and loading them where it is not."""
    conf = sys.modules.get("openviper.conf")
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    if conf is None or not conf.settings.configured:
        apps = read_installed_apps(module) if module else ()
        if apps is not None:
            return apps
    # Late: the list of commands loads no settings where their file can be read.
    from openviper.conf import settings

    return tuple(settings.INSTALLED_APPS)


def _of_apps() -> Iterator[CommandInfo]:
    for app in installed_apps():
        directory = _app_directory(app)
        commands = _commands_below(directory) if directory is not None else _commands_by_import(app)
        for name in sorted(commands):
            yield CommandInfo(name, app, commands[name])


def _app_directory(app: str) -> str | None:
    module = sys.modules.get(app)
    if module is not None:
        return next(iter(getattr(module, "__path__", ())), None)
    relative = app.replace(".", os.sep)
    candidates = (os.path.join(entry or os.getcwd(), relative) for entry in sys.path)
    return next(
        (path for path in candidates if os.path.isfile(os.path.join(path, "__init__.py"))), None
    )


def _commands_below(directory: str) -> dict[str, str | None]:
    folder = os.path.join(directory, "management", "commands")
    try:
        stems = [os.path.splitext(file) for file in os.listdir(folder)]
    except OSError:
        return {}
    return {
        normalise(stem): os.path.join(folder, stem + extension)
        for stem, extension in stems
        if extension == ".py" and _is_public(stem)
    }


def _commands_by_import(app: str) -> dict[str, str | None]:
    # An app in an archive, or behind an import hook; the app is imported then, its commands are not.
    from importlib.util import find_spec
    from pkgutil import iter_modules

    try:
        spec = find_spec(f"{app}.management.commands")
    except ImportError:
        return {}
    places = spec.submodule_search_locations if spec is not None else None
    return {
        normalise(found.name): None
        for found in iter_modules(places or [])
        if _is_public(found.name)
    }


def _is_public(stem: str) -> bool:
    return is_command_name(stem) and not stem.startswith("_")


def _of_entry_points() -> Iterator[CommandInfo]:
    # The metadata is read as text: `importlib.metadata` would double the time that the list takes.
    entries: dict[str, str] = {}
    for metadata in _metadata_directories():
        for key, value in _entry_points_in(os.path.join(metadata, "entry_points.txt")):
            entries.setdefault(normalise(key), value)
    for name in sorted(entries):
        yield CommandInfo(name, f"entry point {entries[name]}")


def _metadata_directories() -> Iterator[str]:
    for directory in dict.fromkeys(sys.path):
        try:
            names = os.listdir(directory or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                yield os.path.join(directory, name)


def _entry_points_in(path: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    _, _, section = f"\n{text}".partition(f"\n[{ENTRY_POINT_GROUP}]")
    for line in section.partition("\n[")[0].splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith("#"):
            yield key.strip(), value.strip()


def _literal_help(path: str) -> str | None:
    for node in find_classes(path) or ():
        if node.name == "Command":
            text = literal_text(find_attribute(node, "help"))
            return text.strip().partition("\n")[0] if text is not None else None
    return None
