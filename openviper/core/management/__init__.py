"""Management commands: the dispatcher behind `viperctl.py`.

Nothing heavy is imported before it is known which command is wanted; the list of commands imports no settings unless there
is a project.
"""

from __future__ import annotations

from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.dispatch import (
    auto_discover_settings,
    execute_from_command_line,
    extract_settings_flag,
)

__all__ = [
    "BaseCommand",
    "CommandError",
    "auto_discover_settings",
    "execute_from_command_line",
    "extract_settings_flag",
]
