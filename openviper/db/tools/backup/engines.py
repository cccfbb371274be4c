"""Which engine serves which URL."""

from __future__ import annotations

from openviper.db.tools.backup.base import BackupEngine
from openviper.db.tools.backup.sqlite import SQLiteBackupEngine
from openviper.db.tools.exceptions import UnsupportedSchemeError

ENGINES: dict[str, type[BackupEngine]] = {"sqlite": SQLiteBackupEngine}


def detect_engine_from_url(url: str) -> BackupEngine:
    """Return the engine for a database URL; a ``+driver`` suffix of the scheme does not matter.

    Raises:
        UnsupportedSchemeError: If no engine serves the scheme.
    """
    scheme = url.partition("://")[0].partition("+")[0].lower() if "://" in url else ""
    try:
        return ENGINES[scheme]()
    except KeyError:
        raise UnsupportedSchemeError(scheme, ENGINES) from None
