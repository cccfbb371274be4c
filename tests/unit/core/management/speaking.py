"""Running a command in this process, with its own streams, and a person's answers where there is a person."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from openviper.core.management.base import BaseCommand
from openviper.utils.terminal import Terminal


class Person(io.StringIO):
    """The answers of somebody who sits at a terminal."""

    def isatty(self) -> bool:
        return True


class Said(NamedTuple):
    """What a command has written: results, and everything else."""

    out: str
    err: str
    result: Any = None

    @property
    def lines(self) -> list[str]:
        """The lines of the results."""
        return self.out.splitlines()


def terminal(answers: str | None = None) -> Terminal:
    """Return a terminal that keeps what is written; without answers, nobody sits at it."""
    source = io.StringIO() if answers is None else Person(answers)
    return Terminal(out=io.StringIO(), err=io.StringIO(), source=source)


def said(where: Terminal, result: Any = None) -> Said:
    """Return what was written to a terminal of `terminal`."""
    assert isinstance(where.out, io.StringIO) and isinstance(where.err, io.StringIO)
    return Said(where.out.getvalue(), where.err.getvalue(), result)


def run(command: type[BaseCommand], *arguments: str, answers: str | None = None) -> Said:
    """Run a plain command as its command line would; errors are the caller's.

    Args:
        command: The class.
        *arguments: What stands behind its name.
        answers: The lines that a person types; `None` where there is no person.
    """
    where = terminal(answers)
    made = command(where)
    options = made.create_parser("viperctl.py", "x").parse_args(arguments)
    return said(where, made.handle(**vars(options)))


async def arun(command: type[BaseCommand], *arguments: str, answers: str | None = None) -> Said:
    """Run an async command likewise, on the loop of the test."""
    where = terminal(answers)
    made = command(where)
    options = made.create_parser("viperctl.py", "x").parse_args(arguments)
    result = made.handle(**vars(options))
    return said(where, await result if hasattr(result, "__await__") else result)
