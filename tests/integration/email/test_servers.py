"""Several servers, tokens and certificates, against servers on loopback."""

from __future__ import annotations

import smtplib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.core.email import (
    EmailMessageData,
    EmailSettings,
    RecipientsRefused,
    SMTPBackend,
    outgoing,
)
from openviper.core.email.envelope import SMTPConfig
from openviper.core.email.outgoing import servers_of
from openviper.core.email.refusals import is_final
from openviper.core.email.smtp import deliver
from openviper.exceptions import ImproperlyConfigured
from tests.integration.email.mail import config, envelope
from tests.smtp_server import Certificate, SMTPServer


@pytest.fixture(autouse=True)
def nobody_has_failed() -> Iterator[None]:
    """Forget which servers did not answer."""
    outgoing._failed_at.clear()
    yield
    outgoing._failed_at.clear()


def message(to: str = "bob@x.io") -> EmailMessageData:
    """Return a message."""
    return EmailMessageData([to], "Hi", "Hello", sender="ada@x.io")


def backend(*servers: SMTPServer | int, **more: Any) -> SMTPBackend:
    """Return a backend for some servers, or ports where none is."""
    ports = [server if isinstance(server, int) else server.port for server in servers]
    others = tuple({"host": "127.0.0.1", "port": port} for port in ports[1:])
    return SMTPBackend(
        EmailSettings(host="127.0.0.1", port=ports[0], servers=others, timeout=2.0, **more)
    )


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def vault() -> str:
    """Fail as a function that asks a vault for a token may."""
    raise KeyError("s3cret")


async def test_the_next_server_takes_what_one_that_is_down_cannot() -> None:
    with SMTPServer() as second:
        errors = await backend(closed_port(), second).send_many([message(), message()])
        assert errors == [None, None] and len(second.messages) == 2


async def test_a_server_that_did_not_answer_is_tried_last_for_a_while() -> None:
    with SMTPServer() as first, SMTPServer() as second:
        outgoing._failed_at[(first.host, first.port)] = time.monotonic()
        await backend(first, second).send(message())
        assert (len(first.messages), len(second.messages)) == (0, 1)
        outgoing._failed_at[(first.host, first.port)] -= outgoing.AVOIDED_FOR
        await backend(first, second).send(message())
        assert (len(first.messages), len(second.messages)) == (1, 1)


@pytest.mark.parametrize("reply", ["451 4.3.0 later", "421 4.7.0 too busy"])
async def test_the_next_server_takes_what_one_has_no_room_for(reply: str) -> None:
    with SMTPServer(replies={"MAIL": reply}) as first, SMTPServer() as second:
        await backend(first, second).send(message())
        assert len(second.messages) == 1


async def test_a_refusal_is_an_answer_and_no_other_server_is_asked() -> None:
    with SMTPServer(replies={"RCPT:bob@x.io": "550 no such user"}) as first, SMTPServer() as second:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await backend(first, second).send(message())
        assert second.sessions == []


async def test_those_refused_by_one_server_are_not_given_to_the_next_in_the_same_breath() -> None:
    with SMTPServer(replies={"RCPT:bob@x.io": "450 later"}) as first, SMTPServer() as second:
        data = EmailMessageData(["bob@x.io", "ann@x.io"], "Hi", "Hello", sender="ada@x.io")
        with pytest.raises(RecipientsRefused):
            await backend(first, second).send(data)
        assert len(first.messages) == 1 and second.sessions == []


async def test_a_message_that_may_have_been_taken_is_not_sent_again() -> None:
    with SMTPServer(close_at="DOT") as first, SMTPServer() as second:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            await backend(first, second).send(message())
        assert second.sessions == []


async def test_a_server_that_does_not_let_us_in_is_passed_over() -> None:
    with SMTPServer(users={"ada": "right"}) as first, SMTPServer() as second:
        await backend(first, second, username="ada", password="wrong").send(message())
        assert len(second.messages) == 1
        # The password of one server is not shown to another.
        assert "AUTH" not in second.sessions[0].commands


@pytest.mark.parametrize(
    "replies",
    [
        {"CONNECT": "554 no service here"},
        {"CONNECT": "521 takes no mail"},
        {"MAIL": "530 log in first"},
    ],
)
async def test_a_server_that_turns_everybody_away_is_passed_over(replies: dict[str, str]) -> None:
    with SMTPServer(replies=replies) as first, SMTPServer() as second:
        await backend(first, second).send(message())
        assert len(second.messages) == 1


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        ({}, {"use_tls": True}),
        ({"replies": {"STARTTLS": "502 no"}, "extensions": ("STARTTLS",)}, {"use_tls": True}),
        ({"users": {"ada": "x"}, "mechanisms": ["GSSAPI"]}, {"username": "ada", "password": "x"}),
        ({"users": {"ada": "x"}, "mechanisms": ["XOAUTH2"]}, {"username": "ada", "access_token": vault}),
        ({"users": {"ada": "x"}, "mechanisms": ["XOAUTH2"]}, {"username": "ada", "access_token": str}),
        ({"users": {"ada": "x"}}, {"username": "ada"}),
    ],
)  # fmt: skip
async def test_whatever_keeps_us_out_the_next_server_is_asked_and_the_log_says_so(
    server: dict[str, Any], settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with SMTPServer(**server) as first, SMTPServer() as second:
        await backend(first, second, **settings).send(message())
        assert (len(first.messages), len(second.messages)) == (0, 1)
    assert "1 mails go to 127.0.0.1" in caplog.text and "bob" not in caplog.text


async def test_what_one_server_lacks_another_may_have_and_it_is_not_avoided_for_it() -> None:
    with SMTPServer(extensions=()) as first, SMTPServer() as second:
        await backend(first, second).send_many([message("käthe@x.io"), message()])
        assert (len(first.messages), len(second.messages)) == (1, 1)
        await backend(first, second).send(message())
        assert len(first.messages) == 2


async def test_an_answer_to_a_message_that_is_none_may_be_a_yes() -> None:
    with SMTPServer(replies={"DOT": "Thanks, queued"}) as first, SMTPServer() as second:
        (error,) = await backend(first, second).send_many([message()])
        assert isinstance(error, smtplib.SMTPDataError) and second.sessions == []


async def test_those_refused_for_good_are_asked_for_nowhere_else() -> None:
    replies = {"RCPT:bob@x.io": "550 no such user", "RCPT:ann@x.io": "450 later"}
    data = EmailMessageData(["bob@x.io", "ann@x.io"], "Hi", "Hello", sender="ada@x.io")
    with SMTPServer(replies=replies) as first, SMTPServer() as second:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await backend(first, second).send(data)
        assert second.sessions == []


async def test_what_is_no_message_stops_itself_only() -> None:
    odd = message()
    odd.attachments = [b"raw"]  # type: ignore[list-item]  # what a caller without a checker does
    with SMTPServer() as server:
        errors = await backend(server).send_many([message(), {"to": "x"}, odd, message()])  # type: ignore[list-item]  # likewise
        assert len(server.messages) == 2
    assert [type(error) for error in errors] == [type(None), TypeError, TypeError, type(None)]
    assert "EmailMessageData, not dict" in str(errors[1]) and "AttachmentData, not bytes" in str(
        errors[2]
    )


async def test_the_last_error_is_the_one_that_is_told() -> None:
    with pytest.raises(ConnectionRefusedError):
        await backend(closed_port(), closed_port()).send(message())


def test_servers_share_what_is_not_their_own() -> None:
    first, second = servers_of(
        EmailSettings(
            host="one", username="ada", password="x", use_tls=True, timeout=3.0, local_hostname="me.test",
            servers=({"host": "two", "use_ssl": True, "max_connections": 2},),
        )
    )  # fmt: skip
    assert (first.port, first.use_tls, first.max_connections) == (587, True, 4)
    assert (second.host, second.port, second.username, second.password) == ("two", 465, "", None)
    assert (second.timeout, second.local_hostname, second.max_connections) == (3.0, "me.test", 2)


# Logging in with a token


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_a_token_logs_in(mechanism: str) -> None:
    with SMTPServer(users={"ada@x.io": "t0ken"}, mechanisms=["PLAIN", mechanism]) as server:
        login = {"username": "ada@x.io", "access_token": "t0ken"}
        (delivery,) = await deliver(config(server, **login), [envelope()])
    assert delivery.error is None and server.messages[0].user == "ada@x.io"


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")])
async def test_a_token_that_is_refused_is_one_bad_login(mechanism: str, answer: str) -> None:
    with SMTPServer(users={"ada": "t0ken"}, mechanisms=["PLAIN", mechanism]) as server:
        (delivery,) = await deliver(
            config(server, username="ada", access_token="old"), [envelope()]
        )
    assert isinstance(delivery.error, smtplib.SMTPAuthenticationError)
    commands = server.sessions[0].commands
    assert commands.count("AUTH") == 1 and f"ANSWER {answer}" in commands


async def test_a_function_gives_a_new_token_for_each_connection() -> None:
    tokens = iter(["old", "t0ken"])
    with SMTPServer(users={"ada": "t0ken"}, mechanisms=["XOAUTH2"]) as server:
        login = config(server, username="ada", access_token=lambda: next(tokens))
        (first,) = await deliver(login, [envelope()])
        (second,) = await deliver(login, [envelope()])
    assert isinstance(first.error, smtplib.SMTPAuthenticationError) and second.error is None


@pytest.mark.parametrize("token", ["", "ä", "a\r\nb", None, 5])
async def test_what_is_not_a_token_is_said_without_it(token: Any) -> None:
    with SMTPServer(users={"ada": "x"}, mechanisms=["XOAUTH2"]) as server:
        login = config(server, username="ada", access_token=lambda: token)
        (delivery,) = await deliver(login, [envelope()])
    assert isinstance(delivery.error, ImproperlyConfigured)
    assert "access_token for" in str(delivery.error)


async def test_a_token_that_cannot_be_had_forgets_nothing_that_was_sent() -> None:
    calls: list[int] = []

    def token() -> str:
        calls.append(1)
        return "t0ken" if len(calls) == 1 else vault()

    with SMTPServer(users={"ada": "t0ken"}, mechanisms=["XOAUTH2"], per_connection=2) as server:
        login = backend(server, username="ada", access_token=token, max_connections=1)
        errors = await login.send_many([message() for _ in range(4)])
    assert errors[:2] == [None, None] and len(server.messages) == 2
    for error in errors[2:]:
        assert isinstance(error, smtplib.SMTPException) and "KeyError" in str(error)
        assert not is_final(error) and "s3cret" not in str(error)


async def test_an_expired_token_is_tried_again_by_the_queue() -> None:
    with SMTPServer(users={"ada": "new"}, mechanisms=["XOAUTH2"]) as server:
        login = config(server, username="ada", access_token=lambda: "old")
        (delivery,) = await deliver(login, [envelope()])
    assert isinstance(delivery.error, smtplib.SMTPAuthenticationError)
    assert not is_final(delivery.error)


async def test_a_name_without_a_secret_is_said_before_a_bad_login() -> None:
    with SMTPServer(users={"ada": "x"}) as server:
        (delivery,) = await deliver(config(server, username="ada"), [envelope()])
    assert isinstance(delivery.error, ImproperlyConfigured) and "'ada'" in str(delivery.error)
    assert "AUTH" not in server.sessions[0].commands


async def test_a_server_without_our_mechanisms_is_said_to_be_one() -> None:
    with SMTPServer(users={"ada": "x"}, mechanisms=["GSSAPI"]) as server:
        (delivery,) = await deliver(config(server, username="ada", access_token="t"), [envelope()])
    assert "offers none of OAUTHBEARER, XOAUTH2" in str(delivery.error)


# Certificates of this side


async def test_a_certificate_of_this_side_is_used(certificate: Certificate) -> None:
    with SMTPServer(tls="starttls", certificate=certificate) as server:
        more = {
            "use_tls": True, "host": "localhost", "ca_file": str(certificate.ca), "cert_file": str(certificate.chain),
            "key_file": str(certificate.key),
        }  # fmt: skip
        (delivery,) = await deliver(config(server, **more), [envelope()])
    assert delivery.error is None


def test_a_certificate_that_cannot_be_used_is_named(certificate: Certificate) -> None:
    def context(**more: Any) -> None:
        SMTPConfig("mail.test", 587, use_tls=True, **more).tls_context()

    with pytest.raises(OSError, match="no.pem"):
        context(cert_file="no.pem")
    with pytest.raises(OSError, match="no-key.pem"):
        context(cert_file=str(certificate.chain), key_file="no-key.pem")
    context(cert_file="", key_file="")
    with pytest.raises(OSError, match="and its key do not work"):
        context(cert_file=str(certificate.chain), key_file=str(certificate.ca))
    with pytest.raises(ImproperlyConfigured, match="without use_tls"):
        SMTPConfig("mail.test", 25, cert_file="a.pem")
    with pytest.raises(ImproperlyConfigured, match="without a cert_file"):
        SMTPConfig("mail.test", 25, use_tls=True, key_file="a.pem")


async def test_the_name_of_this_side_may_be_chosen() -> None:
    with SMTPServer() as server:
        await deliver(config(server, local_hostname="me.example.com"), [envelope()])
    assert "EHLO me.example.com" in [text.upper().replace("ME.EXAMPLE.COM", "me.example.com") for text in server.sessions[0].commands]  # fmt: skip


def test_a_host_with_sharp_s_is_not_somebody_elses() -> None:
    assert SMTPConfig("mail.faß.de", 25).host == "mail.xn--fa-hia.de"


async def test_the_envelope_sender_is_where_reports_go() -> None:
    with SMTPServer() as server:
        one, two, three = message(), message(), message()
        two.envelope_sender, three.envelope_sender = "bounces+2@x.io", ""
        assert await backend(server).send_many([one, two, three]) == [None, None, None]
        await backend(server, envelope_sender="all@x.io").send(message())
    assert sorted(str(one.sender) for one in server.messages) == ["", "ada@x.io", "all@x.io", "bounces+2@x.io"]  # fmt: skip
