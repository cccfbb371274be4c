"""Restoring a MariaDB database as a whole, though the server cannot take back the creation of a table.

The dump is loaded into a database of its own beside the target. When all of it is there, one statement of the server puts its
tables into the target's place, and its views, routines, triggers and events with them. The server carries a statement to its
end although its client is killed, and this one undoes itself when something in it fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from openviper.backup.background import StopFlag
from openviper.backup.engines.mariadb_client import Client, quoted, text_literal
from openviper.backup.engines.mariadb_settle import Half, is_cut_off, settle
from openviper.backup.exceptions import BackupError, ToolFailedError

# Executing CREATE TRIGGER and the like from a text, and renaming tables without a trace of a crash, came with this version.
_LEAST_VERSION = (10, 6)
_BESIDE = "__openviper_"
_BESIDE_NAME = re.compile(
    _BESIDE + r"(new|old)_(?P<machine>[0-9a-f]{6})_(?P<process>\d+)_[0-9a-f]{4}"
)
# A database's name may have 64 characters.
_LONGEST_PREFIX = 28

_TABLES = (
    "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = {0} "
    "AND table_type <> 'TEMPORARY' ORDER BY table_name;"
)
_PROGRAMS = (
    "SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = {0} "
    "UNION ALL SELECT trigger_name, 'TRIGGER' FROM (SELECT trigger_name FROM information_schema.triggers "
    "WHERE trigger_schema = {0} ORDER BY event_object_table, event_manipulation, action_timing, action_order) t "
    "UNION ALL SELECT event_name, 'EVENT' FROM information_schema.events WHERE event_schema = {0};"
)
_COLUMNS = (
    "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.views v "
    "ON v.table_schema = c.table_schema AND v.table_name = c.table_name WHERE c.table_schema = {0} "
    "ORDER BY c.table_name, c.ordinal_position;"
)


@dataclass(frozen=True, slots=True)
class Program:
    """A view, routine, trigger or event.

    Attributes:
        kind: The word after DROP.
        name: Its name.
        statement: What makes it, or makes it anew.
        settings: What has to be set before that.
    """

    kind: str
    name: str
    statement: str
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a database.

    Attributes:
        tables: The tables and sequences.
        sequences: Those of them that are sequences.
        views: The columns of each view.
        programs: Routines, triggers, events, then views.
    """

    tables: list[str]
    sequences: set[str] = field(default_factory=set)
    views: dict[str, list[str]] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)


class Beside:
    """A new database beside the target, and a place for the old tables, for the time of a `with` block.

    Args:
        client: The tools.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        prefix = client.server.database[:_LONGEST_PREFIX] + _BESIDE
        own = f"{machine()}_{os.getpid()}_{secrets.token_hex(2)}"
        self.new = f"{prefix}new_{own}"
        self.old = f"{prefix}old_{own}"

    def __enter__(self) -> Beside:
        make = text_literal(f"CREATE DATABASE {quoted(self.new)} CHARACTER SET ")
        try:
            self._client.ask(
                f"CREATE DATABASE {quoted(self.old)};\n"
                f"SET @made = CONCAT({make}, @@character_set_database, ' COLLATE ', @@collation_database);\n"
                "PREPARE made FROM @made; EXECUTE made;",
                StopFlag(),
            )
        except ToolFailedError:
            with contextlib.suppress(ToolFailedError):
                drop_if_empty(self._client, self.old)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Also when the run was stopped: what is left would lie there for good.
        self._client.ask(
            f"SET FOREIGN_KEY_CHECKS = 0; DROP DATABASE IF EXISTS {quoted(self.new)};",
            StopFlag(),
            database="",
        )
        drop_if_empty(self._client, self.old)


def can_swap(client: Client, stop: StopFlag) -> bool:
    """Return whether the server and the user's rights allow a restore as a whole; nothing is left behind."""
    version = client.ask("SELECT VERSION();", stop)[0][0]
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if "mariadb" not in version.lower() or numbers is None:
        return False
    if (int(numbers[1]), int(numbers[2])) < _LEAST_VERSION:
        return False
    try:
        with Beside(client):
            return True
    except ToolFailedError:
        return False


def swap(client: Client, beside: Beside, stop: StopFlag) -> None:
    """Put the content of the database beside into the target's place.

    Raises:
        ToolFailedError: If it cannot be done; the target is as it was.
    """
    new = read_content(client, beside.new, stop)
    old = read_content(client, client.server.database, stop)
    try_locks(client, [name for name in old.tables if name not in old.sequences], stop)
    script = client.work_dir / f"swap-{secrets.token_hex(4)}.sql"
    script.write_bytes(swap_statement(client.server.database, beside, new, old).encode())
    try:
        with open(script, "rb") as file:
            # From here on there is only all or nothing, so nobody stops it half-way; it takes no time to speak of.
            client.run(file, StopFlag())
    except ToolFailedError as error:
        if not is_cut_off(error):
            raise
        settle(client, _half(new, beside.new), _half(old, beside.old), error)


def _half(content: Content, database: str) -> Half:
    return Half(content.tables, database, [*_drops(content.programs), *_creates(content)])


def read_content(client: Client, database: str, stop: StopFlag) -> Content:
    """Return what is in a database.

    Raises:
        BackupError: If the user may not see how something in it is made.
    """
    here = text_literal(database)
    kinds = {row[0]: row[1] for row in client.ask(_TABLES.format(here), stop)}
    views: dict[str, list[str]] = {name: [] for name, kind in kinds.items() if kind == "VIEW"}
    for view, column in client.ask(_COLUMNS.format(here), stop):
        views[view].append(column)
    wanted = [(kind, name) for name, kind in client.ask(_PROGRAMS.format(here), stop)]
    wanted += [("VIEW", name) for name in views]
    programs = _read_programs(client, database, wanted, stop)
    return Content(
        tables=[name for name in kinds if name not in views],
        sequences={name for name, kind in kinds.items() if kind == "SEQUENCE"},
        views=views,
        programs=programs,
    )


def try_locks(client: Client, tables: Sequence[str], stop: StopFlag) -> None:
    """Take a lock on every table and give it back.

    Raises:
        ToolFailedError: If one cannot be had in time.
    """
    if not tables:
        return
    locks = ", ".join(f"{quoted(name)} WRITE" for name in tables)
    try:
        client.ask(f"LOCK TABLES {locks};\nUNLOCK TABLES;", stop)
    except ToolFailedError as exc:
        # Anything else, such as a trigger that names a table that is gone, would not keep the table from being dropped.
        if "1205" in exc.said:
            raise


def swap_statement(target: str, beside: Beside, new: Content, old: Content) -> str:
    """Return the one statement that replaces the old content by the new one, or leaves all as it is."""
    out = _renames(target, beside.old, old.tables)
    into = _renames(beside.new, target, new.tables)
    back = _renames(target, beside.new, new.tables)
    again = _renames(beside.old, target, old.tables)
    lines = [
        "DELIMITER ;;",
        "BEGIN NOT ATOMIC",
        "  DECLARE moved INT DEFAULT 0;",
        "  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN",
        "    IF moved THEN",
        *_drops(new.programs),
        *_executed(_rename_all([*back, *again])),
        "    END IF;",
        *_creates(old),
        "    RESIGNAL;",
        "  END;",
        "  SET FOREIGN_KEY_CHECKS = 0;",
        *_drops(old.programs),
        # A trigger does not go with its table into another database.
        *(
            f"  EXECUTE IMMEDIATE {text_literal(f'DROP TRIGGER {quoted(beside.new)}.{quoted(program.name)}')};"
            for program in new.programs
            if program.kind == "TRIGGER"
        ),
        *_executed(_rename_all([*out, *into])),
        "  SET moved = 1;",
        *_creates(new),
        f"  EXECUTE IMMEDIATE {text_literal(f'DROP DATABASE {quoted(beside.old)}')};",
        "END;;",
    ]
    return "\n".join(lines) + "\n"


def drop_leftovers(client: Client, stop: StopFlag) -> list[str]:
    """Drop what killed restores into this target left beside it.

    Returns:
        Databases that hold what a target was before a restore that the server itself did not survive; they stay.
    """
    prefix = client.server.database[:_LONGEST_PREFIX] + _BESIDE
    kept = []
    names = client.ask(
        f"SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, {len(prefix)}) = "
        f"{text_literal(prefix)};",
        stop,
    )
    for (name,) in names:
        match = _BESIDE_NAME.fullmatch(name.removeprefix(prefix.removesuffix(_BESIDE)))
        if match is None or match["machine"] != machine() or _is_alive(int(match["process"])):
            continue
        if match[1] == "new":
            client.ask(f"SET FOREIGN_KEY_CHECKS = 0; DROP DATABASE IF EXISTS {quoted(name)};", stop)
        elif not drop_if_empty(client, name):
            kept.append(name)
    return kept


def drop_if_empty(client: Client, database: str) -> bool:
    """Drop a database without tables; return whether it is gone."""
    here = text_literal(database)
    count = client.ask(
        f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {here};",
        StopFlag(),
        database="",
    )
    if count[0][0] != "0":
        return False
    client.ask(f"DROP DATABASE IF EXISTS {quoted(database)};", StopFlag(), database="")
    return True


def machine() -> str:
    """Return what tells this machine, or this container, from others: process numbers mean something only here."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:6]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _read_programs(
    client: Client, database: str, wanted: Sequence[tuple[str, str]], stop: StopFlag
) -> list[Program]:
    if not wanted:
        return []
    query = "\n".join(f"SHOW CREATE {kind} {quoted(name)};" for kind, name in wanted)
    rows = client.ask(query, stop, database=database)
    return [_program(kind, name, row) for (kind, name), row in zip(wanted, rows, strict=True)]


def _program(kind: str, name: str, row: Sequence[str]) -> Program:
    """Read the answer to SHOW CREATE, whose columns differ from kind to kind."""
    if kind == "VIEW":
        _, statement, encoding, collation = row[:4]
        settings = {"sql_mode": ""}
    elif kind == "EVENT":
        _, mode, zone, statement, encoding, collation = row[:6]
        settings = {"sql_mode": mode, "time_zone": zone}
    else:
        _, mode, statement, encoding, collation = row[:5]
        settings = {"sql_mode": mode}
    if not statement.upper().startswith("CREATE "):
        raise BackupError(f"this user may not see how {kind.lower()} {name!r} is made")
    settings |= {
        "character_set_client": encoding,
        "character_set_results": encoding,
        "collation_connection": collation,
    }
    anew = "CREATE OR REPLACE " + statement[len("CREATE ") :]
    return Program(kind, name, anew, tuple(settings.items()))


def _renames(source: str, to: str, tables: Sequence[str]) -> Iterator[str]:
    for name in tables:
        yield f"{quoted(source)}.{quoted(name)} TO {quoted(to)}.{quoted(name)}"


def _rename_all(renames: Sequence[str]) -> list[str]:
    return [f"RENAME TABLE {', '.join(renames)}"] if renames else []


def _drops(programs: Sequence[Program]) -> list[str]:
    return _executed([f"DROP {item.kind} IF EXISTS {quoted(item.name)}" for item in programs])


def _creates(content: Content) -> list[str]:
    # Views may show one another: each stands there with its columns before any is made as it is.
    lines = _executed([_stand_in(view, columns) for view, columns in content.views.items()])
    for program in content.programs:
        lines += [f"    SET {name} = {text_literal(value)};" for name, value in program.settings]
        lines += _executed([program.statement])
    return lines


def _stand_in(view: str, columns: Sequence[str]) -> str:
    shown = ", ".join(f"1 AS {quoted(column)}" for column in columns) or "1"
    return f"CREATE OR REPLACE VIEW {quoted(view)} AS SELECT {shown}"


def _executed(statements: Sequence[str]) -> list[str]:
    return [f"    EXECUTE IMMEDIATE {text_literal(statement)};" for statement in statements]
