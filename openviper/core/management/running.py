"""Running coroutines for commands."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import TypeVar

from openviper.core.management.errors import describe
from openviper.utils.failures import CommandError

T = TypeVar("T")


def run_to_completion(awaitable: Awaitable[T]) -> T:
    """Run an awaitable on an event loop of its own and close the database connections it used."""
    import asyncio

    async def main() -> T:
        try:
            return await awaitable
        finally:
            # A command that never touched a database has not even imported this module.
            connection = sys.modules.get("openviper.db.connection")
            if connection is not None:
                await connection.close_db()

    return asyncio.run(main())


def run_async_command(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end and close the databases.

    Raises:
        CommandError: As the awaitable raised it, or in place of any other exception, which is its cause.
    """
    try:
        return run_to_completion(awaitable)
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(describe(error)) from error
