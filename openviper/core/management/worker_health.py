"""How the workers of a project are, for a command that tells."""

from __future__ import annotations

from openviper.core.management.base import CommandError
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.exceptions import OpenViperTasksError
from openviper.tasks.health import Health, look


def worker_health() -> Health:
    """Return which workers live, and what is wrong.

    Raises:
        CommandError: If the store of the messages does not answer, or `TASKS` cannot be used.
    """
    try:
        return look(get_broker(), tasks_config().lease)
    except OpenViperTasksError as error:
        raise CommandError(str(error)) from error
