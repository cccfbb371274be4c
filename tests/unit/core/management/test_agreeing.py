"""Asking before rows are deleted."""

from __future__ import annotations

import io

import pytest

from openviper.core.management.agreeing import agree
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal


class Person(io.StringIO):
    """Standard input with somebody behind it."""

    def isatty(self) -> bool:
        """Return that somebody is there."""
        return True


def ask(source: io.StringIO, *, no_input: bool = False) -> None:
    """Ask whoever is there."""
    agree(Terminal(io.StringIO(), io.StringIO(), source), "Really?", no_input=no_input)


def test_whoever_says_yes_agrees() -> None:
    ask(Person("y\n"))


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_anything_else_does_not(answer: str) -> None:
    with pytest.raises(CommandError, match=r"Aborted\."):
        ask(Person(answer))


def test_nobody_is_asked_only_when_that_is_waived() -> None:
    ask(io.StringIO(), no_input=True)
    with pytest.raises(CommandError, match="--no-input is needed"):
        ask(io.StringIO("y\n"))
