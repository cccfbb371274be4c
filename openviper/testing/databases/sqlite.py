"""Test databases of SQLite: a file beside the configured one, or memory."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from openviper.db.connections.url import DatabaseURL
from openviper.testing.config import OpenViperTestingConfigError
from openviper.testing.databases.base import (
    MARKS,
    TABLES,
    Mark,
    TestServer,
    is_made_for_tests,
    mark_of,
)
from openviper.testing.databases.naming import Target

COMPANIONS = ("", "-wal", "-shm", "-journal", ".migrate.lock")
"""What belongs to a database file, by what its name ends with."""


class SQLiteServer(TestServer):
    """A database file, locked by ``<file>.lock``."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._path = DatabaseURL.parse(target.url).path
        self._descriptor: int | None = None

    @property
    def _lock_path(self) -> Path:
        return self._path.with_name(f"{self._path.name}.lock")

    @property
    def _pristine(self) -> Path:
        return self._path.with_name(f"{self._path.name}.pristine")

    async def lock(self) -> bool:
        """Take the file ``<file>.lock``; the kernel lets go of it when this process ends in whatever way.

        Raises:
            OpenViperTestingConfigError: If the folder cannot be written to.
        """
        try:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OpenViperTestingConfigError(
                f"cannot make the test database {str(self._path)!r}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if not _is_same_file(descriptor, self._lock_path):
            # Whoever had it has removed it in between: a third one may lock the new file of that name.
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    async def unlock(self) -> None:
        """Remove the lock file."""
        if self._descriptor is not None:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    async def version(self) -> str:
        """Return the version of the library."""
        return sqlite3.sqlite_version

    async def exists(self) -> bool:
        """Return whether there is such a file with something in it.

        Raises:
            OpenViperTestingConfigError: If it is not a database.
        """
        if not self._path.exists() or not self._path.stat().st_size:
            return False
        with self._path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                raise OpenViperTestingConfigError(
                    f"{str(self._path)!r} is not a database and was left alone; move it, or set database_url in "
                    "[tool.openviper.testing]"
                )
        return True

    async def mark(self) -> Mark | None:
        """Return what the database says about itself, read without a change to the file; see `TestServer.mark`."""
        if not await self.exists():
            return None
        with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as connection:
            try:
                names = {str(name) for (name,) in connection.execute(TABLES["sqlite"])}
                rows = (
                    connection.execute(MARKS).fetchall()
                    if is_made_for_tests(names, self.target)
                    else []
                )
            except sqlite3.Error as error:
                raise OpenViperTestingConfigError(
                    f"{str(self._path)!r} cannot be read and was left alone: {error}"
                ) from error
        return mark_of(names, rows)

    async def create(self) -> None:
        """Make an empty file that only its owner can read."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)

    async def drop(self) -> None:
        """Remove the file and what belongs to it."""
        for suffix in COMPANIONS:
            self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)

    async def keep_pristine(self) -> bool:
        """Copy the file."""
        with (
            closing(sqlite3.connect(self._path)) as source,
            closing(sqlite3.connect(self._pristine)) as copy,
        ):
            source.backup(copy)
        self._pristine.chmod(0o600)
        return True

    async def restore(self) -> None:
        """Put the copy in the place of the file."""
        await self.drop()
        shutil.copyfile(self._pristine, self._path)
        self._path.chmod(0o600)

    async def discard_pristine(self) -> None:
        """Remove the copy."""
        self._pristine.unlink(missing_ok=True)


def _is_same_file(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
