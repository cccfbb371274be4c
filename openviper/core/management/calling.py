"""Calling a management command from code, with its output as the result."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from openviper.core.management.command_lookup import find_command
from openviper.core.management.running import commands_on
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal

SCRIPT = "viperctl.py"


@dataclass(frozen=True)
class CommandResult:
    """What a command did.

    Attributes:
        exit_code: 0 if it succeeded.
        stdout: Its results.
        stderr: Everything else it said.
        output: Both, in the order in which they came.
        exception: The error that nothing had foreseen, if there was one.
    """

    exit_code: int
    stdout: str
    stderr: str
    output: str
    exception: BaseException | None = None


class _Recorder(io.StringIO):
    """Keeps what is written, and adds it to what comes from both streams."""

    def __init__(self, together: io.StringIO) -> None:
        super().__init__()
        self._together = together

    def write(self, text: str) -> int:
        self._together.write(text)
        return super().write(text)


def run_command(arguments: Sequence[str], *, stdin: str = "") -> CommandResult:
    """Run a command in this process and return what it did; errors it raises are part of that.

    Args:
        arguments: The command's name and its arguments, as on the command line.
        stdin: What it reads from standard input, which is no terminal.
    """
    together = io.StringIO()
    out, err = _Recorder(together), _Recorder(together)
    exception: BaseException | None = None
    with redirect_stdout(out), redirect_stderr(err), _input(stdin):
        try:
            result = _run(list(arguments))
            code = result if type(result) is int else 0
        except SystemExit as error:
            code = _code(error)
        except CommandError as error:
            print(f"Error: {error}", file=err)
            code = error.returncode
        except Exception as error:
            exception, code = error, 1
    return CommandResult(code, out.getvalue(), err.getvalue(), together.getvalue(), exception)


def _run(arguments: list[str]) -> Any:
    command = find_command(arguments[0].replace("_", "-"))
    command.terminal = Terminal()
    return command.run_from_argv([SCRIPT, *arguments])


def _code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


@contextmanager
def _input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


async def call_command(
    name: str, *arguments: object, stdin: str = "", **options: object
) -> CommandResult:
    """Run a command in this process, without blocking the event loop, and return what it did.

    What it awaits runs on this event loop: in a test it sees the rows of the test.

    Args:
        name: The command.
        arguments: Its arguments, as on the command line.
        stdin: What it reads from standard input.
        options: Its options: ``verbose=True`` for ``--verbose``, ``database="other"`` for ``--database other``, a list for
            an option that is repeated.

    Raises:
        Exception: What the command raises that is no `CommandError`.
    """
    line = [name, *map(str, arguments), *_switches(options)]
    with commands_on(asyncio.get_running_loop()):
        result = await asyncio.to_thread(run_command, line, stdin=stdin)
    if result.exception is not None:
        raise result.exception
    return result


def _switches(options: Mapping[str, object]) -> Iterator[str]:
    for name, value in options.items():
        switch = f"--{name.replace('_', '-')}"
        for entry in value if isinstance(value, (list, tuple)) else [value]:
            if entry is True:
                yield switch
            elif entry is not False and entry is not None:
                # In one word, so that a value may begin with a dash.
                yield f"{switch}={entry}"
