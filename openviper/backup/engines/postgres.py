"""Backup and restore of PostgreSQL with `pg_dump` and `psql`."""

from __future__ import annotations

import re
import secrets
import shutil
from importlib import resources
from pathlib import Path

from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import BackupEngine, Dump
from openviper.backup.engines.postgres_scan import refuse_shell_commands, restriction
from openviper.backup.engines.server import Server, ToolDump, require_whole
from openviper.backup.exceptions import BackupError, ToolFailedError
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
_COUNT_TABLES = (
    "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
)


class PostgresBackupEngine(BackupEngine):
    """Dumps to plain SQL with `pg_dump`; restores with `psql` in one transaction that also clears the database."""

    engine_name = "postgres"
    content = "sql"
    rolls_back = True
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

    async def open_dump(self, database_url: str, work_dir: Path) -> Dump:
        """Begin a dump, which `pg_dump` takes from one snapshot."""
        server = Server.parse(database_url)
        arguments = [
            find_tool(["pg_dump"], _HINT),
            "--no-password",
            "--format=plain",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--no-privileges",
            "--encoding=UTF8",
            *_connection(server),
        ]
        return ToolDump(
            arguments,
            _environment(server, work_dir),
            secrets=server.secrets,
            ending=_ENDING,
            explain=_explain_mismatch,
        )

    async def prepare(self, dump: Path, work_dir: Path) -> Path:
        """Check that the dump is whole and holds no command of `psql`; return a copy without `pg_dump`'s fences.

        Raises:
            BackupError: If it is cut off, empty, or holds such a command.
        """

        def work(stop: StopFlag) -> Path:
            require_whole(dump, _BEGINNING, _ENDING)
            fences = refuse_shell_commands(dump, stop)
            prepared = dump
            if not dump.is_relative_to(work_dir):
                prepared = work_dir / "prepared.sql"
                shutil.copyfile(dump, prepared)
                prepared.chmod(0o600)
            with open(prepared, "r+b") as file:
                for offset, length in fences:
                    # Ours is put around the whole text, and these would end or contradict it.
                    file.seek(offset)
                    file.write(b"--" + b" " * (length - 2))
            return prepared

        return await run_in_thread(work)

    async def loss(self, database_url: str, work_dir: Path) -> str | None:
        """Count the tables, views and sequences of the target.

        Raises:
            ToolFailedError: If the server cannot be asked.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> str | None:
            arguments = [*_psql(server), "-A", "-t", "-c", _COUNT_TABLES]
            answer = run_tool(
                arguments,
                environment=_environment(server, work_dir),
                stop=stop,
                secrets=server.secrets,
            )
            return server.loss(int(answer.decode("ascii", "replace").strip() or 0))

        return await run_in_thread(work)

    async def apply(self, prepared: Path, database_url: str, work_dir: Path) -> Path | None:
        """Clear the database and run the dump, in one transaction.

        Raises:
            ToolFailedError: If anything fails; the database is unchanged.
        """
        server = Server.parse(database_url)

        def work(stop: StopFlag) -> None:
            environment = _environment(server, work_dir)
            clear = _write_clearing(work_dir, environment, stop)
            arguments = [
                *_psql(server),
                "--single-transaction",
                "-f",
                str(clear),
                "-f",
                str(prepared),
            ]
            run_tool(
                arguments,
                environment=environment,
                stop=stop,
                secrets=server.secrets,
                timeout=DUMP_TIMEOUT,
            )

        await run_in_thread(work)
        return None


def _write_clearing(work_dir: Path, environment: dict[str, str], stop: StopFlag) -> Path:
    """Write what goes before the dump: it empties the schemas, and closes `psql`'s ears to commands in the dump."""
    text = (
        resources.files("openviper.backup.engines")
        .joinpath("postgres_clear.sql")
        .read_text(encoding="utf-8")
    )
    version = run_tool(
        [find_tool(["psql"], _HINT), "--version"], environment=environment, stop=stop
    )
    if restriction(version.decode("ascii", "replace")):
        # Nobody who wrote the dump can know the word that would lift this.
        text += f"\\restrict {secrets.token_hex(32)}\n"
    return write_private(work_dir / f"clear-{secrets.token_hex(4)}.sql", text)


def _psql(server: Server) -> list[str]:
    return [
        find_tool(["psql"], _HINT),
        "--no-password",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
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
    name = server.database
    parameters = {key: value for key, value in server.query.items() if key in _ARGUMENTS}
    if parameters or "=" in name or "://" in name:
        # The tools would read such a name as a connection string, so it is given as one.
        name = " ".join(
            f"{key}={_quoted(value)}" for key, value in {"dbname": name, **parameters}.items()
        )
    return [*arguments, "-d", name]


def _quoted(value: str) -> str:
    """Return a value of a libpq connection string (PostgreSQL manual, "Connection Strings")."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _environment(server: Server, work_dir: Path) -> dict[str, str]:
    variables = _variables(server)
    if server.password is None:
        return tool_environment(variables)
    passfile = work_dir / "passfile"
    if not passfile.exists():
        write_private(passfile, passfile_line(server.password))
    # PGPASSWORD would win over the file.
    return tool_environment({**variables, "PGPASSFILE": str(passfile)}, without=("PGPASSWORD",))


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
