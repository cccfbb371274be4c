"""What a project offers by convention: `routes.route_paths` and `ready` hooks."""

from __future__ import annotations

import importlib
import os
from typing import Any

from openviper.apps.exceptions import AppLifecycleImportError
from openviper.apps.lifecycle import AppLifecycleManager
from openviper.exceptions import ImproperlyConfigured
from openviper.routing.router import Router
from openviper.utils.importing import is_missing

SYNTHETIC_MODULE = "_viperctl_settings"


def discover_routes(router: Router) -> None:
    """Mount the project's routes: `route_paths` of `<package of the settings module>.routes`.

    Beside a bare `settings` module, `routes.route_paths` is mounted if the application has no routes yet.

    Raises:
        AppLifecycleImportError: If the module exists and cannot be imported.
        ImproperlyConfigured: If `route_paths` is not a list of pairs of prefix and router.
    """
    settings_module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "")
    package = settings_module.partition(".")[0]
    if not package or package == SYNTHETIC_MODULE:
        return
    if package == settings_module:
        if router.routes:
            return
        name = "routes"
    else:
        name = f"{package}.routes"
    try:
        module = importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ImportError) and is_missing(error, name):
            return
        raise AppLifecycleImportError(
            f"cannot import {name!r}: {type(error).__name__}: {error}"
        ) from error
    for prefix, mounted in [_pair(entry, name) for entry in getattr(module, "route_paths", ())]:
        router.include_router(mounted, prefix)


def _pair(entry: Any, module: str) -> tuple[str, Router]:
    if isinstance(entry, (tuple, list)) and len(entry) == 2:
        prefix, router = entry
        if isinstance(prefix, str) and isinstance(router, Router):
            return prefix, router
    raise ImproperlyConfigured(
        f"{module}.route_paths holds {entry!r}, which is not a pair of prefix and Router"
    )


def find_ready_hooks(manager: AppLifecycleManager) -> None:
    """Give each app the first of its `ready` hooks: of the package, of its `apps` module, of its `lifecycle` module.

    Raises:
        AppLifecycleImportError: If an `apps` module exists and cannot be imported.
    """
    for lifecycle in manager.lifecycles:
        for name in (lifecycle.app_name, f"{lifecycle.app_name}.apps"):
            try:
                hook = getattr(importlib.import_module(name), "ready", None)
            except Exception as error:
                if isinstance(error, ImportError) and is_missing(error, name):
                    continue
                raise AppLifecycleImportError(
                    f"cannot import {name!r}: {type(error).__name__}: {error}"
                ) from error
            if callable(hook):
                lifecycle.ready = hook
                break
