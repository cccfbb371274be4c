"""Encrypted connections: verified, or none at all."""

from __future__ import annotations

import smtplib
import ssl

import pytest

from openviper.core.email import smtp_login
from openviper.core.email.smtp import deliver
from openviper.exceptions import ImproperlyConfigured
from tests.integration.email.mail import config, envelope
from tests.smtp_server import Certificate, SMTPServer

MODES = [("starttls", {"use_tls": True}), ("implicit", {"use_ssl": True})]


@pytest.mark.parametrize(("tls", "mode"), MODES)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_mail_goes_encrypted_to_a_server_with_a_good_certificate(
    certificate: Certificate, tls: str, mode: dict[str, bool], host: str
) -> None:
    with SMTPServer(tls=tls, certificate=certificate, users={"ada": "s3cret"}) as server:
        where = config(
            server,
            host=host,
            ca_file=str(certificate.ca),
            username="ada",
            password="s3cret",
            **mode,
        )
        deliveries = await deliver(where, [envelope(), envelope()])
        assert server.wait_for_end()
    assert [delivery.error for delivery in deliveries] == [None, None]
    assert all(message.is_encrypted and message.user == "ada" for message in server.messages)
    assert len(server.sessions) == 1
    # An address is not a server name (RFC 6066, 3).
    assert server.sessions[0].server_name == ("localhost" if host == "localhost" else None)


@pytest.mark.parametrize(("tls", "mode"), MODES)
async def test_a_self_signed_certificate_is_refused(
    self_signed: Certificate, certificate: Certificate, tls: str, mode: dict[str, bool]
) -> None:
    with SMTPServer(tls=tls, certificate=self_signed) as server:
        for ca_file in (None, str(certificate.ca)):
            where = config(server, host="localhost", ca_file=ca_file, **mode)
            deliveries = await deliver(where, [envelope(), envelope()])
            assert all(
                isinstance(delivery.error, ssl.SSLCertVerificationError) for delivery in deliveries
            )
            assert not any(delivery.in_doubt for delivery in deliveries)
    assert not server.messages


@pytest.mark.parametrize(("tls", "mode"), MODES)
async def test_a_certificate_for_another_host_is_refused(
    wrong_host: Certificate, tls: str, mode: dict[str, bool]
) -> None:
    with SMTPServer(tls=tls, certificate=wrong_host) as server:
        where = config(server, host="localhost", ca_file=str(wrong_host.ca), **mode)
        (delivery,) = await deliver(where, [envelope()])
    assert isinstance(delivery.error, ssl.SSLCertVerificationError)
    assert "localhost" in str(delivery.error)
    assert not server.messages


async def test_a_missing_ca_file_is_named(certificate: Certificate) -> None:
    with SMTPServer(tls="implicit", certificate=certificate) as server:
        (delivery,) = await deliver(
            config(server, use_ssl=True, ca_file="/nowhere/ca.pem"), [envelope()]
        )
    assert isinstance(delivery.error, FileNotFoundError)
    assert "/nowhere/ca.pem" in str(delivery.error)


async def test_a_ca_file_without_certificates_is_named(certificate: Certificate) -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server, use_tls=True, ca_file=__file__), [envelope()])
    assert isinstance(delivery.error, ssl.SSLError)
    assert __file__ in str(delivery.error)


async def test_without_starttls_nothing_is_sent() -> None:
    with SMTPServer(users={"ada": "s3cret"}) as server:
        (delivery,) = await deliver(
            config(server, use_tls=True, username="ada", password="s3cret"), [envelope()]
        )
    assert isinstance(delivery.error, smtplib.SMTPNotSupportedError)
    assert [line.split()[0].upper() for line in server.sessions[0].commands] == ["EHLO"]


async def test_a_refused_starttls_is_not_gone_around(certificate: Certificate) -> None:
    replies = {"STARTTLS": "454 4.7.0 not now"}
    with SMTPServer(tls="starttls", certificate=certificate, replies=replies) as server:
        (delivery,) = await deliver(
            config(server, use_tls=True, ca_file=str(certificate.ca)), [envelope()]
        )
    assert isinstance(delivery.error, smtplib.SMTPResponseException)
    assert delivery.error.smtp_code == 454
    assert not server.messages


async def test_answers_slipped_in_before_the_encryption_end_the_connection(
    certificate: Certificate,
) -> None:
    injected = b"250-evil.test\r\n250 AUTH PLAIN\r\n"
    with SMTPServer(tls="starttls", certificate=certificate, injected=injected) as server:
        (delivery,) = await deliver(
            config(server, use_tls=True, ca_file=str(certificate.ca)), [envelope()]
        )
    assert isinstance(delivery.error, smtplib.SMTPException)
    assert "before the encryption" in str(delivery.error)
    assert not server.messages


async def test_a_server_that_does_not_speak_tls_is_an_error() -> None:
    with SMTPServer() as server:
        (delivery,) = await deliver(config(server, use_ssl=True), [envelope()])
    assert isinstance(delivery.error, ssl.SSLError)


async def test_a_password_does_not_cross_the_network_unencrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp_login, "is_loopback", lambda sock: False)
    with SMTPServer(users={"ada": "s3cret"}) as server:
        (delivery,) = await deliver(config(server, username="ada", password="s3cret"), [envelope()])
        assert server.wait_for_end()
    assert isinstance(delivery.error, ImproperlyConfigured)
    assert "unencrypted" in str(delivery.error) and "s3cret" not in str(delivery.error)
    assert "AUTH" not in server.sessions[0].commands
