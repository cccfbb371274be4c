"""Names of result files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import unquote

FALLBACK_NAME = "database"
_DATABASE_SUFFIXES = {".db", ".sqlite", ".sqlite3"}
# Leaves room for stamp, counter and extensions in a file name of 255 bytes.
_MAX_LENGTH = 100


def parse_db_name_from_url(url: str) -> str:
    """Return the database's name: the last path segment of the URL, for an SQLite file without its extension."""
    scheme, _, rest = url.partition("://")
    # What stands before the first slash of other URLs is a host, and may be a password.
    path_of_url = rest if scheme.partition("+")[0].lower() == "sqlite" else rest.partition("/")[2]
    segment = unquote(path_of_url.partition("?")[0].rpartition("/")[2]).rpartition("/")[2]
    path = PurePosixPath(segment)
    return (path.stem if path.suffix.lower() in _DATABASE_SUFFIXES else segment) or FALLBACK_NAME


def sanitize_db_name(name: str) -> str:
    """Return `name` with every run of characters outside ``[A-Za-z0-9]`` as one underscore, none at the ends."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:_MAX_LENGTH].rstrip("_") or FALLBACK_NAME


def timestamp() -> str:
    """Return the present UTC time as used in file names, such as ``20250302-101530``."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def result_extension(*, compress: bool) -> str:
    """Return the extension of a result file."""
    return ".tar.gz" if compress else ".sql"


def stamped(prefix: str, *, compress: bool = True) -> str:
    """Return a file name such as ``nightly_20250302-101530.tar.gz`` of a checked prefix, with the present UTC time."""
    return f"{prefix}_{timestamp()}{result_extension(compress=compress)}"


def generate_backup_filename(db_name: str, *, compress: bool = True) -> str:
    """Return a file name such as ``library_20250302-101530.tar.gz``, with the present UTC time."""
    return stamped(sanitize_db_name(db_name), compress=compress)
