"""Many messages at once, cancellation, and an event loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from openviper.core.email import smtp
from openviper.core.email.smtp import deliver
from tests.integration.email.mail import config, envelope, wait_until_no_delivery_threads
from tests.smtp_server import Certificate, SMTPServer

LINE = b"aGVsbG8gd29ybGQsIHRoaXMgaXMgYSBsb25nIGxpbmUgb2YgYmFzZTY0IGNvbnRlbnQgZm9yIHRlc3Rz\r\n"


async def until(condition: object, limit: float = 10.0) -> None:
    """Wait until a condition holds."""
    assert callable(condition)
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.01)


async def test_no_more_connections_than_allowed_for_many_deliveries() -> None:
    with SMTPServer(delay=0.01) as server:
        where = config(server, max_connections=3)
        results = await asyncio.gather(*(deliver(where, [envelope()]) for _ in range(30)))
    assert all(delivery.error is None for deliveries in results for delivery in deliveries)
    assert len(server.messages) == 30
    # The server counts one until it has read its end, which may be after the next one has begun.
    assert server.most_at_once <= 6


async def test_further_connections_join_in_while_it_goes_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "GROW_AFTER", 0.05)
    with SMTPServer(delay=0.02) as server:
        envelopes = [envelope(f"user{number}@example.com") for number in range(60)]
        deliveries = await deliver(config(server, max_connections=3), envelopes)
    assert all(delivery.error is None for delivery in deliveries)
    assert 2 <= len(server.sessions) <= 3
    assert sorted(message.recipients for message in server.messages) == sorted(
        [*one.recipients] for one in envelopes
    )


async def test_a_server_that_allows_one_connection_only_gets_all_over_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "GROW_AFTER", 0.05)
    with SMTPServer(delay=0.02) as server:
        sending = asyncio.create_task(deliver(config(server), [envelope() for _ in range(40)]))
        await until(lambda: server.messages)
        server.replies["CONNECT"] = "421 4.7.0 too many connections"
        deliveries = await sending
    assert all(delivery.error is None for delivery in deliveries)
    assert len(server.messages) == 40
    assert len(server.sessions) > 1


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "DATA", "CONTENT", "DOT", "QUIT"])
async def test_cancelling_closes_the_connection_at_once(stage: str) -> None:
    content = LINE * 200_000 if stage == "CONTENT" else LINE
    with SMTPServer(hang_at=stage, keeps=False) as server:
        sending = asyncio.create_task(
            deliver(config(server, timeout=60.0), [envelope(content=content)] * 3)
        )
        await until(lambda: server.sessions)
        await asyncio.sleep(0.1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 5)
        assert await asyncio.to_thread(wait_until_no_delivery_threads, 10)


async def test_cancelling_ends_a_tls_handshake(certificate: Certificate) -> None:
    with SMTPServer(tls="implicit", certificate=certificate, hang_at="TLS") as server:
        where = config(server, timeout=60.0, use_ssl=True, ca_file=str(certificate.ca))
        sending = asyncio.create_task(deliver(where, [envelope()]))
        await until(lambda: server.sessions)
        await asyncio.sleep(0.1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 5)
        assert await asyncio.to_thread(wait_until_no_delivery_threads, 10)


async def test_cancelling_stops_a_batch_between_messages() -> None:
    with SMTPServer(delay=0.02) as server:
        sending = asyncio.create_task(deliver(config(server), [envelope() for _ in range(500)]))
        await until(lambda: len(server.messages) > 2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert await asyncio.to_thread(wait_until_no_delivery_threads, 10)
        assert server.wait_for_end()
        assert len(server.messages) < 500


async def test_one_delivery_that_waits_for_another_can_be_cancelled() -> None:
    with SMTPServer(hang_at="MAIL", times=1) as server:
        where = config(server, timeout=60.0, max_connections=1)
        hanging = asyncio.create_task(deliver(where, [envelope()]))
        await until(lambda: server.sessions)
        waiting = asyncio.create_task(deliver(where, [envelope()]))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        (delivery,) = await deliver(where, [envelope()])
        assert delivery.error is None


async def test_hanging_servers_leave_the_threads_of_the_loop_alone() -> None:
    with SMTPServer(hang_at="CONNECT") as server:
        where = config(server, timeout=60.0, max_connections=40)
        hanging = [asyncio.create_task(deliver(where, [envelope()])) for _ in range(40)]
        await until(lambda: len(server.sessions) == 40)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 7), 10) == 7
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert await asyncio.to_thread(wait_until_no_delivery_threads, 10)


def test_deliveries_work_in_one_loop_after_another() -> None:
    with SMTPServer() as server:
        for _ in range(3):
            (delivery,) = asyncio.run(deliver(config(server), [envelope()]))
            assert delivery.error is None


@pytest.mark.one_version
async def test_the_loop_goes_on_while_large_messages_go_out() -> None:
    """200 messages of 1 MB: the loop is late by far less than a message takes, most of the time by nothing at all."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - started - 0.005)

    content = LINE * 12_500
    assert len(content) > 1_000_000
    with SMTPServer(keeps=False) as server:
        watcher = asyncio.create_task(watch())
        await asyncio.sleep(0.05)
        deliveries = await deliver(
            config(server, timeout=30.0), [envelope(content=content) for _ in range(200)]
        )
        watcher.cancel()
    assert all(delivery.error is None for delivery in deliveries)
    lags.sort()
    assert lags[len(lags) // 2] < 0.05
    # The server is in this process and wants the interpreter too; a loop that is blocked is late by seconds here.
    assert lags[-1] < 0.5, f"late by {lags[-1]:.3f} s"
