"""Asking before rows are deleted."""

from __future__ import annotations

from openviper.core.management.base import CommandError
from openviper.utils.terminal import Terminal


def agree(terminal: Terminal, question: str, *, no_input: bool) -> None:
    """Ask a person.

    Args:
        terminal: Where.
        question: What is answered with yes or no.
        no_input: Whether nobody is asked.

    Raises:
        CommandError: If the answer is no, or there is nobody to ask and that is not waived.
    """
    if no_input:
        return
    if not terminal.is_interactive:
        raise CommandError("without a terminal to ask at, --no-input is needed")
    if not terminal.confirm(question):
        raise CommandError("Aborted.")
