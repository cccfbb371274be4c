"""Certificates for the servers of the mail tests, made once."""

from __future__ import annotations

import pytest

from tests.smtp_server import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for localhost, 127.0.0.1 and ::1, signed by an authority."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "good")


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for localhost that vouches for itself."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "self", self_signed=True)


@pytest.fixture(scope="session")
def wrong_host(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for another host, signed by an authority."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "wrong", "elsewhere.test")
