"""Background tasks: actors, periodic jobs, brokers and the worker; the public names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.tasks.actors import Actor as Actor
    from openviper.tasks.actors import Registry as Registry
    from openviper.tasks.actors import actor as actor
    from openviper.tasks.actors import enqueue_task as enqueue_task
    from openviper.tasks.exceptions import BrokerError as BrokerError
    from openviper.tasks.exceptions import (
        OpenViperTasksConfigurationError as OpenViperTasksConfigurationError,
    )
    from openviper.tasks.exceptions import OpenViperTasksError as OpenViperTasksError
    from openviper.tasks.exceptions import Reject as Reject
    from openviper.tasks.exceptions import ResultFailure as ResultFailure
    from openviper.tasks.exceptions import ResultMissing as ResultMissing
    from openviper.tasks.exceptions import ResultNotKeptError as ResultNotKeptError
    from openviper.tasks.exceptions import (
        ResultsBackendDisabledError as ResultsBackendDisabledError,
    )
    from openviper.tasks.exceptions import ResultTimeout as ResultTimeout
    from openviper.tasks.exceptions import ResultTypeError as ResultTypeError
    from openviper.tasks.exceptions import Retry as Retry
    from openviper.tasks.exceptions import SoftTimeLimitError as SoftTimeLimitError
    from openviper.tasks.exceptions import TimeLimitError as TimeLimitError
    from openviper.tasks.flows import Group as Group
    from openviper.tasks.flows import chain as chain
    from openviper.tasks.flows import group as group
    from openviper.tasks.flows import send_many as send_many
    from openviper.tasks.hooks import on as on
    from openviper.tasks.proxy import TaskMessageProxy as TaskMessageProxy
    from openviper.tasks.running import current_message as current_message
    from openviper.tasks.schedule.catalog import add_schedule as add_schedule
    from openviper.tasks.schedule.catalog import list_schedules as list_schedules
    from openviper.tasks.schedule.catalog import pause_schedule as pause_schedule
    from openviper.tasks.schedule.catalog import remove_schedule as remove_schedule
    from openviper.tasks.schedule.catalog import resume_schedule as resume_schedule
    from openviper.tasks.schedule.catalog import run_schedule_now as run_schedule_now
    from openviper.tasks.schedule.periodic import periodic as periodic

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.tasks.actors": ("Actor", "Registry", "actor", "enqueue_task"),
        "openviper.tasks.exceptions": (
            "BrokerError",
            "OpenViperTasksConfigurationError",
            "OpenViperTasksError",
            "Reject",
            "ResultFailure",
            "ResultMissing",
            "ResultNotKeptError",
            "ResultTimeout",
            "ResultTypeError",
            "ResultsBackendDisabledError",
            "Retry",
            "SoftTimeLimitError",
            "TimeLimitError",
        ),
        "openviper.tasks.flows": ("Group", "chain", "group", "send_many"),
        "openviper.tasks.hooks": ("on",),
        "openviper.tasks.proxy": ("TaskMessageProxy",),
        "openviper.tasks.running": ("current_message",),
        "openviper.tasks.schedule.catalog": (
            "add_schedule",
            "list_schedules",
            "pause_schedule",
            "remove_schedule",
            "resume_schedule",
            "run_schedule_now",
        ),
        "openviper.tasks.schedule.periodic": ("periodic",),
    },
)
