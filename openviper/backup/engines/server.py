"""What the engines of database servers share: URL parts for a command line, and dumps that come out of a tool."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from openviper.backup.background import StopFlag
from openviper.backup.engines.base import Dump
from openviper.backup.exceptions import BackupError
from openviper.backup.process import DUMP_TIMEOUT, Tool
from openviper.backup.secrets import validate_password, validate_subprocess_arg
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseConfigurationError

_TAIL_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server's URL, checked for use with a tool.

    Attributes:
        database: The database's name; never empty.
        host: A name, an address without brackets, or the directory of a socket; `None` when absent.
        port: `None` when absent.
        username: `None` when absent; likewise `password`.
        query: The parameters after ``?``.
    """

    database: str
    host: str | None
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    query: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, database_url: str) -> Server:
        """Return the parts of a URL.

        Raises:
            DatabaseConfigurationError: If the URL cannot be read or names no database.
            ValidationError: If a part could be taken for an option, or holds what a command line or file cannot.
        """
        url = DatabaseURL.parse(database_url)
        query = dict(url.query)
        # libpq's URLs may say these among the parameters.
        host = query.pop("host", "") or unquote(url.host or "")
        username = query.pop("user", None) or url.username
        password = query.pop("password", None) or url.password
        database = query.pop("dbname", None) or url.database
        port = _port(query.pop("port", None)) or url.port
        server = cls(database, host or None, port, username, password, query)
        server._require_usable(url.scheme)
        return server

    def _require_usable(self, scheme: str) -> None:
        if not self.database:
            raise DatabaseConfigurationError(f"the {scheme} URL names no database")
        parts = {"database name": self.database, "host": self.host, "user name": self.username}
        for label, value in parts.items():
            validate_subprocess_arg(value or "", label=label)
        validate_password(self.password or "")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, so that nobody can listen in between."""
        if self.host is None or self.host == "localhost" or self.host.startswith("/"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        return () if not self.password else (self.password,)

    def describe(self) -> str:
        """Return the database's name and where it is, for questions."""
        where = self.host or "this host"
        return f"the database {self.database!r} on {where}{'' if self.port is None else f':{self.port}'}"

    def loss(self, tables: int) -> str | None:
        """Say what a restore would replace, or `None` if there are no tables."""
        return (
            f"{self.describe()} ({tables} {'table' if tables == 1 else 'tables'})"
            if tables
            else None
        )


class ToolDump(Dump):
    """A dump that a tool writes to its standard output.

    Args:
        arguments: The tool and its arguments.
        environment: Its environment.
        secrets: What its messages must not show.
        ending: The tool's last line begins with this when the dump is whole.
        explain: Makes a better error of the tool's, or returns `None`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: dict[str, str],
        *,
        secrets: Sequence[str],
        ending: bytes,
        explain: Callable[[BackupError], BackupError | None],
    ) -> None:
        self._arguments = arguments
        self._environment = environment
        self._secrets = secrets
        self._ending = ending
        self._explain = explain

    def blocks(self, stop: StopFlag) -> Iterator[bytes]:
        """Yield what the tool writes.

        Raises:
            ToolFailedError: If it fails.
            BackupError: If it ends without its last line.
        """
        tail = b""
        tool = Tool(
            self._arguments,
            environment=self._environment,
            stop=stop,
            secrets=self._secrets,
            timeout=DUMP_TIMEOUT,
        )
        with tool:
            try:
                for block in tool.blocks():
                    tail = (tail + block)[-_TAIL_LENGTH:]
                    yield block
            except BackupError as exc:
                raise self._explain(exc) or exc from exc
        if not has_line(tail, self._ending):
            raise BackupError(f"{tool.name} ended without completing its dump")


def has_line(text: bytes, beginning: bytes) -> bool:
    """Tell whether a line of a text begins like this."""
    return text.startswith(beginning) or b"\n" + beginning in text


def tail_of(path: Path) -> bytes:
    """Return the last bytes of a file."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_LENGTH))
        return file.read()


def require_whole(dump: Path, beginning: re.Pattern[bytes], ending: bytes) -> None:
    """Check that a dump which says that a tool made it has the tool's last line too.

    Raises:
        BackupError: If it has not, or the file is empty.
    """
    with open(dump, "rb") as file:
        head = file.read(_TAIL_LENGTH)
    if not head.strip():
        raise BackupError(f"the SQL text {dump.name!r} is empty")
    if beginning.search(head) and not has_line(tail_of(dump), ending):
        raise BackupError(f"the SQL text {dump.name!r} is cut off: its last line is missing")


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise DatabaseConfigurationError(f"the port {text!r} is not a number up to 65535")
    return int(text)
