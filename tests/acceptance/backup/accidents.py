"""Accidents in the middle of backups and restores of a server's database: signals, full disks, locks, lost connections.

Each run starts a command, lets one accident happen at one moment, and looks afterwards: the target holds the old or the new
content, no tool is left, and the message is one line. The suite makes a few runs; all of them by hand, on servers of the
run's own, since one accident is their restart:

    python -m tests.acceptance.backup.accidents --runs 200
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tests.servers
from scripts.own_servers import OwnServer, own_mariadb, own_postgresql
from tests.acceptance.backup.project import command, make_project, run
from tests.servers import fresh_database, run_on_server, server

ACCIDENTS = ("TERM", "HUP", "INT", "INT twice", "KILL", "full disk", "lock held", "connection cut", "server restart")  # fmt: skip
MOMENTS = {"before": (0.05, 0.4), "in the middle": (0.4, 0.8), "after clearing": (0.75, 1.05)}
"""When the accident happens, as a share of the time of a whole run."""
ROWS = 4000
PATIENCE = 180.0
"""Longest wait for the end of a command or of a session, in seconds."""
CUTS = 3
"""How often the connections of a run are cut."""
BLOCKS = 200
"""How large a file may get on the full disk, in units of 512 bytes; a backup is larger."""


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        vendor: ``postgresql`` or ``mysql``.
        action: ``backup`` or ``restore``.
        accident: One of `ACCIDENTS`.
        moment: One of `MOMENTS`.
    """

    vendor: str
    action: str
    accident: str
    moment: str


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        code: The exit code.
        said: What the command wrote on standard error.
        content: The label of the target's content afterwards.
        problems: What must not be; empty when all is well.
    """

    code: int
    said: str
    content: str
    problems: list[str] = field(default_factory=list)


class Stage:
    """A database with two backups of it, labelled ``one`` and ``two``, that restores go back and forth between.

    Args:
        vendor: ``postgresql`` or ``mysql``.
        url: An empty database of its own.
        directory: An empty directory.
        rows: How many rows each table gets.
        own_server: The server, if it may be restarted.
    """

    def __init__(
        self,
        vendor: str,
        url: str,
        directory: Path,
        rows: int = ROWS,
        own_server: OwnServer | None = None,
    ) -> None:
        self.rows = rows
        self.own_server = own_server
        self.vendor = vendor
        self.url = url
        self.name = url.rpartition("/")[2]
        self.directory = directory
        make_project(directory)
        for label in ("one", "two"):
            self.fill(label)
            done = self.run("backup-db", "--db", url, "--filename", label)
            assert done.returncode == 0, done.stderr
        self.content = "two"
        started = time.monotonic()
        assert self.run("restore-db", "backup/two.tar.gz", "--db", url, "--force").returncode == 0
        self.duration = {"restore": time.monotonic() - started}
        started = time.monotonic()
        assert self.run("backup-db", "--db", url, "--path", "other").returncode == 0
        self.duration["backup"] = time.monotonic() - started

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return run(self.directory, *arguments)

    def ask(self, *statements: str) -> list[Any]:
        """Run statements in the database."""
        return run_on_server(self.vendor, *statements, database=self.name)

    def fill(self, label: str) -> None:
        """Give the database a content whose every row carries the label."""
        view = "CREATE VIEW shown AS SELECT label FROM first"
        wide = "(label VARCHAR(10), noise VARCHAR(4000))"
        noise = (
            "(SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 20) m)"
            if self.vendor == "postgresql"
            else f"CONCAT({', '.join(['MD5(RAND())'] * 20)})"
        )
        source = (
            f"generate_series(1, {self.rows}) n"
            if self.vendor == "postgresql"
            else f"seq_1_to_{self.rows} n"
        )
        self.ask(
            "DROP VIEW IF EXISTS shown",
            "DROP TABLE IF EXISTS first",
            "DROP TABLE IF EXISTS last",
            *(
                statement
                for table in ("first", "last")
                for statement in (
                    f"CREATE TABLE {table} {wide}",
                    f"INSERT INTO {table} SELECT '{label}', {noise} FROM {source}",
                )
            ),
            view,
        )

    def label(self) -> str:
        """Return the label of the content, or what is wrong with it."""
        found = []
        for table in ("first", "last", "shown"):
            try:
                ((count, least, most),) = self.ask(
                    f"SELECT count(*), min(label), max(label) FROM {table}"
                )
            except Exception as error:
                return f"{table}: {error}"
            if count != self.rows or least != most:
                return f"{table}: {count} rows from {least} to {most}"
            found.append(least)
        return str(found[0]) if len(set(found)) == 1 else f"mixed: {found}"

    def sessions(self) -> list[int]:
        """Return the sessions of others in the database, and in those beside it."""
        if self.vendor == "postgresql":
            query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.name}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        else:
            query = (
                f"SELECT id FROM information_schema.processlist WHERE db LIKE '{self.name[:28]}%'"
            )
        return [row[0] for row in run_on_server(self.vendor, query)]

    def _wait_for_sessions(self, deadline: float) -> list[int]:
        """Wait until the server has ended what it was told last, and return the sessions that are left."""
        while (left := self.sessions()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def _activity(self) -> list[Any]:
        query = (
            "SELECT application_name, state, wait_event, now() - query_start, left(query, 100) FROM pg_stat_activity"
            f" WHERE datname = '{self.name}'"
            if self.vendor == "postgresql"
            else "SHOW FULL PROCESSLIST"
        )
        return [str(row) for row in run_on_server(self.vendor, query)]

    def cut(self) -> bool:
        """Cut every connection to the database, and return whether there was one."""
        sessions = self.sessions()
        for session in sessions:
            with contextlib.suppress(Exception):
                statement = (
                    f"SELECT pg_terminate_backend({session})"
                    if self.vendor == "postgresql"
                    else f"KILL {session}"
                )
                run_on_server(self.vendor, statement)
        return bool(sessions)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a lock on a table, as a forgotten transaction or an administrator does."""
        if self.vendor == "postgresql":
            import psycopg

            with psycopg.connect(self.url) as connection:
                connection.execute("LOCK TABLE last IN ACCESS EXCLUSIVE MODE")
                yield
                connection.rollback()
            return
        import pymysql

        from openviper.db.connections.url import DatabaseURL

        parsed = DatabaseURL.parse(self.url)
        holder = pymysql.connect(
            host=parsed.host, port=parsed.port or 3306, user=parsed.username, database=self.name
        )
        with contextlib.closing(holder):
            holder.cursor().execute("LOCK TABLES last WRITE")
            yield

    def happen(self, case: Case) -> Outcome:
        """Make one run."""
        wanted = {"one": "two", "two": "one"}[self.content]
        arguments = ["backup-db", "--db", self.url, "--path", "results", "--lock-timeout", "1"]
        if case.action == "restore":
            arguments = ["restore-db", f"backup/{wanted}.tar.gz", "--db", self.url, "--force"]
            arguments += ["--safety-path", ".", "--lock-timeout", "1"]
        line = command(*arguments)
        if case.accident == "full disk":
            line = ["sh", "-c", f'ulimit -f {BLOCKS}; exec "$@"', "sh", *line]
        with contextlib.ExitStack() as stack:
            if case.accident == "lock held":
                stack.enter_context(self.locked())
            child = subprocess.Popen(
                line,
                cwd=self.directory,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._strike(child, case)
            _, said = child.communicate(timeout=PATIENCE)
        outcome = self._look(case, child.returncode, said, wanted)
        self.content = outcome.content if outcome.content in ("one", "two") else self._mend()
        return outcome

    def _strike(self, child: subprocess.Popen[str], case: Case) -> None:
        early, late = MOMENTS[case.moment]
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(self.duration[case.action] * random.uniform(early, late))
        if case.accident == "server restart":
            assert self.own_server is not None
            self.own_server.restart()
        elif case.accident == "connection cut":
            cuts = 0  # One may meet nobody, between two short connections; more than a few, and nobody can work.
            while child.poll() is None and cuts < CUTS:
                cuts += self.cut()
                time.sleep(0.002)
        elif case.accident.split()[0] in ("TERM", "HUP", "INT", "KILL"):
            number = signal.Signals[f"SIG{case.accident.split()[0]}"]
            child.send_signal(number)
            if case.accident == "INT twice":
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.05)
                child.send_signal(number)

    def _look(self, case: Case, code: int, said: str, wanted: str) -> Outcome:
        deadline = time.monotonic() + PATIENCE
        self._wait_for_sessions(deadline)
        outcome = Outcome(code, said, self.label())
        allowed = {self.content} if case.action == "backup" else {self.content, wanted}
        if outcome.content not in allowed:
            outcome.problems.append(f"the target holds {outcome.content!r}")
        # The one that asked for the label just now may still be ending.
        if self._wait_for_sessions(deadline):
            outcome.problems.append(f"a session is left: {self._activity()}")
        while (tools := self._tools()) and time.monotonic() < deadline:
            time.sleep(
                0.02
            )  # A tool whose command was killed is told so by the system, and takes a moment to end.
        if tools:
            outcome.problems.append(f"a tool is left: {tools}")
        lines = [line for line in said.splitlines() if not line.startswith("Warning: ")]
        if len(lines) > 1 or "Traceback" in said:
            outcome.problems.append(f"the message is {said!r}")
        # Before it has begun, and after it has ended, a signal ends Python itself, without a word.
        if code > 0 and len(lines) != 1:
            outcome.problems.append(f"code {code} with {said!r}")
        if case.action == "restore" and code == 0 and outcome.content != wanted:
            outcome.problems.append("said to be restored, and is not")
        return outcome

    def _tools(self) -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if self.name in line and "viperctl" not in line and "accidents" not in line:
                    found.append(line[:80])
        return found

    def _mend(self) -> str:
        self.fill("one")
        return "one"


def cases(runs: int) -> Iterator[Case]:
    """Yield so many runs; every case comes once before any comes again."""
    every = [
        Case(vendor, action, accident, moment)
        for accident, moment, action, vendor in itertools.product(
            ACCIDENTS, MOMENTS, ("restore", "backup"), ("postgresql", "mysql")
        )
        if action == "restore" or moment == "in the middle"
    ]
    yield from itertools.islice(itertools.cycle(every), runs)


@contextlib.contextmanager
def own_servers() -> Iterator[dict[str, OwnServer]]:
    """Run both servers and let this process use them instead of the machine's."""
    with own_postgresql() as (postgresql, first), own_mariadb() as (mysql, second):
        tests.servers.POSTGRESQL, tests.servers.MYSQL = first, second
        yield {"postgresql": postgresql, "mysql": mysql}


@contextlib.contextmanager
def stages(rows: int = ROWS, own: dict[str, OwnServer] | None = None) -> Iterator[dict[str, Stage]]:
    """Prepare both servers, with so many rows in each table; `own` are those that may be restarted."""
    with contextlib.ExitStack() as stack:
        made = {}
        for vendor in ("postgresql", "mysql"):
            url = stack.enter_context(fresh_database(vendor))
            directory = Path(tempfile.mkdtemp(prefix="accidents-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            made[vendor] = Stage(vendor, url, directory, rows, (own or {}).get(vendor))
        yield made


def left_beside(stage: Stage) -> list[Any]:
    """Restore once more without an accident, and return what is left beside the database."""
    done = stage.run("restore-db", "backup/one.tar.gz", "--db", stage.url, "--force")
    assert done.returncode == 0, done.stderr
    assert stage.label() == "one"
    if stage.vendor == "postgresql":
        return []
    return run_on_server("mysql", f"SHOW DATABASES LIKE '{stage.name[:28]}\\_\\_openviper%'")


def main() -> int:
    """Make the runs and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    counts: Counter[tuple[str, str, str]] = Counter()
    bad = []
    with own_servers() as own, stages(own=own) as made:
        print(f"servers: {server('postgresql')}, {server('mysql')}")
        for case in cases(runs):
            outcome = made[case.vendor].happen(case)
            kept = "ok" if not outcome.problems else "BAD"
            counts[case.accident, case.action, f"exit {outcome.code}"] += 1
            if outcome.problems:
                bad.append({"case": str(case), "problems": outcome.problems, "said": outcome.said})
                print(kept, json.dumps(bad[-1]), flush=True)
        left = {vendor: left_beside(stage) for vendor, stage in made.items()}
    for key, number in sorted(counts.items()):
        print(f"{number:4}  {', '.join(key)}")
    print(f"{runs} runs, {len(bad)} bad; left beside: {left}")
    return 1 if bad or any(left.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
