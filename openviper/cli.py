"""The `openviper` command."""

from __future__ import annotations

import sys

from openviper.core.management.completion import TRIGGER
from openviper.core.management.dispatch import guarded
from openviper.utils.terminal import Terminal
from openviper.viperctl import complete, viperctl

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def cli(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the `openviper` command.

    Args:
        argv: The arguments; those of the process when not given.

    Raises:
        SystemExit: Always, with the exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] == "viperctl":
        # Everything after it belongs to the dispatcher, options of commands included.
        viperctl(arguments[1:])
    terminal = Terminal()
    if arguments and arguments[0] == TRIGGER:
        sys.exit(guarded(lambda: _complete(arguments[1:], terminal), terminal))
    sys.exit(guarded(lambda: _run(arguments, terminal), terminal))


def _complete(words: Sequence[str], terminal: Terminal) -> int:
    # Late: only a shell asks for it.
    from openviper.core.management.completion.answers import complete_openviper, print_candidates
    from openviper.core.management.subcommands import build_parser

    return print_candidates(terminal, lambda: complete_openviper(build_parser(), words, complete))


def _run(arguments: Sequence[str], terminal: Terminal) -> int:
    # Late: `openviper viperctl` does without argparse.
    from openviper.core.management.subcommands import run_subcommand

    return run_subcommand(arguments, terminal)
