"""Transactions of several who want the same row at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openviper.db.connection import transaction
from openviper.db.connections.databases import current_block
from openviper.db.exceptions import OperationalError

T = TypeVar("T")

ATTEMPTS = 5
"""How often work is begun that the database ends in favour of another's."""


def is_in_transaction(alias: str) -> bool:
    """Return whether this task is in a transaction on a database."""
    block = current_block(alias)
    return block is not None and block.transactional


async def again_after_deadlock(
    alias: str, attempt: Callable[[], Awaitable[T]], may_repeat: Callable[[], bool] = lambda: True
) -> T:
    """Return what an attempt gives that begins its own transaction, or has one statement; after a deadlock that of another.

    In a transaction that is open already there is one attempt only: the database has undone more than this work, and only
    whoever began the transaction can begin it again.

    Args:
        alias: The database.
        attempt: The work, of which nothing is stored when the database ends it in favour of another's.
        may_repeat: Whether what was done before the deadlock may be done once more.

    Raises:
        OperationalError: If a deadlock ends the last attempt, or an open transaction.
    """
    for _ in range(0 if is_in_transaction(alias) else ATTEMPTS - 1):
        try:
            return await attempt()
        except OperationalError as error:
            if not (error.undone and may_repeat()):
                raise
    return await attempt()


async def in_own_transaction(alias: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run work in a transaction, once more after a deadlock; see `again_after_deadlock`."""

    async def attempt() -> T:
        async with transaction(alias):
            return await work()

    return await again_after_deadlock(alias, attempt)
