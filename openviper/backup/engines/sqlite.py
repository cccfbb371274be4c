"""Backup and restore of SQLite databases through SQLite's own online backup, so that writers go on."""

from __future__ import annotations

import os
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines import sqlite_copy
from openviper.backup.engines.base import (
    DEFAULT_OPTIONS,
    LOCK_TIMEOUT,
    MEMBER_NAME,
    BackupEngine,
    Dump,
    FileDump,
    Prepared,
    RestoreOptions,
)
from openviper.backup.engines.sqlite_script import build_from_sql
from openviper.backup.engines.sqlite_target import (
    apply_database,
    describe_content,
    is_damaged,
    prove_target,
)
from openviper.backup.exceptions import BackupError
from openviper.db.connections.url import DatabaseURL


class _CheckedCopy(FileDump):
    """A private copy whose integrity is checked while it is read."""

    def __init__(self, path: Path, source: Path) -> None:
        super().__init__(path)
        self._source = source

    def check(self, stop: StopFlag) -> list[str]:
        return sqlite_copy.check_pages(self.path, f"database {str(self._source)!r}", stop)


class SQLiteBackupEngine(BackupEngine):
    """Copies SQLite files page by page with `sqlite3.Connection.backup`, out of and into live databases."""

    engine_name = "sqlite"
    content = "sqlite-file"
    always_saves = True

    def check(self, database_url: str) -> None:
        """Check that the URL names an existing database file.

        Raises:
            BackupError: If it names a memory database or nothing.
        """
        path = _file_path(database_url, "backed up")
        if not path.is_file():
            raise BackupError(f"Database file not found: {str(path)!r}")

    def check_target(self, database_url: str) -> None:
        """Check that the URL names a database file, or a place for one.

        Raises:
            BackupError: If it names a memory database, a directory, or a file in a directory that does not exist.
        """
        path = _file_path(database_url, "restored")
        if path.exists() and not path.is_file():
            raise BackupError(f"The target database is not a regular file: {str(path)!r}")
        if not path.parent.is_dir():
            raise BackupError(
                f"The directory of the target database does not exist: {str(path.parent)!r}"
            )

    def identify(self, database_url: str) -> str:
        """Return the URL of the file's absolute path."""
        return f"sqlite:///{_file_path(database_url, 'backed up')}"

    async def open_dump(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump:
        """Copy the database, including what is still in its WAL, into one self-contained file.

        Raises:
            BackupError: If the database is missing or is none.
            TargetBusyError: If it stays locked.
        """
        self.check(database_url)
        source = _file_path(database_url, "backed up")

        def work(stop: StopFlag) -> Dump:
            copy = work_dir / MEMBER_NAME
            sqlite_copy.copy_database(source, copy, stop, lock_timeout=lock_timeout)
            # The header changes here, so it comes before anybody reads the file.
            sqlite_copy.make_self_contained(copy, f"database {str(source)!r}", stop)
            return _CheckedCopy(copy, source)

        return await run_in_thread(work)

    def work_parent(self, database_url: str, backup_file: Path) -> Path:
        """Return the directory of the target file, from which the result can be renamed into its place."""
        return _file_path(database_url, "restored").parent

    async def prepare(
        self, dump: Path, work_dir: Path, options: RestoreOptions = DEFAULT_OPTIONS
    ) -> Prepared:
        """Make a private database file of a database file or an SQL text, and check its integrity.

        Raises:
            BackupError: If the dump is neither, is damaged, or its SQL does what a dump must not do.
        """

        def work(stop: StopFlag) -> Prepared:
            prepared = work_dir / "prepared.sqlite3"
            if not sqlite_copy.has_database_header(dump):
                build_from_sql(dump, prepared, stop)
            elif dump.is_relative_to(work_dir):
                os.rename(dump, prepared)
            else:
                sqlite_copy.copy_database(dump, prepared, stop)
            what = f"backup {dump.name!r}"
            for warning in sqlite_copy.require_integrity(prepared, what, stop):
                options.warn(f"{what}: {warning}")
            return Prepared(prepared)

        return await run_in_thread(work)

    async def loss(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> str | None:
        """Say how large the target is; `None` when it is missing or holds no table.

        Raises:
            BackupError: If the target cannot be opened.
            TargetBusyError: If it stays locked.
        """
        path = _file_path(database_url, "restored")
        return await run_in_thread(lambda _stop: describe_content(path, lock_timeout))

    async def prove(
        self, prepared: Prepared, database_url: str, work_dir: Path, options: RestoreOptions
    ) -> Prepared:
        """Prove that the target can be written, has a page size that the dump can get, and is not locked.

        Raises:
            TargetBusyError: If it stays locked.
            BackupError: If it cannot be written.
        """
        path = _file_path(database_url, "restored")
        await run_in_thread(lambda stop: prove_target(prepared.path, path, options, stop))
        return prepared

    async def save(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump | None:
        """Copy the target as it is; `None` when it is too damaged to be read.

        Raises:
            TargetBusyError: If it stays locked.
        """
        source = _file_path(database_url, "restored")

        def work(stop: StopFlag) -> Dump | None:
            if is_damaged(source, lock_timeout):
                return None
            copy = work_dir / MEMBER_NAME
            sqlite_copy.copy_database(source, copy, stop, lock_timeout=lock_timeout)
            return FileDump(copy)

        return await run_in_thread(work)

    async def apply(
        self,
        prepared: Prepared,
        database_url: str,
        work_dir: Path,
        options: RestoreOptions = DEFAULT_OPTIONS,
    ) -> Path | None:
        """Copy the pages of a prepared file into the target in one write transaction; see `apply_database`.

        Raises:
            TargetBusyError: If the target stays locked.
            BackupError: If it cannot be written.
        """
        path = _file_path(database_url, "restored")
        return await run_in_thread(lambda stop: apply_database(prepared.path, path, options, stop))


def _file_path(database_url: str, what_for: str) -> Path:
    url = DatabaseURL.parse(database_url)
    if url.is_memory:
        raise BackupError(f"In-memory SQLite databases cannot be {what_for}")
    if "\0" in url.database:
        raise BackupError("Null byte detected in the database path")
    return url.path.resolve()
