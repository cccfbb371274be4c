"""Errors of background tasks.

::

    OpenViperTasksError (OpenViperException)
    ├─ OpenViperTasksConfigurationError (ValueError)
    ├─ BrokerError
    ├─ ResultsBackendDisabledError
    ├─ ResultNotKeptError
    ├─ ResultMissing
    ├─ ResultTimeout (TimeoutError)
    ├─ ResultFailure
    ├─ ResultTypeError (TypeError)
    ├─ BadMessageError               in a worker: what is stored cannot be called
    ├─ TimeLimitError                in a worker: an attempt took too long
    ├─ SoftTimeLimitError            raised inside a task, ahead of the end of its time
    ├─ Retry                         raised by a task: again, later
    └─ Reject                        raised by a task: never again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.exceptions import OpenViperException
from openviper.tasks.units import to_ms

if TYPE_CHECKING:
    from openviper.tasks.units import Duration


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
        refused: Whether the store answered and would not take what it was given: a repetition gives the same answer.
    """

    def __init__(
        self, message: str, *, busy: bool = False, duplicate: bool = False, refused: bool = False
    ) -> None:
        self.busy = busy
        self.duplicate = duplicate
        self.refused = refused
        super().__init__(message)


class ResultsBackendDisabledError(OpenViperTasksError):
    """Results are not kept, because ``TASKS["backend_url"]`` is not set."""

    def __init__(self) -> None:
        super().__init__("results are not kept; set TASKS['backend_url'] to have them")


class ResultNotKeptError(OpenViperTasksError):
    """The actor of a message keeps no results."""

    def __init__(self, actor_name: str) -> None:
        self.actor_name = actor_name
        super().__init__(f"actor {actor_name!r} keeps no results; give it store_results=True")


class ResultMissing(OpenViperTasksError):  # noqa: N818 - the public name
    """There is no result yet."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        super().__init__(f"message {message_id!r} has no result yet")


class ResultTimeout(OpenViperTasksError, TimeoutError):  # noqa: N818 - the public name
    """A result did not arrive in time."""

    def __init__(self, message_id: str, timeout_ms: float) -> None:
        self.message_id = message_id
        super().__init__(f"message {message_id!r} had no result after {timeout_ms:g} ms")


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


class ResultTypeError(OpenViperTasksError, TypeError):
    """What is kept as a result is not of the type that the annotation of its actor says: one of them was changed since.

    Attributes:
        actor_name: The actor.
    """

    def __init__(self, actor_name: str, problem: str) -> None:
        self.actor_name = actor_name
        super().__init__(
            f"the result of actor {actor_name!r} is not what its annotation says: {problem}"
        )


class BadMessageError(OpenViperTasksError):
    """What is stored is not a message that this worker may run; it becomes dead without an attempt."""


class TimeLimitError(OpenViperTasksError):
    """An attempt took longer than its actor allows."""

    def __init__(self, milliseconds: float) -> None:
        super().__init__(f"the attempt took longer than {milliseconds:g} ms")


class SoftTimeLimitError(OpenViperTasksError):
    """An attempt comes near its time limit; raised inside the task, which may tidy up and end."""

    def __init__(self) -> None:
        super().__init__("the attempt has reached its soft time limit")


class Retry(OpenViperTasksError):  # noqa: N818 - what a task says, not what went wrong
    """Raised by a task: run it again later.

    Args:
        delay: Milliseconds or a `timedelta` before it may run again; as after a failure when not given.
        state: What the next attempt finds in `current_message.state`, as JSON can hold it.
        counts: Whether this was one of the attempts that `max_retries` limits.

    Raises:
        ValueError: If `delay` cannot be waited for.
        TypeError: If `state` is no mapping.
    """

    def __init__(
        self,
        text: str = "the task asked to be run again",
        *,
        delay: Duration | None = None,
        state: Mapping[str, Any] | None = None,
        counts: bool = True,
    ) -> None:
        self.delay_ms = None if delay is None else to_ms("delay", delay)
        if not isinstance(state, (Mapping, type(None))):
            raise TypeError(f"state={state!r} must be a mapping")
        self.state = None if state is None else dict(state)
        self.counts = counts
        super().__init__(text)


class Reject(OpenViperTasksError):  # noqa: N818 - what a task says, not what went wrong
    """Raised by a task: its message is dead at once, however many retries are left."""
