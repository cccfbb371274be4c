"""Servers of the run's own, which may be restarted while a command talks to them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
        ask: A command line that succeeds when it takes connections.
        stop: The signal that ends it at once and in order.
    """

    def __init__(self, line: list[str], ask: list[str], stop: signal.Signals) -> None:
        self.line, self.ask, self.stop_signal = line, ask, stop
        self.process = self._start()

    def restart(self) -> None:
        """End the server, connections and all, and start it again."""
        self.stop()
        self.process = self._start()

    def stop(self) -> None:
        """End the server."""
        self.process.send_signal(self.stop_signal)
        self.process.wait(PATIENCE)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*become_nobody(), *self.line],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(self.ask, capture_output=True).returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.line[0]} does not start")
            time.sleep(0.02)
        return process


def become_nobody() -> list[str]:
    """Return what stands before a command line so that it runs as ``nobody``; nothing if we are not root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="own-server-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, "nobody", "nogroup")
        yield Path(name)


@contextmanager
def own_postgresql() -> Iterator[tuple[OwnServer, str]]:
    """Run a PostgreSQL server and give it with its URL, without a database."""
    with _folder() as place:
        data = str(place / "data")
        initdb = [server_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust"]
        subprocess.run(
            [*become_nobody(), *initdb, "--no-sync"], check=True, capture_output=True, cwd="/"
        )
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(place),
            "fsync": "off",
            "port": str(port),
        }
        line = [server_program("postgres"), "-D", data]
        for name, value in settings.items():
            line += ["-c", f"{name}={value}"]
        server = OwnServer(line, ["pg_isready", "-h", "127.0.0.1", "-p", str(port)], signal.SIGINT)
        try:
            yield server, f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            server.stop()


@contextmanager
def own_mariadb() -> Iterator[tuple[OwnServer, str]]:
    """Run a MariaDB server and give it with its URL, without a database."""
    with _folder() as place:
        data = str(place / "data")
        install = [server_program("mariadb-install-db"), "--no-defaults", f"--datadir={data}"]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*become_nobody(), *install], check=True, capture_output=True, cwd="/")
        port = free_port()
        line = [server_program("mariadbd"), "--no-defaults", f"--datadir={data}"]
        line += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={place / 'socket'}"]
        ask = ["mysqladmin", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uroot", "ping"]
        server = OwnServer(line, ask, signal.SIGTERM)
        try:
            yield server, f"mysql://root@127.0.0.1:{port}"
        finally:
            server.stop()
