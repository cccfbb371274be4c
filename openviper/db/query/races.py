"""Transactions of several who want the same row at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openviper.db.connection import transaction
from openviper.db.connections.databases import current_block
from openviper.db.exceptions import OperationalError

T = TypeVar("T")

ATTEMPTS = 3
"""How often work is begun that the database ends in favour of another's."""


def is_in_transaction(alias: str) -> bool:
    """Return whether this task is in a transaction on a database."""
    block = current_block(alias)
    return block is not None and block.transactional


async def in_own_transaction(alias: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run work in a transaction, once more after a deadlock; in a transaction that is open already, only once.

    There the database has undone more than this work, and only whoever began the transaction can begin it again.

    Raises:
        OperationalError: If a deadlock ends the last attempt, or an open transaction.
    """
    for _ in range(0 if is_in_transaction(alias) else ATTEMPTS - 1):
        try:
            async with transaction(alias):
                return await work()
        except OperationalError as error:
            if not error.undone:
                raise
    async with transaction(alias):
        return await work()
