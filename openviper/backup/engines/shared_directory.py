"""What Oracle and SQL Server have in common: the server writes its dump into a directory that we must see too."""

from __future__ import annotations

import abc
import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import (
    DEFAULT_OPTIONS,
    LOCK_TIMEOUT,
    BackupEngine,
    Dump,
    FileDump,
    Prepared,
    RestoreOptions,
)
from openviper.backup.engines.server import Server, require_whole
from openviper.backup.exceptions import BackupError
from openviper.backup.paths import ValidationError
from openviper.backup.process import DUMP_TIMEOUT, find_tool, run_tool, tool_environment
from openviper.db.exceptions import DatabaseConfigurationError

_HOST = re.compile(r"[A-Za-z0-9._-]+")
_NEVER = re.compile(rb"(?!)")


class ServerFileDump(FileDump):
    """A dump that the server has written; it is removed afterwards."""

    def close(self) -> None:
        """Remove the server's file; one that belongs to the server's user stays if we may not remove it."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class SharedDirectoryEngine(BackupEngine):
    """Has the server write its dump into the directory of ``?backup_dir=``, and read it from there.

    Attributes:
        dump_tool: The program that makes a dump.
        restore_tool: The program that takes one.
        hint: Which package brings them.
        extension: Of the file that is lent to the server.
    """

    always_saves = False
    dump_tool: str
    restore_tool: str
    hint: str
    extension: str

    def check(self, database_url: str) -> None:
        """Check the URL and that the tool is there.

        Raises:
            DatabaseConfigurationError: If the URL lacks a part that the server needs.
            ValidationError: If a part of the URL is not acceptable.
            ToolNotFoundError: If the tool is missing.
        """
        self._check(database_url, self.dump_tool)

    def check_target(self, database_url: str) -> None:
        """Check the URL and that the tool is there; raises as `check` does."""
        self._check(database_url, self.restore_tool)

    def _check(self, database_url: str, tool: str) -> None:
        server = Server.parse(database_url)
        shared_directory(server)
        self.validate(server)
        find_tool([tool], self.hint)

    @abc.abstractmethod
    def validate(self, server: Server) -> None:
        """Check what this vendor's tools need of the URL.

        Raises:
            DatabaseConfigurationError: If something is missing.
            ValidationError: If something is not acceptable.
        """

    @abc.abstractmethod
    def export(self, server: Server, work_dir: Path, stop: StopFlag) -> Path:
        """Have the server write a dump into the shared directory; return its path.

        Raises:
            BackupError: If the tool fails, or a file of another run is in the way.
        """

    @abc.abstractmethod
    def bring_in(self, server: Server, lent: Path, work_dir: Path, stop: StopFlag) -> None:
        """Have the server read a file of the shared directory into the database.

        Raises:
            ToolFailedError: If the tool fails; the database may be incomplete then.
        """

    async def open_dump(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump:
        """Have the server write its dump; the file is removed when it has been read.

        Raises:
            BackupError: If the tool fails, or the server's file cannot be read here.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> Dump:
            return written_dump(self.export(server, work_dir, stop), self.dump_tool)

        return await run_in_thread(work)

    async def prepare(
        self, dump: Path, work_dir: Path, options: RestoreOptions = DEFAULT_OPTIONS
    ) -> Prepared:
        """Check that there is something to restore; the server checks the rest.

        Raises:
            BackupError: If the dump is empty.
        """
        require_whole(dump, _NEVER, b"")
        return Prepared(dump, rolls_back=False)

    async def loss(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> str | None:
        """Name the target; what it holds is not known without another tool."""
        return Server.parse(database_url).describe()

    async def apply(
        self,
        prepared: Prepared,
        database_url: str,
        work_dir: Path,
        options: RestoreOptions = DEFAULT_OPTIONS,
    ) -> Path | None:
        """Have the server read the dump.

        Raises:
            ToolFailedError: If the tool fails; the database may be incomplete then.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> None:
            lent = free_name(shared_directory(server), self.extension)
            with lent_to_server(prepared.path, lent):
                self.bring_in(server, lent, work_dir, stop)

        await run_in_thread(work)
        return None


def run_server_tool(
    arguments: list[str],
    server: Server,
    stop: StopFlag,
    environment: dict[str, str] | None = None,
) -> None:
    """Run a dump or restore tool to its end, however long it takes."""
    run_tool(
        arguments,
        environment=tool_environment(environment or {}),
        stop=stop,
        secrets=server.secrets,
        timeout=DUMP_TIMEOUT,
    )


def shared_directory(server: Server) -> Path:
    """Return the directory named by ``?backup_dir=``.

    Raises:
        DatabaseConfigurationError: If the URL names none, or one we do not see.
    """
    text = server.query.get("backup_dir")
    if not text:
        raise DatabaseConfigurationError(
            "the URL needs ?backup_dir=, a directory that this machine and the database server see under the same path"
        )
    path = Path(text)
    if not path.is_absolute() or "\0" in text or any(ord(character) < 32 for character in text):
        raise DatabaseConfigurationError(f"backup_dir must be an absolute path: {text!r}")
    if not path.is_dir():
        raise DatabaseConfigurationError(f"backup_dir is not a directory here: {text!r}")
    return path


def checked(value: str | None, label: str, pattern: re.Pattern[str] = _HOST) -> str:
    """Return a part of a URL that goes into a tool's own language.

    Raises:
        ValidationError: If it is missing, or holds a character that could mean something there.
    """
    if value is None or not pattern.fullmatch(value):
        raise ValidationError(
            f"Invalid {label} {value!r}: needed, of letters, digits, '.', '_' and '-'"
        )
    return value


def free_name(directory: Path, extension: str) -> Path:
    """Return a path in the directory that no other run will choose."""
    return directory / f"openviper-{secrets.token_hex(8)}{extension}"


def written_dump(path: Path, tool: str) -> ServerFileDump:
    """Return the dump that a server said it has written.

    Raises:
        BackupError: If we do not find it, cannot read it, or it is empty.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        raise BackupError(
            f"{tool} ended well, but {str(path)!r} cannot be read here: is backup_dir the same directory?"
        )
    if path.stat().st_size == 0:
        raise BackupError(f"{tool} ended well, but {str(path)!r} is empty")
    return ServerFileDump(path)


@contextlib.contextmanager
def lent_to_server(dump: Path, lent: Path) -> Iterator[None]:
    """Put a copy of a dump where the server reads it, for the time of a `with` block.

    It is readable by the directory's group, to which the server's user belongs, and by nobody else.
    """
    try:
        with os.fdopen(os.open(lent, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), -1, lent.parent.stat().st_gid)
            os.fchmod(file.fileno(), 0o640)
            with open(dump, "rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        yield
    finally:
        lent.unlink(missing_ok=True)
