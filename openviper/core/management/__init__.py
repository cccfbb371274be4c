"""Management commands: the dispatcher behind `viperctl.py`.

Nothing heavy is imported before it is known which command is wanted: the list of commands needs neither argparse nor
the project's settings.
"""

from __future__ import annotations

from openviper.core.management.dispatch import (
    auto_discover_settings,
    execute_from_command_line,
    extract_settings_flag,
)

__all__ = ["auto_discover_settings", "execute_from_command_line", "extract_settings_flag"]
