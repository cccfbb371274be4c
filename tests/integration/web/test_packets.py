"""No answer waits for the client to confirm its head: connections have Nagle's algorithm off (RFC 896, tcp(7))."""

from __future__ import annotations

import http.client
import json
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.web.serving import command, free_port, server

APP = """\
import os
import socket

from openviper import OpenViper

app = OpenViper(debug=False)

def connections():
    for name in os.listdir("/proc/self/fd"):
        try:
            connection = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with connection:
            try:
                connection.getpeername()
                if connection.family == socket.AF_INET:
                    yield connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            except OSError:
                continue

@app.get("/")
async def told():
    return [bool(option) for option in connections()]

if __name__ == "__main__":
    app.run(port=PORT, OPTIONS)
"""


@pytest.mark.one_version
@pytest.mark.parametrize("options", ["reload=False", "reload=False, workers=2", "reload=True", ""])
def test_answers_leave_at_once(tmp_path: Path, options: str) -> None:
    port = free_port()
    text = APP.replace("PORT", str(port)).replace("OPTIONS", options)
    (tmp_path / "main.py").write_text(text)
    run = command("run", "main.py", "--port", str(port), "--no-reload", "--workers", "2")
    with server([sys.executable, "main.py"] if options else run, tmp_path, port):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/")
            found = json.loads(connection.getresponse().read())
    assert set(found) == {True}
