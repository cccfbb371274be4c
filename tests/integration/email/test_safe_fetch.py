"""Files fetched from real servers on loopback, which the tests declare public."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest

from openviper.core.email import network, safe_fetch
from openviper.core.email.network import Address, Deadline
from openviper.core.email.safe_fetch import FetchedFile
from tests.integration.email.web_server import WebServer, answer
from tests.smtp_server import Certificate

PUBLIC = {"127.0.0.1", "127.0.0.2", "::1"}
"""What counts as public here; 127.0.0.9 stays a private address."""


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return the names that can be looked up, each with its addresses; take some of loopback for public."""
    table: dict[str, list[str]] = {"files.test": ["127.0.0.1"]}

    def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
        if host not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, (ip, port))
            for ip in table[host]
        ]

    monkeypatch.setattr(safe_fetch, "_resolve", resolve)
    monkeypatch.setattr(safe_fetch, "is_restricted_ip", lambda ip: ip not in PUBLIC)
    return table


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """Return a certificate for localhost whose authority is trusted."""
    monkeypatch.setattr(
        safe_fetch, "_tls_context", lambda: ssl.create_default_context(cafile=str(certificate.ca))
    )
    return certificate


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fail when a lookup goes on after a test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "openviper-lookup":
            thread.join(10)


def fetch(
    server: WebServer,
    path: str = "/report.pdf",
    *,
    host: str = "files.test",
    max_bytes: int = 1000,
    timeout: float = 10.0,
) -> FetchedFile:
    """Fetch a file from a test's server."""
    return safe_fetch.safe_fetch(
        f"http://{host}:{server.port}{path}", max_bytes=max_bytes, timeout=timeout
    )


# What works


@pytest.mark.usefixtures("names")
def test_a_file_is_fetched_with_the_name_that_was_asked_for() -> None:
    with WebServer(answer(b"%PDF", "Content-Type: Application/PDF; x=y")) as server:
        file = fetch(server, "/a/my%20report.pdf?key=1#part")
        host = f"Host: files.test:{server.port}".encode()
    assert file == FetchedFile(b"%PDF", "application/pdf", "my report.pdf")
    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /a/my%20report.pdf?key=1 HTTP/1.1"
    assert lines.count(host) == 1
    assert b"User-Agent: openviper-email-attachment/1" in lines
    assert b"Accept-Encoding: identity" in lines
    assert b"Connection: close" in lines


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", ""),
        ("/", ""),
        ("/a/..", ""),
        ("/a/%2e%2e", ""),
        ("/%2Fetc%2Fpasswd", "passwd"),
        ("/a%5Cb.txt", "b.txt"),
        ("/a%0D%0Ab.txt", "ab.txt"),
        ("/%FF.txt", "\ufffd.txt"),
        ("/ü.txt", "ü.txt"),
    ],
)
def test_the_name_is_the_last_part_of_the_path(path: str, name: str) -> None:
    with WebServer() as server:
        assert fetch(server, path).filename == name


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "header", ["", "Content-Type: nonsense", "Content-Type: a/b/c", "Content-Type: text/\xe9"]
)
def test_an_unusable_content_type_is_none(header: str) -> None:
    with WebServer(answer(b"x", *([header] if header else []))) as server:
        assert fetch(server).content_type == ""


@pytest.mark.parametrize("addresses", [["::1"], ["::1", "127.0.0.1"], ["127.0.0.1", "::1"]])
def test_names_with_ipv6_only_and_with_both_work(
    names: dict[str, list[str]], addresses: list[str]
) -> None:
    names["six.test"] = addresses
    with WebServer(host="::1") as server:
        assert fetch(server, host="six.test").content == b"hello"


def test_ipv6_addresses_work(names: dict[str, list[str]]) -> None:
    names["::1"] = ["::1"]
    with WebServer(host="::1") as server:
        assert fetch(server, host="[::1]").content == b"hello"
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


def test_https_keeps_the_name_for_the_handshake(
    names: dict[str, list[str]], trusted: Certificate
) -> None:
    names["files.localdomain"] = ["127.0.0.1"]
    names["localhost.test"] = ["127.0.0.1"]
    with WebServer(certificate=trusted) as server:
        with pytest.raises(urllib.error.URLError, match="files.localdomain"):
            safe_fetch.safe_fetch(
                f"https://files.localdomain:{server.port}/", max_bytes=10, timeout=10
            )
    assert server.server_names == ["files.localdomain"]
    assert server.requests == []


def test_https_works_with_a_certificate_for_the_host(
    names: dict[str, list[str]], trusted: Certificate
) -> None:
    names["127.0.0.1"] = ["127.0.0.1"]
    with WebServer(answer(b"x" * 900), certificate=trusted) as server:
        file = safe_fetch.safe_fetch(
            f"https://127.0.0.1:{server.port}/", max_bytes=1000, timeout=10
        )
    assert file.content == b"x" * 900


@pytest.mark.usefixtures("names")
def test_https_refuses_a_self_signed_certificate(self_signed: Certificate) -> None:
    with (
        WebServer(certificate=self_signed) as server,
        pytest.raises(urllib.error.URLError) as caught,
    ):
        safe_fetch.safe_fetch(f"https://files.test:{server.port}/", max_bytes=10, timeout=10)
    assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)
    assert server.requests == []


@pytest.mark.usefixtures("names")
def test_content_comes_as_it_was_sent() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n"
    with WebServer(chunked) as server:
        assert fetch(server).content == b"abcdefg"
    with WebServer(b"HTTP/1.0 200 OK\r\n\r\nuntil the end") as server:
        assert fetch(server).content == b"until the end"
    with WebServer(answer(b"\x1f\x8bzipped", "Content-Encoding: gzip")) as server:
        assert fetch(server).content == b"\x1f\x8bzipped"
    with WebServer(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"then")) as server:
        assert fetch(server).content == b"then"


# Sizes


@pytest.mark.usefixtures("names")
def test_a_file_of_exactly_the_limit_is_fetched() -> None:
    with WebServer(answer(b"x" * 1000)) as server:
        assert len(fetch(server).content) == 1000
    with WebServer(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1000) as server:
        assert len(fetch(server).content) == 1000
    with WebServer(answer(b"")) as server:
        assert fetch(server, max_bytes=0).content == b""


@pytest.mark.usefixtures("names")
def test_an_announced_size_above_the_limit_is_refused_before_reading() -> None:
    with (
        WebServer(answer(b"", length=1001)) as server,
        pytest.raises(ValueError, match="1001 bytes"),
    ):
        fetch(server)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        # http.client would read to the end at once.
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
)
def test_more_than_the_limit_is_refused_while_reading(head: bytes) -> None:
    def flood(server: WebServer, sock: socket.socket) -> None:
        sock.sendall(head)
        while not server.stopped.is_set():
            sock.sendall(b"x" * 65536)

    with WebServer(flood) as server, pytest.raises((ValueError, urllib.error.URLError)):
        fetch(server)


@pytest.mark.usefixtures("names")
def test_endless_header_fields_are_refused() -> None:
    def flood(server: WebServer, sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while not server.stopped.is_set():
            sock.sendall(b"X-Filler: " + b"x" * 60_000 + b"\r\n")

    with WebServer(flood) as server, pytest.raises((ValueError, OSError)):
        fetch(server)


@pytest.mark.usefixtures("names")
def test_a_file_that_breaks_off_is_an_error() -> None:
    with (
        WebServer(answer(b"half", length=8)) as server,
        pytest.raises(urllib.error.URLError, match="4 of 8"),
    ):
        fetch(server)
    cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf"
    with WebServer(cut) as server, pytest.raises(urllib.error.URLError):
        fetch(server)
    with (
        WebServer(answer(b"x", status="206 Partial Content")) as server,
        pytest.raises(urllib.error.URLError),
    ):
        fetch(server)


# Answers


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["Location: http://files.test/", "Location: file:///etc/passwd", "X-None: 1"]
)
def test_no_redirect_is_followed(status: int, location: str) -> None:
    with WebServer(answer(b"", location, status=f"{status} Elsewhere")) as server:
        with pytest.raises(ValueError, match=f"redirects \\(status {status}\\)"):
            fetch(server)
    assert server.connections == 1


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("status", [400, 404, 500, 503, 304, 101])
def test_an_error_status_is_an_http_error(status: int) -> None:
    with WebServer(answer(b"sorry", status=f"{status} Reason")) as server:
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(server)
    assert caught.value.code == status


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "response",
    [b"\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 " + b"x" * 70_000],
)
def test_what_is_no_http_is_a_url_error(response: bytes) -> None:
    with WebServer(response) as server, pytest.raises(urllib.error.URLError):
        fetch(server)


@pytest.mark.usefixtures("names")
def test_nothing_but_the_promised_errors_comes_out_whatever_the_server_sends() -> None:
    pick = random.Random(6)
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for _ in range(150):
        noise = bytearray(whole)
        for _ in range(pick.randrange(1, 6)):
            noise[pick.randrange(len(noise))] = pick.randrange(256)
        with WebServer(bytes(noise[: pick.randrange(1, len(noise) + 1)])) as server:
            try:
                fetch(server)
            except (ValueError, OSError):
                pass


# Who is asked


@pytest.mark.parametrize("private", ["127.0.0.9", "10.0.0.1", "fe80::1"])
def test_one_address_that_is_not_public_refuses_the_host(
    names: dict[str, list[str]], private: str
) -> None:
    for addresses in (["127.0.0.1", private], [private, "127.0.0.1"]):
        names["mixed.test"] = addresses
        with (
            WebServer() as server,
            pytest.raises(ValueError, match="'mixed.test' is not a public host"),
        ):
            fetch(server, host="mixed.test")
        assert server.connections == 0


def test_a_name_that_points_elsewhere_the_second_time_gets_no_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookups: list[str] = []

    def rebind(host: str, port: int, deadline: Deadline) -> list[Address]:
        lookups.append(host)
        return [(socket.AF_INET, ("127.0.0.2" if len(lookups) == 1 else "127.0.0.9", port))]

    monkeypatch.setattr(safe_fetch, "_resolve", rebind)
    monkeypatch.setattr(safe_fetch, "is_restricted_ip", lambda ip: ip not in PUBLIC)
    with WebServer(host="127.0.0.9") as private:
        with pytest.raises(urllib.error.URLError):
            safe_fetch.safe_fetch(f"http://rebind.test:{private.port}/", max_bytes=10, timeout=10)
        with WebServer(host="127.0.0.2", port=private.port) as public:
            lookups.clear()
            url = f"http://rebind.test:{private.port}/"
            assert safe_fetch.safe_fetch(url, max_bytes=10, timeout=10).content == b"hello"
        assert public.connections == 1
    assert lookups == ["rebind.test"]
    assert private.connections == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_peer_than_the_checked_one_gets_no_byte(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    real = network.connect

    def diverted(
        addresses: list[Address],
        deadline: Deadline,
        opened: Callable[[socket.socket], None] | None = None,
    ) -> socket.socket:
        return real([(socket.AF_INET, ("127.0.0.9", addresses[0][1][1]))], deadline, opened)

    monkeypatch.setattr(safe_fetch, "connect", diverted)
    with WebServer(host="127.0.0.9", silent=True) as server:
        with pytest.raises(ValueError, match="not checked"):
            safe_fetch.safe_fetch(f"{scheme}://files.test:{server.port}/", max_bytes=10, timeout=10)
    assert server.received == 0


def test_proxies_of_the_environment_are_not_asked(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with WebServer() as proxy, WebServer() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fetch(server).content == b"hello"
    assert proxy.connections == 0


def test_loopback_is_refused_without_the_tests_rule() -> None:
    with WebServer() as server:
        for host in (
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "127.1",
            "2130706433",
        ):
            with pytest.raises(ValueError):
                fetch(server, host=host)
    assert server.connections == 0


@pytest.mark.usefixtures("names")
def test_an_unknown_name_is_an_error_of_the_lookup() -> None:
    with WebServer() as server, pytest.raises(socket.gaierror):
        fetch(server, host="unknown.test")


@pytest.mark.usefixtures("names")
def test_bounds_that_make_no_sense_are_refused() -> None:
    with WebServer() as server:
        with pytest.raises(ValueError, match="-1"):
            fetch(server, max_bytes=-1)
        for timeout in (0.0, -1.0, float("nan")):
            with pytest.raises(ValueError, match="timeout"):
                fetch(server, timeout=timeout)
    assert server.connections == 0


def test_private_host_names(names: dict[str, list[str]]) -> None:
    names["mixed.test"] = ["127.0.0.1", "10.0.0.1"]
    names["none.test"] = []
    assert not safe_fetch.is_private_hostname("files.test")
    for host in (
        "mixed.test",
        "none.test",
        "unknown.test",
        "localhost",
        "localhost.",
        "127.1",
        "",
        "a b",
        "\0",
        "[::1]",
    ):
        assert safe_fetch.is_private_hostname(host), host


# Time


def drip(pieces: list[bytes], pause: float) -> Callable[[WebServer, socket.socket], None]:
    """Return an answer that sends the last piece byte by byte, for ever."""

    def send(server: WebServer, sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
        while not server.stopped.wait(pause):
            sock.sendall(b"x")

    return send


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nX-Slow: "],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"],
        [b"HTTP/1.0 200 OK\r\n\r\n"],
    ],
)
def test_a_server_that_drips_cannot_stretch_the_deadline(pieces: list[bytes]) -> None:
    with WebServer(drip(pieces, 0.05)) as server:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"0\.4 s"):
            fetch(server, timeout=0.4)
        assert time.monotonic() - started < 5


@pytest.mark.usefixtures("names")
def test_endless_interim_answers_cannot_stretch_the_deadline() -> None:
    def send(server: WebServer, sock: socket.socket) -> None:
        while not server.stopped.wait(0.01):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with WebServer(send) as server, pytest.raises(TimeoutError):
        fetch(server, timeout=0.4)


@pytest.mark.usefixtures("names")
def test_a_handshake_without_an_answer_ends_at_the_deadline() -> None:
    with WebServer(silent=True) as server:
        started = time.monotonic()
        with pytest.raises(urllib.error.URLError) as caught:
            safe_fetch.safe_fetch(f"https://files.test:{server.port}/", max_bytes=10, timeout=0.4)
        assert time.monotonic() - started < 5
    assert isinstance(caught.value.reason, TimeoutError)


def test_a_lookup_without_an_answer_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(host: str, port: int, flags: int) -> list[Address]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        released.wait(10)
        return []

    monkeypatch.setattr(network, "_look_up", hang)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="'slow.test'"):
        safe_fetch.safe_fetch("http://slow.test/", max_bytes=10, timeout=0.3)
    assert time.monotonic() - started < 5
    released.set()
