"""Errors of backup and restore.

::

    BackupError (DatabaseError)
    ├─ UnsupportedSchemeError
    ├─ BackupExistsError
    ├─ ArchiveError
    ├─ ChecksumError
    ├─ RestoreRefusedError
    └─ TargetBusyError (TimeoutError)

`utils.validators.ValidationError` derives from `BackupError` too. Unlike elsewhere the messages start with a capital
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
            f"Unsupported database scheme '{scheme}': this version backs up SQLite only "
            f"(supported: {', '.join(self.supported)})"
        )


class BackupExistsError(BackupError):
    """The result file exists already and may not be replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"Backup already exists: {str(path)!r} (use --overwrite to replace it)")


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


class TargetBusyError(BackupError, TimeoutError):
    """Another connection kept a lock on the database for too long."""

    def __init__(self, path: Path, waited: float) -> None:
        self.path = path
        self.waited = waited
        super().__init__(f"Database is busy: {str(path)!r} stayed locked by another connection for {waited:g} s")
