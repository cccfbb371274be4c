"""Errors of background tasks.

::

    OpenViperTasksError (OpenViperException)
    ├─ OpenViperTasksConfigurationError (ValueError)
    ├─ BrokerError
    ├─ ResultsBackendDisabledError
    ├─ ResultMissing
    ├─ ResultTimeout (TimeoutError)
    └─ ResultFailure
"""

from __future__ import annotations

from collections.abc import Sequence

from openviper.exceptions import OpenViperException


class OpenViperTasksError(OpenViperException):
    """The root of the errors of background tasks."""


class OpenViperTasksConfigurationError(OpenViperTasksError, ValueError):
    """The setting `TASKS` has values that cannot work.

    Attributes:
        errors: One sentence per problem.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(f"- {error}" for error in self.errors))


class BrokerError(OpenViperTasksError):
    """The store of the messages could not do what was asked of it.

    Attributes:
        busy: Whether another writer was in the way, so that it may work in a moment.
        duplicate: Whether there was a row of the same key.
    """

    def __init__(self, message: str, *, busy: bool = False, duplicate: bool = False) -> None:
        self.busy = busy
        self.duplicate = duplicate
        super().__init__(message)


class ResultsBackendDisabledError(OpenViperTasksError):
    """Results are not kept, because ``TASKS["backend_url"]`` is not set."""

    def __init__(self) -> None:
        super().__init__("results are not kept; set TASKS['backend_url'] to have them")


class ResultMissing(OpenViperTasksError):  # noqa: N818 - the public name
    """There is no result yet."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        super().__init__(f"message {message_id!r} has no result yet")


class ResultTimeout(OpenViperTasksError, TimeoutError):  # noqa: N818 - the public name
    """A result did not arrive in time."""

    def __init__(self, message_id: str, timeout: float) -> None:
        self.message_id = message_id
        super().__init__(f"message {message_id!r} had no result after {timeout:g} ms")


class ResultFailure(OpenViperTasksError):  # noqa: N818 - the public name
    """The task failed for good.

    Attributes:
        type_name: The name of the exception's class.
        message: Its text.
    """

    def __init__(self, message_id: str, type_name: str, message: str) -> None:
        self.message_id = message_id
        self.type_name = type_name
        self.message = message
        super().__init__(f"message {message_id!r} failed: {type_name}: {message}")


class Reject(OpenViperTasksError):  # noqa: N818 - what a task says, not what went wrong
    """Raised by a task: its message is dead at once, however many retries are left."""
