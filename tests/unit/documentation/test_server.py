"""Serving the manual."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.documentation.server import ManualServer
from openviper.documentation.site import Site


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManualServer]:
    root: Path = tmp_path_factory.mktemp("docs")
    (root / "README.md").write_text("# M\n## Do\n[a](a.md)\n")
    (root / "a.md").write_text("# A\n")
    with ManualServer(Site(root, "1.0"), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server: ManualServer, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request as it is; return status, header and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    try:
        connection.putrequest(method, path)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_the_address_names_the_port_that_was_found(server: ManualServer) -> None:
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"
    assert server.server_address[1] > 0


@pytest.mark.parametrize(
    ("path", "kind", "piece"),
    [
        ("/", "text/html", b"<h1"),
        ("/index.html?x=1", "text/html", b"<h1"),
        ("/a.html", "text/html", b"A</h1>"),
        ("/a.html?%zz&&=#", "text/html", b"A</h1>"),
        ("http://127.0.0.1:1/a.html?x", "text/html", b"A</h1>"),
        ("HTTP://localhost", "text/html", b"<h1"),
        ("/style.css", "text/css", b":root"),
        ("/site.js", "text/javascript", b"searchIndex"),
        ("/versions.js", "text/javascript", b'["1.0"]'),
    ],
)
def test_pages_are_answered_with_their_type(
    server: ManualServer, path: str, kind: str, piece: bytes
) -> None:
    status, header, body = asked(server, "GET", path)
    assert status == 200
    assert header["Content-Type"].startswith(kind)
    assert piece in body
    assert "default-src 'none'" in header["Content-Security-Policy"]
    assert header["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("/gone.html", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/a.md"),
        *("/%00", "/%ff%fe", "/a.html/", "/a.html;x", "/https://x/a.html"),
    ],
)
def test_nothing_else_is_answered(server: ManualServer, path: str) -> None:
    status, header, body = asked(server, "GET", path)
    assert (status, body) == (404, b"There is no such page in the manual.\n")
    assert header["Content-Type"] == "text/plain; charset=utf-8"


def test_head_has_no_body_and_other_methods_are_refused(server: ManualServer) -> None:
    status, header, body = asked(server, "HEAD", "/a.html")
    assert (status, body) == (200, b"")
    assert int(header["Content-Length"]) > 1000
    assert asked(server, "POST", "/a.html")[0] == 501


def test_ranges_are_passed_over(server: ManualServer) -> None:
    whole = asked(server, "GET", "/a.html")
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.request("GET", "/a.html", headers={"Range": "bytes=0-1"})
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, whole[2])
    connection.close()


def failing(server: ManualServer, error: Exception) -> None:
    """Have the server handle an error as it does in the thread of a request."""
    try:
        raise error
    except Exception:
        server.handle_error(None, ("127.0.0.1", 1))


def test_of_a_reader_who_went_away_nothing_is_said(
    server: ManualServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (ConnectionResetError(), BrokenPipeError(), TimeoutError()):
        failing(server, error)
    assert capsys.readouterr().err == ""
    failing(server, ValueError("a fault of ours"))
    assert "a fault of ours" in capsys.readouterr().err
