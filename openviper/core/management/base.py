"""The base class of management commands."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, HelpFormatter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from openviper.core.management.errors import describe, did_you_mean, show_error
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal

__all__ = [
    "BaseCommand",
    "CommandError",
    "CommandParser",
    "NoModelsModule",
    "UsageError",
    "describe",
    "show_error",
]


USAGE_ERROR = 2
"""The exit code for a command line that cannot be understood."""
INVALID_CHOICE = re.compile(r"invalid choice: '([^']*)'")


class NoModelsModule(CommandError):
    """An app has no `models` module."""


class UsageError(CommandError):
    """The options of a command line do not go together; shown after the usage line, with exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE_ERROR)


def format_help(prog: str) -> HelpFormatter:
    """Return argparse's formatter, as wide as the terminal.

    Left to itself, argparse asks `shutil` for the width, and with it imports every compression module, for each parser.
    """
    columns = 80
    with suppress(ValueError, OSError):  # Not a terminal, or no output at all.
        columns = os.get_terminal_size().columns or columns
    with suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", "")) or columns
    return HelpFormatter(prog, width=columns - 2)


class CommandParser(ArgumentParser):
    """An argument parser that suggests the option or choice that was probably meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": format_help, **options})

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message on standard error and exit with code 2."""
        super().error(message + self._suggestion(message))

    def _suggestion(self, message: str) -> str:
        _, unknown, arguments = message.partition("unrecognized arguments: ")
        if unknown and arguments.startswith("-"):
            options = [name for action in self._actions for name in action.option_strings]
            return did_you_mean(arguments.split()[0].partition("=")[0], options)
        choice = INVALID_CHOICE.search(message)
        if choice is not None:
            choices = [str(one) for action in self._actions for one in action.choices or ()]
            return did_you_mean(choice[1], choices)
        return ""


def _run_to_its_end(awaitable: Any) -> Any:
    try:
        # Late: `migrate` with nothing to do has no coroutine to run.
        from openviper.core.management.running import run_to_completion

        return run_to_completion(awaitable)
    finally:
        # Ctrl-C may come before the loop has begun it; Python warns of coroutines that were neither awaited nor closed.
        if hasattr(awaitable, "close"):
            awaitable.close()


class BaseCommand:
    """A management command: one class `Command` in `<app>/management/commands/<name>.py`.

    Attributes:
        help: One line for the list of commands and the command's own help.
        terminal: Where results, messages and questions go.
    """

    help: str = ""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self.terminal = terminal or Terminal()
        self._usage: Callable[[], str] | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments to its parser; override where there are any."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Do the work; override it, as a plain or an async function. Options are the parsed names.

        Raises:
            CommandError: If it cannot be done.
        """
        raise NotImplementedError(
            f"{type(self).__module__}.{type(self).__name__} does not define handle()"
        )

    def create_parser(self, prog_name: str, subcommand: str) -> ArgumentParser:
        """Return the command's parser.

        Args:
            prog_name: The script, of which the file name is shown.
            subcommand: The command's name.
        """
        parser = CommandParser(
            prog=f"{os.path.basename(prog_name)} {subcommand}", description=self.help or None
        )
        self.add_arguments(parser)
        return parser

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the command's help on standard output."""
        self.create_parser(prog_name, subcommand).print_help(self.terminal.out)

    def run_from_argv(self, argv: Sequence[str]) -> Any:
        """Parse a command line and execute it.

        Args:
            argv: Script, command, then its arguments.

        Raises:
            SystemExit: On a usage error (2), help (0) or a `CommandError`.
        """
        parser = self.create_parser(argv[0], argv[1])
        self._usage = parser.format_usage
        return self.execute(**vars(parser.parse_args(list(argv[2:]))))

    def execute(self, *args: Any, **options: Any) -> Any:
        """Call `handle` and return its result; a coroutine is run to its end and the databases are closed.

        Raises:
            SystemExit: With the error's code, after one line on standard error, if `handle` raises `CommandError`.
        """
        try:
            result = self.handle(*args, **options)
            if hasattr(result, "__await__"):
                result = _run_to_its_end(result)
            return result
        except CommandError as error:
            if isinstance(error, UsageError) and self._usage is not None:
                self.terminal.note(self._usage(), end="")
            show_error(self.terminal, error)
            sys.exit(error.returncode)

    def stdout(self, message: object = "", ending: str = "\n") -> None:
        """Write a result and flush."""
        self.terminal.line(str(message), end=ending)

    def stderr(self, message: object = "", ending: str = "\n") -> None:
        """Write something that is not a result and flush."""
        self.terminal.note(str(message), end=ending)

    def style_success(self, message: str) -> str:
        """Return the text in green."""
        return self.terminal.style("success", message)

    def style_warning(self, message: str) -> str:
        """Return the text in yellow."""
        return self.terminal.style("warning", message)

    def style_error(self, message: str) -> str:
        """Return the text in red."""
        return self.terminal.style("error", message)

    def style_notice(self, message: str) -> str:
        """Return the text in cyan."""
        return self.terminal.style("notice", message)

    def style_bold(self, message: str) -> str:
        """Return the text in bold."""
        return self.terminal.style("bold", message)

    def style_dim(self, message: str) -> str:
        """Return the text dimmed."""
        return self.terminal.style("dim", message)
