"""Bringing the swap of a restore to an end that somebody has cut off on the server: KILL, or the end of the server itself.

The statement undoes itself when something in it fails. When its own session is killed, MariaDB runs no handler any more, and
leaves it where it was: views, routines, triggers and events dropped, tables moved or not yet.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openviper.backup.background import StopFlag
from openviper.backup.engines.mariadb_client import Client, quoted, text_literal
from openviper.backup.exceptions import ToolFailedError

CUT_OFF = ("ERROR 2006", "ERROR 2013", "ERROR 1317", "ERROR 1927", "ERROR 1053", "ERROR 2002")
"""Server gone, connection lost, query interrupted, connection killed, server shuts down, nobody listens yet."""
PAUSES = (0.1, 0.3, 1.0, 3.0, 6.0)
"""Between the attempts, in seconds: a server that was restarted takes a while."""


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two contents of a swap.

    Attributes:
        tables: Its tables and sequences.
        database: Where they are while they are not the target's.
        statements: What makes its views, routines, triggers and events anew.
    """

    tables: Sequence[str]
    database: str
    statements: Sequence[str]


def is_cut_off(error: ToolFailedError) -> bool:
    """Return whether a statement may have been stopped in the middle, so that nobody knows how far it went."""
    return any(code in error.said for code in CUT_OFF)


def settle(
    client: Client,
    new: Half,
    old: Half,
    cause: ToolFailedError,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Complete the swap if the tables have moved; else make the old views, routines, triggers and events anew.

    Args:
        client: The tools.
        new: What was to come.
        old: What was there.
        cause: Why the swap ended.
        sleep: Waits for so many seconds.

    Raises:
        ToolFailedError: The cause, with the target as it was; or that it could not be settled, and where the tables are.
    """
    last = cause
    for pause in PAUSES:
        sleep(pause)
        try:
            if _has_moved(client, new, old):
                _run(client, new.statements)
                client.ask(_drop(old.database), StopFlag(), database="")
                return
            _run(client, old.statements)
        except ToolFailedError as error:
            last = error
            continue
        raise cause
    raise ToolFailedError(
        last.tool,
        last.code,
        f"{last.said}; the restore was cut off in the middle: restore once more, or look for the old tables in "
        f"{old.database!r}",
    ) from cause


def _has_moved(client: Client, new: Half, old: Half) -> bool:
    """Return whether the tables have changed places, which they do all in one step."""
    if old.tables:
        return _holds(client, old)
    return bool(new.tables) and not _holds(client, new)


def _holds(client: Client, half: Half) -> bool:
    database, table = text_literal(half.database), text_literal(half.tables[0])
    found = client.ask(
        "SELECT COUNT(*) FROM information_schema.tables "
        f"WHERE table_schema = {database} AND table_name = {table};",
        StopFlag(),
        database="",
    )
    return found[0][0] != "0"


def _run(client: Client, statements: Sequence[str]) -> None:
    script = client.work_dir / f"settle-{secrets.token_hex(4)}.sql"
    lines = [
        "DELIMITER ;;",
        "BEGIN NOT ATOMIC",
        "  SET FOREIGN_KEY_CHECKS = 0;",
        *statements,
        "END;;",
    ]
    script.write_bytes(("\n".join(lines) + "\n").encode())
    with open(script, "rb") as file:
        client.run(file, StopFlag())


def _drop(database: str) -> str:
    return f"SET FOREIGN_KEY_CHECKS = 0; DROP DATABASE IF EXISTS {quoted(database)};"
