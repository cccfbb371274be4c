"""Telling damage in an SQLite file from what is only unusual: rows that break a rule, collations and functions we do not have."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import BackupError

_MOST_PROBLEMS = 100
# What the integrity check says of a row that is stored well but breaks a rule of its table (pragma.c of SQLite).
_BROKEN_RULE = re.compile(
    r"NULL value in \S|CHECK constraint failed in \S|(?:TEXT|NUMERIC|non-\w+) value in \S"
)
_NO_COLLATION = re.compile(r"no such collation sequence: (.+)")
_NO_FUNCTION = re.compile(r"(?:no such|unknown) function: ([^()]+)")
_NO_MODULE = re.compile(r"no such module: (.+)")
# An application has a few of its own, not hundreds.
_MOST_STAND_INS = 200


def check_integrity(connection: sqlite3.Connection, what: str, stop: StopFlag) -> list[str]:
    """Check every page of a database.

    Where it needs a collation, function or module of its application, the order of its indexes cannot be checked; its pages can.

    Args:
        connection: A connection to a private database.
        what: What it is, for messages.
        stop: Ends the check early when set.

    Returns:
        What is unusual, in sentences.

    Raises:
        BackupError: If it is damaged.
        sqlite3.Error: If it cannot be read at all.
        Stopped: If `stop` was set meanwhile.
    """
    try:
        return _read_problems(connection, "integrity_check", what)
    except sqlite3.OperationalError as exc:
        stop.check()
        if _missing(exc) is None:
            raise
    missing: set[str] = set()
    warnings = _with_stand_ins(
        connection, missing, lambda: _read_problems(connection, "quick_check", what)
    )
    if warnings is None:
        warnings = _check_tables(connection, missing, what)
    stop.check()
    names = ", ".join(sorted(missing))
    return [
        f"the order of its indexes was not checked: only its application has {names}",
        *warnings,
    ]


def needs_application(connection: sqlite3.Connection) -> str | None:
    """Return a name that only the database's application has, if building its indexes anew would need one."""
    try:
        connection.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.OperationalError as exc:
        missing = _missing(exc)
        return None if missing is None else missing[1]
    return None


def _read_problems(connection: sqlite3.Connection, check: str, what: str) -> list[str]:
    rows = connection.execute(f"PRAGMA {check}({_MOST_PROBLEMS})")
    problems = [line for (text,) in rows for line in str(text).splitlines() if line != "ok"]
    damage = [problem for problem in problems if not _BROKEN_RULE.match(problem)]
    if damage:
        raise BackupError(f"{what} is damaged: integrity check says {'; '.join(damage[:3])!r}")
    return [f"a row breaks a rule of its table: {problem}" for problem in dict.fromkeys(problems)]


def _missing(error: sqlite3.Error) -> tuple[str, str] | None:
    """Return the kind and the name of what only the application has, or `None` for another error."""
    text = str(error)
    for kind, pattern in (
        ("collation", _NO_COLLATION),
        ("function", _NO_FUNCTION),
        ("module", _NO_MODULE),
    ):
        match = pattern.search(text)
        if match is not None:
            return kind, match[1].strip()
    return None


def _with_stand_ins(
    connection: sqlite3.Connection, missing: set[str], check: Callable[[], list[str]]
) -> list[str] | None:
    """Run a check with something in the place of what is missing; `None` where nothing can stand in."""
    for _ in range(_MOST_STAND_INS):
        try:
            return check()
        except sqlite3.OperationalError as exc:
            found = _missing(exc)
            if found is None:
                raise
            kind, name = found
            missing.add(f"the {kind} {name!r}")
            if kind == "module":
                return None
            if kind == "collation":
                connection.create_collation(name, lambda a, b: (a > b) - (a < b))
            else:
                connection.create_function(name, -1, lambda *_: None, deterministic=True)
    raise BackupError("the database needs too many functions of its application to be checked")


def _check_tables(connection: sqlite3.Connection, missing: set[str], what: str) -> list[str]:
    """Check the tables that have pages, one by one; those of a missing module have none."""
    names = [
        str(name)
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        )
    ]
    warnings: list[str] = []
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'

        def check(quoted: str = quoted) -> list[str]:
            rows = connection.execute(f"PRAGMA quick_check({quoted})")
            problems = [str(text) for (text,) in rows if text != "ok"]
            damage = [problem for problem in problems if not _BROKEN_RULE.match(problem)]
            if damage:
                raise BackupError(f"{what} is damaged: quick check says {damage[0]!r}")
            return [f"a row breaks a rule of its table: {problem}" for problem in problems]

        warnings += _with_stand_ins(connection, missing, check) or []
    return warnings
