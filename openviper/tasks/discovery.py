"""Finding the actors of the installed apps."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Iterable

from openviper.conf import settings
from openviper.tasks.actors import Registry
from openviper.tasks.exceptions import OpenViperTasksError

logger = logging.getLogger("openviper.tasks")

BUILT_IN = ("openviper.tasks.backup", "openviper.tasks.cache")
"""Modules of OpenViper itself that have periodic jobs."""
EXPECTED = {"openviper.core.email.deliver_email": "openviper.core.email.queue"}
"""Actors of OpenViper itself whose modules are imported for the first message: this one takes a sixth of a worker's start."""


class TaskImportError(OpenViperTasksError, ImportError):
    """A module with actors exists and cannot be imported.

    Attributes:
        module: Its dotted name.
    """

    def __init__(self, module: str, cause: BaseException) -> None:
        self.module = module
        super().__init__(f"cannot import {module!r}: {type(cause).__name__}: {cause}")


def discover_tasks(installed_apps: Iterable[str] | None = None) -> list[str]:
    """Import the module ``tasks`` of each app, and return the names of those that have one.

    Args:
        installed_apps: The apps; those of the settings when not given.

    Raises:
        TaskImportError: If a module exists and fails, a missing package inside it included.
    """
    if installed_apps is None:
        installed_apps = settings.INSTALLED_APPS
    names = [f"{app}.tasks" for app in installed_apps if app != "openviper.tasks"]
    present = [name for name in dict.fromkeys(names) if _exists(name)]
    for name in [*present, *filter(_exists, BUILT_IN)]:
        import_tasks(name)
    for actor_name, module in EXPECTED.items():
        Registry.expect_actor(actor_name, module)
    return present


def import_tasks(module: str) -> None:
    """Import a module with actors.

    Raises:
        TaskImportError: If it cannot be imported.
    """
    try:
        importlib.import_module(module)
    except Exception as error:
        raise TaskImportError(module, error) from error


def _exists(module: str) -> bool:
    """Return whether there is a module, for which the packages around it are imported.

    Raises:
        TaskImportError: If one of those exists and fails.
    """
    try:
        return importlib.util.find_spec(module) is not None
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and _is_part_of(module, error.name):
            return False
        raise TaskImportError(module, error) from error


def _is_part_of(module: str, missing: str | None) -> bool:
    """Return whether what was not found is one of the packages around a module, and not something that these import."""
    return missing is not None and f"{module}.".startswith(f"{missing}.")
