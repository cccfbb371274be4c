#!/usr/bin/env python3
"""Measure a request against a raw ASGI function that does the same, in one process, without sockets.

Cases: hello JSON, a path parameter among 500 routes (the first, the middle and the last one), 404 in a small application and
among 500 routes, an echo of 1 KB of JSON, and an upload of 1 MB in parts against reading the same bytes. The application has
its default middleware. Both are called in turns; the figures are ratios of the minima, as a busy machine only ever adds time.

    python3 scripts/bench/http.py                 400 rounds of 25 requests
    python3 scripts/bench/http.py --rounds 2000
    python3 scripts/bench/http.py --check         exit with 1 when a goal is missed
    python3 scripts/bench/http.py --served        under uvicorn: the hello of three servers, side by side

Under uvicorn each header of an answer costs time in the server, whoever sends it, and ours has more of them than a function
that does the least: so a third server is that function with the headers of our answer. What is compared is the time on a
processor, the kernel's included, that a server takes for a request, over 32 connections; the least of many short stretches.
A share of it is a share of the requests per second, but does not depend on what else the machine does meanwhile.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from openviper import JSONResponse, OpenViper, Request
from openviper.conf import Settings, settings

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]
ROUTES = 500
BODY = json.dumps(
    {
        "items": [
            {"id": number, "name": f"item {number}", "price": number * 1.5, "tags": ["a", "b"]}
            for number in range(14)
        ],
        "pad": "x" * 90,
    }
).encode()
BOUNDARY = b"----measured"
UPLOAD = b"".join(
    (
        b"--" + BOUNDARY + b"\r\n",
        b'content-disposition: form-data; name="file"; filename="a.bin"\r\n',
        b"content-type: application/octet-stream\r\n\r\n",
        bytes(range(256)) * 4096,
        b"\r\n--" + BOUNDARY + b"--\r\n",
    )
)
PIECE = 64 * 1024
"""What a server hands over at a time, in bytes."""


class Case(NamedTuple):
    """One kind of request.

    Attributes:
        routes: How many other routes the application has.
        method: The method.
        path: The path.
        status: The status of the right answer.
        goal: The ratio that is wanted at most.
        body: What is sent.
    """

    routes: int
    method: str
    path: str
    status: int
    goal: float
    body: bytes = b""


CASES = {
    "hello": Case(0, "GET", "/hello", 200, 2.0),
    "echo 1 KB": Case(0, "POST", "/echo", 200, 1.15, BODY),
    "404": Case(0, "GET", "/nope/x", 404, 2.0),
    "parameter, first of 500": Case(ROUTES, "GET", "/r0/items/42", 200, 2.0),
    "parameter, middle of 500": Case(ROUTES, "GET", "/r250/items/42", 200, 2.0),
    "parameter, last of 500": Case(ROUTES, "GET", "/r499/items/42", 200, 2.0),
    "404 of 500": Case(ROUTES, "GET", "/nope/x", 404, 2.0),
    "upload 1 MB": Case(0, "POST", "/upload", 200, 1.5, UPLOAD),
}


def raw_application(routes: int, further: Iterable[tuple[bytes, bytes]] = ()) -> App:
    """Return a function that answers as directly as ASGI lets it; `further` are headers beside its own."""
    always = list(further)
    kind = (b"content-type", b"application/json")
    known = {f"r{number}" for number in range(routes)}

    async def reply(send: Any, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        headers = [kind, (b"content-length", b"%d" % len(body)), *always]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def read(receive: Any) -> bytes:
        body: bytes = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                return body

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == "/hello":
            await reply(send, {"message": "hello"})
        elif path == "/echo":
            await reply(send, json.loads(await read(receive)))
        elif path == "/upload":
            await reply(send, {"size": len(await read(receive))})
        else:
            parts = path.split("/")
            is_item = len(parts) == 4 and parts[1] in known and parts[2] == "items"
            if is_item and parts[3].isdigit():
                await reply(send, {"id": int(parts[3])})
            else:
                await reply(send, {"detail": "not found"}, 404)

    return app


def application(routes: int) -> App:
    """Return an application whose handlers are written as the tutorial writes them."""
    app = OpenViper(debug=False)

    @app.get("/hello")
    async def hello(_request: Request) -> JSONResponse:
        return JSONResponse({"message": "hello"})

    @app.post("/echo")
    async def echo(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    @app.post("/upload")
    async def upload(request: Request) -> JSONResponse:
        files = await request.files()
        return JSONResponse({"size": files["file"].size})

    async def item(_request: Request, id: int) -> JSONResponse:
        return JSONResponse({"id": id})

    for number in range(routes):
        app.get(f"/r{number}/items/{{id:int}}", name=f"item-{number}")(item)
    return app


class Caller:
    """Sends one kind of request to an application.

    Args:
        app: The application.
        case: The request.
    """

    def __init__(self, app: App, case: Case) -> None:
        self._app = app
        self._case = case
        self._pieces = [case.body[at : at + PIECE] for at in range(0, len(case.body), PIECE)]
        self._headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"x"), (b"accept", b"*/*")]
        if case.body:
            is_form = case.body is UPLOAD
            form = b"multipart/form-data; boundary=" + BOUNDARY
            kind = form if is_form else b"application/json"
            length = str(len(case.body)).encode()
            self._headers += [(b"content-type", kind), (b"content-length", length)]
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": case.method,
            "scheme": "http",
            "path": case.path,
            "raw_path": case.path.encode(),
            "query_string": b"",
            "root_path": "",
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 8000),
        }
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        """Take a message of the answer."""
        self.sent.append(message)

    def call(self) -> Awaitable[None]:
        """Return one request on its way."""
        pieces = iter(self._pieces or [b""])
        left = max(1, len(self._pieces))

        async def receive() -> Message:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": next(pieces), "more_body": left > 0}

        scope = dict(self._scope, headers=list(self._headers), state={})
        return self._app(scope, receive, self.send)

    async def check(self) -> None:
        """Send one request and look at the answer.

        Raises:
            AssertionError: If it is not the right one.
        """
        self.sent.clear()
        await self.call()
        assert self.sent[0]["status"] == self._case.status, self.sent

    async def measure(self, count: int) -> float:
        """Return the microseconds that a request takes, over `count` of them."""
        self.sent.clear()
        started = time.perf_counter()
        for _ in range(count):
            await self.call()
        return (time.perf_counter() - started) / count * 1e6


async def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """Return the least time of the raw function and of the application, for each case, in microseconds."""
    times: dict[str, tuple[float, float]] = {}
    for name, case in CASES.items():
        callers = [Caller(make(case.routes), case) for make in (raw_application, application)]
        # As few at a time as can be timed: where others work too, a long stretch is always interrupted.
        count = 1 if case.body is UPLOAD else 25
        best = [float("inf"), float("inf")]
        for caller in callers:
            await caller.check()
            await caller.measure(count)
        for _ in range(rounds):
            for place, caller in enumerate(callers):
                gc.collect(0)
                best[place] = min(best[place], await caller.measure(count))
        times[name] = (best[0], best[1])
    return times


def report(times: dict[str, tuple[float, float]], *, check: bool) -> int:
    """Print the table and return the exit code."""
    missed = []
    print(f"{'case':26}{'raw us':>10}{'ours us':>10}{'ratio':>8}{'goal':>7}")
    for name, (raw, ours) in times.items():
        ratio, goal = ours / raw, CASES[name].goal
        print(f"{name:26}{raw:10.2f}{ours:10.2f}{ratio:8.2f}{goal:7.2f}")
        if ratio > goal:
            missed.append(name)
    if missed:
        print(f"over the goal: {', '.join(missed)}")
    return 1 if check and missed else 0


# Under uvicorn

SERVERS = {"raw": "raw function", "same": "the same with our headers", "ours": "ours"}
STACKS = {"httptools": ("uvloop", 0.9), "h11": ("asyncio", 0.95)}
"""The event loop for each parser, and the share of the raw function that is wanted at least."""
CONNECTIONS = 32
STRETCH = 0.25
"""Seconds for which one server is measured before it is another's turn."""
HELLO = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def headers_of_ours() -> list[tuple[bytes, bytes]]:
    """Return the headers that our answer has beside its length and type."""
    caller = Caller(application(0), CASES["hello"])
    await caller.check()
    own = (b"content-length", b"content-type")
    return [pair for pair in caller.sent[0]["headers"] if pair[0] not in own]


def serve(which: str, http: str) -> int:
    """Serve one of the applications until the process is killed; the first line says the port."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listening.getsockname()[1], flush=True)
    further = asyncio.run(headers_of_ours()) if which == "same" else ()
    app: Any = application(0) if which == "ours" else raw_application(0, further)
    loop: Any = STACKS[http][0]
    config = uvicorn.Config(app, loop=loop, http=http, log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
    return 0


class Asking(asyncio.Protocol):
    """Asks again as soon as it has an answer.

    Attributes:
        answers: How many there were.
    """

    def __init__(self) -> None:
        self.answers = 0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self) -> None:
        """Send a request."""
        self.transport.write(HELLO)

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._received += data
        if self._received.endswith(b'"hello"}'):
            assert self._received.startswith(b"HTTP/1.1 200 "), self._received
            self._received = b""
            self.answers += 1
            self.ask()


class Served(NamedTuple):
    """A server in a process of its own."""

    pid: int
    port: int

    def used(self) -> float:
        """Return the microseconds that it has had a processor."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e3

    async def measure(self) -> float:
        """Return the microseconds that a request takes it."""
        loop = asyncio.get_running_loop()
        asking = [
            (await loop.create_connection(Asking, "127.0.0.1", self.port))[1]
            for _ in range(CONNECTIONS)
        ]
        for each in asking:
            each.ask()
        await asyncio.sleep(STRETCH / 5)
        before = self.used(), sum(each.answers for each in asking)
        await asyncio.sleep(STRETCH)
        after = self.used(), sum(each.answers for each in asking)
        for each in asking:
            each.transport.abort()
        return (after[0] - before[0]) / max(1, after[1] - before[1])


@contextmanager
def started(which: str, http: str, folder: str) -> Iterator[Served]:
    """Run a server inside the block."""
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", which, http]
    # In a folder of its own: nobody's settings are found there.
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, env=dict(os.environ))
    try:
        assert server.stdout is not None
        yield Served(server.pid, int(server.stdout.readline()))
    finally:
        server.kill()
        server.wait()


async def measure_served(http: str, rounds: int) -> dict[str, float]:
    """Return the least time that a request takes each server, in microseconds."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        servers = {name: stack.enter_context(started(name, http, folder)) for name in SERVERS}
        best = dict.fromkeys(servers, float("inf"))
        for _ in range(rounds):
            for name, server in servers.items():
                best[name] = min(best[name], await server.measure())
        return best


def report_served(http: str, best: dict[str, float]) -> None:
    """Print what a stack of uvicorn was measured to take."""
    loop, goal = STACKS[http]
    print(f"\nuvicorn, {loop} and {http}; ours is wanted at {goal} of the raw function")
    print(f"{'server':28}{'us':>8}{'share of raw':>14}{'share of the same answer':>26}")
    for name, what in SERVERS.items():
        of_raw, of_same = best["raw"] / best[name], best["same"] / best[name]
        print(f"{what:28}{best[name]:8.1f}{of_raw:14.2f}{of_same:26.2f}")


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure requests against a raw ASGI function.")
    parser.add_argument(
        "--rounds", type=int, default=400, help="how often each is measured (default: 400)"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument(
        "--served", action="store_true", help="under uvicorn, with 1/20 of the rounds (Linux)"
    )
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("argument --rounds: must be at least 1")
    settings.configure(Settings(DEBUG=False, INSTALLED_APPS=()))
    if options.serve:
        return serve(*options.serve)
    if options.served:
        for http in filter(importlib.util.find_spec, STACKS):
            best = asyncio.run(measure_served(http, max(1, options.rounds // 20)))
            report_served(http, best)
        return 0
    return report(asyncio.run(measure(options.rounds)), check=options.check)


if __name__ == "__main__":
    sys.exit(main())
