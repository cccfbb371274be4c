"""The contract of backup engines."""

from __future__ import annotations

import abc
from pathlib import Path

MEMBER_NAME = "backup.sql"


class BackupEngine(abc.ABC):
    """Dumps and restores the databases of one vendor. Engines are stateless.

    A restore has three steps, so that everything that can fail does so before the target is touched: `prepare` the
    dump, ask for the `loss` it would mean, `apply` it. `restore` does all three.
    """

    engine_name: str
    """The name in the sidecar."""

    content: str
    """What a dump is: ``sql``, ``sqlite-file``, ``oracle-dump`` or ``mssql-bak``."""

    @abc.abstractmethod
    def check(self, database_url: str) -> None:
        """Check that the database named by the URL is one that this engine can back up here and now.

        Raises:
            BackupError: If it is not.
        """

    @abc.abstractmethod
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

    @abc.abstractmethod
    def work_parent(self, database_url: str) -> Path:
        """Return the existing directory in which a restore into this target keeps its private files.

        Raises:
            BackupError: If there is none, or the target cannot be restored into.
        """

    @abc.abstractmethod
    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Verify a dump and return a file in `work_dir` that `apply` takes.

        Raises:
            BackupError: If the dump is damaged, foreign, or does what a dump must not do.
        """

    @abc.abstractmethod
    async def loss(self, database_url: str) -> str | None:
        """Say what a restore would replace, without a password; `None` when the target is missing or empty.

        Raises:
            BackupError: If the target cannot be looked at.
        """

    @abc.abstractmethod
    async def save(self, database_url: str, work_dir: Path) -> Path | None:
        """Dump the target as it is, for safety before a restore; `None` when it is too damaged to be read.

        Unlike `dump` this does not vouch for the content.

        Raises:
            BackupError: If the target is busy or cannot be copied.
        """

    @abc.abstractmethod
    async def apply(self, prepared: Path, database_url: str) -> Path | None:
        """Replace the content of the target, all of it or nothing.

        Returns:
            Where a target too damaged to be opened was set aside, if it was.

        Raises:
            BackupError: If the target is busy or cannot be written; it is unchanged.
        """

    @abc.abstractmethod
    async def restore(self, database_url: str, sql_file: Path, *, force: bool = False) -> None:
        """Restore a dump into the database.

        Args:
            database_url: The target.
            sql_file: The dump.
            force: Replace a target that holds data.

        Raises:
            RestoreRefusedError: If the target holds data and `force` is false.
            BackupError: If the dump is unusable or the target is busy; the target is unchanged.
        """
