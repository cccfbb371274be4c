"""Runs commands for projects without a standard scaffold, as `openviper viperctl` finds them."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from openviper.conf import Settings, settings
from openviper.core.management.apps import cannot_import
from openviper.core.management.base import CommandError
from openviper.core.management.dispatch import dispatch, guarded
from openviper.core.management.setting_up import set_up
from openviper.project.target import ResolvedModule, resolve_target
from openviper.utils.identifiers import shadows_module
from openviper.utils.importing import import_if_there
from openviper.utils.terminal import Terminal

TARGET_VARIABLE = "OPENVIPER_TARGET"
"""Tells processes started by this one, a reloader's or workers, what to bootstrap; see `bootstrap_child`."""
SYNTHETIC_MODULE = "_viperctl_settings"


def ensure_sys_path(path: str | Path) -> None:
    """Put a directory first on `sys.path`, once."""
    text = str(path)
    if text not in sys.path:
        sys.path.insert(0, text)


class _RootFinder(MetaPathFinder):
    """Makes a directory the package of its own name, and plain ``models`` and ``<label>.models`` one module.

    The module is that of the package, so models have the right app label and register once however they are imported.
    """

    def __init__(self, label: str, directory: Path) -> None:
        self.label = label
        self.directory = directory

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer an import of the package, or a plain import of one of its modules."""
        top, dot, _ = fullname.partition(".")
        if top == self.label:
            return None if dot else self._root_spec()
        if top in sys.builtin_module_names:
            return None
        if dot:
            owner = getattr(sys.modules.get(top), "__name__", "")
            found = owner == f"{self.label}.{top}" and importlib.util.find_spec(
                f"{self.label}.{fullname}"
            )
        else:
            found = PathFinder.find_spec(fullname, [str(self.directory)])
        # A folder without `__init__.py` has no loader; `static` or `docs` is no module of the app.
        return (
            ModuleSpec(fullname, _Alias(f"{self.label}.{fullname}"))
            if found and found.loader
            else None
        )

    def _root_spec(self) -> ModuleSpec:
        # A package of the same name inside may hold what is not found beside `models.py`, the settings say.
        places = [str(self.directory), str(self.directory / self.label)]
        init = self.directory / "__init__.py"
        if init.is_file():
            spec = importlib.util.spec_from_file_location(
                self.label, init, submodule_search_locations=places
            )
            assert spec is not None
            return spec
        spec = ModuleSpec(self.label, _Empty(), origin=str(self.directory), is_package=True)
        spec.submodule_search_locations = places
        return spec


class _Empty(Loader):
    """The loader of a package that has no `__init__.py`."""

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


class _Alias(Loader):
    """A loader that hands out another module under a second name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the other module, imported if need be."""
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own description, which the import system has replaced."""
        module.__spec__ = self.spec


def prepare_root_layout(cwd: str | Path) -> None:
    """Make a directory importable as the package of its own name; no file is created, the working directory stays.

    Raises:
        CommandError: If a module of that name exists already.
    """
    directory = Path(cwd).absolute()
    label = directory.name
    finders = [finder for finder in sys.meta_path if isinstance(finder, _RootFinder)]
    if any(finder.directory == directory for finder in finders):
        return
    if label in sys.modules or shadows_module(label):
        raise CommandError(
            f"the directory is called {label!r}, like a Python module that is in use; "
            "rename the directory, or name a module as the target"
        )
    sys.meta_path.insert(0, _RootFinder(label, directory))


def inject_app_into_settings(app_label: str) -> None:
    """Put an app first in the live `INSTALLED_APPS`, unless exactly it is there."""
    import dataclasses

    instance = settings.instance
    if instance is None or app_label in instance.INSTALLED_APPS:
        return
    settings.instance = dataclasses.replace(
        instance, INSTALLED_APPS=(app_label, *instance.INSTALLED_APPS)
    )


def ensure_models_imported(resolved: ResolvedModule) -> None:
    """Import the models of the target.

    Raises:
        CommandError: If the module exists and cannot be imported; none at all is fine.
    """
    name = resolved.models_module
    try:
        import_if_there(name)
    except Exception as error:
        raise cannot_import(name, error) from error


def synthesize_settings_module() -> str:
    """Register a module with development settings in memory and return its name."""
    if SYNTHETIC_MODULE not in sys.modules:
        import dataclasses

        def databases() -> dict[str, Any]:
            return {"default": {"OPTIONS": {"URL": "sqlite:///db.sqlite3"}}}

        @dataclasses.dataclass(frozen=True)
        class FlexibleSettings(Settings):
            """Settings of a project that has none."""

            PROJECT_NAME: str = "viperctl-project"
            DATABASES: dict[str, Any] = dataclasses.field(default_factory=databases)

        module = ModuleType(SYNTHETIC_MODULE, "Settings of a project that has none.")
        FlexibleSettings.__module__ = SYNTHETIC_MODULE
        module.FlexibleSettings = FlexibleSettings  # type: ignore[attr-defined]  # a module made here takes any name
        sys.modules[SYNTHETIC_MODULE] = module
    return SYNTHETIC_MODULE


class FlexibleAdapter:
    """Prepares a resolved target and runs commands on it.

    Args:
        resolved: The target.
        settings_module: Its settings; `None` for development settings in memory.
    """

    def __init__(self, resolved: ResolvedModule, settings_module: str | None = None) -> None:
        self.resolved = resolved
        self.settings_module = settings_module
        self._ready = False

    def bootstrap(self) -> None:
        """Make the target importable, load the settings and import the models; the working directory stays.

        Raises:
            CommandError: If the settings cannot be used, or the models cannot be imported.
        """
        if self._ready:
            return
        self.prepare()
        ensure_models_imported(self.resolved)
        self._ready = True

    @classmethod
    def at(cls, target: str, settings_module: str | None) -> FlexibleAdapter:
        """Return the adapter of what a target names.

        Raises:
            TargetError: If it names no app or project.
        """
        return cls(resolve_target(target), settings_module)

    def prepare(self) -> None:
        """Make the target importable and load the settings, without its models.

        Raises:
            CommandError: If the directory is called like a module in use, or the settings cannot be used.
        """
        resolved = self.resolved
        ensure_sys_path(Path.cwd())
        if resolved.is_root:
            prepare_root_layout(resolved.app_path)
        module = self.settings_module
        if module is None:
            Terminal().warning(
                "No settings.py found; using development settings and the database db.sqlite3"
            )
            module = synthesize_settings_module()
        elif module == SYNTHETIC_MODULE:
            synthesize_settings_module()
        elif resolved.is_root and module == "settings":
            module = f"{resolved.app_label}.settings"
        os.environ["OPENVIPER_SETTINGS_MODULE"] = module
        set_up(module)
        inject_app_into_settings(resolved.app_label)
        os.environ[TARGET_VARIABLE] = json.dumps(
            [resolved.app_label, str(resolved.app_path), resolved.is_root]
        )

    def run(self, command: str, args: Sequence[str] = ()) -> NoReturn:
        """Bootstrap and run a command.

        Raises:
            SystemExit: Always, with the exit code.
        """

        def work() -> int:
            self.bootstrap()
            return dispatch("viperctl", [command, *args], load_settings=False)

        sys.exit(guarded(work, Terminal()))


def bootstrap_and_run(
    *,
    resolved: ResolvedModule,
    settings_module: str | None,
    command: str,
    command_args: Sequence[str],
) -> NoReturn:
    """Build an adapter and run a command with it.

    Raises:
        SystemExit: Always, with the exit code.
    """
    FlexibleAdapter(resolved, settings_module).run(command, command_args)


def bootstrap_child() -> None:
    """Bootstrap a process as the one that started it was; does nothing where that had no target of its own.

    A reloader or a server with several workers starts fresh interpreters, which know the environment only.

    Raises:
        CommandError: If the settings cannot be used, or the models cannot be imported.
    """
    target = os.environ.get(TARGET_VARIABLE)
    if not target:
        return
    label, path, is_root = json.loads(target)
    resolved = ResolvedModule(label, Path(path), is_root, f"{label}.models")
    FlexibleAdapter(resolved, os.environ["OPENVIPER_SETTINGS_MODULE"]).bootstrap()


def load_application() -> Callable[..., Any]:
    """Return the application in a server process; uvicorn calls this as its factory.

    Raises:
        CommandError: If the application cannot be loaded.
    """
    # Late: only server processes load an application here.
    from openviper.core.management.serving import (
        APPLICATION_VARIABLE,
        FAILURE_VARIABLE,
        import_application,
        telling_failure,
    )

    bootstrap_child()
    application = import_application(os.environ[APPLICATION_VARIABLE])
    failure = os.environ.get(FAILURE_VARIABLE)
    return telling_failure(application, Path(failure)) if failure else application
