"""Showing the manual in a browser of this machine."""

from __future__ import annotations

import json
import re
import socket
import sys
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from openviper.documentation.site import Site

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_TEXT = "text/plain; charset=utf-8"
_NOT_FOUND = b"There is no such page in the manual.\n"
# Nothing from elsewhere, and no script in a page's text.
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'"


class ManualServer(ThreadingHTTPServer):
    """An HTTP server for one site, on an address of this machine.

    Args:
        site: What to show.
        host: An address or name; an IPv6 address too.
        port: A port, or 0 for any that is free.

    Raises:
        OSError: If the address cannot be had.
    """

    daemon_threads = True

    def __init__(self, site: Site, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), partial(_Handler, site))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader who went away in the middle of an answer."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        host, port = self.server_address[:2]
        name = str(host)
        return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    # A client that sends nothing holds its thread no longer than this, in seconds.
    timeout = 30
    server_version = "OpenViper"
    sys_version = ""

    def __init__(self, site: Site, *arguments: Any) -> None:
        self.site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with a page's header."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        # A whole address, host and all, is what a proxy is sent (RFC 9112, 3.2.2).
        target = re.sub(r"\Ahttp://[^/?]*", "", self.path, flags=re.IGNORECASE)
        address = unquote(target.partition("?")[0]).removeprefix("/") or "index.html"
        body = self._found(address)
        if body is None:
            self._send_head(HTTPStatus.NOT_FOUND, _TEXT, len(_NOT_FOUND))
        else:
            self._send_head(HTTPStatus.OK, _type_of(address), len(body))
        if with_body:
            self.wfile.write(_NOT_FOUND if body is None else body)

    def _send_head(self, status: HTTPStatus, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def _found(self, address: str) -> bytes | None:
        if address == "versions.js":
            return self._versions()
        try:
            return self.site.answer(address)
        except KeyError:
            return None

    def _versions(self) -> bytes:
        return f"window.manualVersions = {json.dumps([self.site.version])};\n".encode()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: who reads the manual is of no interest."""


def _type_of(address: str) -> str:
    return _TYPES.get(address.rpartition(".")[2], _TEXT)
