"""Messages ready for SMTP, what becomes of them, and where they go."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from openviper.exceptions import ImproperlyConfigured

PIECE = 64 * 1024
"""Bytes of a message that are sent at once; each piece may take as long as the time limit says."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")
_BARE = re.compile(r'(?:[^\s<>"(),:;\\@]+|"(?:[^"\\]|\\.)*")(?:@[^\s<>"(),;\\@]+)?')
"""A dot-string or a quoted local part (RFC 5321, 4.1.2), as strictly as the command line needs it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it goes over the wire.

    Attributes:
        sender: The bare address for errors, ``""`` for the null sender.
        recipients: The bare addresses of those who get it.
        content: The RFC 5322 message with CRLF line ends.
        needs_smtputf8: Whether header fields hold UTF-8 (RFC 6532). Non-ASCII addresses in here need no mark.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    needs_smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an `Envelope`.

    Attributes:
        refused: The recipients the server did not take, each with its code and text.
        error: Why nothing was accepted, or None.
        in_doubt: The message was sent whole and no answer came: the server may have accepted it.
    """

    refused: Mapping[str, tuple[int, str]]
    error: Exception | None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class SMTPConfig:
    """Where and how to hand mail over.

    Attributes:
        host: Name or address of the server. Its certificate has to be for this name.
        port: The port.
        username: Whom to log in as; ``""`` for nobody.
        password: The password.
        use_tls: Encrypt with STARTTLS before anything else.
        use_ssl: Encrypt from the first byte on.
        timeout: Longest wait for any single step, in seconds.
        ca_file: A PEM file with the authorities to trust instead of the system's.
        max_connections: Most connections to this server at once, per event loop.

    Raises:
        ImproperlyConfigured: If a value cannot be, or two contradict each other.
    """

    host: str
    port: int
    username: str = ""
    password: str | None = None
    use_tls: bool = False
    use_ssl: bool = False
    timeout: float = 10.0
    ca_file: str | None = None
    max_connections: int = 4

    def __post_init__(self) -> None:
        if self.use_tls and self.use_ssl:
            raise ImproperlyConfigured(
                "use_tls and use_ssl exclude each other: choose STARTTLS or TLS from the start"
            )
        if not self.host or not _is_host(self.host):
            raise ImproperlyConfigured(f"SMTP host {self.host!r} is neither a name nor an address")
        if not 0 < self.port < 65536:
            raise ImproperlyConfigured(f"SMTP port {self.port!r} is not between 1 and 65535")
        if not 0 < self.timeout <= threading.TIMEOUT_MAX:
            raise ImproperlyConfigured(
                f"SMTP timeout {self.timeout!r} is not a number of seconds above 0"
            )
        if self.max_connections < 1:
            raise ImproperlyConfigured(f"max_connections {self.max_connections!r} is less than 1")
        if self.password and not self.username:
            raise ImproperlyConfigured("an SMTP password without a username")
        if "\0" in self.username + (self.password or ""):
            raise ImproperlyConfigured(
                "the SMTP username or password holds a NUL, which AUTH PLAIN cannot carry"
            )

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__slots__}
        shown["password"] = "***" if self.password else self.password
        return f"SMTPConfig({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what verifies the server's certificate and name, or None without TLS.

        Raises:
            OSError: If the file of authorities cannot be read.
        """
        if not (self.use_tls or self.use_ssl):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            text = f"the CA file {self.ca_file!r} holds no certificates: {error.strerror}"
            raise ssl.SSLError(error.errno, text) from error
        except OSError as error:
            error.filename = self.ca_file
            raise


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return not re.search(r"[\s\x00-\x20\x7f/@]", host)


def check_envelope(envelope: Envelope) -> None:
    """Refuse what would be understood as something else on the way.

    Raises:
        ValueError: If there is no recipient, an address is more than one bare address, or a line does not end in CRLF.
            A lone LF or CR before a dot ends the message for some servers, and what follows becomes commands.
    """
    if not envelope.recipients:
        raise ValueError("the envelope has no recipients")
    addresses = (envelope.sender, *envelope.recipients) if envelope.sender else envelope.recipients
    for address in addresses:
        if not _BARE.fullmatch(address) or _FORBIDDEN.search(address):
            raise ValueError(f"{address!r} is not a bare mail address")
    content, start = envelope.content, 0
    while start < len(content):
        end = end_of_piece(content, start)
        # By pieces, because each of these holds the interpreter for its whole time.
        breaks = content.count(b"\r\n", start, end)
        if content.count(b"\n", start, end) != breaks or content.count(b"\r", start, end) != breaks:
            raise ValueError("the message has a line end other than CRLF")
        start = end


def end_of_piece(content: bytes, start: int) -> int:
    """Return where the piece that begins at `start` ends: never between CR and LF."""
    end = start + PIECE
    return end + 1 if content[end - 1 : end] == b"\r" else min(end, len(content))
