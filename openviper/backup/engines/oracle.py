"""Backup and restore of Oracle with Data Pump."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import MEMBER_NAME, BackupEngine, Dump
from openviper.backup.engines.server import Server, require_whole
from openviper.backup.engines.shared_directory import (
    checked,
    free_name,
    lent_to_server,
    shared_directory,
    written_dump,
)
from openviper.backup.exceptions import BackupError
from openviper.backup.paths import ValidationError
from openviper.backup.process import DUMP_TIMEOUT, find_tool, run_tool, tool_environment
from openviper.backup.secrets import write_private
from openviper.db.exceptions import DatabaseConfigurationError

_HINT = "Oracle Instant Client with its Tools package"
_USER = re.compile(r"[A-Za-z][A-Za-z0-9_$#]*")
_NEVER = re.compile(rb"(?!)")


class OracleBackupEngine(BackupEngine):
    """Exports the user's schema with `expdp`; imports it with `impdp`, replacing the tables that exist."""

    engine_name = "oracle"
    content = "oracle-dump"
    rolls_back = False
    always_saves = False

    def check(self, database_url: str) -> None:
        """Check the URL and that `expdp` is there.

        Raises:
            DatabaseConfigurationError: If the URL lacks ``backup_dir`` or ``directory``.
            ValidationError: If a part of the URL is not acceptable.
            ToolNotFoundError: If `expdp` is missing.
        """
        _check(Server.parse(database_url))
        find_tool(["expdp"], _HINT)

    def check_target(self, database_url: str) -> None:
        """Check the URL and that `impdp` is there; raises as `check` does."""
        _check(Server.parse(database_url))
        find_tool(["impdp"], _HINT)

    async def open_dump(self, database_url: str, work_dir: Path) -> Dump:
        """Export into the shared directory; the file is removed when it has been read.

        Raises:
            ToolFailedError: If `expdp` fails.
            BackupError: If a file of an earlier run is in the way, or the server's file cannot be read here.
        """
        server = Server.parse(database_url)
        path = shared_directory(server) / MEMBER_NAME

        def work(stop: StopFlag) -> Dump:
            if path.exists():
                raise BackupError(f"a dump of another run is in the way: {str(path)!r}")
            arguments = [
                find_tool(["expdp"], _HINT),
                f"PARFILE={_parameter_file(server, work_dir)}",
                f"DIRECTORY={_directory(server)}",
                f"DUMPFILE={MEMBER_NAME}",
                "LOGFILE=expdp_backup.log",
            ]
            _run(arguments, server, stop)
            return written_dump(path, "expdp")

        return await run_in_thread(work)

    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Check that there is something to import; Data Pump checks the rest.

        Raises:
            BackupError: If the dump is empty.
        """
        require_whole(dump, _NEVER, b"")
        return dump

    async def loss(self, database_url: str, work_dir: Path) -> str | None:
        """Name the target; what it holds is not known without another tool."""
        return Server.parse(database_url).describe()

    async def apply(self, prepared: Path, database_url: str, work_dir: Path) -> Path | None:
        """Import the dump over the tables that exist.

        Raises:
            ToolFailedError: If `impdp` fails; the schema may be incomplete then.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> None:
            lent = free_name(shared_directory(server), ".sql")
            arguments = [
                find_tool(["impdp"], _HINT),
                f"PARFILE={_parameter_file(server, work_dir)}",
                f"DIRECTORY={_directory(server)}",
                f"DUMPFILE={lent.name}",
                "LOGFILE=impdp_restore.log",
                # Whoever got here has agreed to lose what is there.
                "TABLE_EXISTS_ACTION=REPLACE",
            ]
            with lent_to_server(prepared, lent):
                _run(arguments, server, stop)

        await run_in_thread(work)
        return None


def _check(server: Server) -> None:
    shared_directory(server)
    _directory(server)
    _userid(server)


def _directory(server: Server) -> str:
    name = server.query.get("directory")
    if not name:
        raise DatabaseConfigurationError(
            "the Oracle URL needs ?directory=, the directory object of backup_dir"
        )
    return checked(name, "directory object", _USER)


def _userid(server: Server) -> str:
    if server.password is None or '"' in server.password:
        # Oracle's own rule (SQL Language Reference, "Database Object Naming Rules") for quoted words.
        raise ValidationError("Invalid password: Oracle needs one, without a quotation mark")
    user = checked(server.username, "user name", _USER)
    host = checked(server.host, "host")
    port = "" if server.port is None else f":{server.port}"
    return f'{user}/"{server.password}"@//{host}{port}/{checked(server.database, "service name")}'


def _parameter_file(server: Server, work_dir: Path) -> Path:
    return write_private(
        work_dir / f"oracle-{secrets.token_hex(4)}.par", f"userid={_userid(server)}\n"
    )


def _run(arguments: list[str], server: Server, stop: StopFlag) -> None:
    run_tool(
        arguments,
        environment=tool_environment(),
        stop=stop,
        secrets=server.secrets,
        timeout=DUMP_TIMEOUT,
    )
