"""Backup and restore of Oracle with Data Pump."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.engines.base import MEMBER_NAME
from openviper.backup.engines.server import Server
from openviper.backup.engines.shared_directory import (
    SharedDirectoryEngine,
    checked,
    run_server_tool,
    shared_directory,
)
from openviper.backup.exceptions import BackupError
from openviper.backup.paths import ValidationError
from openviper.backup.process import find_tool
from openviper.backup.secrets import write_private
from openviper.db.exceptions import DatabaseConfigurationError

_USER = re.compile(r"[A-Za-z][A-Za-z0-9_$#]*")


class OracleBackupEngine(SharedDirectoryEngine):
    """Exports the user's schema with `expdp`; imports it with `impdp`, replacing the tables that exist."""

    engine_name = "oracle"
    content = "oracle-dump"
    dump_tool = "expdp"
    restore_tool = "impdp"
    hint = "Oracle Instant Client with its Tools package"
    extension = ".sql"

    def validate(self, server: Server) -> None:
        """Check the directory object, and the parts of the ``userid``.

        Raises:
            DatabaseConfigurationError: If the URL lacks ``directory``.
            ValidationError: If a part of the URL is not acceptable.
        """
        _directory(server)
        _userid(server)

    def export(self, server: Server, work_dir: Path, stop: StopFlag) -> Path:
        """Export into the shared directory.

        Raises:
            ToolFailedError: If `expdp` fails.
            BackupError: If a file of an earlier run is in the way.
        """
        path = shared_directory(server) / MEMBER_NAME
        if path.exists():
            raise BackupError(f"a dump of another run is in the way: {str(path)!r}")
        self._run(self.dump_tool, server, work_dir, stop, MEMBER_NAME, "LOGFILE=expdp_backup.log")
        return path

    def bring_in(self, server: Server, lent: Path, work_dir: Path, stop: StopFlag) -> None:
        """Import the dump over the tables that exist.

        Raises:
            ToolFailedError: If `impdp` fails; the schema may be incomplete then.
        """
        self._run(
            self.restore_tool,
            server,
            work_dir,
            stop,
            lent.name,
            "LOGFILE=impdp_restore.log",
            # Whoever got here has agreed to lose what is there.
            "TABLE_EXISTS_ACTION=REPLACE",
        )

    def _run(
        self,
        tool: str,
        server: Server,
        work_dir: Path,
        stop: StopFlag,
        dump_file: str,
        *options: str,
    ) -> None:
        arguments = [
            find_tool([tool], self.hint),
            f"PARFILE={_parameter_file(server, work_dir)}",
            f"DIRECTORY={_directory(server)}",
            f"DUMPFILE={dump_file}",
            *options,
        ]
        run_server_tool(arguments, server, stop)


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
