"""Backup and restore of MariaDB and MySQL with their own dump and command-line clients."""

from __future__ import annotations

import re
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import BackupEngine, Dump
from openviper.backup.engines.server import Server, ToolDump, require_whole
from openviper.backup.exceptions import BackupError
from openviper.backup.process import DUMP_TIMEOUT, find_tool, run_tool, tool_environment
from openviper.backup.secrets import option_file, write_private
from openviper.db.exceptions import DatabaseConfigurationError

_HINT = "mariadb-client (Debian, Ubuntu), mariadb (Fedora, Homebrew)"
_DUMP_TOOLS = ("mysqldump", "mariadb-dump")
_CLIENTS = ("mysql", "mariadb")
_BEGINNING = re.compile(rb"^-- (?:MariaDB|MySQL) dump", re.MULTILINE)
_ENDING = b"-- Dump completed"
# What our own URLs know, and the option of the tools that means the same.
_OPTIONS = {
    "connect_timeout": "--connect-timeout",
    "ssl_ca": "--ssl-ca",
    "ssl_cert": "--ssl-cert",
    "ssl_key": "--ssl-key",
    "unix_socket": "--socket",
}
_COUNT_TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
_NAME = "CONCAT('`', REPLACE({}, '`', '``'), '`')"
# Each row is a statement that takes one thing away; views go before the tables they show.
_LIST_DROPS = f"""
SELECT CONCAT('DROP ', CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END,
              ' IF EXISTS ', {_NAME.format("table_name")}, ';')
FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_type = 'VIEW' DESC;
SELECT CONCAT('DROP ', routine_type, ' IF EXISTS ', {_NAME.format("routine_name")}, ';')
FROM information_schema.routines WHERE routine_schema = DATABASE();
SELECT CONCAT('DROP EVENT IF EXISTS ', {_NAME.format("event_name")}, ';')
FROM information_schema.events WHERE event_schema = DATABASE();
"""


class MariaDBBackupEngine(BackupEngine):
    """Dumps from one consistent snapshot; restores statement by statement, since the server cannot take back DDL."""

    engine_name = "mariadb"
    content = "sql"
    rolls_back = False
    always_saves = True

    def check(self, database_url: str) -> None:
        """Check the URL and that a dump tool is there.

        Raises:
            DatabaseConfigurationError: If the URL is not usable.
            ToolNotFoundError: If there is no dump tool.
        """
        _connection(Server.parse(database_url))
        find_tool(_DUMP_TOOLS, _HINT)

    def check_target(self, database_url: str) -> None:
        """Check the URL and that the tools are there; the target is saved first, so the dump tool is needed too.

        Raises:
            DatabaseConfigurationError: If the URL is not usable.
            ToolNotFoundError: If a tool is missing.
        """
        self.check(database_url)
        find_tool(_CLIENTS, _HINT)

    async def open_dump(self, database_url: str, work_dir: Path) -> Dump:
        """Begin a dump, which the tool takes from one snapshot of all transactional tables."""
        server = Server.parse(database_url)
        arguments = [
            find_tool(_DUMP_TOOLS, _HINT),
            # The tools want this one first.
            f"--defaults-extra-file={_option_file(server, work_dir)}",
            "--single-transaction",
            "--quick",
            "--hex-blob",
            "--routines",
            "--triggers",
            "--events",
            # Asks for a privilege that nothing here needs (MySQL 8.0.21).
            "--no-tablespaces",
            "--default-character-set=utf8mb4",
            *_connection(server),
            server.database,
        ]
        return ToolDump(
            arguments,
            _environment(server, work_dir),
            secrets=server.secrets,
            ending=_ENDING,
            explain=lambda _error: None,
        )

    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Check that the dump is whole.

        Raises:
            BackupError: If it is cut off, empty or a binary file.
        """

        def work(_stop: StopFlag) -> Path:
            require_whole(dump, _BEGINNING, _ENDING)
            _refuse_binary(dump)
            return dump

        return await run_in_thread(work)

    async def loss(self, database_url: str, work_dir: Path) -> str | None:
        """Count the tables and views of the target.

        Raises:
            ToolFailedError: If the server cannot be asked.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> str | None:
            return server.loss(int(_ask(server, work_dir, _COUNT_TABLES, stop).strip() or 0))

        return await run_in_thread(work)

    async def apply(self, prepared: Path, database_url: str, work_dir: Path) -> Path | None:
        """Clear the database and run the dump, statement by statement.

        Raises:
            ToolFailedError: If anything fails; the database is incomplete then.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> None:
            drops = _ask(server, work_dir, _LIST_DROPS, stop)
            clear = work_dir / "clear.sql"
            clear.write_bytes(b"SET FOREIGN_KEY_CHECKS = 0;\n" + drops)
            for script in (clear, prepared):
                with open(script, "rb") as file:
                    run_tool(
                        [*_client(server, work_dir), server.database],
                        environment=_environment(server, work_dir),
                        stop=stop,
                        stdin=file,
                        secrets=server.secrets,
                        timeout=DUMP_TIMEOUT,
                    )

        await run_in_thread(work)
        return None


def _client(server: Server, work_dir: Path) -> list[str]:
    # In binary mode the client takes none of its own commands from a file but the delimiter, so none that run programs.
    return [
        find_tool(_CLIENTS, _HINT),
        f"--defaults-extra-file={_option_file(server, work_dir)}",
        "--default-character-set=utf8mb4",
        "--binary-mode",
        *_connection(server),
    ]


def _ask(server: Server, work_dir: Path, query: str, stop: StopFlag) -> bytes:
    return run_tool(
        [
            *_client(server, work_dir),
            "--batch",
            "--raw",
            "--skip-column-names",
            f"--execute={query}",
            server.database,
        ],
        environment=_environment(server, work_dir),
        stop=stop,
        secrets=server.secrets,
    )


def _connection(server: Server) -> list[str]:
    """Return the arguments that say where the database is."""
    unknown = sorted(set(server.query) - {*_OPTIONS, "charset"})
    if unknown:
        raise DatabaseConfigurationError(f"unknown parameter {unknown[0]!r} in the MariaDB URL")
    arguments = []
    if server.host is not None:
        arguments.append(f"--host={server.host}")
    if "unix_socket" not in server.query and server.host is not None:
        # The tools would take "localhost" for the socket of some other server, whatever the port.
        arguments.append("--protocol=TCP")
    if server.port is not None:
        arguments.append(f"--port={server.port}")
    if server.username is not None:
        arguments.append(f"--user={server.username}")
    return arguments + [
        f"{_OPTIONS[key]}={value}" for key, value in server.query.items() if key in _OPTIONS
    ]


def _option_file(server: Server, work_dir: Path) -> Path:
    path = work_dir / "client.cnf"
    if not path.exists():
        write_private(
            path, "[client]\n" if server.password is None else option_file(server.password)
        )
    return path


def _environment(server: Server, work_dir: Path) -> dict[str, str]:
    if server.password is None:
        return tool_environment()
    # The user's own option files are read after ours, and the variable counts too: either could hold another password.
    return tool_environment({"HOME": str(work_dir)}, without=("MYSQL_PWD", "MYSQL_TEST_LOGIN_FILE"))


def _refuse_binary(dump: Path) -> None:
    with open(dump, "rb") as file:
        if file.read(16) == b"SQLite format 3\0":
            raise BackupError(f"{dump.name!r} is an SQLite database, not an SQL text")
