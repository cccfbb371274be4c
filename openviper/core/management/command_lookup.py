"""From a command's name to a command.

Built-in commands come first and cannot be replaced, then those of the installed apps in order, then those of other
distributions, which register an entry point in the group `openviper.cli`.
"""

from __future__ import annotations

import importlib

from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.builtin_commands import (
    BUILTIN,
    ENTRY_POINT_GROUP,
    PACKAGE,
    is_command_name,
    module_name,
    normalise,
)
from openviper.core.management.errors import unknown_command
from openviper.core.management.listing import installed_apps, list_commands
from openviper.utils.importing import is_missing

__all__ = ["find_builtin", "find_command", "list_commands", "unknown_command"]


def find_command(name: str) -> BaseCommand:
    """Return a new instance of a command.

    Raises:
        CommandError: If no command has this name, or the one that has cannot be loaded.
    """
    command = normalise(name)
    if command in BUILTIN:
        return find_builtin(command)
    found = _of_project(command) if is_command_name(command) else None
    if found is None:
        raise unknown_command(name, list_commands())
    return found


def _of_project(command: str) -> BaseCommand | None:
    for app in installed_apps():
        found = _from_app(app, command)
        if found is not None:
            return found
    return _from_entry_point(command)


def find_builtin(name: str) -> BaseCommand:
    """Return a new instance of a built-in command.

    Raises:
        KeyError: If there is none of this name.
    """
    command = normalise(name)
    if command not in BUILTIN:
        raise KeyError(name)
    return _load(f"{PACKAGE}.{module_name(command)}", command)()


def _from_app(app: str, command: str) -> BaseCommand | None:
    name = f"{app}.management.commands.{module_name(command)}"
    try:
        return _load(name, command)()
    except CommandError:
        raise
    except Exception as error:
        if isinstance(error, ImportError) and is_missing(error, name):
            return None
        raise CommandError(
            f"cannot load command {command!r} of app {app!r}: {type(error).__name__}: {error}"
        ) from error


def _load(name: str, command: str) -> type[BaseCommand]:
    module = importlib.import_module(name)
    cls = getattr(module, "Command", None)
    if not (isinstance(cls, type) and issubclass(cls, BaseCommand)):
        raise CommandError(
            f"{module.__file__} does not define a class Command(BaseCommand) for {command!r}"
        )
    return cls


def _from_entry_point(command: str) -> BaseCommand | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if normalise(entry.name) != command:
            continue
        try:
            cls = entry.load()
        except Exception as error:
            raise CommandError(
                f"cannot load command {command!r} from {entry.value!r}: {type(error).__name__}: {error}"
            ) from error
        if not (isinstance(cls, type) and issubclass(cls, BaseCommand)):
            raise CommandError(
                f"entry point {entry.value!r} of command {command!r} is not a BaseCommand"
            )
        return cls()
    return None


def summary_of(name: str) -> str:
    """Return the first line of a command's help, or why there is none."""
    try:
        return find_command(name).help.strip().partition("\n")[0]
    except CommandError as error:
        return f"(cannot be loaded: {error})"
