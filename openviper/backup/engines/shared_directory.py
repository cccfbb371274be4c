"""What Oracle and SQL Server have in common: the server writes its dump into a directory that we must see too."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.engines.base import FileDump
from openviper.backup.engines.server import Server
from openviper.backup.exceptions import BackupError
from openviper.backup.paths import ValidationError
from openviper.db.exceptions import DatabaseConfigurationError

_HOST = re.compile(r"[A-Za-z0-9._-]+")


class ServerFileDump(FileDump):
    """A dump that the server has written; it is removed afterwards."""

    def close(self) -> None:
        """Remove the server's file; one that belongs to the server's user stays if we may not remove it."""
        with contextlib.suppress(OSError):
            self.path.unlink()


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
