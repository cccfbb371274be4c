"""Opening an SQLite file, and setting the connection up."""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache

from openviper.db.connections.options import DatabaseOptions
from openviper.db.dialects.sqlite_functions import register_functions
from openviper.db.exceptions import OperationalError
from openviper.utils.private_files import ensure_private

CHECKPOINT_SIZE = 16 * 1024 * 1024
"""Size of the write-ahead log, in bytes, above which it is copied into the database.

Each copy waits for the disk twice, and a page that changes often is copied once for all its changes; reading a log of this
size after a crash takes a few milliseconds.
"""


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def regexp(pattern: str, value: object) -> bool | None:
    """Return whether a text matches; what the operator ``REGEXP`` means."""
    return None if value is None else _pattern(pattern).search(str(value)) is not None


def open_file(options: DatabaseOptions, path: str) -> tuple[sqlite3.Connection, bool]:
    """Open a database, and return the connection and whether it has a write-ahead log.

    Args:
        options: How it is opened.
        path: The file.

    Raises:
        OperationalError: If the file cannot be opened or is not a database.
    """
    mode = "ro" if options.read_only else options.url.query.get("mode", "rwc")
    if mode == "rwc" and not options.url.is_memory:
        ensure_private(path)
    try:
        raw = sqlite3.connect(
            _uri(options, path, mode),
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            uri=True,
        )
    except sqlite3.Error as error:
        raise OperationalError(
            f"cannot open database file {path!r}: {error}", unreachable=True
        ) from error
    try:
        return raw, _prepare(raw, options)
    except sqlite3.Error as error:
        raw.close()
        raise OperationalError(f"cannot use database file {path!r}: {error}") from error


def _uri(options: DatabaseOptions, path: str, mode: str) -> str:
    from urllib.parse import quote  # Late: needed once per connection, not by the commands.

    query = options.url.query
    cache = f"&cache={query['cache']}" if "cache" in query else ""
    if options.url.is_memory:
        return "file::memory:"
    return f"file:{quote(path)}?mode={mode}{cache}"


def _prepare(raw: sqlite3.Connection, options: DatabaseOptions) -> bool:
    """Set up a connection, and return whether it has a write-ahead log."""
    raw.execute(f"PRAGMA busy_timeout={int(options.busy_timeout * 1000)}")
    is_wal = _set_journal_mode(raw, options) == "wal"
    raw.execute("PRAGMA foreign_keys=ON")
    # With a write-ahead log, NORMAL never corrupts and a commit needs no fsync; checkpoints are ours.
    if is_wal:
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA wal_autocheckpoint=0")
        # A log that is begun anew is cut to this, so that the size of its file tells how much of it is in use.
        raw.execute(f"PRAGMA journal_size_limit={CHECKPOINT_SIZE}")
    raw.execute("PRAGMA busy_timeout=0")
    raw.create_function("regexp", 2, regexp, deterministic=True)
    register_functions(raw)
    return is_wal


def _set_journal_mode(raw: sqlite3.Connection, options: DatabaseOptions) -> str:
    current = str(raw.execute("PRAGMA journal_mode").fetchone()[0])
    wanted = options.journal_mode.lower()
    is_fixed = options.url.is_memory or options.read_only or options.url.query.get("mode") == "ro"
    if is_fixed or current == wanted:
        return current
    return str(raw.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0])
