"""Backup and restore of SQLite databases through SQLite's own online backup, so that writers go on."""

from __future__ import annotations

import os
from pathlib import Path

from openviper.db.tools import sqlite_copy
from openviper.db.tools.background import StopFlag, run_in_thread
from openviper.db.tools.backup.base import MEMBER_NAME, BackupEngine
from openviper.db.tools.exceptions import BackupError, RestoreRefusedError
from openviper.db.tools.sqlite_target import apply_database, describe_content, is_damaged
from openviper.db.tools.workspace import Workspace
from openviper.db.url import DatabaseURL


class SQLiteBackupEngine(BackupEngine):
    """Copies SQLite files page by page with `sqlite3.Connection.backup`, out of and into live databases."""

    engine_name = "sqlite"
    content = "sqlite-file"

    def check(self, database_url: str) -> None:
        """Check that the URL names an existing database file.

        Raises:
            BackupError: If it names a memory database or nothing.
        """
        path = _file_path(database_url, "backed up")
        if not path.is_file():
            raise BackupError(f"Database file not found: {str(path)!r}")

    async def dump(self, database_url: str, work_dir: Path, *, db_alias: str = "default") -> Path:
        """Copy the database, including what is still in its WAL, into one self-contained file and check it.

        Raises:
            BackupError: If the database is missing, is none, or fails its integrity check.
            TargetBusyError: If it stays locked.
        """
        self.check(database_url)
        source = _file_path(database_url, "backed up")

        def work(stop: StopFlag) -> Path:
            copy = work_dir / MEMBER_NAME
            sqlite_copy.copy_database(source, copy, stop)
            sqlite_copy.require_integrity(copy, f"database {str(source)!r}", stop)
            return copy

        return await run_in_thread(work)

    def work_parent(self, database_url: str) -> Path:
        """Return the directory of the target file.

        Raises:
            BackupError: If it does not exist, or the target is a memory database or a directory.
        """
        path = _file_path(database_url, "restored")
        if path.exists() and not path.is_file():
            raise BackupError(f"The target database is not a regular file: {str(path)!r}")
        if not path.parent.is_dir():
            raise BackupError(f"The directory of the target database does not exist: {str(path.parent)!r}")
        return path.parent

    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Make a private database file of a database file or an SQL text, and check its integrity.

        Raises:
            BackupError: If the dump is neither, is damaged, or its SQL does what a dump must not do.
        """

        def work(stop: StopFlag) -> Path:
            prepared = work_dir / "prepared.sqlite3"
            if not sqlite_copy.has_database_header(dump):
                sqlite_copy.build_from_sql(dump, prepared, stop)
            elif dump.is_relative_to(work_dir):
                os.rename(dump, prepared)
            else:
                sqlite_copy.copy_database(dump, prepared, stop)
            sqlite_copy.require_integrity(prepared, f"backup {dump.name!r}", stop)
            return prepared

        return await run_in_thread(work)

    async def loss(self, database_url: str) -> str | None:
        """Say how large the target is; `None` when it is missing or holds no table.

        Raises:
            BackupError: If the target cannot be opened.
            TargetBusyError: If it stays locked.
        """
        path = _file_path(database_url, "restored")
        return await run_in_thread(lambda stop: describe_content(path))

    async def save(self, database_url: str, work_dir: Path) -> Path | None:
        """Copy the target as it is; `None` when it is too damaged to be read.

        Raises:
            TargetBusyError: If it stays locked.
        """
        source = _file_path(database_url, "restored")

        def work(stop: StopFlag) -> Path | None:
            if is_damaged(source):
                return None
            copy = work_dir / MEMBER_NAME
            sqlite_copy.copy_database(source, copy, stop)
            return copy

        return await run_in_thread(work)

    async def apply(self, prepared: Path, database_url: str) -> Path | None:
        """Copy the pages of a prepared file into the target in one write transaction; see `apply_database`.

        Raises:
            TargetBusyError: If the target stays locked.
            BackupError: If it cannot be written.
        """
        path = _file_path(database_url, "restored")
        return await run_in_thread(lambda stop: apply_database(prepared, path, stop))

    async def restore(self, database_url: str, sql_file: Path, *, force: bool = False) -> None:
        """Restore a database file or an SQL text into the target; no safety copy is made.

        Raises:
            RestoreRefusedError: If the target holds data and `force` is false.
            BackupError: If the dump is unusable or the target is busy; the target is unchanged.
        """
        with Workspace(self.work_parent(database_url)) as workspace:
            prepared = await self.prepare(sql_file, workspace.path)
            loss = await self.loss(database_url)
            if loss is not None and not force:
                raise RestoreRefusedError(f"Refusing to overwrite without --force: {loss}")
            await self.apply(prepared, database_url)


def _file_path(database_url: str, what_for: str) -> Path:
    url = DatabaseURL.parse(database_url)
    if url.is_memory:
        raise BackupError(f"In-memory SQLite databases cannot be {what_for}")
    if "\0" in url.database:
        raise BackupError("Null byte detected in the database path")
    return url.path.resolve()
