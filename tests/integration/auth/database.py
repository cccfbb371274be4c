"""A database with the tables of accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from openviper.conf import Settings, settings
from openviper.db.connection import connections


@contextmanager
def configured(**values: Any) -> Iterator[None]:
    """Use these settings inside the block."""
    before = settings.instance, settings.configured
    settings.instance, settings.configured = Settings(SECRET_KEY="k" * 60, **values), True
    try:
        yield
    finally:
        settings.instance, settings.configured = before


@asynccontextmanager
async def accounts(
    directory: Path, *, backend: str | None = None, **values: Any
) -> AsyncIterator[None]:
    """Make a new database file the default one and create all tables in it; hashing takes little work."""
    from openviper.auth import hashers, models
    from openviper.db.schemas import create_tables

    assert models.User is not None
    before = hashers.SCRYPT_LN, hashers.PBKDF2_ITERATIONS
    hashers.SCRYPT_LN, hashers.PBKDF2_ITERATIONS = 4, 10
    with configured(**values):
        watched = {} if backend is None else {"BACKEND": backend}
        url = f"sqlite:///{directory / 'accounts.db'}"
        connections.configure({"default": {"URL": url, **watched}})
        try:
            await create_tables()
            yield
        finally:
            await connections.disconnect_all()
            connections.reset()
            hashers.SCRYPT_LN, hashers.PBKDF2_ITERATIONS = before
