"""What a project offers by convention: `routes.route_paths` and `ready` hooks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from openviper.api.routes import openapi_router
from openviper.apps.lifecycle import AppLifecycleManager, import_module_of_app
from openviper.exceptions import ImproperlyConfigured
from openviper.routing.router import Router

SYNTHETIC_MODULE = "_viperctl_settings"


def discover_routes(router: Router) -> None:
    """Mount the project's routes: `route_paths` of `<package of the settings module>.routes`.

    Beside a bare `settings` module, `routes.route_paths` is mounted if the application has no routes yet.

    Raises:
        AppLifecycleImportError: If the module exists and cannot be imported.
        ImproperlyConfigured: If `route_paths` is not a list of pairs of prefix and router.
    """
    name = _routes_module(router)
    module = import_module_of_app(name) if name is not None else None
    if name is None or module is None:
        return
    for prefix, mounted in [_pair(entry, name) for entry in getattr(module, "route_paths", ())]:
        router.include_router(mounted, prefix)


def add_api_pages(router: Router, title: str, own: Mapping[str, Any]) -> None:
    """Mount the document of the API and its page, where the setting `OPENAPI` has them and no route of the project is there.

    Args:
        router: The router of the application.
        title: Its name.
        own: What it says in place of keys of the setting.

    Raises:
        ImproperlyConfigured: If the setting is wrong.
    """
    pages = openapi_router(lambda: router.routes, title, own)
    if pages is None:
        return
    taken = {route.path for route in router.routes}
    if taken.isdisjoint(route.path for route in pages.routes):
        router.include_router(pages)


def _routes_module(router: Router) -> str | None:
    settings_module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "")
    package = settings_module.partition(".")[0]
    if not package or package == SYNTHETIC_MODULE:
        return None
    if package != settings_module:
        return f"{package}.routes"
    return None if router.routes else "routes"


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
            hook = getattr(import_module_of_app(name), "ready", None)
            if callable(hook):
                lifecycle.ready = hook
                break
