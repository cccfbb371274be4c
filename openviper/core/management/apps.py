"""The installed apps as commands see them: where they are, their models, and labels that no app has."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from openviper import db
from openviper.conf import settings
from openviper.core.app_resolver import AppResolver
from openviper.core.management.base import CommandError, NoModelsModule
from openviper.core.management.errors import did_you_mean
from openviper.utils.importing import import_if_there
from openviper.utils.resources import library_place
from openviper.utils.terminal import Terminal

if TYPE_CHECKING:
    from openviper.db.models import Model

SEARCHED = ("{name}/", "apps/{name}/", "src/{name}/")


def find_installed_apps(*, with_builtin: bool = False) -> dict[str, str]:
    """Return the directories of the installed apps by name; one that is missing is a warning.

    Args:
        with_builtin: Also those of OpenViper.
    """
    resolver = AppResolver()
    resolved = resolver.resolve_all_apps(settings.INSTALLED_APPS, include_builtin=with_builtin)
    for name in resolved["not_found"]:
        Terminal().warning(f"installed app {name!r} not found{_hint(resolver, name)}")
    return resolved["found"]


def _hint(resolver: AppResolver, name: str) -> str:
    several = resolver.candidates.get(name)
    if several:
        return f"; it may be any of {', '.join(several)}, name it by its dotted name"
    return did_you_mean(name, resolver.nearby_apps())


def app_not_found(label: str) -> CommandError:
    """Return the error for an app label that no installed app has; the caller raises it."""
    resolver = AppResolver()
    path, _ = resolver.resolve_app(label)
    if path is not None and _lies_in_the_project(resolver, path):
        return CommandError(
            f"App {label!r} exists but not in INSTALLED_APPS; it is at {path!r}: add {label!r} to INSTALLED_APPS"
        )
    hint = did_you_mean(label, [app.rpartition(".")[2] for app in settings.INSTALLED_APPS])
    searched = ", ".join(place.format(name=label) for place in SEARCHED)
    return CommandError(
        f"App {label!r} not found{hint} (searched {searched}; "
        "an app is a folder with __init__.py and models.py, routes.py or another app module)"
    )


def _lies_in_the_project(resolver: AppResolver, path: str) -> bool:
    # Anything importable resolves, the standard library too; only what lies in the project can have been forgotten.
    return resolver.is_valid_app_directory(path) and os.path.abspath(path).startswith(os.getcwd())


def import_models_module(app_name: str) -> ModuleType:
    """Import the `models` module of an app.

    Raises:
        NoModelsModule: If there is none.
        CommandError: If it exists and cannot be imported; names the line of the project that fails.
    """
    name = f"{app_name}.models"
    try:
        module = import_if_there(name)
    except Exception as error:
        raise cannot_import(name, error) from error
    if module is None:
        raise NoModelsModule(f"app {app_name!r} has no models module")
    return module


def import_all_models(apps: Iterable[str]) -> dict[str, ModuleType]:
    """Import the `models` modules of apps, so that foreign keys find their targets, and return those there are.

    Raises:
        CommandError: If one cannot be imported.
    """
    modules = {}
    for name in apps:
        try:
            modules[name] = import_models_module(name)
        except NoModelsModule:
            continue
    gc.freeze()  # See `openviper.core.management.dispatch.keep_until_the_end`.
    return modules


def cannot_import(name: str, error: BaseException) -> CommandError:
    """Return the error for a module of the project that fails when imported; names the line, which is rarely ours."""
    where = failing_line(error)
    return CommandError(f"cannot import {name!r}: {type(error).__name__}: {error}{where}")


def failing_line(error: BaseException) -> str:
    """Return `` (file, line n)`` for the last line outside OpenViper and the standard library, or an empty text."""
    if isinstance(error, SyntaxError):
        return ""  # Its own text says it.
    import traceback

    places = [
        f"{frame.filename}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if _is_of_the_project(frame.filename)
    ]
    return f" ({places[-1]})" if places else ""


def _is_of_the_project(filename: str) -> bool:
    path = os.path.abspath(filename)
    return path.startswith(os.getcwd() + os.sep) and not path.startswith(library_place())


def models_in(module: ModuleType) -> list[type[Model]]:
    """Return the concrete models defined in a module, in order."""

    def is_own_model(value: Any) -> bool:
        is_model = isinstance(value, type) and issubclass(value, db.Model)
        return is_model and value.__module__ == module.__name__ and not value._meta.abstract

    return [value for value in vars(module).values() if is_own_model(value)]
