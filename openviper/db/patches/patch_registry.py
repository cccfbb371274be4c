"""The patches this process knows, and how they are found."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from openviper.exceptions import MigrationError
from openviper.utils.resources import list_names

Function = Callable[[], Awaitable[object]]
F = TypeVar("F", bound=Callable[[], Any])

PATCH_DIRECTORY = "patches"
_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE, without importing inspect


class PatchEntry:
    """One patch.

    Attributes:
        app: The label of its app.
        name: ``<file stem>.<function>``.
        order: Lower ones run first.
        post_migrate: Whether it runs after the schema step.
        file: The path of its file.
        position: Its line in the file.
        app_order: The place of its app among the apps.
    """

    __slots__ = (
        "app",
        "app_order",
        "file",
        "function",
        "name",
        "order",
        "position",
        "post_migrate",
        "root",
    )

    def __init__(self, function: Function, *, order: int, post_migrate: bool) -> None:
        code: Any = getattr(function, "__code__", None)
        package, _, stem = function.__module__.rpartition(".")
        parts = package.split(".")
        self.function = function
        self.root = parts[0]
        self.app = (
            parts[-2] if len(parts) > 1 and parts[-1] == PATCH_DIRECTORY else (parts[-1] or stem)
        )
        self.name = f"{stem}.{getattr(function, '__name__', '')}"
        self.order = order
        self.post_migrate = post_migrate
        self.file = os.path.realpath(code.co_filename)
        self.position: int = code.co_firstlineno
        self.app_order = 0

    @property
    def phase(self) -> str:
        """``post`` or ``pre``."""
        return "post" if self.post_migrate else "pre"

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies a patch in a database."""
        return self.app, self.name, self.phase

    @property
    def label(self) -> str:
        """The patch's name for people, ``app.name``."""
        return f"{self.app}.{self.name}"

    def comes_with(self, other: PatchEntry) -> bool:
        """Return whether another function stands beside this one in a file, and not in its place after an import anew."""
        mine: Any = self.function
        others: Any = other.function
        return mine is not others and mine.__globals__ is others.__globals__

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


class PatchRegistry:
    """The known patches, each once."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], PatchEntry] = {}
        self.files: set[str] = set()

    def register(self, entry: PatchEntry) -> None:
        """Add a patch; one whose file is imported again replaces itself.

        Raises:
            MigrationError: If another file has a patch of the same identity, or the same file has two.
        """
        known = self._entries.get(entry.key)
        if known is not None and known.file != entry.file:
            raise MigrationError(
                f"patch {entry.label!r} exists twice: in {known.file!r} and {entry.file!r}"
            )
        if known is not None and known.comes_with(entry):
            raise MigrationError(
                f"patch {entry.label!r} exists twice in {entry.file!r}: "
                f"in lines {known.position} and {entry.position}"
            )
        self._entries[entry.key] = entry

    def entries(
        self, *, post_migrate: bool | None = None, apps: Iterable[str] | None = None
    ) -> list[PatchEntry]:
        """Return the patches in the order in which they run, by default of both phases and all apps."""
        chosen = None if apps is None else set(apps)
        phases = (False, True) if post_migrate is None else (post_migrate,)
        found = [entry for entry in self._entries.values() if entry.post_migrate in phases]
        if chosen is not None:
            found = [entry for entry in found if entry.app in chosen]
        return sorted(found, key=_turn)


def _turn(entry: PatchEntry) -> tuple[object, ...]:
    """Return what the order of patches goes by."""
    return entry.post_migrate, entry.order, entry.app_order, entry.file, entry.position


_registry = PatchRegistry()


def get_registry() -> PatchRegistry:
    """Return the registry of this process."""
    return _registry


def reset_registry() -> None:
    """Forget all patches, so that their files are read again; for tests."""
    global _registry
    _registry = PatchRegistry()


@overload
def db_patch(function: F) -> F: ...
@overload
def db_patch(*, order: int = 0, post_migrate: bool = True) -> Callable[[F], F]: ...
def db_patch(
    function: Callable[[], Any] | None = None, *, order: int = 0, post_migrate: bool = True
) -> Any:
    """Register a coroutine function without arguments as a data patch.

    Args:
        function: The function, when used without parentheses.
        order: Lower ones run first, across all apps.
        post_migrate: Run after the schema step; otherwise before it, on the old schema.

    Raises:
        MigrationError: If the function is not ``async def`` or takes arguments.
    """

    def register(patch: Callable[[], Any]) -> Callable[[], Any]:
        code: Any = getattr(patch, "__code__", None)
        if code is None or not code.co_flags & _IS_COROUTINE or _arguments_of(code):
            name = getattr(patch, "__name__", repr(patch))
            raise MigrationError(f"patch {name!r} must be an `async def` without arguments")
        _registry.register(PatchEntry(patch, order=order, post_migrate=post_migrate))
        return patch

    return register if function is None else register(function)


def _arguments_of(code: Any) -> int:
    return int(code.co_argcount + code.co_kwonlyargcount)


def discover_patches(apps: Mapping[str, str]) -> list[PatchEntry]:
    """Import the patch files of apps and return the patches known then.

    Args:
        apps: The directory of each app by its dotted name, in the order of the apps.

    Raises:
        MigrationError: If a patch file cannot be imported.
    """
    for place, (app, directory) in enumerate(apps.items()):
        paths = _patch_files(os.path.join(directory, PATCH_DIRECTORY))
        new = {name: path for name, path in paths.items() if path not in _registry.files}
        for name, path in new.items():
            _import(f"{app}.{PATCH_DIRECTORY}.{name}", path)
        for entry in _registry.entries():
            if entry.file in paths.values():
                entry.app_order = place
    return _registry.entries()


def _patch_files(folder: str) -> dict[str, str]:
    """Return the real paths of the patch files of a folder by module name, in order."""
    try:
        names = sorted(list_names(folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    modules = [name.removesuffix(".py") for name in names if name.endswith(".py")]
    return {
        name: os.path.realpath(os.path.join(folder, f"{name}.py"))
        for name in modules
        if not name.startswith("_")
    }


def _import(module_name: str, path: str) -> None:
    import sys
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location

    if not os.path.isfile(path):  # In an archive, which only the import system reads.
        import_module(module_name)
        _registry.files.add(path)
        return
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise MigrationError(f"cannot import patch file {path!r}")
    module = module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except MigrationError:
        raise
    except Exception as error:
        del sys.modules[module_name]
        raise MigrationError(
            f"cannot import patch file {path!r}: {type(error).__name__}: {error}"
        ) from error
    _registry.files.add(path)
