"""What encrypts connections of PyMySQL is made once, and anew when a file has changed."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connections.drivers.mysql_connect import connect_arguments
from openviper.db.connections.drivers.mysql_results import connection_class, unverified_context
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import OperationalError
from tests.smtp_server import make_certificate

pytest.importorskip("pymysql")


def context_of(query: str) -> ssl.SSLContext | None:
    """Return what encrypts the connections of a URL."""
    url = DatabaseURL.parse(f"mysql://app@127.0.0.1/shop{query}")
    found: ssl.SSLContext | None = connect_arguments(url)["ssl"]
    return found


def test_where_a_url_says_nothing_nobody_is_verified_and_no_authority_is_read() -> None:
    assert context_of("") is None
    connection: Any = connection_class()  # The stubs know neither the argument nor the attribute.
    made = [connection(defer_connect=True).ctx for _ in range(2)]
    assert made == [unverified_context()] * 2
    assert made[0].verify_mode is ssl.CERT_NONE
    assert made[0].get_ca_certs() == []


def test_authorities_are_read_once() -> None:
    first = context_of("?tls=on")
    assert first is not None
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    assert context_of("?tls=on") is first


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    query = f"?ssl_ca={certificate.ca}"
    first = context_of(query)
    assert context_of(query) is first
    os.utime(certificate.ca, (1, 1))
    assert context_of(query) is not first
    Path(certificate.ca).unlink()
    with pytest.raises(OperationalError, match="ssl_ca, ssl_cert and ssl_key cannot be used"):
        context_of(query)
