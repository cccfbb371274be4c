"""A web server that sends whatever bytes a test wants, at whatever pace."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType

from tests.smtp_server import Certificate

Answer = Callable[["WebServer", socket.socket], None]


def answer(
    body: bytes = b"hello", *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Return a whole HTTP response."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class WebServer:
    """A web server on loopback, in threads of its own.

    Args:
        response: The bytes to send after a request, or a function that does.
        host: The address to listen on.
        port: The port, any if 0.
        certificate: For TLS.
        silent: Never say anything, not even in the TLS handshake.

    Attributes:
        requests: The heads of the requests received.
        connections: How many connections there were.
        received: How many bytes arrived, TLS included.
        server_names: The host names asked for in TLS handshakes.
    """

    def __init__(
        self,
        response: bytes | Answer = b"",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Certificate | None = None,
        silent: bool = False,
    ) -> None:
        self.response = response or answer()
        self.silent = silent
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []
        self.connections = 0
        self.received = 0
        self.stopped = threading.Event()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.chain, certificate.key)
            self._context.sni_callback = lambda sock, name, context: self.server_names.append(name)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._handles: list[socket.socket] = []

    def __enter__(self) -> WebServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for handle in self._handles:
            try:
                handle.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        for handle in self._handles:
            handle.close()
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="web-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._handles.append(sock.dup())
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.silent:
                while data := sock.recv(65536):
                    self.received += len(data)
                return
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                data = sock.recv(65536)
                if not data:
                    return
                request += data
                self.received += len(data)
            self.requests.append(request)
            if callable(self.response):
                self.response(self, sock)
            else:
                sock.sendall(self.response)
        except OSError:
            pass
        finally:
            # The duplicate keeps the connection open otherwise.
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
