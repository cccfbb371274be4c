"""Servers in processes of their own, on loopback ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
START_SECONDS = 30.0

APP = """
import os
from openviper import FileResponse, OpenViper, Request, Response, StreamingResponse

app = OpenViper(debug=False)

@app.get("/")
async def home(request: Request) -> dict[str, object]:
    return {"home": True, "pid": os.getpid()}

@app.get("/items/{id:int}")
async def item(request: Request, id: int) -> dict[str, int]:
    return {"id": id}

@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")

@app.get("/stream")
async def stream(request: Request) -> StreamingResponse:
    return StreamingResponse(lambda: (str(number) for number in range(5)), media_type="text/plain")

@app.get("/file")
async def file(request: Request) -> FileResponse:
    return FileResponse(__file__)

@app.on_startup
async def opened() -> None:
    print("opened", flush=True)

@app.on_shutdown
async def closed() -> None:
    print("closed", flush=True)
"""


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*arguments: str) -> list[str]:
    """Return the command line of `openviper`."""
    return [sys.executable, "-m", "openviper", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a server: without the settings of this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENVIPER_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


def run(arguments: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that is expected to end by itself."""
    return subprocess.run(
        arguments,
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


@contextmanager
def server(
    arguments: Sequence[str], directory: Path, address: int | Path
) -> Iterator[subprocess.Popen[str]]:
    """Start a server, wait until it accepts connections at a port or a Unix socket, and stop it at the end."""
    with subprocess.Popen(
        arguments,
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_for(address, process)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def wait_for(address: int | Path, process: subprocess.Popen[str]) -> None:
    """Wait until somebody accepts connections; fail with the server's output if it ends before."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            output = process.stdout.read() if process.stdout else ""
            raise AssertionError(f"the server ended with {process.returncode}: {output}")
        try:
            connect(address).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nobody listens at {address} after {START_SECONDS} seconds")


def connect(address: int | Path) -> socket.socket:
    """Return a connection to a port of this machine or a Unix socket."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), 10)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection
