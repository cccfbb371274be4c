"""Management commands in tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openviper.utils.importing import import_string

CALLING = "openviper.core.management.calling"
"""Commands stand above tests, so they are imported when one is called."""


class CommandOutput(Protocol):
    """What a command did."""

    @property
    def exit_code(self) -> int:
        """0 if it succeeded."""
        ...

    @property
    def stdout(self) -> str:
        """Its results."""
        ...

    @property
    def stderr(self) -> str:
        """Everything else it said."""
        ...

    @property
    def output(self) -> str:
        """Both, in the order in which they came."""
        ...

    @property
    def exception(self) -> BaseException | None:
        """The error that nothing had foreseen, if there was one."""
        ...


async def call_command(
    name: str, *arguments: object, stdin: str = "", **options: object
) -> CommandOutput:
    """Run a management command in the process of the test and return what it did; it sees the rows of the test.

    Args:
        name: The command.
        arguments: Its arguments, as on the command line.
        stdin: What it reads from standard input.
        options: Its options: ``verbose=True`` for ``--verbose``, ``database="other"`` for ``--database other``, a list for
            an option that is repeated.

    Raises:
        Exception: What the command raises that is no `CommandError`; of that, `exit_code` and `stderr` tell.
    """
    call: Any = import_string(f"{CALLING}.call_command")
    result: CommandOutput = await call(name, *arguments, stdin=stdin, **options)
    return result


class CommandRunner:
    """Runs management commands in tests that are plain functions, in a folder of their own.

    Args:
        directory: The folder; one that is removed afterwards when not given.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory

    def invoke(
        self, args: Sequence[str], input: str | None = None, env: Mapping[str, str] | None = None
    ) -> CommandOutput:
        """Run a command and return what it did, errors included.

        Args:
            args: Its name and its arguments, as on the command line.
            input: What it reads from standard input.
            env: Environment variables besides those there are.

        Raises:
            RuntimeError: In an async test, whose event loop it would block; there, `call_command` is awaited.
        """
        if _is_async():
            raise RuntimeError("in an async test, await call_command(...) instead")
        run: Any = import_string(f"{CALLING}.run_command")
        with self._elsewhere(), _environment(env or {}):
            result: CommandOutput = run(list(args), stdin=input or "")
        return result

    @contextlib.contextmanager
    def _elsewhere(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            folder = self.directory or stack.enter_context(tempfile.TemporaryDirectory())
            stack.enter_context(contextlib.chdir(folder))
            yield


def _is_async() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def assert_exit_code(result: CommandOutput, code: int) -> None:
    """Check the exit code of a command.

    Raises:
        AssertionError: If it is another one; the message shows what the command said.
    """
    if result.exit_code != code:
        error = f"\n{result.exception!r}" if result.exception is not None else ""
        raise AssertionError(
            f"the exit code is {result.exit_code}, not {code}:\n{result.output}{error}"
        )
