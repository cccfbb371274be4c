"""Checks of background tasks: can the setting work, and can a worker import what it has to run."""

from __future__ import annotations

from collections.abc import Iterator

from openviper.conf import settings
from openviper.core.management.checks.findings import Finding
from openviper.tasks.conf import resolve_tasks_config
from openviper.tasks.discovery import TaskImportError, discover_tasks
from openviper.tasks.exceptions import OpenViperTasksConfigurationError


def check_tasks() -> list[Finding]:
    """Return the findings about background tasks; the store of the messages is not asked."""
    try:
        config = resolve_tasks_config(settings.TASKS)
    except OpenViperTasksConfigurationError as error:
        return [Finding("tasks.E001", text, where="TASKS") for text in error.errors]
    findings = list(_broken_modules())
    if config.broker == "stub":
        findings.append(
            Finding(
                "tasks.W001",
                "broker 'stub' keeps tasks in the memory of the process that sends them; no worker gets them",
                "Use 'database' or 'redis'.",
                "TASKS",
            )
        )
    return findings


def _broken_modules() -> Iterator[Finding]:
    for app in settings.INSTALLED_APPS:
        try:
            discover_tasks([app])
        except TaskImportError as error:
            yield Finding("tasks.E002", str(error), where=error.module)
