"""Which engine serves which URL."""

from __future__ import annotations

from openviper.backup.engines.base import BackupEngine
from openviper.backup.exceptions import UnsupportedSchemeError
from openviper.utils.importing import import_string

_ROOM = "openviper.backup.engines"
ENGINES = {
    "sqlite": f"{_ROOM}.sqlite.SQLiteBackupEngine",
    "postgresql": f"{_ROOM}.postgres.PostgresBackupEngine",
    "postgres": f"{_ROOM}.postgres.PostgresBackupEngine",
    "mysql": f"{_ROOM}.mariadb.MariaDBBackupEngine",
    "mariadb": f"{_ROOM}.mariadb.MariaDBBackupEngine",
    "oracle": f"{_ROOM}.oracle.OracleBackupEngine",
    "mssql": f"{_ROOM}.mssql.MSSQLBackupEngine",
    "sqlserver": f"{_ROOM}.mssql.MSSQLBackupEngine",
}
"""The class for each scheme, by its dotted path: only the one that is needed is imported."""


def detect_engine_from_url(url: str) -> BackupEngine:
    """Return the engine for a database URL; a ``+driver`` suffix of the scheme does not matter.

    Raises:
        UnsupportedSchemeError: If no engine serves the scheme.
    """
    return _engine(url.partition("://")[0].partition("+")[0].lower() if "://" in url else "")


def find_engine(name: str) -> BackupEngine | None:
    """Return the engine of a name as it stands in sidecars, or `None` if there is none."""
    scheme = {"postgres": "postgresql"}.get(name, name)
    return _engine(scheme) if scheme in ENGINES else None


def _engine(scheme: str) -> BackupEngine:
    if scheme not in ENGINES:
        raise UnsupportedSchemeError(scheme, ENGINES)
    engine: type[BackupEngine] = import_string(ENGINES[scheme])
    return engine()
