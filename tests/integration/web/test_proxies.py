"""`TRUSTED_PROXIES` alone says whose forwarded headers are believed, however the application is served."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path

import pytest

from tests.integration.web.serving import command, connect, free_port, server

APP = """
import os

os.environ["OPENVIPER_TRUSTED_PROXIES"] = {trusted!r}

from openviper import OpenViper, Request
from openviper.auth.client import client_address

app = OpenViper(debug=False, middleware=["openviper.middleware.TrustedProxyMiddleware"])

@app.get("/")
async def told(request: Request) -> list[object]:
    return [request.client and request.client[0], request.is_secure(), client_address(request.scope)]

if __name__ == "__main__":
    app.run(port={port}, reload=False)
"""
FORWARDED = {
    "host": "localhost",
    "x-forwarded-for": "6.6.6.6, 1.1.1.1",
    "x-forwarded-proto": "https",
}


class UnixConnection(http.client.HTTPConnection):
    """A connection through a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path)


def told(connection: http.client.HTTPConnection, **headers: str) -> list[object]:
    """Return what a handler sees of who asks."""
    connection.request("GET", "/", headers={**FORWARDED, **headers})
    answer: list[object] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@pytest.mark.parametrize("by_itself", [True, False])
@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        ("", ["127.0.0.1", False, "127.0.0.1"]),
        ("10.0.0.0/8,unix", ["127.0.0.1", False, "127.0.0.1"]),
        ("10.0.0.0/8,127.0.0.0/8", ["1.1.1.1", True, "1.1.1.1"]),
    ],
)
def test_the_address_of_a_client_through_a_server(
    tmp_path: Path, by_itself: bool, trusted: str, expected: list[object]
) -> None:
    port = free_port()
    (tmp_path / "main.py").write_text(APP.format(trusted=trusted, port=port))
    run = command("run", "main.py", "--port", str(port), "--no-reload")
    with server([sys.executable, "main.py"] if by_itself else run, tmp_path, port):
        assert told(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) == expected


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [("127.0.0.1", [None, False, "unknown"]), ("unix", ["1.1.1.1", True, "1.1.1.1"])],
)
def test_the_address_of_a_client_through_a_unix_socket(
    tmp_path: Path, trusted: str, expected: list[object]
) -> None:
    (tmp_path / "main.py").write_text(APP.format(trusted=trusted, port=0))
    path = tmp_path / "s"
    run = command("run", "main.py", "--uds", str(path), "--no-reload")
    with server(run, tmp_path, path):
        assert told(UnixConnection(path)) == expected
