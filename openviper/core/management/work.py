"""The work of a command, apart from its arguments.

A command whose work needs much keeps it in a module of its own, which is imported when the command runs: so its
``--help``, and the completion of its options, need none of that.
"""

from __future__ import annotations

from openviper.core.management.base import BaseCommand


class CommandWork:
    """The base of what commands do; it speaks to the person as the command would."""

    def __init__(self, command: BaseCommand) -> None:
        self.terminal = command.terminal
        self.stdout = command.stdout
        self.stderr = command.stderr
        self.style_success = command.style_success
