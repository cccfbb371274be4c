"""One connection to an SMTP server: smtplib's, with a time limit on every step and RFC 2920 pipelining."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from openviper.core.email.envelope import PIECE, Delivery, Envelope, SMTPConfig, end_of_piece
from openviper.core.email.network import Deadline, connect, resolve
from openviper.core.email.refusals import ServerLacksError
from openviper.core.email.smtp_login import log_in

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GROUP = 100
"""Most commands sent before the replies are read, so that both sides never wait for the other to read (RFC 2920, 3.1)."""
MAX_REPLY = 64 * 1024
"""Most bytes of one reply of the server."""
GOODBYE = 2.0
"""Most seconds to wait for the answer to QUIT, when everything is done."""
CLOSING = 421
"""The server is about to close the connection (RFC 5321, 3.8)."""
Reply: TypeAlias = tuple[int, bytes]

_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Lifeline:
    """A second handle on a connection, by which another thread ends whatever the first one waits for.

    It is a duplicate, so that it outlives the change to a TLS socket and never names a descriptor that was given away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._is_cut = False

    def attach(self, sock: socket.socket) -> None:
        """Take hold of a socket instead of the one before.

        Raises:
            ConnectionAbortedError: If the line was cut already.
        """
        self.release()
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("the delivery was cancelled")
            self._handle = sock.dup()

    def cut(self) -> None:
        """End the connection, now or as soon as there is one."""
        with self._lock:
            self._is_cut = True
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # Not connected yet, or not any more.

    def release(self) -> None:
        """Let go of the socket."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None


class _Reading:
    """One reply while it is read: since when, how much of it, in how many receipts."""

    __slots__ = ("receipts", "size", "started")

    def __init__(self) -> None:
        self.started = monotonic()
        self.size = 0
        self.receipts = 0

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return monotonic() - self.started


class SMTPConnection(smtplib.SMTP):
    """A connection that is ready for messages: greeted, encrypted and logged in.

    Args:
        config: Where to connect to.
        context: What verifies the server, if TLS is wanted.
        lifeline: Gets hold of the connection.

    Attributes:
        usable: Whether another message can be sent over it.
        transactions: How many messages the server has answered.
        in_doubt: Whether the end of the current message may have reached the server.

    Raises:
        ImproperlyConfigured: If the password would go unencrypted over a network.
        OSError: If the server cannot be reached, fails verification, or refuses; `smtplib.SMTPException` is one.
    """

    def __init__(
        self, config: SMTPConfig, context: ssl.SSLContext | None, lifeline: Lifeline
    ) -> None:
        self._config = config
        self._context = context
        self._lifeline = lifeline
        self._unread = b""
        self.usable = True
        self.transactions = 0
        self.in_doubt = False
        self._patience: float = config.timeout
        try:
            # `getfqdn`, which smtplib would call for the name, may wait for a name server for ever.
            super().__init__(
                config.host, config.port, local_hostname="localhost", timeout=config.timeout
            )
            self._prepare()
        except BaseException:
            self.close()
            raise

    # Connecting

    def connect(self, host: str = "", port: int = 0, source_address: object = None) -> Reply:
        """Connect to the configured server, with implicit TLS if it is configured, and return the greeting."""
        config = self._config
        deadline = Deadline.after(config.timeout)
        sock = connect(resolve(config.host, config.port, deadline), deadline, self._lifeline.attach)
        self.sock = sock
        # What `starttls` checks the certificate for: newer versions of smtplib set it in the method that this one replaces.
        self._host = config.host
        sock.settimeout(config.timeout)
        if config.use_ssl:
            assert self._context is not None
            self.sock = self._context.wrap_socket(sock, server_hostname=config.host)
        return self.getreply()

    def _prepare(self) -> None:
        self.local_hostname = self._own_name()
        self.ehlo_or_helo_if_needed()
        if self._config.use_tls:
            if not self.has_extn("starttls"):
                raise ServerLacksError(f"{self._config.host} does not offer STARTTLS")
            self.starttls(context=self._context)
            if self._unread:
                # Somebody in between put answers before the encryption, to be taken for the server's (CVE-2011-0411).
                raise smtplib.SMTPException(
                    "the server sent more than its answer before the encryption began"
                )
            self.ehlo_or_helo_if_needed()
        if self._config.username:
            log_in(self, self._config)
        self._group = GROUP if self.has_extn("pipelining") else 1
        self._has_smtputf8 = self.has_extn("smtputf8")
        self._has_8bitmime = self.has_extn("8bitmime")
        self._has_size = self.has_extn("size")
        self._size_limit = _number(self.esmtp_features.get("size", ""))

    def _own_name(self) -> str:
        """Return the name of this host if it is a full one, else its address as a literal (RFC 5321, 4.1.3)."""
        if self._config.local_hostname:
            return self._config.local_hostname
        name = socket.gethostname()
        if _NAME.fullmatch(name):
            return name
        assert self.sock is not None
        address = str(self.sock.getsockname()[0]).partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def close(self) -> None:
        """Close the connection without a word."""
        self.usable = False
        super().close()
        self._lifeline.release()

    def say_goodbye(self) -> None:
        """Close the connection as RFC 5321 asks for, without waiting long for the answer."""
        try:
            if self.usable and self.sock is not None:
                self._patience = min(GOODBYE, self._config.timeout)
                self.sock.settimeout(self._patience)
                self.quit()
        except OSError:
            pass  # Everything was answered before; nothing depends on this.
        finally:
            self.close()

    # Replies

    def getreply(self) -> Reply:
        """Read one reply; all of it has to be there within the time limit.

        Returns:
            The code, -1 if it is none, and the text of all lines.

        Raises:
            TimeoutError: If it is not.
            smtplib.SMTPServerDisconnected: If the connection has ended.
        """
        self._reading = _Reading()
        lines = [self._read_line()]
        while _has_more(lines[-1]):
            lines.append(self._read_line())
        if self._reading.receipts > 1 and self.sock is not None:
            self.sock.settimeout(self._patience)
        return _code(lines[-1]), b"\n".join([line[4:].strip() for line in lines])

    def _read_line(self) -> bytes:
        """Return the next line of a reply, without its line end."""
        reading = self._reading
        while True:
            line, is_complete, rest = self._unread.partition(b"\n")
            if is_complete:
                self._unread = rest
                reading.size += len(line)
                return line
            if reading.size + len(self._unread) > MAX_REPLY:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
            reading.receipts += 1
            # The first wait has the socket's own limit, which saves a call.
            is_first = reading.receipts == 1
            self._receive(None if is_first else self._patience - reading.elapsed())

    def _receive(self, limit: float | None) -> None:
        """Read what is there, waiting at most `limit` seconds; the socket's own limit if None, which saves a call."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        try:
            received = _receive(self.sock, limit)
        except TimeoutError:
            self.close()
            raise TimeoutError(
                f"no reply from {self._config.host} port {self._config.port} within {self._patience:g} s"
            ) from None
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"the connection was lost: {error}") from error
        if not received:
            self.close()
            raise smtplib.SMTPServerDisconnected("the server closed the connection")
        self._unread += received

    # Messages

    def send(self, s: ReadableBuffer | str) -> None:
        """Send bytes, or a command in ASCII.

        Raises:
            TimeoutError: If they are not taken within the time limit, of which smtplib would make a lost connection.
            smtplib.SMTPServerDisconnected: If the connection has ended.
        """
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        try:
            self.sock.sendall(s.encode("ascii") if isinstance(s, str) else s)
        except TimeoutError:
            self.close()
            raise TimeoutError(
                f"{self._config.host} port {self._config.port} took nothing within {self._patience:g} s"
            ) from None
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"the connection was lost: {error}") from error

    def transmit(self, envelope: Envelope) -> Delivery:
        """Send one message.

        Returns:
            What the server answered. `usable` tells whether the connection can go on.

        Raises:
            OSError: If the connection was lost or a step took too long; `in_doubt` tells whether the message was sent.
        """
        self.in_doubt = False
        error = self._unsupported(envelope)
        if error is not None:
            return Delivery({}, error)
        recipients = envelope.recipients
        commands = [
            self._mail_command(envelope),
            *(b"RCPT TO:<%b>\r\n" % to.encode() for to in recipients),
            b"DATA\r\n",
        ]
        replies: list[Reply] = []
        while len(replies) < len(commands) and self._may_go_on(replies, len(recipients)):
            replies += self._exchange(commands[len(replies) : len(replies) + self._group])
        refused = _refused(recipients, replies)
        error = _refusal(envelope, replies, refused)
        if error is None:
            self._send_content(envelope.content)
            code, text = self._exchange([])[0]
            # What is neither yes nor no may be a yes.
            self.in_doubt = code // 100 not in (2, 4, 5)
            if not 200 <= code < 300:
                error = smtplib.SMTPDataError(code, text)
        else:
            self._abandon(replies, is_begun=len(replies) == len(commands) and replies[-1][0] == 354)
        self.transactions += 1
        told = {address: (code, _readable(text)) for address, (code, text) in refused.items()}
        return Delivery(told, error, self.in_doubt)

    def _unsupported(self, envelope: Envelope) -> Exception | None:
        """Return what the server cannot do of that which the message needs."""
        host = self._config.host
        needy = None if self._has_smtputf8 else _needs_smtputf8(envelope)
        if needy is not None:
            return smtplib.SMTPNotSupportedError(
                f"{needy} needs SMTPUTF8, which {host} does not offer"
            )
        if not self._has_8bitmime and not envelope.content.isascii():
            return smtplib.SMTPNotSupportedError(
                f"the message from {envelope.sender!r} has 8-bit content, which {host} does not take"
            )
        return self._too_large(envelope)

    def _too_large(self, envelope: Envelope) -> Exception | None:
        size = len(envelope.content)
        if not 0 < self._size_limit < size:
            return None
        text = f"{size} bytes are more than the {self._size_limit} the server takes"
        return smtplib.SMTPSenderRefused(552, text.encode("ascii"), envelope.sender)

    def _mail_command(self, envelope: Envelope) -> bytes:
        command = f"MAIL FROM:<{envelope.sender}>"
        if self._has_size:
            command += f" SIZE={len(envelope.content)}"
        if self._has_8bitmime and not envelope.content.isascii():
            command += " BODY=8BITMIME"
        if _needs_smtputf8(envelope) is not None:
            command += " SMTPUTF8"
        return command.encode() + b"\r\n"

    def _may_go_on(self, replies: Sequence[Reply], recipients: int) -> bool:
        """Return whether to send the next commands after these replies: DATA alone only if somebody was accepted."""
        if not replies:
            return True
        if not self.usable or not _is_ok(replies[0]):
            return False
        return len(replies) <= recipients or any(_is_ok(reply) for reply in replies[1:])

    def _exchange(self, commands: Sequence[bytes]) -> list[Reply]:
        """Send commands in one piece and return their replies; one reply for none. Fewer if the server ends it."""
        if commands:
            self.send(b"".join(commands))
        replies: list[Reply] = []
        while self.usable and len(replies) < max(1, len(commands)):
            replies.append(self.getreply())
            if replies[-1][0] in (CLOSING, -1):
                self.usable = False
        return replies

    def _send_content(self, content: bytes) -> None:
        """Send a message and its end, each dot at the begin of a line doubled (RFC 5321, 4.5.2)."""
        if len(content) <= PIECE:  # As most are; nothing is cut then.
            self.in_doubt = True
            self.send(_stuffed(content) + _end_of(content))
            return
        start = 0
        while start < len(content):
            end = end_of_piece(content, start)
            self._send_piece(content, start, end)
            start = end

    def _send_piece(self, content: bytes, start: int, end: int) -> None:
        is_at_line_start = start == 0 or content[start - 1 : start] == b"\n"
        piece = _stuffed(content[start:end], is_at_line_start)
        if end == len(content):
            self.in_doubt = True
            piece += _end_of(content)
        self.send(piece)

    def _abandon(self, replies: Sequence[Reply], *, is_begun: bool) -> None:
        """End a transaction that came to nothing, so that the next can begin."""
        if not self.usable or not (is_begun or _is_ok(replies[0])):
            return
        try:
            # Without an accepted recipient an empty message is refused (RFC 2920, 3.1).
            code, _ = self._exchange([b".\r\n" if is_begun else b"RSET\r\n"])[0]
            if not is_begun and code != 250:
                self.usable = False
        except OSError:
            self.close()


def _receive(sock: socket.socket, limit: float | None) -> bytes:
    if limit is not None:
        if limit <= 0:
            raise TimeoutError
        sock.settimeout(limit)
    return sock.recv(MAX_REPLY)


def _code(line: bytes) -> int:
    return int(line[:3]) if line[:3].isdigit() else -1


def _has_more(line: bytes) -> bool:
    """Return whether a reply goes on behind a line (RFC 5321, 4.2.1)."""
    return line[3:4] == b"-" and _code(line) >= 0


def _is_ok(reply: Reply) -> bool:
    return 200 <= reply[0] < 300


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _needs_smtputf8(envelope: Envelope) -> str | None:
    """Return what of a message only a server with SMTPUTF8 (RFC 6531) can take, or None."""
    for address in (envelope.sender, *envelope.recipients):
        if not address.isascii():
            return f"the address {address!r}"
    if envelope.needs_smtputf8:
        return f"an address in the message from {envelope.sender!r}"
    return None


def _stuffed(content: bytes, is_at_line_start: bool = True) -> bytes:
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if is_at_line_start and stuffed.startswith(b".") else stuffed


def _end_of(content: bytes) -> bytes:
    return b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"


def _readable(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _refused(recipients: Sequence[str], replies: Sequence[Reply]) -> dict[str, Reply]:
    """Return the recipients that were not accepted; a server that ends it all has refused those it did not answer."""
    if not _is_ok(replies[0]):
        return {}
    answers = [
        *replies[1 : len(recipients) + 1],
        *[replies[-1]] * (len(recipients) + 1 - len(replies)),
    ]
    return {to: reply for to, reply in zip(recipients, answers, strict=True) if not _is_ok(reply)}


def _refusal(
    envelope: Envelope, replies: Sequence[Reply], refused: Mapping[str, Reply]
) -> Exception | None:
    """Return why the message cannot be sent after these replies, or None."""
    code, text = replies[0]
    if not _is_ok(replies[0]):
        return smtplib.SMTPSenderRefused(code, text, envelope.sender)
    if len(refused) == len(set(envelope.recipients)):
        return smtplib.SMTPRecipientsRefused(dict(refused))
    code, text = replies[-1]
    if len(replies) < len(envelope.recipients) + 2:
        return smtplib.SMTPRecipientsRefused(dict.fromkeys(envelope.recipients, (code, text)))
    return None if code == 354 else smtplib.SMTPDataError(code, text)
