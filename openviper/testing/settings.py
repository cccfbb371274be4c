"""Settings for the time of a test."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, aclosing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

from openviper.conf import Settings, settings
from openviper.conf.logging import configure_logging
from openviper.conf.validation import value_errors
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
        OpenViperTestingConfigError: If there is no such setting, or a value is not one that it may have.
    """
    with overridden(values) as inside:
        yield inside


@contextmanager
def overridden(values: Mapping[str, Any], given: Settings | None = None) -> Iterator[Settings]:
    """Use other settings inside the block.

    Args:
        values: What differs.
        given: The settings themselves, in place of those there are with `values`.

    Raises:
        OpenViperTestingConfigError: If there is no such setting, or a value is not one that it may have.
    """
    settings.setup()
    before = settings.instance
    assert before is not None
    inside = given or _changed(before, values)
    with ExitStack() as stack:
        if "DATABASES" in values:
            stack.enter_context(_databases())
        tasks = not values.keys().isdisjoint(("DATABASES", "TASKS"))
        stack.callback(_install, before, tasks=tasks)
        _install(inside, tasks=tasks)
        yield inside


def _changed(before: Settings, values: Mapping[str, Any]) -> Settings:
    """Return settings with other values; see `overridden`."""
    unknown = sorted(set(values) - set(before.__dataclass_fields__))
    if unknown:
        raise OpenViperTestingConfigError(f"there is no setting {', '.join(map(repr, unknown))}")
    inside = dataclasses.replace(before, **values)
    checked = {name for name, value in values.items() if not _holds_objects(name, value)}
    wrong = value_errors(inside, checked)
    if wrong:
        raise OpenViperTestingConfigError(" ".join(wrong))
    return inside


def _holds_objects(name: str, value: object) -> bool:
    """Return whether middleware is given as itself, as tests like to do, in place of its path."""
    return name == "MIDDLEWARE" and isinstance(value, (tuple, list))


@contextmanager
def _databases() -> Iterator[None]:
    """Use the databases of other settings inside the block, afterwards those of before with what tests have put in their place."""
    # What was never imported has nothing to forget.
    module = sys.modules.get("openviper.db.connection")
    with module.connections.replaced() if module else nullcontext():
        yield


def _install(instance: Settings | None, *, tasks: bool) -> None:
    with settings.lock:
        before = settings.instance
        settings.instance = instance
        settings.configured = instance is not None
        if instance is not None and _logs_otherwise(instance, before):
            configure_logging(instance)
    if tasks and "openviper.tasks.broker" in sys.modules:
        sys.modules["openviper.tasks.broker"].reset_broker()


def _logs_otherwise(instance: Settings, before: Settings | None) -> bool:
    """Return whether logging differs between two settings; setting it up takes longer than a small test."""
    return before is None or _about_logging(instance) != _about_logging(before)


_about_logging = operator.attrgetter("LOGGING", "LOG_FORMAT", "LOG_LEVEL", "DEBUG")
"""Returns what settings say about logging."""


class override_settings:  # noqa: N801  # Used as a decorator, where it reads like a function.
    """Use other values of some settings inside a function, or in each test of a class: the methods that it has itself.

    It may be plain or async, and a generator, as fixtures are. What runs around a test, `setUp` and fixtures, has the values
    only where it is decorated itself.

    Raises:
        OpenViperTestingConfigError: When a test runs, if there is no such setting, or a value is not one that it may have.
        TypeError: If something else is decorated.
    """

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __call__(self, target: T) -> T:
        """Return the function or class that runs with the values."""
        if isinstance(target, type):
            for name, member in list(vars(target).items()):
                if name.startswith("test"):
                    setattr(target, name, self._member(member))
            return target
        if not inspect.isroutine(target):
            raise TypeError(f"override_settings decorates functions and classes, not {target!r}")
        return cast(T, self._function(target))

    def _member(self, member: Any) -> Any:
        if isinstance(member, (staticmethod, classmethod)):
            return type(member)(self._function(member.__func__))
        return self._function(member) if inspect.isroutine(member) else member

    def _function(self, function: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return self._async(function)
        if inspect.isasyncgenfunction(function):
            return self._async_generator(function)
        return (self._generator if inspect.isgeneratorfunction(function) else self._plain)(function)

    def _generator(self, function: Any) -> Any:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with override_openviper_settings(**self._values):
                yield from function(*args, **kwargs)

        return run

    def _async_generator(self, function: Any) -> Any:
        @functools.wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            with override_openviper_settings(**self._values):
                async with aclosing(function(*args, **kwargs)) as values:
                    async for value in values:
                        yield value

        return run

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


_loaded: dict[str, Settings | None] = {}
"""The settings of modules, which are loaded once: an application notices other settings, and would build itself anew."""


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
        loaded = _loaded.get(module)
        if loaded is None:
            settings.setup(force=True)
            loaded = _loaded[module] = settings.instance
        _install_project(loaded)
        yield
    finally:
        if variable is None:
            del os.environ[SETTINGS_VARIABLE]
        else:
            os.environ[SETTINGS_VARIABLE] = variable
        _install_project(instance)


def _install_project(instance: Settings | None) -> None:
    _install(instance, tasks=True)
    if "openviper.db.connection" in sys.modules:
        sys.modules["openviper.db.connection"].connections.reset()


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
