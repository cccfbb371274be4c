"""Generating a management command inside an app."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from openviper.core.management.errors import did_you_mean
from openviper.core.management.scaffolds.names import ScaffoldError, validate_identifier
from openviper.core.management.scaffolds.renderer import (
    render,
    require_absent,
    require_directory,
    write_file,
)

NOT_COMMANDS = frozenset({"help"})
"""Names that the dispatcher answers itself."""


def create_command(
    command_name: str, app_name: str, directory: Path, *, built_in: Collection[str] = ()
) -> Path:
    """Create a management command in an existing app, with the packages around it where they are missing.

    Args:
        command_name: Name of the command; ``-`` and ``_`` mean the same.
        app_name: The app as directory name, relative path or dotted name below `directory`.
        directory: Existing directory to which the app's name is relative.
        built_in: Names of commands that OpenViper has itself and that could never be replaced.

    Returns:
        The absolute path of the new file.

    Raises:
        ScaffoldError: If the name cannot be used, the app is not a package below `directory`, or the command exists;
            nothing was written.
        OSError: If the app's directory is not writable or full; nothing was left.
    """
    module = command_name.replace("-", "_")
    _check_name(command_name, module, built_in)
    app = find_app(app_name, directory)
    target = app / "management" / "commands" / f"{module}.py"
    require_absent(target)
    created: list[Path] = []
    try:
        for package in (app / "management", target.parent):
            _make_package(package, created)
        write_file(target, render("command/command.py.tmpl", {"command": module.replace("_", "-")}))
    except BaseException:
        _take_back(created)
        raise
    return target


def _check_name(command_name: str, module: str, built_in: Collection[str]) -> None:
    validate_identifier(module, "command name")
    if module.startswith("_"):
        raise ScaffoldError(
            f"command name {command_name!r} begins with {command_name[0]!r}; such a module is not a command"
        )
    if module.replace("_", "-") in built_in or module in NOT_COMMANDS:
        raise ScaffoldError(
            f"command name {command_name!r} is a command of OpenViper, which would run instead"
        )


def _make_package(package: Path, created: list[Path]) -> None:
    if not package.is_dir():
        package.mkdir()
        created.append(package)
    marker = package / "__init__.py"
    if not os.path.lexists(marker):
        write_file(marker, "")
        created.append(marker)


def _take_back(created: list[Path]) -> None:
    for path in reversed(created):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def find_app(app_name: str, directory: Path) -> Path:
    """Return the directory of an app that is named by directory, relative path or dotted name.

    Raises:
        ScaffoldError: If the name leads out of `directory`, or there is no package.
    """
    require_directory(directory)
    if not _is_safe(app_name):
        raise ScaffoldError(f"{app_name!r} is not a safe app path")
    base = directory.resolve()
    path = base / app_name
    if not path.exists() and "/" not in app_name:
        path = base.joinpath(*filter(None, app_name.split(".")))
    path = path.resolve()
    if base not in path.parents:
        raise ScaffoldError(f"{app_name!r} is outside the base directory {str(base)!r}")
    if not (path / "__init__.py").is_file():
        hint = did_you_mean(
            app_name, [package.parent.name for package in base.glob("*/__init__.py")]
        )
        raise ScaffoldError(
            f"app {app_name!r} is not a package: {str(path / '__init__.py')!r} does not exist{hint}"
        )
    return path


def _is_safe(app_name: str) -> bool:
    if "\\" in app_name or "\0" in app_name:
        return False
    path = Path(app_name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
