"""Server-sent events (HTML Living Standard, 9.2)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from typing import Any, TypeAlias

from openviper.http.connection import Connection
from openviper.http.streaming import StreamingResponse
from openviper.utils.json_text import encode_json

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that proxies do not close the connection."""


@dataclasses.dataclass(frozen=True)
class ServerSentEvent:
    """One event.

    Attributes:
        data: Text, over as many lines as it has; anything else is sent as JSON.
        event: Its type; ``message`` in browsers when not given.
        id: What a browser sends back as ``Last-Event-ID`` when it connects again.
        retry: How long browsers wait before that, in milliseconds.

    Raises:
        ValueError: If `event` or `id` holds a line break or NUL, or `retry` is no whole number of at least 0, which browsers
            pass over.
    """

    data: Any = ""
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and any(mark in str(value) for mark in "\r\n\0"):
                raise ValueError(
                    f"the {name} {value!r} of an event must not hold line breaks or NUL"
                )
        if self.retry is not None and (type(self.retry) is not int or self.retry < 0):
            raise ValueError(
                f"the retry {self.retry!r} of an event must be a whole number of milliseconds"
            )

    def encode(self) -> bytes:
        """Return the event as it is sent."""
        fields = {"event": self.event, "id": self.id, "retry": self.retry}
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        data = self.data if isinstance(self.data, str) else encode_json(self.data).decode()
        # Every way to end a line ends one here; left in, the rest would be read as fields of the protocol.
        plain = data.replace("\r\n", "\n").replace("\r", "\n")
        lines += [f"data: {line}" for line in plain.split("\n")]
        # Half a surrogate pair has no form in UTF-8, and one text must not end the stream of all the others.
        return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


Events: TypeAlias = "AsyncIterable[Any]"


class EventSourceResponse(StreamingResponse):
    """A stream of events that browsers read with ``EventSource``.

    Args:
        content: Yields events, or what becomes the data of one; or a function without arguments that returns that.
        status_code: The HTTP status.
        headers: Further headers.
        keep_alive: Seconds of silence after which a comment is sent.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        content: Events | Callable[[], Events],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        keep_alive: float = KEEP_ALIVE,
    ) -> None:
        # Proxies must neither keep the events back nor give them to somebody else.
        general = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(content, status_code, {**general, **(headers or {})})
        self.keep_alive = keep_alive

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        arrived: asyncio.Queue[Any] = asyncio.Queue(1)
        # One task for all of them, as the generator may hold what belongs to a task.
        reading = asyncio.ensure_future(_read_into(arrived, super()._pieces()))
        try:
            while True:
                event = await _next_within(self.keep_alive, arrived)
                if event is _END:
                    break
                yield b": keep-alive\n\n" if event is _SILENCE else as_event(event).encode()
            await reading
        finally:
            reading.cancel()
            # An event that waits to be taken would keep the last word from getting in, and the reader for ever.
            while not arrived.empty():
                arrived.get_nowait()
            await asyncio.wait((reading,))


async def _read_into(arrived: asyncio.Queue[Any], events: AsyncGenerator[Any, None]) -> None:
    try:
        async for event in events:
            await arrived.put(event)
    finally:
        await events.aclose()
        # An event may still wait to be taken; when this ends by an error it is taken first.
        await arrived.put(_END)


async def _next_within(seconds: float, arrived: asyncio.Queue[Any]) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return await arrived.get()
    except TimeoutError:
        return _SILENCE


_SILENCE = object()
_END = object()


def as_event(value: Any) -> ServerSentEvent:
    """Return an event; anything else becomes the data of one."""
    return value if isinstance(value, ServerSentEvent) else ServerSentEvent(value)


def last_event_id(request: Connection) -> str:
    """Return the id of the last event that a browser has got before it connects again; empty the first time.

    It comes from the client: anybody can send any.
    """
    raw = request.header(b"last-event-id") or b""
    # Browsers send it in UTF-8, as it was in the stream.
    return raw.decode("utf-8", "replace")
