"""A message that was sent, seen by its sender."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from openviper.tasks.broker import get_broker
from openviper.tasks.brokers.base import Progress
from openviper.tasks.exceptions import OpenViperTasksError, ResultNotKeptError
from openviper.tasks.results import get_result, wait_for_result
from openviper.tasks.units import Duration

T = TypeVar("T")
if TYPE_CHECKING:
    # The checker knows `default` (PEP 696) on every version: `TaskMessageProxy` alone is one of `Any`.
    from typing_extensions import TypeVar as TypeVarWithDefault

    R_co = TypeVarWithDefault("R_co", covariant=True, default=Any)
else:
    R_co = TypeVar("R_co", covariant=True)


class ReadsResults(Protocol):
    """What is asked of an actor here."""

    def read_result(self, value: Any) -> Any:
        """Return a result that was kept, in the type of the function's annotation."""
        ...


class TaskMessageProxy(Generic[R_co]):
    """A message that was sent; for the type checker, of what its actor returns.

    Attributes:
        message_id: A UUID4 as text; empty when the call ran inline.
        is_duplicate: Whether a message with the same unique key was there already, whose id `message_id` then is; `None`
            where that is decided later: in a transaction, at its commit.
        actor: Knows the type of the result; `None` where the actor is not known to this process.
    """

    __slots__ = (
        "actor",
        "actor_name",
        "args",
        "is_duplicate",
        "keeps_result",
        "kwargs",
        "message_id",
        "queue_name",
    )

    def __init__(
        self,
        message_id: str,
        actor_name: str,
        queue_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        is_duplicate: bool | None = False,
        keeps_result: bool = True,
        actor: ReadsResults | None = None,
    ) -> None:
        self.message_id = message_id
        self.actor_name = actor_name
        self.queue_name = queue_name
        self.args = args
        self.kwargs = {**kwargs} if kwargs else {}
        self.is_duplicate = is_duplicate
        self.keeps_result = keeps_result
        self.actor = actor

    def __repr__(self) -> str:
        return f"<TaskMessageProxy {self.message_id or 'inline'} {self.actor_name}>"

    def _check(self) -> None:
        if not self.message_id:
            raise OpenViperTasksError(
                f"{self.actor_name!r} ran where it was sent, as tasks are disabled: its result is not kept"
            )
        if not self.keeps_result:
            raise ResultNotKeptError(self.actor_name)

    def _read(self, value: Any) -> Any:
        return value if self.actor is None else self.actor.read_result(value)

    @overload
    def get_result(
        self: TaskMessageProxy[Coroutine[Any, Any, T]],
        *,
        block: bool = ...,
        timeout: Duration | None = ...,
    ) -> T: ...
    @overload
    def get_result(self, *, block: bool = ..., timeout: Duration | None = ...) -> R_co: ...
    def get_result(self, *, block: bool = True, timeout: Duration | None = None) -> Any:
        """Return what the task returned, in the type of its annotation; waiting for it blocks this thread.

        Args:
            block: Wait for it.
            timeout: Longest wait, in milliseconds or as a `timedelta`; 10 s when not given.

        Raises:
            ResultsBackendDisabledError: If results are not kept.
            ResultNotKeptError: If this actor keeps none.
            ResultMissing: If there is none yet and `block` is not set.
            ResultTimeout: If it does not arrive in time.
            ResultFailure: If the task failed for good.
            ResultTypeError: If what is kept is of another type.
        """
        self._check()
        return self._read(get_result(self.message_id, block=block, timeout=timeout))

    @overload
    async def result(
        self: TaskMessageProxy[Coroutine[Any, Any, T]], *, timeout: Duration | None = ...
    ) -> T: ...
    @overload
    async def result(self, *, timeout: Duration | None = ...) -> R_co: ...
    async def result(self, *, timeout: Duration | None = None) -> Any:
        """Return what the task returned, in the type of its annotation; the event loop goes on meanwhile.

        Args:
            timeout: Longest wait, in milliseconds or as a `timedelta`; 10 s when not given.

        Raises:
            OpenViperTasksError: As for `get_result`.
        """
        self._check()
        return self._read(await wait_for_result(self.message_id, timeout=timeout))

    def progress(self) -> Progress | None:
        """Return how far the task said it is, or `None` if it has said nothing.

        Raises:
            BrokerError: If the store of messages does not answer.
        """
        return get_broker().progress(self.message_id)

    def cancel(self) -> bool:
        """Remove the message if no worker has it, and else ask for its end: an async task is cancelled.

        Of a chain, whichever of its messages is next; none follows it. Who asks for the result gets a `ResultFailure`.

        Returns:
            Whether it was removed.

        Raises:
            BrokerError: If the store of messages does not answer.
        """
        return bool(get_broker().cancel([self.message_id]))
