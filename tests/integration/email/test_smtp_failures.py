"""Servers that close, hang, or go away: what is repeated, what is not, and what is told."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from typing import Any

import pytest

from openviper.core.email import network
from openviper.core.email.smtp import Envelope, SMTPConfig, deliver
from tests.integration.email.mail import (
    CONTENT,
    config,
    delivery_threads,
    delivery_threads_end,
    envelope,
    wait_until_no_delivery_threads,
)
from tests.smtp_server import Certificate, SMTPServer

PLAIN = ("8BITMIME", "SIZE 50000000")
BIG = b"x" * 70 + b"\r\n"


@pytest.fixture(params=["pipelined", "step by step"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return what the server offers."""
    return ("PIPELINING", *PLAIN) if request.param == "pipelined" else PLAIN


# Closing


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_before_the_message_is_replaced_once(
    extensions: tuple[str, ...], stage: str
) -> None:
    with SMTPServer(extensions=extensions, close_at=stage, times=1) as server:
        deliveries = await deliver(config(server), [envelope(), envelope()])
    assert [delivery.error for delivery in deliveries] == [None, None]
    assert len(server.messages) == 2
    assert len(server.sessions) == 2


async def test_a_message_cut_short_is_sent_once_more(extensions: tuple[str, ...]) -> None:
    content = BIG * 150_000
    with SMTPServer(extensions=extensions, close_at="CONTENT", times=1) as server:
        (delivery,) = await deliver(config(server), [envelope(content=content)])
    assert delivery.error is None
    assert [message.content for message in server.messages] == [content]
    assert len(server.sessions) == 2


async def test_a_message_lost_twice_is_given_up(extensions: tuple[str, ...]) -> None:
    with SMTPServer(extensions=extensions, close_at="MAIL", times=2) as server:
        bad, good = await deliver(config(server), [envelope(), envelope()])
    assert isinstance(bad.error, OSError)
    assert not bad.in_doubt
    assert good.error is None
    assert len(server.sessions) == 3


@pytest.mark.parametrize("answer", [None, ""])
async def test_a_message_sent_whole_is_never_sent_again(
    extensions: tuple[str, ...], answer: str | None
) -> None:
    options: dict[str, Any] = (
        {"close_at": "DOT"} if answer is None else {"replies": {"DOT": answer}}
    )
    with SMTPServer(extensions=extensions, times=1, **options) as server:
        doubtful, good = await deliver(
            config(server), [envelope("one@example.com"), envelope("two@example.com")]
        )
        assert server.wait_for_end()
    assert isinstance(doubtful.error, smtplib.SMTPServerDisconnected)
    assert doubtful.in_doubt
    assert good.error is None
    sent = [
        line for session in server.sessions for line in session.commands if line.startswith("RCPT")
    ]
    assert sent == ["RCPT TO:<one@example.com>", "RCPT TO:<two@example.com>"]


@pytest.mark.parametrize("farewell", [False, True])
async def test_a_server_that_has_enough_of_a_connection_gets_another(
    extensions: tuple[str, ...], farewell: bool
) -> None:
    with SMTPServer(extensions=extensions, per_connection=3, farewell=farewell) as server:
        deliveries = await deliver(config(server), [envelope() for _ in range(10)])
    assert [delivery.error for delivery in deliveries] == [None] * 10
    assert [len(session.messages) for session in server.sessions] == [3, 3, 3, 1]


async def test_a_farewell_on_a_fresh_connection_is_an_answer(extensions: tuple[str, ...]) -> None:
    with SMTPServer(
        extensions=extensions, replies={"MAIL": "421 4.3.2 going down"}, times=1
    ) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPSenderRefused)
    assert delivery.error.smtp_code == 421
    assert len(server.sessions) == 1


async def test_a_farewell_amid_the_recipients_refuses_all(extensions: tuple[str, ...]) -> None:
    replies = {"RCPT:b@example.com": "421 4.3.2 going down"}
    with SMTPServer(extensions=extensions, replies=replies, times=1) as server:
        (delivery,) = await deliver(
            config(server), [envelope("a@example.com", "b@example.com", "c@example.com")]
        )
    assert isinstance(delivery.error, smtplib.SMTPRecipientsRefused)
    assert not server.messages


@pytest.mark.parametrize("answer", ["hello?", "25", "²50 fine", "-12 no"])
async def test_an_answer_that_is_none_ends_the_connection(answer: str) -> None:
    with SMTPServer(replies={"MAIL": answer}, times=1) as server:
        bad, good = await deliver(config(server), [envelope(), envelope()])
    assert isinstance(bad.error, smtplib.SMTPSenderRefused)
    assert bad.error.smtp_code == -1
    assert good.error is None
    assert len(server.sessions) == 2


async def test_an_answer_without_end_is_given_up() -> None:
    endless = "\r\n".join(["250-" + "x" * 500] * 400) + "\r\n250 fine"
    with SMTPServer(replies={"EHLO": endless}) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPServerDisconnected)
    assert "does not end" in str(delivery.error)


async def test_a_server_that_always_closes_fails_the_batch_soon() -> None:
    with SMTPServer(close_at="MAIL") as server:
        deliveries = await deliver(config(server), [envelope()] * 50)
    assert all(isinstance(delivery.error, OSError) for delivery in deliveries)
    assert len(server.sessions) == 4


async def test_a_closed_port_is_a_connection_error() -> None:
    with SMTPServer() as server:
        where = config(server)
    deliveries = await deliver(where, [envelope(), envelope()])
    assert all(isinstance(delivery.error, ConnectionRefusedError) for delivery in deliveries)


async def test_a_refusing_greeting_is_a_connect_error() -> None:
    with SMTPServer(replies={"CONNECT": "554 5.3.2 no service"}) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPConnectError)
    assert delivery.error.smtp_code == 554


@pytest.mark.parametrize("stage", ["QUIT", "RSET"])
async def test_closing_when_all_is_said_is_no_failure(stage: str) -> None:
    with SMTPServer(close_at=stage, replies={"RCPT:no@example.com": "550 no"}) as server:
        bad, good = await deliver(config(server), [envelope("no@example.com"), envelope()])
    assert isinstance(bad.error, smtplib.SMTPRecipientsRefused)
    assert good.error is None
    assert len(server.messages) == 1


async def test_an_unknown_host_is_an_error_of_the_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: int, flags: int) -> list[network.Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(network, "_look_up", unknown)
    (delivery,) = await deliver(SMTPConfig("mail.test", 25), [envelope()])
    assert isinstance(delivery.error, socket.gaierror)


# Hanging


@pytest.mark.parametrize(
    "stage", ["CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT", "DOT"]
)
async def test_every_step_has_a_time_limit(extensions: tuple[str, ...], stage: str) -> None:
    content = BIG * 200_000 if stage == "CONTENT" else CONTENT
    users = {"ada": "s3cret"} if stage == "AUTH" else {}
    login = {"username": "ada", "password": "s3cret"} if users else {}
    with SMTPServer(extensions=extensions, hang_at=stage, users=users) as server:
        started = time.monotonic()
        (delivery,) = await deliver(
            config(server, timeout=0.3, **login), [envelope(content=content)]
        )
        took = time.monotonic() - started
    assert isinstance(delivery.error, TimeoutError)
    assert delivery.in_doubt is (stage == "DOT")
    assert took < 10
    assert len(server.sessions) == 1
    assert await delivery_threads_end(5)


@pytest.mark.parametrize(
    ("tls", "stage"), [("starttls", "STARTTLS"), ("starttls", "TLS"), ("implicit", "TLS")]
)
async def test_the_handshake_has_a_time_limit(
    certificate: Certificate, tls: str, stage: str
) -> None:
    with SMTPServer(tls=tls, certificate=certificate, hang_at=stage) as server:
        where = config(server, timeout=0.3, use_tls=tls == "starttls", use_ssl=tls == "implicit")
        (delivery,) = await deliver(where, [envelope()])
    assert isinstance(delivery.error, TimeoutError)


async def test_a_server_that_drips_its_answer_cannot_stretch_the_limit() -> None:
    with SMTPServer(drip=0.1) as server:
        started = time.monotonic()
        (delivery,) = await deliver(config(server, timeout=0.5), [envelope()])
        took = time.monotonic() - started
    assert isinstance(delivery.error, TimeoutError)
    assert took < 10


async def test_an_answer_in_pieces_within_the_limit_is_fine() -> None:
    with SMTPServer(drip=0.001) as server:
        (delivery,) = await deliver(config(server), [envelope()])
    assert delivery.error is None


async def test_a_goodbye_without_an_answer_does_not_hold_up_the_result() -> None:
    with SMTPServer(hang_at="QUIT") as server:
        started = time.monotonic()
        (delivery,) = await deliver(config(server, timeout=60.0), [envelope()])
        took = time.monotonic() - started
    assert delivery.error is None
    assert took < 30


async def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    ended: list[bool] = []

    def hang(host: str, port: int, flags: int) -> list[network.Address]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        ended.append(answered.wait(60))
        return []

    monkeypatch.setattr(network, "_look_up", hang)
    try:
        (delivery,) = await deliver(SMTPConfig("mail.test", 25, timeout=0.2), [envelope()])
        assert ended == []
    finally:
        answered.set()
    assert isinstance(delivery.error, TimeoutError)
    assert "'mail.test'" in str(delivery.error)


async def test_a_hanging_server_fails_the_batch_soon() -> None:
    with SMTPServer(hang_at="MAIL") as server:
        deliveries = await deliver(config(server, timeout=0.2), [envelope()] * 50)
    assert all(isinstance(delivery.error, TimeoutError) for delivery in deliveries)
    assert len(server.sessions) == 2


async def test_the_next_address_is_tried_when_one_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SMTPServer() as closed:
        pass
    with SMTPServer() as server:
        addresses: list[network.Address] = [
            (socket.AF_INET, ("127.0.0.1", port)) for port in (closed.port, server.port)
        ]
        monkeypatch.setattr(network, "_look_up", lambda host, port, flags: addresses)
        (delivery,) = await deliver(SMTPConfig("mail.test", 25, timeout=5.0), [envelope()])
    assert delivery.error is None


def test_no_thread_is_left_by_the_tests_above() -> None:
    assert wait_until_no_delivery_threads(10), delivery_threads()


def test_an_envelope_does_not_show_its_content() -> None:
    assert "secret" not in repr(Envelope("a@example.com", ("b@example.com",), b"secret"))
