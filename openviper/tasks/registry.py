"""The actors and periodic jobs of this process, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypedDict, TypeVar


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


class ScheduleEntry(TypedDict):
    """A periodic job.

    `schedule` is the cron expression, or the interval in seconds as text; `every` is in seconds.
    """

    name: str
    schedule: str
    cron: str | None
    every: int | None
    startup: bool
    retries: int
    app_label: str


class ActorRegistry(Generic[A]):
    """What decorators have registered."""

    def __init__(self) -> None:
        self._actors: dict[str, A] = {}
        self._schedule: dict[str, ScheduleEntry] = {}

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
        """Return the actor of a name, or of a qualified name without its module if only one has it."""
        found = self._actors.get(name)
        if found is not None:
            return found
        fitting = [one for one in self._actors.values() if one.fn.__qualname__ == name]
        return fitting[0] if len(fitting) == 1 else None

    def get_actor(self, name: str) -> A:
        """Return the actor of a name.

        Raises:
            LookupError: If there is none, or the short form of a name fits several.
        """
        found = self.find_actor(name)
        if found is None:
            raise LookupError(
                f"no actor {name!r} is known; known: {', '.join(sorted(self._actors)) or 'none'}"
            )
        return found

    def actors(self) -> list[A]:
        """Return every actor, by name."""
        return [self._actors[name] for name in sorted(self._actors)]

    def add_schedule(self, entry: ScheduleEntry) -> None:
        """Add a periodic job.

        Raises:
            ValueError: If there is one of its name already.
        """
        if entry["name"] in self._schedule:
            raise ValueError(f"there is a periodic job {entry['name']!r} already")
        self._schedule[entry["name"]] = entry

    def schedule(self) -> list[ScheduleEntry]:
        """Return every periodic job, by name."""
        return [self._schedule[name] for name in sorted(self._schedule)]

    def forget(self, names: Iterable[str] | None = None) -> None:
        """Remove actors and periodic jobs, all or those named; for tests."""
        chosen = [*self._actors, *self._schedule] if names is None else list(names)
        for name in chosen:
            self._actors.pop(name, None)
            self._schedule.pop(name, None)


def _is_same(one: Any, other: Any) -> bool:
    # After a reload the function is another object of the same name.
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
