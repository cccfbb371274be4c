"""Background tasks: actors, periodic jobs, brokers and the worker; the public names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Not lazy: the decorator has the name of its module, and has to hide it whoever is imported first.
from openviper.tasks.periodic import periodic as periodic

if TYPE_CHECKING:
    from openviper.tasks.actors import Actor as Actor
    from openviper.tasks.actors import TaskMessageProxy as TaskMessageProxy
    from openviper.tasks.actors import actor as actor
    from openviper.tasks.actors import enqueue_task as enqueue_task
    from openviper.tasks.exceptions import BrokerError as BrokerError
    from openviper.tasks.exceptions import OpenViperTasksConfigurationError as OpenViperTasksConfigurationError
    from openviper.tasks.exceptions import OpenViperTasksError as OpenViperTasksError
    from openviper.tasks.exceptions import ResultFailure as ResultFailure
    from openviper.tasks.exceptions import ResultMissing as ResultMissing
    from openviper.tasks.exceptions import ResultsBackendDisabledError as ResultsBackendDisabledError
    from openviper.tasks.exceptions import ResultTimeout as ResultTimeout
    from openviper.tasks.registry import Registry as Registry

_PLACES = {
    "Actor": "actors",
    "BrokerError": "exceptions",
    "OpenViperTasksConfigurationError": "exceptions",
    "OpenViperTasksError": "exceptions",
    "Registry": "registry",
    "ResultFailure": "exceptions",
    "ResultMissing": "exceptions",
    "ResultTimeout": "exceptions",
    "ResultsBackendDisabledError": "exceptions",
    "TaskMessageProxy": "actors",
    "actor": "actors",
    "enqueue_task": "actors",
}

__all__ = sorted([*_PLACES, "periodic"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value
