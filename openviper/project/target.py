"""From a target on the command line to an app and its directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openviper.project.settings_module import candidate_packages, has_settings
from openviper.utils.failures import CommandError
from openviper.utils.identifiers import is_dotted_path, is_identifier


class TargetError(CommandError):
    """The target on the command line names no app or project."""


@dataclass(frozen=True)
class ResolvedModule:
    """An app found by its target.

    Attributes:
        app_label: The name it is imported by.
        app_path: Its directory, absolute.
        is_root: Whether the working directory itself is the app.
        models_module: The dotted name of its `models` module.
    """

    app_label: str
    app_path: Path
    is_root: bool
    models_module: str


def _is_app(directory: Path) -> bool:
    return (directory / "models.py").is_file() or (directory / "routes.py").is_file()


def _resolved(label: str, path: Path, *, is_root: bool) -> ResolvedModule:
    return ResolvedModule(label, path, is_root, f"{label}.models")


def resolve_target(target: str, cwd: str | Path | None = None) -> ResolvedModule:
    """Return the app that a target names.

    Args:
        target: ``.`` for the project in `cwd`, or the dotted name of a package below it.
        cwd: The project's directory; the working directory when not given.

    Raises:
        TargetError: If it names none; the message says what was looked for.
    """
    root = Path(cwd) if cwd is not None else Path.cwd()
    root = root.absolute()
    return resolve_root(root) if target == "." else resolve_module(target, root)


def resolve_root(cwd: str | Path) -> ResolvedModule:
    """Return the project in a directory: the directory itself, or the only app package below it.

    Raises:
        TargetError: If there is none, or there are several.
    """
    root = Path(cwd).absolute()
    if _is_app(root):
        _refuse_odd_name(root)
        return _resolved(root.name, root, is_root=True)
    package = _only_package(root)
    return _resolved(package, root / package, is_root=False)


def _refuse_odd_name(directory: Path) -> None:
    if not is_identifier(directory.name):
        raise TargetError(
            f"the directory name {directory.name!r} is not a valid Python identifier; "
            "rename the directory, or name a module as the target"
        )


def _only_package(root: Path) -> str:
    """Return the name of the only app package below a directory."""
    packages = [name for name in candidate_packages(root) if _is_app(root / name)]
    if len(packages) == 1:
        return packages[0]
    if packages:
        raise _several(root, packages)
    raise TargetError(
        f"no project in {str(root)!r}: neither models.py nor routes.py here, nor a package with settings and one of "
        "them below; name a target, for example: openviper viperctl migrate myapp"
    )


def _several(root: Path, packages: list[str]) -> TargetError:
    return TargetError(
        f"multiple app packages in {str(root)!r}: {', '.join(packages)}; "
        f"name one, for example: openviper viperctl migrate {packages[0]}"
    )


def resolve_module(target: str, cwd: str | Path) -> ResolvedModule:
    """Return the app with a dotted name below a directory.

    Raises:
        TargetError: If the name is malformed, leads outside, or names nothing that looks like an app.
    """
    root = Path(cwd).absolute()
    _refuse_malformed(target)
    path = root.joinpath(*target.split("."))
    _refuse_outside(target, path, root)
    if not path.is_dir():
        raise TargetError(f"target {target!r} not found at {str(path)!r}")
    if not _is_app(path) and not _is_package_with_settings(path):
        raise TargetError(f"{str(path)!r} has neither models.py nor routes.py")
    return _resolved(target, path, is_root=False)


def _refuse_outside(target: str, path: Path, root: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise TargetError(f"target {target!r} lies outside the project directory {str(root)!r}")


def _refuse_malformed(target: str) -> None:
    if ".." in target or target.startswith("/"):
        raise TargetError(
            f"Invalid target {target!r}: it must be a module below the working directory"
        )
    if not is_dotted_path(target):
        raise TargetError(f"{target!r} is not a valid dotted Python module path")


def _is_package_with_settings(path: Path) -> bool:
    return (path / "__init__.py").is_file() and has_settings(path)
