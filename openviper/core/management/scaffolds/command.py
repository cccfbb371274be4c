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
    validate_identifier(module, "command name")
    if module.replace("_", "-") in built_in:
        raise ScaffoldError(
            f"command name {command_name!r} is a command of OpenViper, which would run instead"
        )
    app = find_app(app_name, directory)
    packages = [app / "management", app / "management" / "commands"]
    target = packages[-1] / f"{module}.py"
    require_absent(target)
    created: list[Path] = []
    try:
        for package in packages:
            if not package.is_dir():
                package.mkdir()
                created.append(package)
            marker = package / "__init__.py"
            if not os.path.lexists(marker):
                write_file(marker, "")
                created.append(marker)
        write_file(target, render("command/command.py.tmpl", {"command": module.replace("_", "-")}))
    except BaseException:
        for path in reversed(created):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise
    return target


def find_app(app_name: str, directory: Path) -> Path:
    """Return the directory of an app that is named by directory, relative path or dotted name.

    Raises:
        ScaffoldError: If the name leads out of `directory`, or there is no package.
    """
    require_directory(directory)
    base = directory.resolve()
    wanted = Path(app_name)
    if (
        wanted.is_absolute()
        or not wanted.parts
        or ".." in wanted.parts
        or "\\" in app_name
        or "\0" in app_name
    ):
        raise ScaffoldError(f"{app_name!r} is not a safe app path")
    path = base / wanted
    if not path.exists() and "/" not in app_name:
        path = base.joinpath(*(part for part in app_name.split(".") if part))
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
