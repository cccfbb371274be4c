"""The hooks of apps: `ready`, `startup` and `shutdown` of their `lifecycle` modules."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from openviper.apps.exceptions import (
    AppLifecycleConfigError,
    AppLifecycleImportError,
    AppReadyError,
    AppShutdownError,
    AppStartupError,
)
from openviper.utils.cancellation import uncancelled
from openviper.utils.importing import import_if_there

Hook = Callable[[], Any]


@dataclasses.dataclass
class AppLifecycle:
    """The hooks of one app; those it does not have are `None`."""

    app_name: str
    ready: Hook | None = None
    startup: Hook | None = None
    shutdown: Hook | None = None


class AppLifecycleManager:
    """Runs the hooks of the installed apps in order, and in reverse order at the end."""

    def __init__(self) -> None:
        self.lifecycles: list[AppLifecycle] = []
        self.started_apps: list[AppLifecycle] = []

    def discover(self, app_names: Iterable[str]) -> list[AppLifecycle]:
        """Find the hooks of apps.

        Raises:
            AppLifecycleImportError: If an app does not exist, or a module of it fails to import.
            AppLifecycleConfigError: If a hook has the wrong form.
        """
        self.lifecycles = []
        self.started_apps = []
        for name in app_names:
            if import_module_of_app(name) is None:
                raise AppLifecycleImportError(f"installed app {name!r} cannot be found")
            self.lifecycles.append(_read(name))
        return list(self.lifecycles)

    def find(self, app_name: str) -> AppLifecycle | None:
        """Return the hooks of an app, or `None` if it was not discovered."""
        return next((one for one in self.lifecycles if one.app_name == app_name), None)

    def run_ready(self) -> None:
        """Run the `ready` hooks where there is no event loop.

        Raises:
            AppReadyError: If one fails; the ones after it do not run.
            AppLifecycleConfigError: If one is async.
        """
        for lifecycle in self.lifecycles:
            if lifecycle.ready is not None:
                _run_plain(lifecycle.app_name, lifecycle.ready)

    async def run_ready_hooks(self) -> None:
        """Run the `ready` hooks; those of a package or its `apps` module may be async.

        Raises:
            AppReadyError: If one fails; the ones after it do not run.
        """
        for lifecycle in self.lifecycles:
            if lifecycle.ready is None:
                continue
            try:
                result = lifecycle.ready()
                if inspect.isawaitable(result):
                    await uncancelled(result)
            except Exception as error:
                raise AppReadyError(lifecycle.app_name, error) from error

    async def run_startup(self) -> None:
        """Run the `startup` hooks.

        Raises:
            AppStartupError: If one fails; the apps that were started have been shut down again.
        """
        for lifecycle in self.lifecycles:
            try:
                if lifecycle.startup is not None:
                    await uncancelled(lifecycle.startup())
            except Exception as error:
                errors = await self._shut_down()
                raise AppStartupError(lifecycle.app_name, error, errors) from error
            except BaseException:
                await self._shut_down()
                raise
            self.started_apps.append(lifecycle)

    async def run_shutdown(self) -> None:
        """Run the `shutdown` hooks of the started apps, all of them.

        Raises:
            AppShutdownError: If any of them fails.
        """
        errors = await self._shut_down()
        if errors:
            raise AppShutdownError(errors)

    async def _shut_down(self) -> list[tuple[str, BaseException]]:
        errors: list[tuple[str, BaseException]] = []
        interruption: BaseException | None = None
        while self.started_apps:
            lifecycle = self.started_apps.pop()
            if lifecycle.shutdown is None:
                continue
            try:
                await uncancelled(lifecycle.shutdown())
            except Exception as error:
                errors.append((lifecycle.app_name, error))
            except (
                BaseException
            ) as error:  # Cancellation goes on, but only after the remaining hooks.
                interruption = error
        if interruption is not None:
            raise interruption
        return errors


def import_module_of_app(name: str) -> ModuleType | None:
    """Import a module that an app may have, or an app; `None` if there is none of this name.

    Raises:
        AppLifecycleImportError: If it exists and cannot be imported.
    """
    try:
        return import_if_there(name)
    except Exception as error:
        raise AppLifecycleImportError(
            f"cannot import {name!r}: {type(error).__name__}: {error}"
        ) from error


def _run_plain(app_name: str, ready: Hook) -> None:
    if inspect.iscoroutinefunction(ready):
        raise AppLifecycleConfigError(
            f"ready() of app {app_name!r} is async and needs an event loop"
        )
    try:
        ready()
    except Exception as error:
        raise AppReadyError(app_name, error) from error


def _read(name: str) -> AppLifecycle:
    module = import_module_of_app(f"{name}.lifecycle")
    hooks = {hook: getattr(module, hook, None) for hook in ("ready", "startup", "shutdown")}
    for hook, function in hooks.items():
        if function is not None:
            _check_hook(name, hook, function)
    return AppLifecycle(name, **hooks)


def _check_hook(app_name: str, hook: str, function: object) -> None:
    if not callable(function):
        raise AppLifecycleConfigError(f"{hook} of app {app_name!r} is not a function")
    wants_async = hook != "ready"
    if inspect.iscoroutinefunction(function) != wants_async:
        wanted = "an async function" if wants_async else "a plain function"
        raise AppLifecycleConfigError(f"{hook}() of app {app_name!r} must be {wanted}")
