"""A password for MariaDB or MySQL never crosses a network, or goes to whoever asks, unencrypted."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from openviper.core.management.checks.databases import check_databases
from openviper.db.connection import connections
from openviper.db.exceptions import DatabaseConfigurationError, OperationalError

pytest.importorskip("pymysql")

PASSWORD = "s3cr3t-pass"
CAPABILITIES = (
    0x008FF7FF | 0x00080000
)  # All that a server of today offers, plug-ins included, but no TLS.
TLS = 0x00000800


class Impostor:
    """Speaks just enough of the protocol to ask for the password in clear.

    Attributes:
        heard: Every byte that the client sent.
    """

    def __init__(
        self, plugin: bytes, *, offers_tls: bool = False, greets_with: bytes = b""
    ) -> None:
        self.plugin = plugin
        self.capabilities = CAPABILITIES | TLS if offers_tls else CAPABILITIES & ~TLS
        self.greets_with = greets_with or b"mysql_native_password"
        self.heard = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def serve(self) -> None:
        try:
            client, _ = self.socket.accept()
        except OSError:
            return
        with client:
            client.settimeout(5)
            client.sendall(self._packet(0, self._greeting()))
            self._hear(client)
            prompt = b"\x04Password: " if self.plugin == b"dialog" else b""
            client.sendall(self._packet(2, b"\xfe" + self.plugin + b"\0" + prompt))
            self._hear(client)

    def _hear(self, client: socket.socket) -> None:
        try:
            self.heard += client.recv(4096)
        except OSError:
            pass

    @staticmethod
    def _packet(number: int, body: bytes) -> bytes:
        return struct.pack("<I", len(body))[:3] + bytes([number]) + body

    def _greeting(self) -> bytes:
        low, high = self.capabilities & 0xFFFF, self.capabilities >> 16
        return (
            b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<HBHH", low, 45, 2, high)
            + b"\x15" + b"\0" * 10 + b"123456789012\0" + self.greets_with + b"\0"
        )  # fmt: skip


@contextmanager
def impostor(plugin: bytes, **options: Any) -> Iterator[Impostor]:
    server = Impostor(plugin, **options)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.socket.close()
        thread.join(10)


async def connect(url: str) -> None:
    connections.configure({"default": {"URL": url}})
    try:
        async with connections.get().connection() as connection:
            await connection.fetch_one("SELECT 1")
    finally:
        await connections.disconnect_all()
        connections.reset()


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
@pytest.mark.parametrize("query", ["", "?tls=off"])
async def test_a_server_that_asks_for_the_password_in_clear_is_refused_on_loopback_too(
    plugin: bytes, query: str
) -> None:
    with impostor(plugin) as server:
        with pytest.raises(OperationalError, match="asks for the password in clear") as caught:
            await connect(f"mysql://app:{PASSWORD}@127.0.0.1:{server.port}/shop{query}")
    assert PASSWORD.encode() not in server.heard
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
async def test_a_server_that_greets_with_a_clear_password_plugin_is_refused(plugin: bytes) -> None:
    with impostor(plugin, greets_with=plugin) as server:
        with pytest.raises(OperationalError):
            await connect(f"mysql://app:{PASSWORD}@127.0.0.1:{server.port}/shop")
    assert PASSWORD.encode() not in server.heard


@pytest.mark.parametrize("offers_tls", [False, True])
async def test_no_password_is_sent_without_the_tls_that_was_asked_for(offers_tls: bool) -> None:
    with impostor(b"mysql_clear_password", offers_tls=offers_tls) as server:
        with pytest.raises(OperationalError):
            await connect(f"mysql://app:{PASSWORD}@127.0.0.1:{server.port}/shop?tls=on")
    assert PASSWORD.encode() not in server.heard
    assert b"app\0" not in server.heard


@pytest.mark.parametrize("host", ["db1", "192.0.2.7", "db1.example.org", "[2001:db8::1]"])
async def test_a_password_for_another_host_needs_tls(host: str) -> None:
    url = f"mysql://app:{PASSWORD}@{host}/shop"
    with pytest.raises(DatabaseConfigurationError, match=r"unencrypted; give \?ssl_ca") as caught:
        connections.configure({"default": {"URL": url}})
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://app@db1/shop",
        "mysql://app:p@localhost/shop",
        "mysql://app:p@127.0.0.9/shop",
        "mysql://app:p@[::1]/shop",
        "mysql://app:p@db1/shop?unix_socket=/run/mysqld.sock",
        "mysql://app:p@db1/shop?tls=off",
        "mysql://app:p@db1/shop?tls=on",
        "mariadb://app:p@db1/shop?ssl_ca=/etc/ca.pem",
        "postgresql://app:p@db1/shop",
    ],
)
async def test_no_password_this_machine_tls_or_a_word_about_it_is_enough(url: str) -> None:
    connections.configure({"default": {"URL": url}})
    connections.reset()


async def test_files_of_tls_that_cannot_be_used_are_one_clear_error() -> None:
    with pytest.raises(OperationalError, match="ssl_ca, ssl_cert and ssl_key cannot be used"):
        await connect(f"mysql://app:{PASSWORD}@127.0.0.1:1/shop?ssl_ca=/nowhere/ca.pem")


async def test_check_says_that_a_password_would_cross_the_network() -> None:
    connections.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            connections,
            "ensure_initialized",
            lambda: connections.configure({"default": {"URL": f"mysql://app:{PASSWORD}@db1/shop"}}),
        )
        (finding,) = await check_databases({}, ["default"])
    assert finding.code == "database.E001"
    assert "unencrypted" in finding.message and PASSWORD not in finding.message
    connections.reset()
