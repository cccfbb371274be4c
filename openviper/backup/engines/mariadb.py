"""Backup and restore of MariaDB and MySQL with their own dump and command-line clients."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import (
    DEFAULT_OPTIONS,
    LOCK_TIMEOUT,
    BackupEngine,
    Dump,
    Prepared,
    RestoreOptions,
)
from openviper.backup.engines.dump_text import blank_out, private_copy
from openviper.backup.engines.foreign import refusal, refuse_foreign
from openviper.backup.engines.mariadb_client import (
    CLIENTS,
    DUMP_TOOLS,
    HINT,
    LARGEST_PACKET,
    Client,
    connection_arguments,
    quoted,
    supported_options,
)
from openviper.backup.engines.mariadb_scan import DumpFacts, scan_dump
from openviper.backup.engines.mariadb_swap import Beside, can_swap, drop_leftovers, swap, try_locks
from openviper.backup.engines.server import Server, ToolDump, require_whole
from openviper.backup.exceptions import (
    BackupError,
    LockedError,
    ToolFailedError,
    ToolTimeoutError,
)
from openviper.backup.process import find_tool

_BEGINNING = re.compile(rb"^-- (?:MariaDB|MySQL) dump", re.MULTILINE)
_ENDING = b"-- Dump completed"
_NAME = "CONCAT('`', REPLACE({}, '`', '``'), '`')"
_COUNT_TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE();"
_BASE_TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED');"
)
_HAS_HISTORY = (
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type = 'SYSTEM VERSIONED';"
)
_PACKET = "SELECT @@global.max_allowed_packet;"
# What a packet holds besides its statement.
_PACKET_EXTRA = 1024
# Each row is a statement that takes one thing away; views go before the tables they show.
_LIST_DROPS = f"""
SELECT CONCAT('DROP ', CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END,
              ' IF EXISTS ', {_NAME.format("table_name")}, ';')
FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_type = 'VIEW' DESC;
SELECT CONCAT('DROP ', routine_type, ' IF EXISTS ', {_NAME.format("routine_name")}, ';')
FROM information_schema.routines WHERE routine_schema = DATABASE();
SELECT CONCAT('DROP EVENT IF EXISTS ', {_NAME.format("event_name")}, ';')
FROM information_schema.events WHERE event_schema = DATABASE();
"""
# Who has something open in the database, those in a transaction first; without the right to see transactions, by time.
_SESSIONS = (
    "SELECT p.id, p.user, p.host, p.command, p.time FROM information_schema.processlist p "
    "{0} WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() ORDER BY {1}p.time DESC LIMIT 5;"
)
_WITH_TRANSACTIONS = (
    "LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id",
    "t.trx_id IS NULL, ",
)
_LOCKED = re.compile(r"ERROR 1205 |Lock wait timeout")
_MAY_DEFINE = re.compile(
    r"\b(?:SUPER|SET USER|SET_USER_ID|SET_ANY_DEFINER)\b.* ON \*\.\*|\bALL PRIVILEGES ON \*\.\*"
)
_MAY_SET = re.compile(
    r"\b(?:SUPER|SYSTEM_VARIABLES_ADMIN)\b.* ON \*\.\*|\bALL PRIVILEGES ON \*\.\*"
)


@dataclass(frozen=True, slots=True)
class MariaDBPrepared(Prepared):
    """A MariaDB dump that was read.

    Attributes:
        facts: What it needs of the server.
        raised_packet: What the server's `max_allowed_packet` is raised to for the time of the restore, `None` when it will do.
    """

    facts: DumpFacts = field(default_factory=DumpFacts)
    raised_packet: int | None = None


class MariaDBDump(ToolDump):
    """A dump that notices when a statement in it is longer than the server would take back."""

    packet: int = LARGEST_PACKET
    noticed: tuple[str, ...] = ()
    _longest = 0

    def blocks(self, stop: StopFlag) -> Iterator[bytes]:
        """Yield what the tool writes; see `ToolDump`."""
        length = 0
        for block in super().blocks(stop):
            # Line breaks inside of strings are escaped, so this ends a statement (or a line of a routine, which is short).
            first, *rest = block.split(b";\n")
            length += len(first)
            for piece in rest:
                self._longest = max(self._longest, length)
                length = len(piece)
            yield block

    def warnings(self) -> list[str]:
        """Return what a restore will meet."""
        found = list(self.noticed)
        if self._longest + _PACKET_EXTRA > self.packet:
            found.append(
                f"the longest statement has {self._longest} bytes, and the server takes {self.packet} "
                "(max_allowed_packet): a restore has to raise that"
            )
        return found


class MariaDBBackupEngine(BackupEngine):
    """Dumps from one consistent snapshot; restores into a database beside the target, which then takes its place.

    Where the server or the user's rights do not allow that, the restore goes statement by statement, since the server cannot
    take back DDL.
    """

    engine_name = "mariadb"
    content = "sql"
    always_saves = True

    def check(self, database_url: str) -> None:
        """Check the URL and that the tools are there.

        Raises:
            DatabaseConfigurationError: If the URL is not usable.
            ToolNotFoundError: If a tool is missing.
        """
        connection_arguments(Server.parse(database_url))
        find_tool(DUMP_TOOLS, HINT)
        find_tool(CLIENTS, HINT)

    def check_target(self, database_url: str) -> None:
        """Check the same as `check`: the target is saved first."""
        self.check(database_url)

    async def open_dump(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump:
        """Begin a dump, which the tool takes from one snapshot of all transactional tables.

        Raises:
            LockedError: If somebody holds a lock on a table for longer than `lock_timeout` seconds.
        """
        client = Client(Server.parse(database_url), work_dir, lock_timeout)
        return await run_in_thread(lambda stop: _open_dump(client, stop))

    async def prepare(
        self, dump: Path, work_dir: Path, options: RestoreOptions = DEFAULT_OPTIONS
    ) -> Prepared:
        """Check that the dump is whole, and that nothing in it leaves its database.

        Raises:
            BackupError: If it is cut off, empty or a binary file, or holds such a statement.
        """

        def work(stop: StopFlag) -> Prepared:
            refuse_foreign(dump)
            require_whole(dump, _BEGINNING, _ENDING)
            facts = scan_dump(dump, trusted=options.trust_dump, stop=stop)
            return MariaDBPrepared(dump, rolls_back=False, facts=facts)

        return await run_in_thread(work)

    async def loss(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> str | None:
        """Count the tables and views of the target.

        Raises:
            ToolFailedError: If the server cannot be asked.
        """
        client = Client(Server.parse(database_url), work_dir)
        rows = await run_in_thread(lambda stop: client.ask(_COUNT_TABLES, stop))
        return client.server.loss(int(rows[0][0]))

    async def prove(
        self, prepared: Prepared, database_url: str, work_dir: Path, options: RestoreOptions
    ) -> Prepared:
        """Prove that the server takes the longest statement, and that the user may make what is in the dump.

        Raises:
            BackupError: If not, or a statement of the dump leaves the target.
        """
        assert isinstance(prepared, MariaDBPrepared)
        client = Client(Server.parse(database_url), work_dir, options.lock_timeout)
        return await run_in_thread(lambda stop: _prove(client, prepared, options, stop))

    async def apply(
        self,
        prepared: Prepared,
        database_url: str,
        work_dir: Path,
        options: RestoreOptions = DEFAULT_OPTIONS,
    ) -> Path | None:
        """Replace the content of the database: as a whole, or statement by statement.

        Raises:
            LockedError: If somebody holds a lock on a table for longer than the options allow.
            ToolFailedError: If anything fails; the database is incomplete then, unless `prepared` says that it rolls back.
        """
        assert isinstance(prepared, MariaDBPrepared)
        client = Client(Server.parse(database_url), work_dir, options.lock_timeout)
        await run_in_thread(lambda stop: _apply(client, prepared, options, stop))
        return None


def _open_dump(client: Client, stop: StopFlag) -> Dump:
    tables = [name for (name,) in client.ask(_BASE_TABLES, stop)]
    # The tool would wait for a lock without end; a look at every table takes the same ones.
    looks = "\n".join(f"SELECT 1 FROM {quoted(name)} LIMIT 0;" for name in tables)
    with _naming_sessions(client, stop):
        client.ask(looks, stop)
    options = [
        "--single-transaction",
        "--quick",
        "--routines",
        "--triggers",
        "--events",
        # Asks for a privilege that nothing here needs (MySQL 8.0.21).
        "--no-tablespaces",
        # A statement about the whole server, which MySQL's tool writes and MariaDB's does not know.
        "--loose-set-gtid-purged=OFF",
    ]
    noticed: list[str] = []
    if client.ask(_HAS_HISTORY, stop)[0][0] != "0":
        if "--dump-history" in supported_options(find_tool(DUMP_TOOLS, HINT)):
            options.append("--dump-history")
        else:
            noticed.append("the history of system-versioned tables is missing: the tool is too old")
    dump = MariaDBDump(
        client.dump_command(*options, client.server.database),
        client.environment(),
        secrets=client.server.secrets,
        ending=_ENDING,
        explain=lambda _error: None,
    )
    dump.packet = int(client.ask(_PACKET, stop)[0][0])
    dump.noticed = tuple(noticed)
    return dump


def _prove(
    client: Client, prepared: MariaDBPrepared, options: RestoreOptions, stop: StopFlag
) -> Prepared:
    target, facts = client.server.database, prepared.facts
    if not options.trust_dump:
        _require_own_database(prepared.path.name, target, facts)
    raised = _require_packet(client, facts, options, stop)
    if facts.definers and not options.skip_definers:
        _require_definers(client, facts, stop)
    path = _without_spans(prepared.path, client.work_dir, facts, options)
    rolls_back = not facts.named and can_swap(client, stop)
    for name in drop_leftovers(client, stop):
        options.warn(
            f"the database {name!r} holds what {target!r} was before a restore that the server did not survive; drop it "
            "when it is not needed"
        )
    return replace(prepared, path=path, raised_packet=raised, rolls_back=rolls_back)


def _require_own_database(dump: str, target: str, facts: DumpFacts) -> None:
    """Refuse statements that name another database than the target, and programs that would change one."""
    for what, databases in (
        ("a statement that names", facts.named),
        ("a program that changes", facts.changed),
    ):
        for database, line in databases.items():
            if database != target.lower():
                why = "it leaves the target (--trust-dump lets it through)"
                raise refusal(dump, line, f"{what} the database {database!r}", why)


def _require_packet(
    client: Client, facts: DumpFacts, options: RestoreOptions, stop: StopFlag
) -> int | None:
    """Return what `max_allowed_packet` has to be raised to, `None` if it will do."""
    needed = facts.longest_statement + _PACKET_EXTRA
    limit = int(client.ask(_PACKET, stop)[0][0])
    if needed <= limit:
        return None
    # The server rounds down to a multiple of this.
    wanted = min(-(-needed // 1024) * 1024, LARGEST_PACKET)
    problem = (
        f"the longest statement of the dump has {facts.longest_statement} bytes, and the server takes {limit} "
        f"(max_allowed_packet)"
    )
    if needed > LARGEST_PACKET:
        raise BackupError(f"{problem}, which cannot be raised that far")
    if not _has_right(client, _MAY_SET, stop):
        raise BackupError(
            f"{problem}: have it raised with SET GLOBAL max_allowed_packet = {wanted}"
        )
    options.warn(f"{problem}; it is raised to {wanted} for the time of the restore")
    return wanted


def _require_definers(client: Client, facts: DumpFacts, stop: StopFlag) -> None:
    ours = client.ask("SELECT CURRENT_USER();", stop)[0][0]
    foreign = sorted(facts.definers - {ours})
    if foreign and not _has_right(client, _MAY_DEFINE, stop):
        raise BackupError(
            f"the dump holds views, routines, triggers or events of {', '.join(foreign)}, which {ours} may not make: restore "
            "as an administrator, or with --skip-definers, which makes them its own"
        )


def _has_right(client: Client, right: re.Pattern[str], stop: StopFlag) -> bool:
    return any(right.search(row[0]) for row in client.ask("SHOW GRANTS;", stop))


def _without_spans(path: Path, work_dir: Path, facts: DumpFacts, options: RestoreOptions) -> Path:
    """Return a copy of the dump with blanks in place of what must not be carried over; the dump itself if there is nothing."""
    spans = [*facts.encoding_spans, *(facts.definer_spans if options.skip_definers else ())]
    if not spans:
        return path
    copy = private_copy(path, work_dir)
    blank_out(copy, spans)
    return copy


def _apply(
    client: Client, prepared: MariaDBPrepared, options: RestoreOptions, stop: StopFlag
) -> None:
    before = None
    if prepared.raised_packet is not None:
        before = client.ask(_PACKET, stop)[0][0]
        client.ask(f"SET GLOBAL max_allowed_packet = {prepared.raised_packet};", stop)
    try:
        with _naming_sessions(client, stop):
            if prepared.rolls_back:
                _apply_beside(client, prepared, options, stop)
            else:
                _apply_in_place(client, prepared, options, stop)
    finally:
        if before is not None:
            client.ask(f"SET GLOBAL max_allowed_packet = {before};", StopFlag())


def _apply_beside(
    client: Client, prepared: Prepared, options: RestoreOptions, stop: StopFlag
) -> None:
    with Beside(client) as beside:
        try:
            _load(client, prepared, options, stop, database=beside.new)
            swap(client, beside, stop)
        except ToolFailedError as exc:
            if isinstance(exc, ToolTimeoutError):
                raise
            said = exc.said.replace(beside.new, client.server.database)
            raise ToolFailedError(exc.tool, exc.code, f"{said}; the target is unchanged") from exc


def _apply_in_place(
    client: Client, prepared: Prepared, options: RestoreOptions, stop: StopFlag
) -> None:
    tables = [name for (name,) in client.ask(_BASE_TABLES, stop)]
    with _naming_sessions(client, stop, untouched=True):
        try_locks(client, tables, stop)
    drops = [row[0] for row in client.ask(_LIST_DROPS, stop)]
    client.ask("\n".join(["SET FOREIGN_KEY_CHECKS = 0;", *drops]), stop)
    _load(client, prepared, options, stop)


def _load(
    client: Client,
    prepared: Prepared,
    options: RestoreOptions,
    stop: StopFlag,
    *,
    database: str | None = None,
) -> None:
    size = prepared.path.stat().st_size
    observe = options.observe
    client.load(
        prepared.path,
        stop,
        database=database,
        observe=None if observe is None else lambda done: observe(done, size),
    )


@contextlib.contextmanager
def _naming_sessions(client: Client, stop: StopFlag, *, untouched: bool = False) -> Iterator[None]:
    """Turn a lock that could not be had into an error that names who may hold it."""
    try:
        yield
    except ToolFailedError as exc:
        if not _LOCKED.search(exc.said):
            raise
        waited = client.lock_timeout or LOCK_TIMEOUT
        sessions = _sessions(client, stop)
        raise LockedError(client.server.describe(), waited, sessions, untouched) from exc


def _sessions(client: Client, stop: StopFlag) -> list[str]:
    for join in (_WITH_TRANSACTIONS, ("", "")):
        with contextlib.suppress(ToolFailedError):
            return [
                f"session {number} of {user}@{host} ({command}, {seconds} s)"
                for number, user, host, command, seconds in client.ask(
                    _SESSIONS.format(*join), stop
                )
            ]
    return []
