"""What happens to models during a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from openviper.db.models import model_registry
from openviper.db.query.events import SUPPORTED_EVENTS, get_dispatcher, model_path


@dataclass(frozen=True)
class RecordedEvent:
    """Something that has happened.

    Attributes:
        name: ``<path of the model>.<event>``, such as ``blog.models.Post.after_insert``.
        payload: What came along; `instance` is the row, or the rows.
    """

    name: str
    payload: dict[str, Any] = field(default_factory=dict)


class EventRecorder:
    """Keeps the events of all models, in order."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []

    def record(self, name: str, **payload: Any) -> None:
        """Keep an event."""
        self.events.append(RecordedEvent(name, payload))

    def named(self, name: str) -> list[RecordedEvent]:
        """Return the events of a name, given whole or from a part on: ``Post.after_insert``."""
        return [
            event for event in self.events if event.name == name or event.name.endswith(f".{name}")
        ]

    def clear(self) -> None:
        """Forget what has happened."""
        self.events.clear()

    @contextmanager
    def recording(self) -> Iterator[EventRecorder]:
        """Record inside the block; handlers of the project run as ever."""
        dispatcher = get_dispatcher()
        handlers = self._handlers()
        for path, event, handler in handlers:
            dispatcher.register(path, event, handler)
        try:
            yield self
        finally:
            for path, event, handler in handlers:
                dispatcher.unregister(path, event, handler)

    def _handlers(self) -> list[tuple[str, str, Callable[..., None]]]:
        """Return a handler for each event of each model."""
        paths = [model_path(model) for model in model_registry.all()]
        return [(path, event, self._handler(path)) for path in paths for event in SUPPORTED_EVENTS]

    def _handler(self, path: str) -> Callable[..., None]:
        def handle(instance: Any, *, event: str, **context: Any) -> None:
            self.record(f"{path}.{event}", instance=instance, **context)

        return handle


def create_event_recorder() -> tuple[EventRecorder, AbstractContextManager[EventRecorder]]:
    """Return a recorder, and the block inside which it records."""
    recorder = EventRecorder()
    return recorder, recorder.recording()


def assert_event_emitted(recorder: EventRecorder, name: str) -> None:
    """Check that something has happened; see `EventRecorder.named`.

    Raises:
        AssertionError: If not; it names what has.
    """
    if not recorder.named(name):
        raise AssertionError(f"{name!r} has not happened; happened: {_names(recorder)}")


def assert_event_count(recorder: EventRecorder, name: str, count: int) -> None:
    """Check how often something has happened.

    Raises:
        AssertionError: If another number of times.
    """
    found = len(recorder.named(name))
    if found != count:
        raise AssertionError(
            f"{name!r} has happened {found} times, not {count}; happened: {_names(recorder)}"
        )


def assert_event_payload(recorder: EventRecorder, name: str, **payload: Any) -> None:
    """Check that something has happened with these values.

    Raises:
        AssertionError: If not; it shows what came along.
    """
    found = [event.payload for event in recorder.named(name)]
    if not any(payload.items() <= given.items() for given in found):
        raise AssertionError(f"{name!r} has not happened with {payload!r}; with: {found!r}")


def _names(recorder: EventRecorder) -> str:
    return ", ".join(event.name for event in recorder.events) or "nothing"
