"""Changes to accounts, and the events that tell of them, as one: both are there, or neither."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from openviper.auth.audit_models import AccountEvent
from openviper.conf import settings
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db import connection, executor
    from openviper.db.models import Model
    from openviper.db.query import races
else:
    # Most who import the models change no account.
    connection = lazy_module("openviper.db.connection")
    executor = lazy_module("openviper.db.executor")
    races = lazy_module("openviper.db.query.races")


@asynccontextmanager
async def with_its_events(
    *changed: Model | type[Model], using: str | None = None
) -> AsyncIterator[None]:
    """Run a block that changes an account, and records it, in one transaction.

    Where events are only logged, or kept in another database than what is changed, each statement stands alone as before:
    no transaction spans two databases.

    Args:
        changed: The instances, or the models of the rows, that are changed.
        using: The database that a query for them names.
    """
    aliases = {await executor.write_alias(each._meta, using, each._alias) for each in changed}
    if settings.AUTH_AUDIT == "table":
        aliases.add(await executor.write_alias(AccountEvent._meta, None))
    if len(aliases) > 1:
        yield
        return
    async with connection.atomic(aliases.pop()):
        yield


async def retried_with_its_events(work: Callable[[], Awaitable[None]], instance: Model) -> None:
    """Run work that changes an account, and records it, in one transaction; once more after a deadlock.

    MariaDB ends all but one of several who store the same name at once in this way, and only another attempt tells them
    that the name is taken. The hooks of the model run again with it.

    Raises:
        OperationalError: If a deadlock ends the last attempt, or a transaction that was open before.
    """
    alias = await executor.write_alias(instance._meta, None, instance._alias)

    async def attempt() -> None:
        async with with_its_events(instance):
            await work()

    await races.again_after_deadlock(alias, attempt)
