"""The actors and periodic jobs of this process, by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Protocol, TypeVar

Overlap = Literal["skip", "queue", "allow"]


class Registrable(Protocol):
    """What is asked of an actor here: its name, and the function it was made of."""

    @property
    def actor_name(self) -> str:
        """Return the name under which it is found."""
        ...

    @property
    def fn(self) -> Any:
        """Return the decorated function."""
        ...


A = TypeVar("A", bound=Registrable)


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """A periodic job.

    Attributes:
        name: The job, and what it is known by in the store.
        actor_name: What it runs.
        schedule: The cron expression, or the interval in seconds as text.
        cron: The expression, or `None`.
        every: The interval in seconds, or `None`.
        startup: Whether it also runs once when the workers start.
        retries: Runs after the first failure; `None` for those of the actor.
        app_label: The app it is of.
        timezone: The time zone of the expression; that of the project when `None`.
        args: Positional arguments.
        kwargs: Keyword arguments.
        jitter_ms: Each start is put off by a random time up to this one.
        overlap: What happens when it is due while an earlier run is queued or running: ``skip``, ``queue`` or ``allow``.
        queue_name: The queue; that of the actor when `None`.
    """

    name: str
    actor_name: str
    schedule: str
    cron: str | None = None
    every: int | None = None
    startup: bool = False
    retries: int | None = None
    app_label: str = ""
    timezone: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    jitter_ms: float = 0.0
    overlap: Overlap = "skip"
    queue_name: str | None = None

    @property
    def text(self) -> str:
        """The whole schedule as text: another one begins anew."""
        if self.cron is None:
            return f"every {self.every} s"
        return self.cron if self.timezone is None else f"{self.cron} {self.timezone}"


class ActorRegistry(Generic[A]):
    """What decorators have registered."""

    def __init__(self) -> None:
        self._actors: dict[str, A] = {}
        self._schedule: dict[str, ScheduleEntry] = {}
        self._modules: dict[str, str] = {}

    def expect_actor(self, name: str, module: str) -> None:
        """Import a module when the actor of this name is first asked for."""
        self._modules[name] = module

    def register_actor(self, actor: A) -> A:
        """Add an actor; the same function again is no second one.

        Raises:
            ValueError: If another function has its name.
        """
        present = self._actors.get(actor.actor_name)
        if present is not None and not _is_same(present.fn, actor.fn):
            raise ValueError(
                f"two functions are actors by the name {actor.actor_name!r}: "
                f"{present.fn.__module__}.{present.fn.__qualname__} and {actor.fn.__module__}.{actor.fn.__qualname__}"
            )
        self._actors[actor.actor_name] = actor
        return actor

    def find_actor(self, name: str) -> A | None:
        """Return the actor of a name, or of a qualified name without its module if only one has it.

        Raises:
            ImportError: If its module is to be imported now, and cannot.
        """
        if name in self._modules and name not in self._actors:
            importlib.import_module(self._modules[name])
        actor = self._actors.get(name)
        if actor is not None:
            return actor
        fitting = [actor for actor in self._actors.values() if actor.fn.__qualname__ == name]
        return fitting[0] if len(fitting) == 1 else None

    def get_actor(self, name: str) -> A:
        """Return the actor of a name.

        Raises:
            LookupError: If there is none, or the short form of a name fits several.
        """
        actor = self.find_actor(name)
        if actor is None:
            raise LookupError(
                f"no actor {name!r} is known; known: {', '.join(sorted(self._actors)) or 'none'}"
            )
        return actor

    def actors(self) -> list[A]:
        """Return every actor, by name."""
        return [self._actors[name] for name in sorted(self._actors)]

    def add_schedule(self, entry: ScheduleEntry) -> None:
        """Add a periodic job.

        Raises:
            ValueError: If there is one of its name already.
        """
        if entry.name in self._schedule:
            raise ValueError(f"there is a periodic job {entry.name!r} already")
        self._schedule[entry.name] = entry

    def run_with(self, name: str, actor: A) -> None:
        """Have a periodic job run another actor of the same function, which takes the place of the one it had."""
        entry = self._schedule.get(name)
        if entry is None or entry.actor_name == actor.actor_name:
            return
        self._actors.pop(entry.actor_name, None)
        self._schedule[name] = replace(entry, actor_name=actor.actor_name)

    def overlap_of(self, name: str) -> str:
        """Return what a periodic job says about overlapping runs; empty if there is none of this name."""
        entry = self._schedule.get(name)
        return "" if entry is None else entry.overlap

    def schedule(self) -> list[ScheduleEntry]:
        """Return every periodic job, by name."""
        return [self._schedule[name] for name in sorted(self._schedule)]

    def forget(self, names: Iterable[str] | None = None) -> None:
        """Remove actors and periodic jobs, all or those named; for tests."""
        chosen = [*self._actors, *self._schedule] if names is None else list(names)
        for name in chosen:
            self._actors.pop(name, None)
            self._schedule.pop(name, None)


def _is_same(present: Any, new: Any) -> bool:
    # After a reload the function is another object of the same name.
    return (present.__module__, present.__qualname__) == (new.__module__, new.__qualname__)
