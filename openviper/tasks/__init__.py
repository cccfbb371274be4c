"""Background tasks: actors, periodic jobs, brokers and the worker; the public names."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Not lazy: the decorator has the name of its module, and has to hide it whoever is imported first.
from openviper.tasks.periodic import periodic as periodic
from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.tasks.actors import Actor as Actor
    from openviper.tasks.actors import Registry as Registry
    from openviper.tasks.actors import TaskMessageProxy as TaskMessageProxy
    from openviper.tasks.actors import actor as actor
    from openviper.tasks.actors import enqueue_task as enqueue_task
    from openviper.tasks.exceptions import BrokerError as BrokerError
    from openviper.tasks.exceptions import (
        OpenViperTasksConfigurationError as OpenViperTasksConfigurationError,
    )
    from openviper.tasks.exceptions import OpenViperTasksError as OpenViperTasksError
    from openviper.tasks.exceptions import ResultFailure as ResultFailure
    from openviper.tasks.exceptions import ResultMissing as ResultMissing
    from openviper.tasks.exceptions import (
        ResultsBackendDisabledError as ResultsBackendDisabledError,
    )
    from openviper.tasks.exceptions import ResultTimeout as ResultTimeout

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.tasks.actors": (
            "Actor",
            "Registry",
            "TaskMessageProxy",
            "actor",
            "enqueue_task",
        ),
        "openviper.tasks.exceptions": (
            "BrokerError",
            "OpenViperTasksConfigurationError",
            "OpenViperTasksError",
            "ResultFailure",
            "ResultMissing",
            "ResultTimeout",
            "ResultsBackendDisabledError",
        ),
    },
    eager=("periodic",),
)
