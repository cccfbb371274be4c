"""The contract of backup engines."""

from __future__ import annotations

import abc
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.exceptions import RestoreRefusedError
from openviper.backup.workspace import Workspace
from openviper.db.connections.url import DatabaseURL

MEMBER_NAME = "backup.sql"
LOCK_TIMEOUT = 10.0
"""How long a lock that somebody else holds is waited for by default, in seconds."""

Observer: TypeAlias = Callable[[int, int | None], None]
"""Told how many bytes are done, and of how many where that is known; called from a thread."""


def ignore(_: str) -> None:
    """Take no notice of a warning."""


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What a restore may do, and whom it tells.

    Attributes:
        lock_timeout: How long a lock that somebody else holds is waited for, in seconds.
        skip_definers: Whether the definers of MariaDB's views, routines, triggers and events are left out.
        trust_dump: Whether statements are let through that reach outside the target, or that could hide such.
        verified: Whether the file is as its sidecar says.
        warn: Told about what is not as it should be but does not stop the restore.
        observe: Told about the progress of the loading.
    """

    lock_timeout: float = LOCK_TIMEOUT
    skip_definers: bool = False
    trust_dump: bool = False
    verified: bool = False
    warn: Callable[[str], None] = ignore
    observe: Observer | None = None


DEFAULT_OPTIONS = RestoreOptions()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dump that was read and found good.

    Attributes:
        path: The private file that is going to be applied.
        rolls_back: Whether a failed or killed `apply` leaves the target as it was.
    """

    path: Path
    rolls_back: bool = True


class Dump(abc.ABC):
    """A dump on its way into an archive."""

    size: int | None = None
    """The number of bytes to come, where it is known."""

    @abc.abstractmethod
    def blocks(self, stop: StopFlag) -> Iterator[bytes]:
        """Yield the dump in pieces, once; the end means that it is complete.

        Raises:
            BackupError: If the database cannot be dumped.
            Stopped: If `stop` was set meanwhile.
        """

    def check(self, stop: StopFlag) -> list[str]:
        """Vouch for the content; runs beside the reading of the blocks.

        Returns:
            What is not as it should be, in sentences, although the content can be restored.

        Raises:
            BackupError: If the content is damaged.
            Stopped: If `stop` was set meanwhile.
        """
        return []

    def warnings(self) -> list[str]:
        """Return what was noticed while the blocks were read, in sentences."""
        return []

    def close(self) -> None:  # noqa: B027 - nothing to give back by default
        """Give back what the dump occupies; called once, whatever happened."""


class FileDump(Dump):
    """A dump that lies in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size

    def blocks(self, stop: StopFlag) -> Iterator[bytes]:
        """Yield the file in pieces of 1 MiB."""
        with open(self.path, "rb") as file:
            while block := file.read(1 << 20):
                stop.check()
                yield block


class BackupEngine(abc.ABC):
    """Dumps and restores the databases of one vendor. Engines are stateless.

    A restore has four steps, so that everything that can fail does so before the target is touched: `prepare` the
    dump, ask for the `loss` it would mean, `prove` that the target will take it, `apply` it. `restore` does all four.
    """

    engine_name: str
    """The name in the sidecar."""

    content: str
    """What a dump is: ``sql``, ``sqlite-file``, ``oracle-dump`` or ``mssql-bak``."""

    always_saves: bool
    """Whether the target is saved before every restore, and not only when that is asked for."""

    @abc.abstractmethod
    def check(self, database_url: str) -> None:
        """Check that the database named by the URL is one that this engine can back up here and now.

        Raises:
            BackupError: If it is not, or a tool is missing.
        """

    @abc.abstractmethod
    def check_target(self, database_url: str) -> None:
        """Check that the URL names something that this engine can restore into here and now.

        Raises:
            BackupError: If it does not, or a tool is missing.
        """

    def identify(self, database_url: str) -> str:
        """Return a text that tells this database from others, without password and parameters."""
        return DatabaseURL.parse(database_url).redacted().replace(":***", "")

    @abc.abstractmethod
    async def open_dump(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump:
        """Begin a consistent dump of the database.

        Args:
            database_url: The database.
            work_dir: An existing private directory.
            lock_timeout: How long a lock that somebody else holds is waited for, in seconds.

        Raises:
            BackupError: If the database is missing, busy or cannot be reached.
        """

    async def dump(self, database_url: str, work_dir: Path, *, db_alias: str = "default") -> Path:
        """Write a consistent, verified dump of the database into a private directory.

        Args:
            database_url: The database.
            work_dir: An existing private directory.
            db_alias: The alias the URL comes from, for messages.

        Returns:
            The dump, a file named ``backup.sql`` in `work_dir`.

        Raises:
            BackupError: If the database is missing, busy or damaged.
        """
        self.check(database_url)
        dump = await self.open_dump(database_url, work_dir)
        path = work_dir / MEMBER_NAME
        return await run_in_thread(lambda stop: _write_dump(dump, path, stop))

    def work_parent(self, database_url: str, backup_file: Path) -> Path:
        """Return the existing directory in which a restore into this target keeps its private files."""
        return backup_file.parent

    @abc.abstractmethod
    async def prepare(
        self, dump: Path, work_dir: Path, options: RestoreOptions = DEFAULT_OPTIONS
    ) -> Prepared:
        """Read a dump, and return it in the form that `apply` takes.

        Raises:
            BackupError: If the dump is damaged, foreign, or does what a dump must not do.
        """

    @abc.abstractmethod
    async def loss(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> str | None:
        """Say what a restore would replace, without a password; `None` when the target is missing or empty.

        Raises:
            BackupError: If the target cannot be looked at.
        """

    async def prove(
        self, prepared: Prepared, database_url: str, work_dir: Path, options: RestoreOptions
    ) -> Prepared:
        """Prove, as far as the engine can, that the target will take the dump; nothing in it is changed.

        Returns:
            The dump, changed where the target would not take it as it is.

        Raises:
            BackupError: If the target would not take it.
        """
        return prepared

    async def save(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump | None:
        """Dump the target as it is, for safety before a restore; `None` when it is too damaged to be read.

        Unlike `open_dump` this does not vouch for the content.

        Raises:
            BackupError: If the target is busy or cannot be copied.
        """
        return await self.open_dump(database_url, work_dir, lock_timeout=lock_timeout)

    @abc.abstractmethod
    async def apply(
        self,
        prepared: Prepared,
        database_url: str,
        work_dir: Path,
        options: RestoreOptions = DEFAULT_OPTIONS,
    ) -> Path | None:
        """Replace the content of the target; all of it or nothing where `prepared` says so.

        Returns:
            Where a target too damaged to be opened was set aside, if it was.

        Raises:
            BackupError: If the target is busy or cannot be written.
        """

    async def restore(self, database_url: str, sql_file: Path, *, force: bool = False) -> None:
        """Restore a dump into the database; no safety copy is made.

        Args:
            database_url: The target.
            sql_file: The dump.
            force: Replace a target that holds data.

        Raises:
            RestoreRefusedError: If the target holds data and `force` is false.
            BackupError: If the dump is unusable or the target is busy.
        """
        self.check_target(database_url)
        options = DEFAULT_OPTIONS
        with Workspace(self.work_parent(database_url, sql_file)) as workspace:
            prepared = await self.prepare(sql_file, workspace.path, options)
            loss = await self.loss(database_url, workspace.path)
            if loss is not None and not force:
                raise RestoreRefusedError(f"Refusing to overwrite without --force: {loss}")
            prepared = await self.prove(prepared, database_url, workspace.path, options)
            await self.apply(prepared, database_url, workspace.path, options)


def _write_dump(dump: Dump, path: Path, stop: StopFlag) -> Path:
    with contextlib.closing(dump):
        if not (isinstance(dump, FileDump) and dump.path == path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(dump.blocks(stop))
        dump.check(stop)
    return path
