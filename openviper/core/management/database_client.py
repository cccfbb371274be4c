"""Running the client of a database for a person, with the password in a private file."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from openviper.backup.secrets import (
    option_file,
    passfile_line,
    validate_subprocess_arg,
    write_private,
)
from openviper.core.management.base import CommandError
from openviper.db.connections.url import DatabaseURL
from openviper.utils.terminal import Terminal

MORE = "   ...> "
PROMPT = "sqlite> "


def open_client(url: DatabaseURL, arguments: Sequence[str], terminal: Terminal) -> int:
    """Run the client of a database until the person leaves it.

    Args:
        url: The database.
        arguments: Passed on to the client.
        terminal: For the prompt that stands in for a missing ``sqlite3``.

    Returns:
        The client's exit code.

    Raises:
        CommandError: If the client is not installed, or the database cannot be opened by one.
    """
    if url.vendor == "sqlite":
        return _open_sqlite(url, arguments, terminal)
    with tempfile.TemporaryDirectory(prefix="openviper-") as directory:
        if url.vendor == "postgresql":
            command, variables = postgresql_client(url, Path(directory))
        else:
            command, variables = mysql_client(url, Path(directory))
        return _run([*command, *arguments], variables)


def postgresql_client(url: DatabaseURL, directory: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the variables of psql."""
    command = [
        _find(("psql",), "postgresql-client"),
        "--dbname",
        _checked(url.database, "database"),
    ]
    command += _options({"--host": url.host, "--port": url.port, "--username": url.username})
    variables = {}
    if url.password is not None:
        passfile = write_private(directory / "pgpass", passfile_line(url.password))
        variables["PGPASSFILE"] = str(passfile)
    for parameter in ("sslmode", "sslrootcert"):
        if parameter in url.query:
            variables[f"PG{parameter.upper()}"] = url.query[parameter]
    return command, variables


def mysql_client(url: DatabaseURL, directory: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the variables of mariadb, or mysql where that is what there is."""
    command = [_find(("mariadb", "mysql"), "mariadb-client")]
    if url.password is not None:
        # The client takes this option as the first one only.
        secret = write_private(directory / "client.cnf", option_file(url.password))
        command.append(f"--defaults-extra-file={secret}")
    command += _options({"--host": url.host, "--port": url.port, "--user": url.username})
    return [*command, _checked(url.database, "database")], {}


def _options(values: Mapping[str, str | int | None]) -> list[str]:
    return [
        f"{option}={_checked(str(value), option)}"
        for option, value in values.items()
        if value is not None
    ]


def _checked(value: str, label: str) -> str:
    return validate_subprocess_arg(value, label=label.lstrip("-"))


def _find(names: Sequence[str], package: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise CommandError(
            f"the client {names[0]!r} is not installed; it comes with the system package {package!r}"
        )
    return found


def _run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    # Ctrl-C is the client's, which receives it too: it cancels a statement there.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.run(
            command,
            env={**os.environ, **variables},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    finally:
        signal.signal(signal.SIGINT, previous)
    return process.returncode


def _open_sqlite(url: DatabaseURL, arguments: Sequence[str], terminal: Terminal) -> int:
    if url.is_memory:
        raise CommandError("a database in memory belongs to one process; no client can open it")
    if not url.path.exists():
        raise CommandError(
            f"database {str(url.path)!r} does not exist; run: python viperctl.py migrate"
        )
    client = shutil.which("sqlite3")
    if client is not None:
        return _run([client, *arguments, str(url.path.absolute())], {})
    if arguments:
        raise CommandError("the client 'sqlite3' is not installed, so it cannot be given arguments")
    terminal.note("sqlite3 is not installed; statements end with ';', Ctrl-D leaves.")
    return run_prompt(url.path, terminal)


def run_prompt(path: Path, terminal: Terminal) -> int:
    """Read statements and print their rows, tab by tab, until input ends.

    Returns:
        0, or 1 if input is not a terminal and a statement failed, after which none is run any more.

    Raises:
        CommandError: If the file cannot be opened as a database.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return _read_statements(connection, terminal)
    finally:
        connection.close()


def _read_statements(connection: sqlite3.Connection, terminal: Terminal) -> int:
    statement = ""
    while line := _next_line(terminal, MORE if statement else PROMPT):
        statement += line
        if not sqlite3.complete_statement(statement):
            continue
        worked = _show(connection, statement, terminal)
        if not (worked or terminal.is_interactive):
            return 1
        statement = ""
    return _refuse_rest(statement.strip(), terminal)


def _refuse_rest(rest: str, terminal: Terminal) -> int:
    if not rest:
        return 0
    terminal.error(f"the last statement is not complete: {rest!r}")
    return 1


def _next_line(terminal: Terminal, prompt: str) -> str:
    if terminal.is_interactive:
        terminal.note(prompt, end="")
    return terminal.source.readline()


def _show(connection: sqlite3.Connection, statement: str, terminal: Terminal) -> bool:
    """Run a statement, print its rows, and return whether it worked."""
    try:
        cursor = connection.execute(statement)
        for line in _lines(cursor):
            terminal.line(line)
    except sqlite3.Error as error:
        terminal.error(str(error))
        return False
    return True


def _lines(cursor: sqlite3.Cursor) -> Iterator[str]:
    """Yield the names of the columns and the rows; nothing for a statement that has none."""
    if cursor.description is not None:
        yield "\t".join(column[0] for column in cursor.description)
    for row in cursor:
        yield "\t".join("NULL" if value is None else str(value) for value in row)
