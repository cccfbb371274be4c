"""Runs commands for projects without a standard scaffold, as `openviper viperctl` finds them."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from openviper.core.management.base import CommandError
from openviper.core.management.dispatch import dispatch, guarded
from openviper.utils.importing import is_missing
from openviper.utils.module_resolver import ResolvedModule
from openviper.utils.terminal import Terminal

logger = logging.getLogger("openviper.management")

SYNTHETIC_MODULE = "_viperctl_settings"


def ensure_sys_path(path: str | Path) -> None:
    """Put a directory first on `sys.path`, once."""
    text = str(path)
    if text not in sys.path:
        sys.path.insert(0, text)


class _RootFinder(MetaPathFinder):
    """Makes plain ``models`` and ``<label>.models`` one module in a root layout, so that models register once."""

    def __init__(self, label: str, directory: Path) -> None:
        self.label = label
        self.directory = directory

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer a plain import of a module of the project with the module of the package."""
        if "." in fullname or fullname == self.label:
            return None
        if not ((self.directory / f"{fullname}.py").is_file() or (self.directory / fullname / "__init__.py").is_file()):
            return None
        module = importlib.import_module(f"{self.label}.{fullname}")
        return ModuleSpec(fullname, _Alias(module))


class _Alias(Loader):
    """A loader whose module exists already."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the existing module."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own description, which the import system has replaced."""
        module.__spec__ = self.spec
        if self.spec is not None:
            module.__name__ = self.spec.name
            module.__loader__ = self.spec.loader
            module.__package__ = self.spec.parent


def prepare_root_layout(cwd: str | Path) -> None:
    """Make a directory importable as the package of its own name, with no file created and nothing changed on disk."""
    directory = Path(cwd).absolute()
    label = directory.name
    if label in sys.modules:
        return
    init = directory / "__init__.py"
    if init.is_file():
        spec = importlib.util.spec_from_file_location(label, init, submodule_search_locations=[str(directory)])
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[label] = module
        spec.loader.exec_module(module)
    else:
        spec = ModuleSpec(label, None, is_package=True)
        spec.submodule_search_locations = [str(directory)]
        sys.modules[label] = importlib.util.module_from_spec(spec)
    sys.meta_path.insert(0, _RootFinder(label, directory))


def inject_app_into_settings(app_label: str) -> None:
    """Put an app first in the live `INSTALLED_APPS`, unless exactly it is there."""
    import dataclasses

    from openviper.conf import settings

    instance = settings.instance
    if instance is None or app_label in instance.INSTALLED_APPS:
        return
    settings.instance = dataclasses.replace(instance, INSTALLED_APPS=(app_label, *instance.INSTALLED_APPS))


def ensure_models_imported(resolved: ResolvedModule) -> None:
    """Import the models of the target.

    Raises:
        CommandError: If the module exists and cannot be imported; none at all is fine.
    """
    name = resolved.models_module
    try:
        importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ImportError) and is_missing(error, name):
            return
        raise CommandError(f"cannot import {name!r}: {type(error).__name__}: {error}") from error


def synthesize_settings_module() -> str:
    """Register a module with development settings in memory and return its name."""
    if SYNTHETIC_MODULE not in sys.modules:
        import dataclasses
        from typing import Any

        from openviper.conf import Settings

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
            CommandError: If the models cannot be imported.
            ImproperlyConfigured: If the settings cannot be used.
        """
        if self._ready:
            return
        resolved = self.resolved
        ensure_sys_path(Path.cwd())
        if resolved.is_root:
            prepare_root_layout(resolved.app_path)
        module = self.settings_module
        if module is None:
            logger.warning("No settings.py found; using development settings and the database db.sqlite3")
            module = synthesize_settings_module()
        elif resolved.is_root and module == "settings":
            module = f"{resolved.app_label}.settings"
        os.environ["OPENVIPER_SETTINGS_MODULE"] = module
        from openviper.apps.bootstrap import setup

        setup(force=True)
        inject_app_into_settings(resolved.app_label)
        ensure_models_imported(resolved)
        self._ready = True

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
    *, resolved: ResolvedModule, settings_module: str | None, command: str, command_args: Sequence[str]
) -> NoReturn:
    """Build an adapter and run a command with it.

    Raises:
        SystemExit: Always, with the exit code.
    """
    FlexibleAdapter(resolved, settings_module).run(command, command_args)
