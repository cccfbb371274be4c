"""Which commands there are: built-in ones by name, nothing of them imported; others by discovery.

Built-in commands come first and cannot be replaced, then those of the installed apps in order, then those of other
distributions, which register an entry point in the group `openviper.cli`.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

from openviper.core.management.base import BaseCommand, CommandError
from openviper.utils.importing import is_missing

PACKAGE = "openviper.core.management.commands"
ENTRY_POINT_GROUP = "openviper.cli"

BUILTIN: dict[str, str] = {
    "backup-db": "Write a verified backup of a database.",
    "changepassword": "Change a user's password.",
    "console": "Open a Python prompt with the project's models and top-level await.",
    "create-app": "Create an app: models, routes, views, tests.",
    "create-command": "Create a management command in an app.",
    "createsuperuser": "Create a user who may do everything.",
    "makemigrations": "Write the schema files of the project's models.",
    "migrate": "Bring a database to the state of the schema files.",
    "restore-db": "Restore a database from a backup: everything or nothing.",
    "start-server": "Start the development server, or several workers.",
    "test": "Run the project's tests with pytest.",
}
"""Summaries of the built-in commands; the module of each is its name with `_` for `-`."""

SETTINGS_OPTIONAL = frozenset({"create-app", "create-command"})
"""Commands that also run where there are no valid settings."""

_NAME = re.compile(r"[a-z0-9_-]+\Z")


class CommandInfo(NamedTuple):
    """A command for the list.

    Attributes:
        origin: ``openviper``, the app's name, or the distribution's entry point.
        summary: Its one-line help; empty when it would have to be imported to know.
        shadowed_by: The origin of the command of the same name that comes first, if there is one.
    """

    name: str
    origin: str
    summary: str = ""
    shadowed_by: str | None = None


def normalise(name: str) -> str:
    """Return a command's name with ``-`` for ``_``, which are accepted alike, or as it is for a built-in one."""
    dashed = name.replace("_", "-")
    return dashed if _NAME.match(dashed) else name


def _module_name(command: str) -> str:
    return command.replace("-", "_")


def _load(module_name: str, what: str) -> type[BaseCommand]:
    module = importlib.import_module(module_name)
    cls = getattr(module, "Command", None)
    if not (isinstance(cls, type) and issubclass(cls, BaseCommand)):
        raise CommandError(f"{module.__file__} does not define a class Command(BaseCommand) for {what!r}")
    return cls


def _installed_apps() -> tuple[str, ...]:
    from openviper.conf import settings

    return tuple(settings.INSTALLED_APPS)


def _from_app(app: str, command: str) -> BaseCommand | None:
    module_name = f"{app}.management.commands.{_module_name(command)}"
    try:
        return _load(module_name, command)()
    except CommandError:
        raise
    except Exception as error:
        if isinstance(error, ImportError) and is_missing(error, module_name):
            return None
        raise CommandError(
            f"cannot load command {command!r} of app {app!r}: {type(error).__name__}: {error}"
        ) from error


def _from_entry_point(command: str) -> BaseCommand | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if normalise(entry.name) != command:
            continue
        try:
            cls = entry.load()
        except Exception as error:
            raise CommandError(f"cannot load command {command!r} from {entry.value!r}: {error}") from error
        if not (isinstance(cls, type) and issubclass(cls, BaseCommand)):
            raise CommandError(f"entry point {entry.value!r} of command {command!r} is not a BaseCommand")
        return cls()
    return None


def find_builtin(name: str) -> BaseCommand | None:
    """Return a new instance of a built-in command, or `None` if there is none of this name."""
    command = normalise(name)
    if command not in BUILTIN:
        return None
    return _load(f"{PACKAGE}.{_module_name(command)}", command)()


def find_command(name: str) -> BaseCommand:
    """Return a new instance of a command.

    Raises:
        CommandError: If no command has this name, or the one that has cannot be loaded.
    """
    command = normalise(name)
    if _NAME.match(command):
        found = find_builtin(command)
        if found is not None:
            return found
        for app in _installed_apps():
            found = _from_app(app, command)
            if found is not None:
                return found
        found = _from_entry_point(command)
        if found is not None:
            return found
    from openviper.utils.identifiers import closest

    known = list_commands()
    match = closest(command, known)
    hint = f"; did you mean {match!r}?" if match else f"; valid commands: {', '.join(known)}"
    raise CommandError(f"Unknown command: {name!r}{hint}")


def command_directories(app: str) -> list[Path]:
    """Return where an app keeps its commands, without importing the commands."""
    from importlib.util import find_spec

    try:
        spec = find_spec(app)
    except (ImportError, ValueError):
        return []
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return [path for location in locations if (path := Path(location, "management", "commands")).is_dir()]


def describe_commands() -> list[CommandInfo]:
    """Return all commands with their origin, shadowed ones included, by origin and name."""
    found = [CommandInfo(name, "openviper", summary) for name, summary in BUILTIN.items()]
    taken = {info.name: info.origin for info in found}

    def add(name: str, origin: str) -> None:
        found.append(CommandInfo(name, origin, "", taken.get(name)))
        taken.setdefault(name, origin)

    for app in _installed_apps():
        names = {
            normalise(path.stem)
            for directory in command_directories(app)
            for path in directory.glob("*.py")
            if not path.name.startswith("_")
        }
        for name in sorted(names):
            add(name, app)
    if "importlib.metadata" in sys.modules or _has_entry_points():
        from importlib.metadata import entry_points

        for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: one.name):
            add(normalise(entry.name), f"entry point {entry.value}")
    return found


def _has_entry_points() -> bool:
    """Look for our group in the metadata files as text: importing `importlib.metadata` would double the start-up time."""
    needle = f"[{ENTRY_POINT_GROUP}]"
    for entry in dict.fromkeys(sys.path):
        directory = Path(entry or ".")
        try:
            files = list(directory.glob("*-info/entry_points.txt"))
        except OSError:
            continue
        if any(needle in path.read_text(encoding="utf-8", errors="replace") for path in files):
            return True
    return False


def list_commands(verbose: bool = False) -> list[str]:
    """Return the names of all commands.

    Args:
        verbose: Add a line for each command that another one of the same name hides.
    """
    infos = describe_commands()
    names = sorted({info.name for info in infos})
    if verbose:
        names += [
            f"{info.name} of {info.origin} (hidden by {info.shadowed_by})" for info in infos if info.shadowed_by
        ]
    return names
