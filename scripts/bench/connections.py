#!/usr/bin/env python3
"""Measure a server with many open connections, and with a large upload: how late its event loop is, and how much memory it takes.

    python3 scripts/bench/connections.py                      1,000 idle WebSockets and 200 event streams beside 1,000 requests/s
    python3 scripts/bench/connections.py --sockets 100 --streams 20 --rate 200 --seconds 5
    python3 scripts/bench/connections.py --upload 2048        an upload of so many MiB, streamed to a handler that asks for its size

uvicorn serves in a process of its own on 127.0.0.1 (with `uvloop` and `httptools` where they are installed). A task there sleeps
10 ms in a loop and notes how late it wakes; the processor time that the loop has used meanwhile does not depend on what else the
machine does. Memory is the resident set from /proc, so this runs on Linux.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

from openviper import JSONResponse, OpenViper, Request, WebSocket
from openviper.conf import Settings, settings
from openviper.http import BodyLimits, EventSourceResponse

HOST = "127.0.0.1"
INTERVAL = 0.01
"""Seconds that the watching task sleeps."""
LOADERS = 20
"""Connections over which the requests are sent."""
PIECE = 256 * 1024
"""What the upload sends at a time, in bytes."""
BOUNDARY = "measured"


# The server


def resident(what: str = "VmRSS") -> float:
    """Return the memory of this process, in MiB; ``VmHWM`` is the most it ever was."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def application() -> OpenViper:
    """Return what is served."""
    app = OpenViper(debug=False)
    lags: list[tuple[float, float]] = []
    tasks: set[asyncio.Task[None]] = set()

    @app.on_startup
    async def begin() -> None:
        tasks.add(asyncio.ensure_future(_watch(lags)))

    @app.get("/hello")
    async def hello(_request: Request) -> JSONResponse:
        return JSONResponse({"message": "hello"})

    @app.get("/state")
    async def state(_request: Request) -> JSONResponse:
        noted = sorted(late for late, _ in lags)
        busiest = max((busy for _, busy in lags), default=0.0)
        lags.clear()
        at = int(len(noted) * 0.99)
        lag = (
            {"p99": noted[at] * 1e3, "max": noted[-1] * 1e3} if noted else {"p99": 0.0, "max": 0.0}
        )
        memory = {"now": resident(), "peak": resident("VmHWM")}
        return JSONResponse({"lag": lag, "busiest": busiest * 1e3, "memory": memory})

    @app.websocket("/socket")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    @app.get("/events")
    async def events(_request: Request) -> EventSourceResponse:
        return EventSourceResponse(_ticks())

    @app.post("/upload", limits=BodyLimits(upload=2**33))
    async def upload(request: Request) -> JSONResponse:
        files = await request.files()
        return JSONResponse({"size": files["file"].size})

    return app


async def _ticks() -> AsyncIterator[str]:
    while True:
        yield "tick"
        await asyncio.sleep(5)


async def _watch(lags: list[tuple[float, float]]) -> None:
    while True:
        started, used = time.perf_counter(), time.thread_time()
        await asyncio.sleep(INTERVAL)
        lags.append((time.perf_counter() - started - INTERVAL, time.thread_time() - used))


def serve() -> int:
    """Serve until the process is told to end; the first line says the port."""
    import uvicorn

    settings.configure(
        Settings(DEBUG=False, INSTALLED_APPS=(), ALLOWED_HOSTS=(HOST,), SECRET_KEY="m" * 60)
    )
    listening = socket.create_server((HOST, 0), backlog=4096)
    # As servers of ours do; a socket of no known protocol has asyncio leave it out.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(application(), log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
    return 0


# The clients


class Client:
    """Asks one server.

    Args:
        port: Its port.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://{HOST}:{port}"

    async def connect(self, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection over which the head of a request was sent."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(head.encode())
        await writer.drain()
        return reader, writer

    def head(self, method: str, path: str, *lines: str) -> str:
        """Return the head of a request."""
        return "\r\n".join((f"{method} {path} HTTP/1.1", f"host: {HOST}", *lines, "", ""))

    async def open_socket(self) -> asyncio.StreamWriter:
        """Return an open WebSocket."""
        key = base64.b64encode(os.urandom(16)).decode()
        return await self._open(
            self.head(
                "GET",
                "/socket",
                "connection: Upgrade",
                "upgrade: websocket",
                "sec-websocket-version: 13",
                f"sec-websocket-key: {key}",
            ),
            b"101",
        )

    async def open_stream(self) -> asyncio.StreamWriter:
        """Return an open event stream."""
        return await self._open(self.head("GET", "/events"), b"200")

    async def _open(self, head: str, status: bytes) -> asyncio.StreamWriter:
        reader, writer = await self.connect(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split(b" ")[1] != status:
            raise RuntimeError(f"not opened: {answer[:200]!r}")
        return writer

    async def state(self) -> Any:
        """Return what the server says of itself since it was asked last."""
        reader, writer = await self.connect(self.head("GET", "/state", "connection: close"))
        answer = await reader.read()
        writer.close()
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def load(self, rate: float, seconds: float) -> list[float]:
        """Send requests at a rate over one connection, and return how long each took, in milliseconds."""
        head = self.head("GET", "/hello")
        reader, writer = await self.connect("")
        taken: list[float] = []
        due = time.perf_counter()
        until = due + seconds
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            started = time.perf_counter()
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(b'{"message":"hello"}'))
            assert b" 200 " in answer.partition(b"\r\n")[0], answer
            taken.append((time.perf_counter() - started) * 1e3)
            due += 1 / rate
        writer.close()
        return taken

    async def send_upload(self, mebibytes: int) -> int:
        """Send a file of that size, and return the size that the server has counted."""
        first = (
            f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n'
            "content-type: application/octet-stream\r\n\r\n"
        ).encode()
        last = f"\r\n--{BOUNDARY}--\r\n".encode()
        length = len(first) + mebibytes * 2**20 + len(last)
        form = f"content-type: multipart/form-data; boundary={BOUNDARY}"
        reader, writer = await self.connect(
            self.head("POST", "/upload", form, f"content-length: {length}", "connection: close")
        )
        writer.write(first)
        piece = os.urandom(PIECE)
        for _ in range(mebibytes * 2**20 // PIECE):
            writer.write(piece)
            await writer.drain()
        writer.write(last)
        answer = await reader.read()
        writer.close()
        size: int = json.loads(answer.partition(b"\r\n\r\n")[2])["size"]
        return size


async def measure_connections(client: Client, options: argparse.Namespace) -> None:
    """Print how the server does with nothing open, and with everything open."""
    await client.load(
        100, 1
    )  # What is imported and compiled at the first requests is not what is measured.
    await client.state()
    quiet = await _under_load(client, options, "nothing else open")
    sockets = [await client.open_socket() for _ in range(options.sockets)]
    streams = [await client.open_stream() for _ in range(options.streams)]
    await client.state()
    name = f"{options.sockets} WebSockets, {options.streams} event streams"
    busy = await _under_load(client, options, name)
    count = max(1, options.sockets + options.streams)
    each = (busy["memory"]["now"] - quiet["memory"]["now"]) * 1024 / count
    print(f"memory of one open connection: {each:.1f} KiB")
    for writer in (*sockets, *streams):
        writer.close()


async def _under_load(client: Client, options: argparse.Namespace, name: str) -> Any:
    rate = options.rate / LOADERS
    started = time.perf_counter()
    results = await asyncio.gather(*[client.load(rate, options.seconds) for _ in range(LOADERS)])
    elapsed = time.perf_counter() - started
    taken = sorted(each for result in results for each in result)
    state = await client.state()
    print(
        f"{name}: {len(taken) / elapsed:.0f} requests/s, answered in {_at(taken, 0.5):.1f} ms "
        f"(p99 {_at(taken, 0.99):.1f}); loop late by p99 {state['lag']['p99']:.1f} ms, max {state['lag']['max']:.1f} ms, "
        f"at most {state['busiest']:.1f} ms of work in {INTERVAL * 1e3:.0f} ms; memory {state['memory']['now']:.1f} MiB"
    )
    return state


def _at(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


async def measure_upload(client: Client, options: argparse.Namespace) -> None:
    """Print how much memory an upload takes."""
    await client.load(100, 1)
    before = await client.state()
    # The first small one brings what every upload imports.
    await client.send_upload(1)
    warm = await client.state()
    started = time.perf_counter()
    size = await client.send_upload(options.upload)
    after = await client.state()
    assert size == options.upload * 2**20, size
    idle, first, peak = (
        state["memory"][which] for state, which in ((before, "now"), (warm, "now"), (after, "peak"))
    )
    print(
        f"{options.upload} MiB in {time.perf_counter() - started:.1f} s: {idle:.1f} MiB before, {first:.1f} MiB after an upload of 1 MiB, "
        f"at most {peak:.1f} MiB; loop late by p99 {after['lag']['p99']:.1f} ms, max {after['lag']['max']:.1f} ms"
    )


async def _with_server(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # In a folder of its own: nobody's settings are found there.
        server = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve"],
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "TMPDIR": options.spool or folder},
        )
        try:
            assert server.stdout is not None
            client = Client(int(server.stdout.readline()))
            measure = measure_upload if options.upload else measure_connections
            await measure(client, options)
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def main() -> int:
    """Print the figures and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure a server with many open connections.")
    parser.add_argument("--sockets", type=_count, default=1000, help="idle WebSockets")
    parser.add_argument("--streams", type=_count, default=200, help="open event streams")
    parser.add_argument("--rate", type=_count, default=1000, help="requests per second")
    parser.add_argument("--seconds", type=_count, default=15, help="how long each is measured")
    parser.add_argument("--upload", type=_count, default=0, help="MiB to send in place of all that")
    parser.add_argument("--spool", default="", help="where the server keeps what is uploaded")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve()
    if not options.rate or not options.seconds:
        parser.error("--rate and --seconds must be at least 1")
    asyncio.run(_with_server(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
