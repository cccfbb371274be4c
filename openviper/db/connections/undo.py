"""Objects in memory that believe something of a transaction, and what they were before it.

A transaction keeps one *before-image* per object that it has touched. What becomes of the transaction decides: a rollback
restores every object, a commit forgets the images, and a savepoint that is released hands them to the transaction around
it. The images are weak: an object that nobody holds any more takes its image with it.
"""

from __future__ import annotations

from typing import Protocol


class BeforeImage(Protocol):
    """What one object was before a transaction touched it."""

    def restore(self) -> None:
        """Make the object what it was; nothing if it is gone."""
        ...

    def move_to(self, log: UndoLog) -> None:
        """Become a part of the log of an outer transaction, whose own image of the object is the older one."""
        ...


UndoLog = dict[int, BeforeImage]
"""The before-images of a transaction, by the `id` of the object."""


def restore_all(log: UndoLog) -> None:
    """Make every object of a transaction that is rolled back what it was; what was touched first is restored last."""
    for image in reversed(list(log.values())):
        image.restore()
    log.clear()


def hand_over(log: UndoLog, outer: UndoLog) -> None:
    """Give the images of a savepoint that was released to the transaction around it."""
    for image in list(log.values()):
        image.move_to(outer)
    log.clear()
