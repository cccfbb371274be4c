"""Backup and restore of PostgreSQL with `pg_dump` and `psql`."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
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
from openviper.backup.engines.foreign import refuse_foreign
from openviper.backup.engines.postgres_scan import DumpFacts, restriction, scan_dump
from openviper.backup.engines.server import Server, ToolDump, require_whole
from openviper.backup.exceptions import BackupError, LockedError, ToolFailedError
from openviper.backup.process import DUMP_TIMEOUT, find_tool, run_tool, tool_environment
from openviper.backup.secrets import passfile_line, write_private
from openviper.db.exceptions import DatabaseConfigurationError

_HINT = "postgresql-client (Debian, Ubuntu), postgresql (Fedora) or libpq (Homebrew)"
_BEGINNING = re.compile(rb"^-- PostgreSQL database dump", re.MULTILINE)
_ENDING = b"-- PostgreSQL database dump complete"
_MISMATCH = re.compile(
    r"server version mismatch.*?server version: ([^;\s]+).*?pg_dump version: ([^;\s]+)"
)
# Connection parameters that libpq takes from the environment (PostgreSQL manual, "Environment Variables").
_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssdelegation": "PGGSSDELEGATION",
    "gssencmode": "PGGSSENCMODE",
    "gsslib": "PGGSSLIB",
    "hostaddr": "PGHOSTADDR",
    "krbsrvname": "PGKRBSRVNAME",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "requirepeer": "PGREQUIREPEER",
    "service": "PGSERVICE",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "sslcert": "PGSSLCERT",
    "sslcertmode": "PGSSLCERTMODE",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "sslsni": "PGSSLSNI",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
# Parameters without a variable, which go into the argument that names the database; none of them is secret.
_ARGUMENTS = {
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
}
# The tools choose these themselves.
_IGNORED = {"client_encoding", "fallback_application_name"}
_NOT_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_COUNT_TABLES = (
    "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {_NOT_OURS}"
)
# What is dropped before the dump runs, and belongs to somebody in whose name this user may not act.
_NOT_OWNED = (
    "SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, c.oid, 0) || ' of ' || "
    "pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    f"ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {_NOT_OURS} "
    "AND NOT pg_catalog.pg_has_role(c.relowner, 'MEMBER') AND NOT pg_catalog.pg_has_role(n.nspowner, 'MEMBER') "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass "
    "AND d.objid = c.oid AND d.refobjid <> c.oid AND d.deptype IN ('e', 'i')) ORDER BY 1 LIMIT 5"
)
_EXTENSIONS = (
    "SELECT extname, pg_catalog.pg_has_role(extowner, 'MEMBER') FROM pg_catalog.pg_extension"
)
# Whether this user may make an extension: any as a superuser, a trusted one with the right to create in the database.
_AVAILABLE = (
    "SELECT name, pg_catalog.bool_or(r.rolsuper OR NOT superuser OR trusted AND "
    "pg_catalog.has_database_privilege(current_database(), 'CREATE')) "
    "FROM pg_catalog.pg_available_extension_versions, pg_catalog.pg_roles r WHERE r.rolname = current_user GROUP BY name"
)
_OWNS_PUBLIC = "SELECT pg_catalog.pg_has_role(nspowner, 'MEMBER') FROM pg_catalog.pg_namespace WHERE nspname = 'public'"
# Who holds locks on what is not the system's, those longest in their transaction first.
_SESSIONS = (
    "SELECT DISTINCT a.pid, a.usename, coalesce(nullif(a.application_name, ''), '-'), coalesce(a.state, '-'), "
    "coalesce(extract(epoch FROM now() - a.xact_start)::int, 0) FROM pg_catalog.pg_locks l "
    "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid JOIN pg_catalog.pg_database b ON b.oid = l.database "
    "WHERE b.datname = current_database() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384 "
    "AND l.pid <> pg_backend_pid() ORDER BY 5 DESC, 1 LIMIT 5"
)
# `pg_dump` waits for its locks with the other one, and for nothing else.
_LOCKED = re.compile(r"canceling statement due to (?:lock|statement) timeout")
_UNKNOWN_NAME = re.compile(r"ERROR: (?:relation|function|type) \S+ does not exist")


@dataclass(frozen=True, slots=True)
class PostgresPrepared(Prepared):
    """A PostgreSQL dump that was read.

    Attributes:
        facts: What it needs of the target.
    """

    facts: DumpFacts = field(default_factory=DumpFacts)


class PostgresBackupEngine(BackupEngine):
    """Dumps to plain SQL with `pg_dump`; restores with `psql` in one transaction that also clears the database."""

    engine_name = "postgres"
    content = "sql"
    always_saves = False

    def check(self, database_url: str) -> None:
        """Check the URL and that `pg_dump` is there.

        Raises:
            DatabaseConfigurationError: If the URL is not usable.
            ToolNotFoundError: If `pg_dump` is missing.
        """
        _variables(Server.parse(database_url))
        find_tool(["pg_dump"], _HINT)

    def check_target(self, database_url: str) -> None:
        """Check the URL and that `psql` is there.

        Raises:
            DatabaseConfigurationError: If the URL is not usable.
            ToolNotFoundError: If `psql` is missing.
        """
        _variables(Server.parse(database_url))
        find_tool(["psql"], _HINT)

    async def open_dump(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> Dump:
        """Begin a dump, which `pg_dump` takes from one snapshot, in the database's own encoding."""
        server = Server.parse(database_url)
        arguments = [
            find_tool(["pg_dump"], _HINT),
            "--no-password",
            "--format=plain",
            "--no-owner",
            "--no-privileges",
            f"--lock-wait-timeout={_milliseconds(lock_timeout)}",
            *_connection(server),
        ]

        def explain(error: BackupError) -> BackupError | None:
            return _locked(server, work_dir, error, lock_timeout) or _explain_mismatch(error)

        return ToolDump(
            arguments,
            _environment(server, work_dir),
            secrets=server.secrets,
            ending=_ENDING,
            explain=explain,
        )

    async def prepare(
        self, dump: Path, work_dir: Path, options: RestoreOptions = DEFAULT_OPTIONS
    ) -> Prepared:
        """Check that the dump is whole, and that nothing in it leaves its database.

        The result is a copy without what would end the restore's own transaction.

        Raises:
            BackupError: If it is cut off, empty, or holds a command of `psql` or such a statement.
        """

        def work(stop: StopFlag) -> Prepared:
            refuse_foreign(dump)
            require_whole(dump, _BEGINNING, _ENDING)
            facts = scan_dump(dump, trusted=options.trust_dump, stop=stop)
            prepared = private_copy(dump, work_dir)
            blank_out(prepared, facts.blanks)
            return PostgresPrepared(prepared, facts=facts)

        return await run_in_thread(work)

    async def loss(
        self, database_url: str, work_dir: Path, *, lock_timeout: float = LOCK_TIMEOUT
    ) -> str | None:
        """Count the tables, views and sequences of the target.

        Raises:
            ToolFailedError: If the server cannot be asked.
        """
        server = Server.parse(database_url)
        rows = await run_in_thread(lambda stop: _ask(server, work_dir, _COUNT_TABLES, stop))
        return server.loss(int(rows[0][0]))

    async def prove(
        self, prepared: Prepared, database_url: str, work_dir: Path, options: RestoreOptions
    ) -> Prepared:
        """Prove that `psql` takes no commands, and that the user owns what goes and may make the extensions that come.

        The rest is proved by the transaction, which leaves the database as it was when anything fails.

        Raises:
            BackupError: If not.
        """
        assert isinstance(prepared, PostgresPrepared)
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> Prepared:
            if not _is_restricted(stop):
                _require_trust(options)
            owned = {name: mine == "t" for name, mine in _ask(server, work_dir, _EXTENSIONS, stop)}
            _require_extensions(server, work_dir, prepared.facts.extensions - set(owned), stop)
            foreign = [row[0] for row in _ask(server, work_dir, _NOT_OWNED, stop)]
            if foreign:
                raise BackupError(
                    f"the user does not own what a restore has to replace: {', '.join(foreign)}"
                )
            mine = _ask(server, work_dir, _OWNS_PUBLIC, stop)
            spans = [
                (start, end)
                for name, start, end in prepared.facts.extension_comments
                if not owned.get(name, True)
            ]
            if mine == [["f"]] and prepared.facts.public_comments:
                options.warn(
                    "the comment on the schema 'public' is left out: it belongs to somebody else"
                )
                spans += prepared.facts.public_comments
            blank_out(prepared.path, spans)
            return replace(prepared)

        return await run_in_thread(work)

    async def apply(
        self,
        prepared: Prepared,
        database_url: str,
        work_dir: Path,
        options: RestoreOptions = DEFAULT_OPTIONS,
    ) -> Path | None:
        """Clear the database and run the dump, in one transaction.

        Raises:
            LockedError: If somebody holds a lock for longer than the options allow; the database is unchanged.
            ToolFailedError: If anything else fails; the database is unchanged.
        """
        server = Server.parse(database_url)
        size = prepared.path.stat().st_size
        observe = options.observe

        def work(stop: StopFlag) -> None:
            environment = _environment(server, work_dir)
            clear = _write_clearing(work_dir, options.lock_timeout, stop)
            arguments = [*_psql(server), "--single-transaction", "-f", str(clear), "-f", "-"]
            with (
                _explained(server, work_dir, options.lock_timeout),
                open(prepared.path, "rb") as file,
            ):
                run_tool(
                    arguments,
                    environment=environment,
                    stop=stop,
                    stdin=file,
                    secrets=server.secrets,
                    timeout=DUMP_TIMEOUT,
                    observe=None if observe is None else lambda done: observe(done, size),
                )

        await run_in_thread(work)
        return None


def _require_trust(options: RestoreOptions) -> None:
    """Refuse a `psql` that takes commands out of any file, unless both the file and its author are known."""
    if options.trust_dump and options.verified:
        return
    raise BackupError(
        "this psql takes commands out of any file, and they can run programs: install 13.22, 14.19, 15.14, 16.10, 17.6 or "
        "newer, or give --trust-dump for a backup whose sidecar is in order and whose author you trust"
    )


def _require_extensions(server: Server, work_dir: Path, missing: set[str], stop: StopFlag) -> None:
    if not missing:
        return
    available = {name: may == "t" for name, may in _ask(server, work_dir, _AVAILABLE, stop)}
    for name in sorted(missing):
        _require_extension(name, available)


def _require_extension(name: str, available: dict[str, bool]) -> None:
    if name not in available:
        raise BackupError(f"the server does not have the extension {name!r}, which the dump needs")
    if not available[name]:
        raise BackupError(
            f"the dump needs the extension {name!r}, which this user may not make: have an administrator make it"
        )


def _is_restricted(stop: StopFlag) -> bool:
    command = [find_tool(["psql"], _HINT), "--version"]
    version = run_tool(command, environment=tool_environment(), stop=stop)
    return restriction(version.decode("ascii", "replace"))


def _write_clearing(work_dir: Path, lock_timeout: float, stop: StopFlag) -> Path:
    """Write what goes before the dump: it empties the database, and closes `psql`'s ears to commands in the dump."""
    text = f"SET LOCAL lock_timeout = {_milliseconds(lock_timeout)};\n"
    text += (
        resources.files("openviper.backup.engines")
        .joinpath("postgres_clear.sql")
        .read_text(encoding="utf-8")
    )
    if _is_restricted(stop):
        # Nobody who wrote the dump can know the word that would lift this.
        text += f"\\restrict {secrets.token_hex(32)}\n"
    return write_private(work_dir / f"clear-{secrets.token_hex(4)}.sql", text)


def _ask(server: Server, work_dir: Path, query: str, stop: StopFlag) -> list[list[str]]:
    """Return the rows of an answer as texts."""
    answer = run_tool(
        [*_psql(server), "-A", "-t", "-F", "\x1f", "-c", query],
        environment=_environment(server, work_dir),
        stop=stop,
        secrets=server.secrets,
    )
    lines = answer.decode("utf-8", "replace").split("\n")
    return [line.split("\x1f") for line in lines if line]


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


@contextlib.contextmanager
def _explained(server: Server, work_dir: Path, lock_timeout: float) -> Iterator[None]:
    """Say of a failed restore who was in the way, or what may be wrong in the dump."""
    try:
        yield
    except ToolFailedError as exc:
        locked = _locked(server, work_dir, exc, lock_timeout)
        if locked is not None:
            raise locked from exc
        if not _UNKNOWN_NAME.search(exc.said):
            raise
        hint = (
            "a function or check may name it without its schema, which a restore does not search: give the function "
            "SET search_path"
        )
        raise ToolFailedError(exc.tool, exc.code, f"{exc.said} ({hint})") from exc


def _locked(
    server: Server, work_dir: Path, error: BackupError, waited: float
) -> LockedError | None:
    if not isinstance(error, ToolFailedError) or not _LOCKED.search(error.said):
        return None
    sessions: list[list[str]] = []
    with contextlib.suppress(BackupError):
        sessions = _ask(server, work_dir, _SESSIONS, StopFlag())
    named = [
        f"session {pid} of {user} ({program}, {state}, {seconds} s in its transaction)"
        for pid, user, program, state, seconds in sessions
    ]
    return LockedError(server.describe(), waited, named)


def _psql(server: Server) -> list[str]:
    return [
        find_tool(["psql"], _HINT),
        "--no-password",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        # Without DETAIL and CONTEXT, which quote rows.
        "-v",
        "VERBOSITY=terse",
        *_connection(server),
    ]


def _connection(server: Server) -> list[str]:
    """Return the arguments that say where the database is; what the URL leaves out is left to libpq."""
    arguments = []
    if server.host is not None:
        arguments += ["-h", server.host]
    if server.port is not None:
        arguments += ["-p", str(server.port)]
    if server.username is not None:
        arguments += ["-U", server.username]
    return [*arguments, "-d", _database(server)]


def _database(server: Server) -> str:
    """Return the name of the database, or a connection string with what no argument can say."""
    name = server.database
    parameters = {key: value for key, value in server.query.items() if key in _ARGUMENTS}
    # The tools would read such a name as a connection string, so it is given as one.
    is_misread = "=" in name or "://" in name
    if not parameters and not is_misread:
        return name
    parameters = {"dbname": name, **parameters}
    return " ".join(f"{key}={_quoted(value)}" for key, value in parameters.items())


def _quoted(value: str) -> str:
    """Return a value of a libpq connection string (PostgreSQL manual, "Connection Strings")."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _environment(server: Server, work_dir: Path) -> dict[str, str]:
    variables = _variables(server)
    # The dump comes in the database's own encoding, and says so.
    if server.password is None:
        return tool_environment(variables, without=("PGCLIENTENCODING",))
    passfile = work_dir / "passfile"
    if not passfile.exists():
        write_private(passfile, passfile_line(server.password))
    # PGPASSWORD would win over the file.
    return tool_environment(
        {**variables, "PGPASSFILE": str(passfile)}, without=("PGPASSWORD", "PGCLIENTENCODING")
    )


def _variables(server: Server) -> dict[str, str]:
    unknown = sorted(set(server.query) - set(_VARIABLES) - _ARGUMENTS - _IGNORED)
    if unknown:
        raise DatabaseConfigurationError(
            f"the PostgreSQL tools cannot be given the URL's parameter {unknown[0]!r}"
        )
    return {
        _VARIABLES[keyword]: value
        for keyword, value in server.query.items()
        if keyword in _VARIABLES
    }


def _explain_mismatch(error: BackupError) -> BackupError | None:
    match = _MISMATCH.search(error.said) if isinstance(error, ToolFailedError) else None
    if match is None or not isinstance(error, ToolFailedError):
        return None
    return ToolFailedError(
        error.tool,
        error.code,
        f"the server (version {match[1]}) is newer than {error.tool} (version {match[2]}): install the client tools of "
        "the server's version",
    )
