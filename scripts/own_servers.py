"""Servers of a run's own: tests may restart them, and nothing of them has to outlive the run.

They never wait for a disk: their data is gone with the run, so that no crash of the machine can harm it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

PATIENCE = 180.0
"""Longest wait until a server answers or has ended, in seconds."""


def server_program(name: str) -> str:
    """Return the path of a program of a server, which is not on `PATH` everywhere.

    Raises:
        FileNotFoundError: If it is not installed.
    """
    found = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), *Path("/usr/sbin").glob(name)]
    path = shutil.which(name) or (str(max(found)) if found else None)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OwnServer:
    """A server that runs as ``nobody``, which both vendors want, with its data in a folder of its own.

    Args:
        line: How it is started.
        log: The file for what it says.
        ask: A command line that succeeds when it takes connections.
        stop: The signal that ends it at once and in order.
    """

    def __init__(self, line: list[str], ask: list[str], stop: signal.Signals, log: Path) -> None:
        self.line, self.ask, self.stop_signal, self.log = line, ask, stop, log
        self.process = self._start()

    def restart(self) -> None:
        """End the server, connections and all, and start it again."""
        self.stop()
        self.process = self._start()

    def stop(self) -> None:
        """End the server; if it has ended by itself, show why."""
        if self.process.poll() is not None:
            print(
                f"{self.line[0]} ended with {self.process.returncode}:\n{self._last_words()}",
                flush=True,
            )
            return
        self.process.send_signal(self.stop_signal)
        self.process.wait(PATIENCE)

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*confined(), *self.line],
                cwd="/",
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for whoever runs it, who has to end others first.
            )
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(self.ask, capture_output=True).returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.line[0]} does not start: {self._last_words()}")
            time.sleep(0.02)
        return process

    def _last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]


def confined() -> list[str]:
    """Return what stands before a command line so that it runs as ``nobody`` if we are root, and ends when we do, even killed.

    Without `setpriv`, which needs to be there for root, nothing.
    """
    if os.geteuid() == 0:
        # Another user takes the signal away again, so that both are asked of one call.
        return [*_SETPRIV, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    return _SETPRIV if shutil.which("setpriv") else []


_SETPRIV = ["setpriv", "--pdeathsig=KILL"]


@contextmanager
def own_folder(kind: str, parent: Path | None) -> Iterator[str]:
    """Make a folder for the time of the block, and remove those of runs that were killed: in memory nobody else would.

    Args:
        kind: What its name begins with, before the number of this process.
        parent: The folder it is made in; the one of temporary files by default.
    """
    place = Path(gettempdir()) if parent is None else parent
    for left in place.glob(f"{kind}-*-*"):
        number = left.name.split("-")[-2]
        if number.isdecimal() and not _is_there(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"{kind}-{os.getpid()}-"
    with TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as name:
        yield name


def _is_there(number: int) -> bool:
    """Return whether there is a process of a number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # Somebody else's, or no number of a process.
    return True


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    with own_folder("own-server", parent) as name:
        if os.geteuid() == 0:
            shutil.chown(name, "nobody", "nogroup")
        yield Path(name)


@contextmanager
def own_postgresql(parent: Path | None = None) -> Iterator[tuple[OwnServer, str]]:
    """Run a PostgreSQL server and give it with its URL, without a database.

    Args:
        parent: The folder that holds its data; the one of temporary files by default.

    Raises:
        FileNotFoundError: If PostgreSQL is not installed.
        RuntimeError: If the server does not start.
    """
    with _folder(parent) as place:
        data = str(place / "data")
        initdb = [server_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust"]
        subprocess.run(
            [*confined(), *initdb, "--no-sync"], check=True, capture_output=True, cwd="/"
        )
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(place),
            "fsync": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "port": str(port),
        }
        line = [server_program("postgres"), "-D", data]
        for name, value in settings.items():
            line += ["-c", f"{name}={value}"]
        server = OwnServer(
            line, ["pg_isready", "-h", "127.0.0.1", "-p", str(port)], signal.SIGINT, place / "log"
        )
        try:
            yield server, f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            server.stop()


@contextmanager
def own_mariadb(parent: Path | None = None) -> Iterator[tuple[OwnServer, str]]:
    """Run a MariaDB server and give it with its URL, without a database.

    Args:
        parent: The folder that holds its data; the one of temporary files by default.

    Raises:
        FileNotFoundError: If MariaDB is not installed.
        RuntimeError: If the server does not start.
    """
    with _folder(parent) as place:
        data = str(place / "data")
        install = [server_program("mariadb-install-db"), "--no-defaults", f"--datadir={data}"]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*confined(), *install], check=True, capture_output=True, cwd="/")
        port = free_port()
        line = [server_program("mariadbd"), "--no-defaults", f"--datadir={data}"]
        line += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={place / 'socket'}"]
        line += ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
        # Another server that starts removes what it takes for leftovers of its own in the usual folder.
        line += [f"--tmpdir={place}"]
        line += ["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]
        line += ["--innodb-flush-method=nosync", "--skip-innodb-doublewrite"]
        ask = ["mysqladmin", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uroot", "ping"]
        server = OwnServer(line, ask, signal.SIGTERM, place / "log")
        try:
            yield server, f"mysql://root@127.0.0.1:{port}"
        finally:
            server.stop()


@contextmanager
def own_redis(parent: Path | None = None) -> Iterator[tuple[OwnServer, str]]:
    """Run a Redis server and give it with the URL of its first database.

    Args:
        parent: The folder it runs in; the one of temporary files by default.

    Raises:
        FileNotFoundError: If Redis is not installed.
        RuntimeError: If the server does not start.
    """
    with _folder(parent) as place:
        port = free_port()
        line = [server_program("redis-server"), "--bind", "127.0.0.1", "--port", str(port)]
        line += ["--dir", str(place), "--save", "", "--appendonly", "no"]
        ask = ["redis-cli", "-p", str(port), "--no-auth-warning", "PING"]
        server = OwnServer(line, ask, signal.SIGTERM, place / "log")
        try:
            yield server, f"redis://127.0.0.1:{port}/0"
        finally:
            server.stop()


def memory_folder(needed: int) -> Path | None:
    """Return the folder of files that are kept in memory, if both it and the machine have so many bytes to spare."""
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK) or not os.path.ismount(place):
        return None
    spare = min(shutil.disk_usage(place).free, _available())
    return place if spare >= needed else None


def _available() -> int:
    """Return the bytes of memory that may be taken, as Linux tells them (proc(5), `MemAvailable`); 0 if it does not."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else 0


@contextmanager
def servers_of_tests(parent: Path) -> Iterator[dict[str, str]]:
    """Run the servers that are installed, and give the variables that name them to the tests.

    A server that the environment names already is kept, and one that is not installed is left to the tests, which look
    for it where it usually is.

    Args:
        parent: The folder that holds their data.
    """
    kinds = {
        "TEST_SERVER_POSTGRESQL": own_postgresql,
        "TEST_SERVER_MYSQL": own_mariadb,
        "TEST_SERVER_REDIS": own_redis,
    }
    found: dict[str, str] = {}
    with ExitStack() as stack:
        for variable, start in kinds.items():
            if variable in os.environ:
                continue
            try:
                _, found[variable] = stack.enter_context(start(parent))
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{variable}: the server of its usual address is used ({error})", flush=True)
        yield found
