"""Backup and restore of SQL Server with `sqlcmd`."""

from __future__ import annotations

import secrets
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.engines.server import Server
from openviper.backup.engines.shared_directory import (
    SharedDirectoryEngine,
    free_name,
    run_server_tool,
    shared_directory,
)
from openviper.backup.paths import ValidationError
from openviper.backup.process import find_tool
from openviper.backup.secrets import write_private

_DEFAULT_PORT = 1433


class MSSQLBackupEngine(SharedDirectoryEngine):
    """Has the server write a backup file of its own, and read it back."""

    engine_name = "mssql"
    content = "mssql-bak"
    dump_tool = restore_tool = "sqlcmd"
    hint = "mssql-tools"
    extension = ".bak"

    def validate(self, server: Server) -> None:
        """Check that the database's name can stand in a script of `sqlcmd`.

        Raises:
            ValidationError: If it cannot.
        """
        _quoted_name(server.database)

    def export(self, server: Server, work_dir: Path, stop: StopFlag) -> Path:
        """Have the server back the database up into the shared directory.

        Raises:
            ToolFailedError: If `sqlcmd` fails.
        """
        path = free_name(shared_directory(server), self.extension)
        # A copy-only backup does not disturb the chain of differential and log backups.
        statement = (
            f"BACKUP DATABASE {_quoted_name(server.database)} TO DISK = {_quoted_text(str(path))} "
            "WITH COPY_ONLY, CHECKSUM, INIT;\n"
        )
        self._run(server, work_dir, statement, stop)
        return path

    def bring_in(self, server: Server, lent: Path, work_dir: Path, stop: StopFlag) -> None:
        """Have the server verify the file, then replace the database by it.

        Raises:
            ToolFailedError: If `sqlcmd` fails; the server leaves a database in state RESTORING when it fails half-way.
        """
        place = _quoted_text(str(lent))
        # Whoever got here has agreed to lose what is there.
        statements = (
            f"RESTORE VERIFYONLY FROM DISK = {place};\nGO\n"
            f"RESTORE DATABASE {_quoted_name(server.database)} FROM DISK = {place} WITH REPLACE;\n"
        )
        self._run(server, work_dir, statements, stop)

    def _run(self, server: Server, work_dir: Path, statements: str, stop: StopFlag) -> None:
        script = write_private(work_dir / f"sqlcmd-{secrets.token_hex(4)}.sql", statements)
        place = f"{server.host or 'localhost'},{server.port or _DEFAULT_PORT}"
        user = [] if server.username is None else ["-U", server.username]
        arguments = [
            find_tool([self.dump_tool], self.hint),
            "-S",
            place,
            *user,
            "-b",
            "-i",
            str(script),
        ]
        password = {} if server.password is None else {"SQLCMDPASSWORD": server.password}
        run_server_tool(arguments, server, stop, password)


def _quoted_name(name: str) -> str:
    # `sqlcmd` puts its variables in place of $(name) even inside quotes, and reads its own commands at line beginnings.
    if any(ord(character) < 32 for character in name) or "$(" in name:
        raise ValidationError(f"Invalid database name {name!r}")
    return f"[{name.replace(']', ']]')}]"


def _quoted_text(text: str) -> str:
    if "$(" in text:
        raise ValidationError(f"Invalid path {text!r}: sqlcmd would read '$(' as a variable")
    return f"N'{text.replace(chr(39), chr(39) * 2)}'"
