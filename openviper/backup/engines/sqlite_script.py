"""Running an SQL text of unknown origin into a new private SQLite file: what it may use, and how much of it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.engines.foreign import refuse_foreign
from openviper.backup.engines.sqlite_copy import open_private, translated_errors
from openviper.backup.exceptions import BackupError
from openviper.utils.private_files import create_private

# What a dump may set; the rest reaches outside the file or has no business in it.
_ALLOWED_PRAGMAS = frozenset(
    "application_id auto_vacuum defer_foreign_keys encoding foreign_keys ignore_check_constraints journal_mode "
    "legacy_alter_table page_size recursive_triggers synchronous user_version writable_schema".split()
)
_REFUSED_ACTIONS = {
    sqlite3.SQLITE_ATTACH: "ATTACH or VACUUM",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_RECURSIVE: "a recursive query",
}
_REFUSED_FUNCTIONS = frozenset(
    {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
)
_LEAST_LENGTH = 1 << 20
_PAGE_SIZE = 4096
# Indexes make a database larger than the text it comes from, but not without end.
_LEAST_SIZE = 64 << 20
_SIZE_PER_BYTE = 50
# A share of the free space stays free.
_MOST_OF_DISK = 0.9
_LEAST_SECONDS = 30.0
_BYTES_PER_SECOND = 50_000
_INSTRUCTIONS_PER_CHECK = 20_000
_LONGEST_PATTERN = 1000


def build_from_sql(script: Path, path: Path, stop: StopFlag) -> None:
    """Run an SQL text into a new private database file.

    Raises:
        BackupError: If the text is not SQL, fails, is cut off, makes nothing, uses what a dump must not use, or takes more time
            or space than a dump of its length can need.
        Stopped: If `stop` was set meanwhile.
    """
    text = _read(script)
    refused: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        reason = _reason_to_refuse(action, first, second)
        if reason is None:
            return sqlite3.SQLITE_OK
        refused.append(reason)
        return sqlite3.SQLITE_DENY

    create_private(path)
    try:
        with translated_errors(f"the SQL text {script.name!r} fails", script, stop):
            with open_private(path, stop) as connection, _bounded(connection, script, path, stop):
                connection.set_authorizer(authorize)
                connection.executescript(text)
                connection.set_authorizer(None)
                _require_whole(connection, script)
    except BackupError as exc:
        if refused:
            raise BackupError(
                f"the SQL text {script.name!r} uses {refused[0]}, which a restore refuses"
            ) from exc
        raise


def _read(script: Path) -> str:
    refuse_foreign(script)
    try:
        text = script.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BackupError(f"{script.name!r} is neither an SQLite database nor SQL text") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise BackupError(f"the SQL text {script.name!r} holds a NUL in line {line}")
    return text


def _require_whole(connection: sqlite3.Connection, script: Path) -> None:
    if connection.in_transaction:
        raise BackupError(f"the SQL text {script.name!r} is cut off: its transaction does not end")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise BackupError(f"the SQL text {script.name!r} creates nothing")


@contextlib.contextmanager
def _bounded(
    connection: sqlite3.Connection, script: Path, path: Path, stop: StopFlag
) -> Iterator[None]:
    """Bound the time and the space of an SQL text by its own length."""
    length = script.stat().st_size
    seconds = _LEAST_SECONDS + length / _BYTES_PER_SECOND
    deadline = time.monotonic() + seconds
    free = shutil.disk_usage(path.parent).free
    size = min(_LEAST_SIZE + _SIZE_PER_BYTE * length, int(free * _MOST_OF_DISK))
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    connection.execute(f"PRAGMA max_page_count = {max(1, size // _PAGE_SIZE)}")
    # No value of a dump is longer than the dump.
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(_LEAST_LENGTH, length))
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LONGEST_PATTERN)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_progress_handler(
        lambda: stop.is_set() or time.monotonic() > deadline, _INSTRUCTIONS_PER_CHECK
    )
    try:
        yield
    except sqlite3.OperationalError as exc:
        stop.check()
        if time.monotonic() > deadline:
            raise BackupError(
                f"the SQL text {script.name!r} takes longer than {seconds:.0f} s, which no dump of its length needs"
            ) from exc
        if "full" in str(exc):
            raise BackupError(
                f"the SQL text {script.name!r} needs more than {size} bytes, which no dump of its length needs, or the disk is full"
            ) from exc
        raise


def _reason_to_refuse(action: int, first: str | None, second: str | None) -> str | None:
    if action in _REFUSED_ACTIONS:
        return _REFUSED_ACTIONS[action]
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return f"the function {second}"
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _ALLOWED_PRAGMAS:
        return f"PRAGMA {first}"
    return None
