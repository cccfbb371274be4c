"""Answers sent piece by piece, and events."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request, StreamingResponse
from openviper.http import EventSourceResponse, ServerSentEvent, last_event_id
from openviper.http.asgi import Message
from openviper.http.streaming import _close_in_thread
from openviper.testing import OpenViperTestClient


def client_of(content: object, *, debug: bool = False) -> OpenViperTestClient:
    """Return the client of an application whose ``/s`` streams something."""
    app = OpenViper(debug=debug)

    @app.get("/s")
    async def view(request: Request) -> StreamingResponse:
        return StreamingResponse(content)  # type: ignore[arg-type]  # each test gives what it is about

    return app.test_client()


async def test_plain_and_asynchronous_iterators_are_sent() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "a"
        yield "ä"

    assert (await client_of(pieces).get("/s")).text == "aä"
    assert (await client_of(lambda: iter([b"1", "2"])).get("/s")).content == b"12"
    assert (await client_of([]).get("/s")).content == b""


async def test_a_stream_that_fails_before_its_first_piece_is_a_clean_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in (0,):
            yield b"x" * (1 // number)

    with caplog.at_level(logging.ERROR):
        response = await client_of(pieces).get("/s")
    assert (response.status_code, response.json()["status"]) == (500, 500)
    assert "content-length" in response.headers
    assert [record.name for record in caplog.records] == ["openviper.request"]


async def test_a_stream_that_fails_later_looks_cut_and_is_not_logged_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        raise ZeroDivisionError

    client = client_of(pieces)
    with caplog.at_level(logging.ERROR):
        async with client.stream("GET", "/s") as response:
            with pytest.raises(AssertionError, match="cut short"):
                await response.aread()
    # The server logs what it is given; we do not log it besides.
    assert caplog.records == []


async def test_pieces_are_made_as_they_are_taken() -> None:
    made: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(1000):
            made.append(number)
            yield b"x"
            await asyncio.sleep(0)

    async with client_of(pieces).stream("GET", "/s") as response:
        async for _ in response.aiter_bytes():
            break
    assert len(made) < 1000


async def test_a_generator_is_closed_in_its_own_task_when_the_client_leaves() -> None:
    tasks: list[object] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                tasks.append(asyncio.current_task())
                yield b"x"
                await asyncio.sleep(0)
        finally:
            tasks.append(asyncio.current_task())

    async with client_of(pieces).stream("GET", "/s") as response:
        async for _ in response.aiter_bytes():
            if len(tasks) > 3:
                break
        response.disconnect()
    assert len(set(map(id, tasks))) == 1


async def test_the_head_of_a_silent_stream_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("openviper.http.streaming.FIRST_PIECE_WAIT", 0.01)
    released = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        await released.wait()
        yield b"late"

    async with client_of(pieces).stream("GET", "/s") as response:
        assert response.status_code == 200
        released.set()
        assert await response.aread() == b"late"


async def test_head_has_no_body_and_stops_the_iterator() -> None:
    closed: list[bool] = []

    def pieces() -> Iterator[bytes]:
        yield b"x"
        closed.append(False)

    response = await client_of(pieces).head("/s")
    assert (response.status_code, response.content, closed) == (200, b"", [])


# Events


@pytest.mark.parametrize(
    ("event", "sent"),
    [
        (ServerSentEvent("a"), b"data: a\n\n"),
        (ServerSentEvent("a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (
            ServerSentEvent({"n": 1}, event="tick", id="7", retry=1500),
            b'event: tick\nid: 7\nretry: 1500\ndata: {"n":1}\n\n',
        ),
        (ServerSentEvent(), b"data: \n\n"),
        (ServerSentEvent("data: x\nid: 5"), b"data: data: x\ndata: id: 5\n\n"),
    ],
)
def test_events_as_they_are_sent(event: ServerSentEvent, sent: bytes) -> None:
    assert event.encode() == sent


@pytest.mark.parametrize("mark", ["\n", "\r", "\0"])
@pytest.mark.parametrize("name", ["event", "id"])
def test_a_name_of_an_event_cannot_forge_fields(name: str, mark: str) -> None:
    with pytest.raises(ValueError, match=name):
        ServerSentEvent("x", **{name: f"a{mark}data: b"})  # type: ignore[arg-type]  # both names are of texts


async def test_events_are_streamed_with_what_browsers_and_proxies_need() -> None:
    app = OpenViper()

    @app.get("/events")
    async def events(request: Request) -> EventSourceResponse:
        after = int(request.headers.get("last-event-id", "0"))

        async def numbers() -> AsyncIterator[object]:
            for number in range(after + 1, after + 3):
                yield ServerSentEvent(str(number), id=str(number))
            yield {"done": True}

        return EventSourceResponse(numbers())

    response = await app.test_client().get("/events", headers={"last-event-id": "4"})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.text == 'id: 5\ndata: 5\n\nid: 6\ndata: 6\n\ndata: {"done":true}\n\n'


async def test_silence_is_filled_with_comments() -> None:
    app = OpenViper()
    go_on = asyncio.Event()

    @app.get("/events")
    async def events(request: Request) -> EventSourceResponse:
        async def later() -> AsyncIterator[str]:
            await go_on.wait()
            yield "at last"

        return EventSourceResponse(later, keep_alive=0.01)

    async with app.test_client().stream("GET", "/events") as response:
        lines = response.aiter_lines()
        assert await anext(lines) == ": keep-alive"
        go_on.set()
        assert "data: at last" in [line async for line in lines]


async def test_events_that_fail_at_once_are_a_clean_500() -> None:
    app = OpenViper(debug=False)

    @app.get("/events")
    async def events(request: Request) -> EventSourceResponse:
        async def broken() -> AsyncIterator[str]:
            for number in (0,):
                yield str(1 // number)

        return EventSourceResponse(broken())

    assert (await app.test_client().get("/events")).status_code == 500


@pytest.mark.parametrize("retry", [-1, "100", 1.5, True])
def test_a_time_that_browsers_pass_over_is_refused(retry: Any) -> None:
    with pytest.raises(ValueError, match="whole number of milliseconds"):
        ServerSentEvent("x", retry=retry)


@pytest.mark.parametrize("content", ["häl", "häl".encode(), bytearray("häl".encode())])
async def test_a_text_is_one_piece(content: Any) -> None:
    sent: list[Any] = []
    response = StreamingResponse(content)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.get_running_loop().create_future()

    await response({"type": "http", "method": "GET", "headers": []}, receive, send)
    assert [message["body"] for message in sent[1:]] == ["häl".encode(), b""]


@pytest.mark.parametrize("piece", [1, None, ["a"], {"a": 1}])
async def test_a_piece_that_is_neither_text_nor_bytes_is_a_clean_500(
    piece: object, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of([piece])
    assert (await client.get("/s")).status_code == 500
    assert f"the pieces of a stream are text or bytes, not {piece!r}" in caplog.text


async def test_a_plain_generator_is_closed_when_its_client_leaves() -> None:
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            loop.call_soon_threadsafe(closed.set)

    kept = pieces()  # Somebody holds it, so that the collector does not close it.
    async with client_of(kept).stream("GET", "/s") as response:
        async for _ in response.aiter_bytes():
            break
    async with asyncio.timeout(10):
        await closed.wait()


async def test_a_plain_generator_that_is_busy_is_closed_once_it_is_not() -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            yield b"first"
            begun.set()
            go_on.wait(30)
            yield b"second"
        finally:
            closed.set()

    kept = pieces()
    async with client_of(kept).stream("GET", "/s") as response:
        async for _ in response.aiter_bytes():
            break
        assert await asyncio.to_thread(begun.wait, 30)
    assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 30)


async def test_a_file_that_is_streamed_is_closed(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"a\nb\n")
    file = (tmp_path / "lines").open("rb")
    assert (await client_of(file).get("/s")).content == b"a\nb\n"
    assert file.closed


@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_stream_ends_with_who_waits_for_it(is_begun: bool) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            if is_begun:
                yield b"x"
            begun.set()
            await asyncio.get_running_loop().create_future()
            yield b""
        finally:
            ended.set()

    request = asyncio.ensure_future(client_of(pieces).get("/s"))
    await begun.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    async with asyncio.timeout(10):
        await ended.wait()


async def test_half_a_surrogate_pair_ends_no_stream() -> None:
    assert (await client_of(lambda: iter(["a\udc00", "b"])).get("/s")).content == b"a?b"


@pytest.mark.parametrize("made", [1, 2, 3, 9])
async def test_events_end_with_a_client_that_takes_no_more_of_them(made: int) -> None:
    left, closed = asyncio.Event(), asyncio.Event()

    async def events() -> AsyncIterator[str]:
        try:
            for number in range(made):
                yield str(number)
            await asyncio.get_running_loop().create_future()
        finally:
            closed.set()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message.get("body"):
            await asyncio.get_running_loop().create_future()

    answer = EventSourceResponse(events)
    sending = asyncio.ensure_future(answer({"type": "http", "method": "GET"}, receive, send))
    for _ in range(20):
        await asyncio.sleep(0)
    left.set()
    async with asyncio.timeout(10):
        await sending
    assert closed.is_set()


@pytest.mark.parametrize(
    ("sent", "seen"),
    [(None, ""), (b"", ""), (b"7", "7"), ("ünï ☃".encode(), "ünï ☃"), (b"\xff;1", "\ufffd;1")],
)
def test_the_last_event_id_is_the_text_that_was_sent(sent: bytes | None, seen: str) -> None:
    headers = [] if sent is None else [(b"last-event-id", sent)]
    assert last_event_id(Request({"type": "http", "headers": headers})) == seen


async def test_closing_goes_on_though_who_waits_for_it_is_cancelled() -> None:
    closed = threading.Event()

    class Held:
        def close(self) -> None:
            closed.set()

    for waits in range(3):
        closed.clear()
        closing = asyncio.ensure_future(_close_in_thread(Held(), threading.Lock()))
        for _ in range(waits):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        if waits:  # Else it had not begun.
            assert await asyncio.to_thread(closed.wait, 30)
