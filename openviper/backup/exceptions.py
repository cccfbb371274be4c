"""Errors of backup and restore.

::

    BackupError (DatabaseError)
    ├─ UnsupportedSchemeError
    ├─ BackupExistsError
    ├─ ArchiveError
    ├─ ChecksumError
    ├─ RestoreRefusedError
    ├─ IncompleteTargetError
    ├─ ToolNotFoundError
    ├─ ToolFailedError (RuntimeError)
    │  └─ ToolTimeoutError (TimeoutError)
    ├─ LockedError (TimeoutError)
    └─ TargetBusyError (TimeoutError)

`paths.ValidationError` derives from `BackupError` too. Unlike elsewhere the messages start with a capital
letter: their beginnings are documented, and scripts match on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openviper.db.exceptions import DatabaseError


class BackupError(DatabaseError):
    """A backup or a restore could not be done; what was there before is unchanged unless the message says otherwise."""


class UnsupportedSchemeError(BackupError):
    """No engine backs up databases with this URL scheme."""

    def __init__(self, scheme: str, supported: Iterable[str]) -> None:
        self.scheme = scheme
        self.supported = sorted(supported)
        super().__init__(
            f"Unsupported database scheme '{scheme}' (supported: {', '.join(self.supported)})"
        )


class BackupExistsError(BackupError):
    """The result file exists already and may not be replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"Backup already exists: {str(path)!r} (--overwrite replaces it)")


class ArchiveError(BackupError):
    """A backup file is truncated, foreign, or holds something it must not hold."""


class ChecksumError(BackupError):
    """A backup file differs from the checksum in its sidecar."""

    def __init__(self, path: Path, *, expected: str, actual: str) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"Checksum mismatch: {str(path)!r} has SHA-256 {actual}, its sidecar says {expected} "
            "(--no-verify restores it all the same)"
        )


class RestoreRefusedError(BackupError):
    """The target holds data and nobody agreed to replace it."""


class IncompleteTargetError(BackupError):
    """A restore failed in the middle of a database that cannot take its changes back; the message says what to do."""


class ToolNotFoundError(BackupError):
    """A dump or restore tool is not installed.

    Args:
        names: The names it goes by, the preferred one first.
        hint: Which package brings it.
    """

    def __init__(self, names: Iterable[str], hint: str) -> None:
        self.names = tuple(names)
        others = "".join(f" (nor {name})" for name in self.names[1:])
        super().__init__(f"{self.names[0]} not found{others}: install {hint}")


class ToolFailedError(BackupError, RuntimeError):
    """A tool ended with an exit code other than 0.

    Args:
        tool: Its name.
        code: Its exit code; minus the signal's number when a signal ended it.
        said: Its standard error on one line, without secrets.
    """

    def __init__(self, tool: str, code: int, said: str) -> None:
        self.tool = tool
        self.code = code
        self.said = said
        super().__init__(f"{tool} failed with exit code {code}" + (f": {said}" if said else ""))


class ToolTimeoutError(ToolFailedError, TimeoutError):
    """A tool did not end in time and was killed with everything it started."""

    def __init__(self, tool: str, waited: float) -> None:
        BackupError.__init__(self, f"{tool} timed out after {waited:g} s")
        self.tool = tool
        self.waited = waited
        self.code = -9
        self.said = ""


class TargetBusyError(BackupError, TimeoutError):
    """Another connection kept a lock on the database for too long."""

    def __init__(self, path: Path, waited: float) -> None:
        self.path = path
        self.waited = waited
        super().__init__(
            f"Database is busy: {str(path)!r} stayed locked by another connection for {waited:g} s"
        )


class LockedError(BackupError, TimeoutError):
    """Others kept locks in a server's database for too long.

    Args:
        database: What is locked, in words.
        waited: How long was waited, in seconds.
        sessions: Who may be in the way, in words.
        untouched: Whether nothing was changed before, where changes cannot be taken back.
    """

    def __init__(
        self, database: str, waited: float, sessions: Iterable[str], untouched: bool = False
    ) -> None:
        self.waited = waited
        self.untouched = untouched
        self.sessions = tuple(sessions)
        who = "; ".join(self.sessions) or "sessions that this user may not see"
        super().__init__(
            f"Database is busy: {database} stayed locked for {waited:g} s (--lock-timeout); in the way: {who}"
        )
