"""Instances as they were before a transaction: what is restored when the database takes its changes back.

Whatever is about to change what an instance knows of its row calls `keep_for_rollback` first. Outside of a transaction
that costs one test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import ref

from openviper.db.connections.databases import blocks, current_block
from openviper.db.connections.undo import UndoLog
from openviper.db.fields.instance_state import ALIAS, LAYOUT, ROW

_ABSENT = object()


class InstanceBefore(ref[Any]):
    """The before-image of an instance: what it knew of its row, its key, and the values that the ORM overwrote.

    A weak reference that carries the image, so that one object per instance is enough.
    """

    __slots__ = ("before", "log", "names", "number")

    number: int
    """The `id` of the instance."""
    log: UndoLog
    """Where the image is kept, and what it leaves when the instance is collected."""
    before: dict[str, Any]
    """The instance's ``__dict__`` as it was: copied whole, which takes less time than choosing."""
    names: tuple[str, ...]
    """What of it counts; under each name, what stood there when it was added."""

    def restore(self) -> None:
        """Make the instance what it was."""
        instance = self()
        if instance is not None:
            for name in self.names:
                _put(instance.__dict__, name, self.before.get(name, _ABSENT))

    def add(self, values: dict[str, Any], names: Iterable[str]) -> None:
        """Have further names restored, unless they are already, to what stands in `values` under them now."""
        added = [name for name in names if name not in self.names]
        for name in added:
            _put(self.before, name, values.get(name, _ABSENT))
        self.names += tuple(added)

    def move_to(self, log: UndoLog) -> None:
        """Become a part of the log of an outer transaction, whose own image of the instance is the older one."""
        older = log.get(self.number)
        if isinstance(older, InstanceBefore):
            older.add(self.before, self.names)
        else:
            self.log = log
            log[self.number] = self


class NewInstances:
    """The before-image of instances that were new: they had neither a row nor a key.

    Kept together, as weak references without more, since a loop may make very many of them in one transaction.
    """

    __slots__ = ("limit", "references")

    def __init__(self) -> None:
        self.references: list[ref[Any]] = []
        self.limit = 1000
        """How many references there may be before those to dead instances are looked for."""

    def forget_the_dead(self) -> None:
        """Drop the references to instances that are gone."""
        self.references = [one for one in self.references if one() is not None]
        self.limit = max(1000, 2 * len(self.references))

    def _alive(self) -> Iterator[Any]:
        return (instance for one in self.references if (instance := one()) is not None)

    def restore(self) -> None:
        """Make the instances new again."""
        for instance in self._alive():
            values = instance.__dict__
            for name in (ROW, LAYOUT, ALIAS):
                values.pop(name, None)
            values[instance._meta.pk.attname] = None

    def move_to(self, log: UndoLog) -> None:
        """Become a part of the log of an outer transaction; what that has of an instance is the older image."""
        for instance in self._alive():
            keep_new(log, instance)


_NEW = 0
"""Where `NewInstances` are kept; no object has this `id`."""


def keep_new(log: UndoLog, instance: Any) -> None:
    """Have an instance that has neither a row nor a key become new again when a transaction is rolled back."""
    if id(instance) in log:  # It was something else before.
        return
    images: Any = log.get(_NEW)
    if images is None:
        images = log[_NEW] = NewInstances()
    images.references.append(ref(instance))
    if len(images.references) > images.limit:
        images.forget_the_dead()


def _put(values: dict[str, Any], name: str, value: object) -> None:
    if value is _ABSENT:
        values.pop(name, None)
    else:
        values[name] = value


def _forget(image: InstanceBefore) -> None:
    if image.log.get(image.number) is image:
        del image.log[image.number]


def keep_for_rollback(alias: str, instances: Iterable[Any], names: Iterable[str] = ()) -> None:
    """Have instances restored when the open transaction on a database is rolled back; outside of one do nothing.

    What they know of their row, their key and the values that every save may set are kept in any case.

    Args:
        alias: The database.
        instances: What is about to be stored, deleted or reloaded.
        names: Further attributes that the ORM is going to overwrite.
    """
    if blocks.get() is None:
        return
    block = current_block(alias)
    if block is not None and block.transactional:
        for instance in instances:
            _keep(block.undo, instance, names)


def _keep(log: UndoLog, instance: Any, names: Iterable[str]) -> None:
    values = instance.__dict__
    number = id(instance)
    image: Any = log.get(number)
    if image is None:
        # Filled from outside: a constructor in Python would take as long as all of this.
        image = log[number] = InstanceBefore(instance, _forget)
        image.number, image.log = number, log
        image.before, image.names = values.copy(), instance._meta.kept_names
    if names:
        image.add(values, names)
