"""Messages ready for SMTP, what becomes of them, and where they go."""

from __future__ import annotations

import os
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from openviper.core.email.domains import to_ascii
from openviper.exceptions import ImproperlyConfigured

PIECE = 64 * 1024
"""Bytes of a message that are sent at once; each piece may take as long as the time limit says."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")
_BARE = re.compile(r'(?:[^\s<>"(),:;\\@]+|"(?:[^"\\]|\\.)*")(?:@[^\s<>"(),;\\@]+)?')
"""A dot-string or a quoted local part (RFC 5321, 4.1.2), as strictly as the command line needs it."""
_NO_HOST = re.compile(r"[\s\x00-\x20\x7f/@]")
MAX_LABEL = 63
"""Characters between two dots of a host name (RFC 1035, 2.3.4)."""
_SECRETS = ("password", "access_token")
T = TypeVar("T")


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
        untried: The server heard nothing of the message: it could not be reached, or did not let us in.
    """

    refused: Mapping[str, tuple[int, str]]
    error: Exception | None
    in_doubt: bool = False
    untried: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class SMTPConfig:
    """One server, and how to hand mail over to it.

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
        access_token: What to log in with instead of a password (OAuth 2), or a function that returns it, as it may
            have run out by the next message. The function is called in a thread.
        cert_file: A PEM file with the certificate that this side shows.
        key_file: A PEM file with its private key, if `cert_file` does not hold it.
        local_hostname: The name that this side gives itself; that of the machine when empty.

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
    access_token: str | Callable[[], str] | None = None
    cert_file: str | None = None
    key_file: str | None = None
    local_hostname: str = ""

    def __post_init__(self) -> None:
        problem = next((text for text in _problems(self) if text), None)
        if problem is not None:
            raise ImproperlyConfigured(problem)
        # What a resolver would make of an international name is IDNA 2003, perhaps somebody else's.
        object.__setattr__(self, "host", _host(self.host))

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__slots__}
        shown.update({name: "***" for name in _SECRETS if shown[name]})
        return f"SMTPConfig({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is encrypted before anything else is said."""
        return self.use_tls or self.use_ssl

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what verifies the server's certificate and name, or None without TLS.

        Raises:
            OSError: If the file of authorities, or this side's certificate, cannot be read.
        """
        if not self.is_encrypted:
            return None
        context = _loaded(
            f"the CA file {self.ca_file!r} holds no certificates",
            (self.ca_file,),
            lambda: ssl.create_default_context(cafile=self.ca_file),
        )
        certificate = self.cert_file
        if certificate:
            _loaded(
                f"the certificate {certificate!r} and its key do not work",
                (certificate, self.key_file),
                # A key with a passphrase would otherwise be asked for on the terminal.
                lambda: context.load_cert_chain(
                    certificate, self.key_file, password=_no_passphrase
                ),
            )
        return context


def _no_passphrase() -> str:
    raise ssl.SSLError("the private key has a passphrase")


def _loaded(what: str, paths: Sequence[str | None], load: Callable[[], T]) -> T:
    """Return what was read from files, with the one that cannot be read named in the error."""
    try:
        return load()
    except ssl.SSLError as error:
        reason = error.strerror or (error.args[-1] if error.args else "")
        raise ssl.SSLError(error.errno or 0, f"{what}: {reason}") from error
    except OSError as error:
        error.filename = _culprit([path for path in paths if path])
        raise


def _culprit(paths: Sequence[str]) -> str | None:
    """Return the first file that cannot be read."""
    unreadable = (path for path in paths if not os.access(path, os.R_OK))
    return next(unreadable, paths[0] if paths else None)


def _problems(config: SMTPConfig) -> Iterator[str | None]:
    """Yield what is wrong with each value, or `None`."""
    yield _host_problem(config.host)
    yield _number_problem(config)
    yield _encryption_problem(config)
    yield _login_problem(config)


def _number_problem(config: SMTPConfig) -> str | None:
    if not 0 < config.port < 65536:
        return f"SMTP port {config.port!r} is not between 1 and 65535"
    if not 0 < config.timeout <= threading.TIMEOUT_MAX:
        return f"SMTP timeout {config.timeout!r} is not a number of seconds above 0"
    if config.max_connections < 1:
        return f"max_connections {config.max_connections!r} is less than 1"
    return None


def _encryption_problem(config: SMTPConfig) -> str | None:
    if config.use_tls and config.use_ssl:
        return "use_tls and use_ssl exclude each other: choose STARTTLS or TLS from the start"
    if config.key_file and not config.cert_file:
        return "a key_file without a cert_file"
    if config.cert_file and not config.is_encrypted:
        return "a cert_file without use_tls or use_ssl"
    return None


def _login_problem(config: SMTPConfig) -> str | None:
    if config.password and config.access_token:
        return "a password and an access_token exclude each other"
    if (config.password or config.access_token) and not config.username:
        return "an SMTP password or access_token without a username"
    if "\0" in config.username + (config.password or ""):
        return "the SMTP username or password holds a NUL, which AUTH PLAIN cannot carry"
    if _FORBIDDEN.search(config.local_hostname) or " " in config.local_hostname:
        return f"local_hostname {config.local_hostname!r} is not a host name"
    return None


def _host_problem(host: str) -> str | None:
    refused = f"SMTP host {host!r} is neither a name nor an address"
    if not host or _NO_HOST.search(host):
        return refused
    try:
        _host(host)
    except ValueError as error:
        return f"{refused}: {error}"
    return None


def _host(host: str) -> str:
    if not host.isascii():
        return to_ascii(host)
    # Not as strict as names of domains: hosts of an inner network have underscores, and addresses have colons.
    if not all(0 < len(label) <= MAX_LABEL for label in host.removesuffix(".").split(".")):
        raise ValueError("a part of it is empty or too long")
    return host


def check_envelope(envelope: Envelope) -> None:
    """Refuse what would be understood as something else on the way.

    Raises:
        ValueError: If there is no recipient, an address is more than one bare address, or a line does not end in CRLF.
            A lone LF or CR before a dot ends the message for some servers, and what follows becomes commands.
    """
    if not envelope.recipients:
        raise ValueError("the envelope has no recipients")
    senders = (envelope.sender,) if envelope.sender else ()
    for address in (*senders, *envelope.recipients):
        if not _is_bare(address):
            raise ValueError(f"{address!r} is not a bare mail address")
    _check_content(envelope.content)


def _check_content(content: bytes) -> None:
    start = 0
    while start < len(content):
        # By pieces, because each of these holds the interpreter for its whole time.
        end = end_of_piece(content, start)
        _check_line_ends(content, start, end)
        start = end


def _is_bare(address: str) -> bool:
    return _BARE.fullmatch(address) is not None and not _FORBIDDEN.search(address)


def _check_line_ends(content: bytes, start: int, end: int) -> None:
    breaks = content.count(b"\r\n", start, end)
    if content.count(b"\n", start, end) != breaks or content.count(b"\r", start, end) != breaks:
        raise ValueError("the message has a line end other than CRLF")


def end_of_piece(content: bytes, start: int) -> int:
    """Return where the piece that begins at `start` ends: never between CR and LF."""
    end = start + PIECE
    return end + 1 if content[end - 1 : end] == b"\r" else min(end, len(content))
