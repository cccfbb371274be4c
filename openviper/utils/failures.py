"""The error that ends a command with a message and an exit code."""

from __future__ import annotations

from openviper.exceptions import OpenViperException


class CommandError(OpenViperException):
    """A command cannot do what it was asked to; shown as one line.

    Args:
        message: What is wrong.
        returncode: The exit code; not 0, which would mean success.

    Raises:
        ValueError: If `returncode` is 0.
    """

    def __init__(self, message: str, returncode: int = 1) -> None:
        if returncode == 0:
            raise ValueError("a CommandError cannot have the return code 0, which means success")
        self.returncode = returncode
        super().__init__(message)
