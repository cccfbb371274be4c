"""The client: requests over connections that are kept and used again."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from time import monotonic
from weakref import WeakKeyDictionary

from openviper.ai.http.answer import Answer, read_answer
from openviper.ai.http.connecting import Route, connect, tls_context
from openviper.ai.http.errors import DroppedError
from openviper.ai.http.patience import Patience
from openviper.ai.http.wire import Wire
from openviper.version import VERSION

MAX_IDLE = 8
"""Most connections that are kept for later."""
IDLE_SECONDS = 30.0
"""How long they are kept."""
MAX_ANSWER = 16 * 1024 * 1024
"""Most bytes of an answer."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")
_PATH = re.compile(r"/[!-~]*")


class HttpClient:
    """Asks one server, from any number of tasks and event loops.

    Redirects are answers like any other and are not followed; cookies, compression and the proxies of the environment
    are not used.

    Args:
        route: Where the server is, and how it is reached.
        headers: Fields of every request. Their values are in no error and no `repr`.
        max_bytes: Most bytes of an answer.

    Raises:
        ValueError: If a header field cannot be sent.
    """

    def __init__(
        self,
        route: Route,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER,
    ) -> None:
        self._route = route
        self._max_bytes = max_bytes
        self._headers = _checked_headers(
            {
                "Host": route.endpoint.authority,
                "User-Agent": f"openviper/{VERSION}",
                "Accept": "application/json, application/x-ndjson, text/event-stream",
                "Accept-Encoding": "identity",
                **_proxy_headers(route),
                **(headers or {}),
            }
        )
        self._tls: ssl.SSLContext | None = None
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"HttpClient({self._route.endpoint.url!r})"

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        patience: Patience,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> AsyncIterator[Answer]:
        """Send a request, and yield the answer to be read inside the block.

        A connection whose answer was read to its end is kept for the next request; any other is closed, as it is when
        the task is cancelled.

        Args:
            method: ``GET`` or ``POST``.
            path: What follows the path of the endpoint, with its slash.
            patience: The time it may take.
            body: The content.
            content_type: Its media type.

        Raises:
            TransportError: If there is no answer.
            ValueError: If the path cannot be sent.
        """
        head = self._head(method, path, body, content_type)
        pool = self._pool()
        async with contextlib.AsyncExitStack() as stack:
            wire, answer = await self._answer(pool, head + (body or b""), patience, stack)
            yield answer
            # Not reached when the block fails or is left early.
            if answer.is_reusable:
                stack.pop_all()
                pool.keep(wire)

    async def close(self) -> None:
        """Close the connections of this event loop that are not in use."""
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None:
            await pool.close()

    async def _answer(
        self, pool: _Pool, data: bytes, patience: Patience, stack: contextlib.AsyncExitStack
    ) -> tuple[Wire, Answer]:
        wire = pool.take()
        if wire is not None:
            try:
                return await self._exchange(wire, data, patience, stack)
            except DroppedError:
                # The server has closed a connection that was kept for too long, as it may at any time.
                pass
        wire = await connect(self._route, await self._tls_context(), patience)
        return await self._exchange(wire, data, patience, stack)

    async def _exchange(
        self, wire: Wire, data: bytes, patience: Patience, stack: contextlib.AsyncExitStack
    ) -> tuple[Wire, Answer]:
        stack.callback(wire.abort)
        patience.begin()
        async with patience.waiting():
            try:
                await wire.send(data)
            except OSError as error:
                raise DroppedError("the connection broke before the answer") from error
        return wire, await read_answer(wire, patience, self._max_bytes)

    async def _tls_context(self) -> ssl.SSLContext | None:
        if self._route.endpoint.scheme == "http":
            return None
        if self._tls is None:
            # Reading the certificates of the system takes tens of milliseconds.
            self._tls = await asyncio.to_thread(tls_context, self._route.ca_file)
        return self._tls

    def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _Pool()
        return pool

    def _head(self, method: str, path: str, body: bytes | None, content_type: str) -> bytes:
        target = self._target(path)
        fields = dict(self._headers)
        if body is not None:
            fields |= {"Content-Type": content_type, "Content-Length": str(len(body))}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _target(self, path: str) -> str:
        """Return what stands in the first line: for a proxy that is no tunnel, all of the address."""
        if not _PATH.fullmatch(path):
            raise ValueError(f"the path {path!r} cannot be sent")
        endpoint = self._route.endpoint
        is_forwarded = self._route.proxy is not None and endpoint.scheme == "http"
        return f"{endpoint.url}{path}" if is_forwarded else f"{endpoint.path}{path}"


def _proxy_headers(route: Route) -> dict[str, str]:
    """Return what a proxy that is no tunnel has to be told with each request."""
    if route.proxy is None or route.endpoint.scheme == "https":
        return {}
    authorization = route.proxy.authorization
    return {"Proxy-Authorization": authorization} if authorization else {}


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header field")
        if not _VALUE.fullmatch(value):
            # Not shown: it may be a key.
            raise ValueError(
                f"the value of header field {name!r} has characters that cannot be sent"
            )
    return dict(headers)


class _Pool:
    """The connections of one event loop that wait for their next request."""

    def __init__(self) -> None:
        self._idle: list[tuple[Wire, float]] = []
        self._guard: AsyncGenerator[None, None] | None = None

    def take(self) -> Wire | None:
        """Return the connection that was used last, if one is good still."""
        while self._idle:
            wire, since = self._idle.pop()
            if wire.is_fresh and monotonic() - since < IDLE_SECONDS:
                return wire
            wire.abort()
        return None

    def keep(self, wire: Wire) -> None:
        """Keep a connection for later, or close it if there are enough."""
        if not wire.is_fresh:
            wire.abort()
            return
        self._idle.append((wire, monotonic()))
        if len(self._idle) > MAX_IDLE:
            self._idle.pop(0)[0].abort()
        self._stand_guard()

    def _stand_guard(self) -> None:
        """Have the connections closed with the event loop, which ends the generators that are open then."""
        if self._guard is None:
            self._guard = _closing(self._idle)
            with contextlib.suppress(StopIteration):
                self._guard.asend(None).send(None)

    async def close(self) -> None:
        """Close all of them and wait until they are gone."""
        while self._idle:
            wire, _ = self._idle.pop()
            await wire.close()


async def _closing(idle: list[tuple[Wire, float]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        while idle:
            wire, _ = idle.pop()
            wire.abort()
