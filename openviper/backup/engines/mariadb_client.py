"""Calling the dump tool and the client of MariaDB and MySQL: where the server is, the password, and what they must not do."""

from __future__ import annotations

import functools
import re
import secrets
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from openviper.backup.background import StopFlag
from openviper.backup.engines.server import Server
from openviper.backup.exceptions import BackupError
from openviper.backup.process import (
    DUMP_TIMEOUT,
    QUERY_TIMEOUT,
    find_tool,
    run_tool,
    tool_environment,
)
from openviper.backup.secrets import option_file, write_private
from openviper.db.exceptions import DatabaseConfigurationError

HINT = "mariadb-client (Debian, Ubuntu), mariadb (Fedora, Homebrew)"
DUMP_TOOLS = ("mysqldump", "mariadb-dump")
CLIENTS = ("mysql", "mariadb")
LARGEST_PACKET = 1 << 30
"""What `max_allowed_packet` can be at most, in bytes."""
# What our own URLs know, and the option of the tools that means the same.
_OPTIONS = {
    "connect_timeout": "--connect-timeout",
    "ssl_ca": "--ssl-ca",
    "ssl_cert": "--ssl-cert",
    "ssl_key": "--ssl-key",
    "unix_socket": "--socket",
}
# A server may ask the client for a file (LOAD DATA LOCAL), also where no statement did.
_NO_LOCAL_FILES = ("--loose-local-infile=0", "--loose-load-data-local-dir=")
# Where the clients' plug-ins lie; the two that hand over the password as it is are not among those that are lent.
_PLUGIN_DIRECTORIES = (
    "usr/lib/*/libmariadb3/plugin",
    "usr/lib*/mariadb/plugin",
    "usr/lib*/mysql/plugin",
    "usr/local/lib/mariadb/plugin",
    "opt/homebrew/lib/mariadb/plugin",
)
_PLUGINS = (
    "caching_sha2_password", "client_ed25519", "auth_ed25519", "parsec", "sha256_password", "auth_gssapi_client",
)  # fmt: skip
_ESCAPES = {b"\\n": b"\n", b"\\t": b"\t", b"\\0": b"\0", b"\\\\": b"\\"}
_ESCAPE = re.compile(rb"\\[nt0\\]")


@dataclass(frozen=True, slots=True)
class Client:
    """The tools, with all they need to reach one server.

    Attributes:
        server: The server and the database.
        work_dir: An existing private directory, for the file with the password.
        lock_timeout: How long a lock that somebody else holds is waited for, in seconds; `None` for the server's own.
    """

    server: Server
    work_dir: Path
    lock_timeout: float | None = None

    def dump_command(self, *options: str) -> list[str]:
        """Return the command line of the dump tool."""
        return [find_tool(DUMP_TOOLS, HINT), *self._common(), *options]

    def ask(self, query: str, stop: StopFlag, *, database: str | None = None) -> list[list[str]]:
        """Run statements and return the rows of their answers as texts.

        Args:
            query: The statements.
            stop: Ends it when set.
            database: Another database than the server's own; none when empty.

        Raises:
            ToolFailedError: If the server cannot be asked or refuses.
        """
        path = self.work_dir / f"ask-{secrets.token_hex(8)}.sql"
        path.write_text(query + "\n", encoding="utf-8")
        with open(path, "rb") as file:
            answer = self.run(
                file, stop, database=database, options=("--batch", "--skip-column-names")
            )
        path.unlink()
        return [
            [_unescaped(cell) for cell in line.split(b"\t")] for line in answer.split(b"\n") if line
        ]

    def run(
        self,
        script: BinaryIO,
        stop: StopFlag,
        *,
        database: str | None = None,
        options: Sequence[str] = (),
        timeout: float = QUERY_TIMEOUT,
        observe: Callable[[int], None] | None = None,
    ) -> bytes:
        """Have the client run a script and return what it printed.

        Raises:
            ToolFailedError: If a statement fails.
            ToolTimeoutError: If it takes longer than `timeout` seconds.
            Stopped: If `stop` was set.
        """
        name = self.server.database if database is None else database
        arguments = [
            find_tool(CLIENTS, HINT),
            *self._common(),
            # In binary mode the client takes none of its own commands from a file but the delimiter, so none that run programs.
            "--binary-mode",
            f"--init-command={self._session()}",
            *options,
            *([name] if name else []),
        ]
        return run_tool(
            arguments,
            environment=self.environment(),
            stop=stop,
            stdin=script,
            secrets=self.server.secrets,
            timeout=timeout,
            observe=observe,
        )

    def load(
        self,
        script: Path,
        stop: StopFlag,
        *,
        database: str | None = None,
        observe: Callable[[int], None] | None = None,
    ) -> None:
        """Have the client run a dump, however long it takes."""
        with open(script, "rb") as file:
            self.run(file, stop, database=database, timeout=DUMP_TIMEOUT, observe=observe)

    def environment(self) -> dict[str, str]:
        """Return the environment of the tools."""
        # The user's own option files are read after ours, and the variables count too: any could hold another password.
        without = ("MYSQL_PWD", "MYSQL_TEST_LOGIN_FILE", "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN")
        if self.server.password is None:
            return tool_environment(without=without[2:])
        return tool_environment({"HOME": str(self.work_dir)}, without=without)

    def _session(self) -> str:
        # The dump is read as we have read it, whatever the server's own mode is.
        mode = "REPLACE(REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'ANSI_QUOTES', '')"
        text = f"SET SESSION sql_mode = {mode}"
        if self.lock_timeout is not None:
            seconds = max(1, round(self.lock_timeout))
            text += f", lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
        return text

    def _common(self) -> list[str]:
        arguments = [
            # The tools want this one first.
            f"--defaults-extra-file={self._option_file()}",
            "--default-character-set=utf8mb4",
            f"--max-allowed-packet={LARGEST_PACKET}",
            *_NO_LOCAL_FILES,
            *connection_arguments(self.server),
        ]
        if self.server.password is not None and not _is_verified(self.server):
            # Nobody is to get the password in clear, on this machine neither.
            arguments.append(f"--plugin-dir={self._plugins()}")
        if _is_verified(self.server):
            # The tools of MariaDB and of MySQL have different words for it; each ignores the other's.
            arguments += ["--loose-ssl-verify-server-cert", "--loose-ssl-mode=VERIFY_IDENTITY"]
        return arguments

    def _option_file(self) -> Path:
        path = self.work_dir / "client.cnf"
        if not path.exists():
            password = self.server.password
            write_private(path, "[client]\n" if password is None else option_file(password))
        return path

    def _plugins(self) -> Path:
        """Return a directory with the plug-ins that prove a password without handing it over."""
        directory = self.work_dir / "plugins"
        if not directory.exists():
            directory.mkdir(mode=0o700)
            for plugin in _password_plugins():
                (directory / plugin.name).symlink_to(plugin)
        return directory


def connection_arguments(server: Server) -> list[str]:
    """Return the arguments that say where the database is.

    Raises:
        DatabaseConfigurationError: If the URL has a parameter that the tools cannot be given, or the password would cross the
            network unencrypted.
    """
    unknown = sorted(set(server.query) - {*_OPTIONS, "charset", "tls"})
    if unknown:
        raise DatabaseConfigurationError(f"unknown parameter {unknown[0]!r} in the MariaDB URL")
    _require_safe_password(server)
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


def quoted(name: str) -> str:
    """Return a name as it stands in SQL."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(text: str) -> str:
    """Return a text as it stands in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@functools.lru_cache
def supported_options(tool: str) -> str:
    """Return what a tool says of its options; nothing if it cannot be asked."""
    try:
        done = subprocess.run(
            [tool, "--no-defaults", "--help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=QUERY_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise BackupError(f"cannot start {tool!r}: {exc}") from exc
    return done.stdout.decode("utf-8", "replace")


def _is_verified(server: Server) -> bool:
    return "ssl_ca" in server.query


def _sends_password(server: Server) -> bool:
    """Return whether a password crosses the network."""
    stays_here = "unix_socket" in server.query or server.is_local
    return server.password is not None and not stays_here


def _require_safe_password(server: Server) -> None:
    tls = server.query.get("tls")
    if tls not in (None, "off"):
        raise DatabaseConfigurationError(f"tls={tls!r} in the MariaDB URL can only be 'off'")
    is_shielded = tls == "off" or _is_verified(server)
    if _sends_password(server) and not is_shielded:
        raise DatabaseConfigurationError(
            f"the password for {server.host!r} would cross the network unencrypted: name the server's authority with "
            "?ssl_ca=FILE, or say ?tls=off"
        )


@functools.lru_cache
def _password_plugins() -> tuple[Path, ...]:
    found: dict[str, Path] = {}
    for pattern in _PLUGIN_DIRECTORIES:
        for directory in Path("/").glob(pattern):
            for name in _PLUGINS:
                path = directory / f"{name}.so"
                if path.is_file():
                    found.setdefault(path.name, path)
    return tuple(found.values())


def _unescaped(cell: bytes) -> str:
    text = _ESCAPE.sub(lambda match: _ESCAPES[match.group()], cell)
    return text.decode("utf-8", "replace")
