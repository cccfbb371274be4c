"""The one row of a single model: its key is 1, and nobody makes a second one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from openviper.db.connection import transaction
from openviper.db.exceptions import SingleModelAlreadyExistsError
from openviper.db.fields.rollback import keep_for_rollback
from openviper.db.query import QuerySet
from openviper.exceptions import IntegrityError


async def prepare_single(instance: Any, alias: str) -> None:
    """Give the one row of a single model its key.

    Raises:
        SingleModelAlreadyExistsError: If it exists.
    """
    rows = QuerySet(type(instance)).filter(pk=1, ignore_permissions=True)
    if await (rows if instance._meta.virtual else rows.using(alias)).exists():
        raise _exists_already(instance)
    keep_for_rollback(alias, (instance,))
    instance.pk = 1


def _exists_already(instance: Any) -> SingleModelAlreadyExistsError:
    return SingleModelAlreadyExistsError(f"the row of {instance._meta.label!r} exists already")


async def insert_single(instance: Any, alias: str, insert: Callable[[], Awaitable[object]]) -> None:
    """Insert the one row of a single model, which another task or process may do at the same time.

    Args:
        instance: The instance.
        alias: The database.
        insert: Does it.

    Raises:
        SingleModelAlreadyExistsError: If somebody else was faster.
    """
    try:
        # A savepoint inside a transaction: that goes on after the refusal.
        async with transaction(alias):
            await insert()
    except IntegrityError as error:
        rows = QuerySet(type(instance)).using(alias).filter(pk=1, ignore_permissions=True)
        async with transaction(alias):
            # With a lock: a snapshot taken before lacks the other one's row (MariaDB's REPEATABLE READ).
            taken = await rows.select_for_update().values_list("pk", flat=True)
        if not taken:
            raise
        raise _exists_already(instance) from error
