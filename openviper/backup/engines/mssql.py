"""Backup and restore of SQL Server with `sqlcmd`."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import BackupEngine, Dump
from openviper.backup.engines.server import Server, require_whole
from openviper.backup.engines.shared_directory import (
    free_name,
    lent_to_server,
    shared_directory,
    written_dump,
)
from openviper.backup.paths import ValidationError
from openviper.backup.process import DUMP_TIMEOUT, find_tool, run_tool, tool_environment
from openviper.backup.secrets import write_private

_HINT = "mssql-tools"
_DEFAULT_PORT = 1433
_NEVER = re.compile(rb"(?!)")


class MSSQLBackupEngine(BackupEngine):
    """Has the server write a backup file of its own, and read it back."""

    engine_name = "mssql"
    content = "mssql-bak"
    rolls_back = False
    always_saves = False

    def check(self, database_url: str) -> None:
        """Check the URL and that `sqlcmd` is there.

        Raises:
            DatabaseConfigurationError: If the URL lacks ``backup_dir``.
            ValidationError: If a part of the URL is not acceptable.
            ToolNotFoundError: If `sqlcmd` is missing.
        """
        server = Server.parse(database_url)
        shared_directory(server)
        _quoted_name(server.database)
        find_tool(["sqlcmd"], _HINT)

    def check_target(self, database_url: str) -> None:
        """Check the same as `check`."""
        self.check(database_url)

    async def open_dump(self, database_url: str, work_dir: Path) -> Dump:
        """Have the server back the database up into the shared directory; the file is removed when it has been read.

        Raises:
            ToolFailedError: If `sqlcmd` fails.
            BackupError: If the server's file cannot be read here.
        """
        server = Server.parse(database_url)
        path = free_name(shared_directory(server), ".bak")

        def work(stop: StopFlag) -> Dump:
            # A copy-only backup does not disturb the chain of differential and log backups.
            _run(
                server,
                work_dir,
                f"BACKUP DATABASE {_quoted_name(server.database)} TO DISK = {_quoted_text(str(path))} "
                "WITH COPY_ONLY, CHECKSUM, INIT;\n",
                stop,
            )
            return written_dump(path, "sqlcmd")

        return await run_in_thread(work)

    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Check that there is something to restore; the server checks the rest before it touches the database.

        Raises:
            BackupError: If the dump is empty.
        """
        require_whole(dump, _NEVER, b"")
        return dump

    async def loss(self, database_url: str, work_dir: Path) -> str | None:
        """Name the target; what it holds is not known."""
        return Server.parse(database_url).describe()

    async def apply(self, prepared: Path, database_url: str, work_dir: Path) -> Path | None:
        """Have the server verify the file, then replace the database by it.

        Raises:
            ToolFailedError: If `sqlcmd` fails; the server leaves a database in state RESTORING when it fails half-way.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> None:
            lent = free_name(shared_directory(server), ".bak")
            place = _quoted_text(str(lent))
            with lent_to_server(prepared, lent):
                _run(
                    server,
                    work_dir,
                    f"RESTORE VERIFYONLY FROM DISK = {place};\nGO\n"
                    # Whoever got here has agreed to lose what is there.
                    f"RESTORE DATABASE {_quoted_name(server.database)} FROM DISK = {place} WITH REPLACE;\n",
                    stop,
                )

        await run_in_thread(work)
        return None


def _run(server: Server, work_dir: Path, statements: str, stop: StopFlag) -> None:
    script = write_private(work_dir / f"sqlcmd-{secrets.token_hex(4)}.sql", statements)
    arguments = [
        find_tool(["sqlcmd"], _HINT),
        "-S",
        f"{server.host or 'localhost'},{server.port or _DEFAULT_PORT}",
    ]
    if server.username is not None:
        arguments += ["-U", server.username]
    arguments += ["-b", "-i", str(script)]
    environment = tool_environment(
        {} if server.password is None else {"SQLCMDPASSWORD": server.password}
    )
    run_tool(
        arguments, environment=environment, stop=stop, secrets=server.secrets, timeout=DUMP_TIMEOUT
    )


def _quoted_name(name: str) -> str:
    # `sqlcmd` puts its variables in place of $(name) even inside quotes, and reads its own commands at line beginnings.
    if any(ord(character) < 32 for character in name) or "$(" in name:
        raise ValidationError(f"Invalid database name {name!r}")
    return f"[{name.replace(']', ']]')}]"


def _quoted_text(text: str) -> str:
    if "$(" in text:
        raise ValidationError(f"Invalid path {text!r}: sqlcmd would read '$(' as a variable")
    return f"N'{text.replace(chr(39), chr(39) * 2)}'"
