"""Settings for the time of a test."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from openviper.conf import Settings, settings
from openviper.conf.logging import configure_logging
from openviper.core.app_resolver import AppResolver
from openviper.testing.config import SETTINGS_VARIABLE, OpenViperTestingConfigError

T = TypeVar("T", bound="Callable[..., Any] | type")


@contextmanager
def override_openviper_settings(**values: Any) -> Iterator[Settings]:
    """Use other values of some settings inside the block.

    The settings in place are replaced, never changed, and come back on exit. Applications notice by themselves.

    Yields:
        The settings that hold inside.

    Raises:
        OpenViperTestingConfigError: If there is no such setting.
    """
    settings.setup()
    before = settings.instance
    assert before is not None
    unknown = sorted(set(values) - set(before.__dataclass_fields__))
    if unknown:
        raise OpenViperTestingConfigError(f"there is no setting {', '.join(map(repr, unknown))}")
    inside = dataclasses.replace(before, **values)
    affected = {
        "databases": "DATABASES" in values,
        "tasks": not values.keys().isdisjoint(("DATABASES", "TASKS")),
    }
    _install(inside, **affected)
    try:
        yield inside
    finally:
        _install(before, **affected)


def _install(instance: Settings | None, *, databases: bool, tasks: bool) -> None:
    with settings.lock:
        settings.instance = instance
        settings.configured = instance is not None
        if instance is not None:
            configure_logging(instance)
    _forget(databases=databases, tasks=tasks)


def _forget(*, databases: bool, tasks: bool) -> None:
    # What was never imported has nothing to forget.
    if databases and "openviper.db.connection" in sys.modules:
        sys.modules["openviper.db.connection"].connections.reset()
    if tasks and "openviper.tasks.broker" in sys.modules:
        sys.modules["openviper.tasks.broker"].reset_broker()


class override_settings:  # noqa: N801  # Used as a decorator, where it reads like a function.
    """Use other values of some settings inside a test function, or in each test of a class.

    Raises:
        OpenViperTestingConfigError: When a test runs, if there is no such setting.
    """

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __call__(self, target: T) -> T:
        """Return the function or class that runs with the values."""
        if isinstance(target, type):
            for name, member in list(vars(target).items()):
                if name.startswith("test") and callable(member):
                    setattr(target, name, self(member))
            return target
        return cast(
            T, self._async(target) if inspect.iscoroutinefunction(target) else self._plain(target)
        )

    def _plain(self, function: Any) -> Any:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with override_openviper_settings(**self._values):
                return function(*args, **kwargs)

        return run

    def _async(self, function: Any) -> Any:
        @functools.wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            with override_openviper_settings(**self._values):
                return await function(*args, **kwargs)

        return run


@contextmanager
def project_settings(module: str | None) -> Iterator[None]:
    """Use the settings of a module inside the block, and exactly those before it afterwards.

    Raises:
        ImproperlyConfigured: If the module cannot be used.
        SettingsValidationError: If one of its values is not allowed.
    """
    variable, instance = os.environ.get(SETTINGS_VARIABLE), settings.instance
    if module is None or (module == variable and instance is not None):
        yield
        return
    try:
        os.environ[SETTINGS_VARIABLE] = module
        settings.setup(force=True)
        _install(settings.instance, databases=True, tasks=True)
        yield
    finally:
        if variable is None:
            del os.environ[SETTINGS_VARIABLE]
        else:
            os.environ[SETTINGS_VARIABLE] = variable
        _install(instance, databases=True, tasks=True)


def installed_directories(module: str | None, root: Path) -> set[Path]:
    """Return the directories of the installed apps, as a project's settings name them.

    Args:
        module: The settings module; that of the environment when `None`.
        root: Where the project lies.
    """
    with project_settings(module):
        resolver = AppResolver(str(root))
        directories = [resolver.resolve_app(app)[0] for app in settings.INSTALLED_APPS]
    return {Path(directory).resolve() for directory in directories if directory}
