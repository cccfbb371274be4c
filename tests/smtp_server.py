"""A real SMTP server on loopback that behaves as badly as a test asks it to.

In a test::

    with SMTPServer(replies={"RCPT:bad@example.com": "550 5.1.1 no such user"}) as server:
        ...
        assert server.messages[0].recipients == ["ada@example.com"]

In a process of its own, for measurements: ``python -m tests.smtp_server`` prints the port and serves until its standard
input ends; `SMTPServerProcess` does both.
"""

from __future__ import annotations

import base64
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest

STAGES = (
    "CONNECT",
    "TLS",
    "EHLO",
    "STARTTLS",
    "AUTH",
    "MAIL",
    "RCPT",
    "DATA",
    "CONTENT",
    "DOT",
    "RSET",
    "QUIT",
)
"""Where a server can be told to hang or to close: before it does anything about that step."""
_ADDRESS = re.compile(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate made for a test.

    Attributes:
        chain: Its PEM file.
        key: Its private key.
        ca: What to trust so as to trust it.
    """

    chain: Path
    key: Path
    ca: Path


def make_certificate(
    directory: Path, name: str = "localhost", *, self_signed: bool = False
) -> Certificate:
    """Make a certificate for a host name with the `openssl` command, signed by an authority made along with it.

    Args:
        directory: Where the files go.
        name: The host name; ``localhost`` covers 127.0.0.1 and ::1 too.
        self_signed: Make one that vouches for itself.
    """
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    directory.mkdir(parents=True, exist_ok=True)
    names = f"subjectAltName=DNS:{name}" + (",IP:127.0.0.1,IP:::1" if name == "localhost" else "")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def openssl(*arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60
        )

    if self_signed:
        openssl(
            "req",
            "-x509",
            *new_key,
            "-subj",
            f"/CN={name}",
            "-addext",
            names,
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        )
        return Certificate(directory / "cert.pem", directory / "key.pem", directory / "cert.pem")
    openssl(
        "req", "-x509", *new_key, "-subj", "/CN=OpenViper test authority",
        "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca-key.pem", "-out", "ca.pem",
    )  # fmt: skip
    openssl(
        "req",
        "-new",
        *new_key[:-2],
        "-subj",
        f"/CN={name}",
        "-keyout",
        "key.pem",
        "-out",
        "request.pem",
    )
    (directory / "extensions").write_text(
        f"{names}\nbasicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    openssl(
        "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
        "-days", "2", "-extfile", "extensions", "-out", "cert.pem",
    )  # fmt: skip
    return Certificate(directory / "cert.pem", directory / "key.pem", directory / "ca.pem")


@dataclass(slots=True)
class Received:
    """A message the server has taken.

    Attributes:
        sender: The envelope's sender.
        parameters: What followed it, such as ``SIZE=120 BODY=8BITMIME``.
        recipients: Those who were accepted.
        content: The message, dots undoubled.
        user: Who was logged in.
        is_encrypted: Whether it came over TLS.
    """

    sender: str
    parameters: str
    recipients: list[str]
    content: bytes
    user: str
    is_encrypted: bool


@dataclass(slots=True)
class Session:
    """What happened on one connection.

    Attributes:
        commands: The lines received, without messages and passwords.
        messages: The messages that were taken.
        was_pipelined: Whether a command arrived before the one ahead of it was answered.
        most_waiting: Most commands that arrived at once.
        server_name: The host name asked for in the TLS handshake.
        has_ended: Set when the connection is over.
    """

    commands: list[str] = field(default_factory=list)
    messages: list[Received] = field(default_factory=list)
    was_pipelined: bool = False
    most_waiting: int = 0
    server_name: str | None = None
    has_ended: threading.Event = field(default_factory=threading.Event)


class _Closed(Exception):
    """The connection is to end now."""


class SMTPServer:
    """An SMTP server in threads of its own.

    Args:
        tls: ``""``, ``"starttls"`` or ``"implicit"``.
        certificate: For TLS.
        users: Names and passwords; AUTH is offered if there are any, and then needed for mail.
        mechanisms: The ways of AUTH that are offered.
        extensions: What else EHLO offers; ``SIZE 1000`` with the limit.
        replies: Answers that differ, by command (``MAIL``, ``DATA``, ``DOT``, ``CONNECT``) or by recipient
            (``RCPT:ada@example.com``). An empty one closes the connection without an answer.
        hang_at: A stage before which nothing happens any more until the server stops.
        close_at: A stage before which the connection is closed.
        drip: Seconds between the bytes of every reply.
        times: How often `replies`, `hang_at` and `close_at` take effect, all together; always if None.
        per_connection: Messages after which the connection is closed, with 421 before the next if `farewell`.
        farewell: See `per_connection`.
        delay: Seconds before the answer to each message.
        injected: Bytes sent in the clear right after the answer to STARTTLS.
        host: The loopback address to listen on.
        keeps: Whether the messages are kept.
        accepts_empty: Answer DATA with 354 even without a recipient, and refuse the message then.
    """

    def __init__(
        self,
        *,
        tls: str = "",
        certificate: Certificate | None = None,
        users: Mapping[str, str] | None = None,
        mechanisms: Sequence[str] = ("PLAIN", "LOGIN"),
        extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000"),
        replies: Mapping[str, str] | None = None,
        hang_at: str = "",
        close_at: str = "",
        drip: float = 0.0,
        times: int | None = None,
        per_connection: int = 0,
        farewell: bool = False,
        delay: float = 0.0,
        injected: bytes = b"",
        host: str = "127.0.0.1",
        keeps: bool = True,
        accepts_empty: bool = False,
    ) -> None:
        self.tls = tls
        self.users = dict(users or {})
        self.mechanisms = mechanisms
        self.extensions = tuple(extensions)
        self.replies = dict(replies or {})
        self.hang_at = hang_at
        self.close_at = close_at
        self.drip = drip
        self.per_connection = per_connection
        self.farewell = farewell
        self.delay = delay
        self.injected = injected
        self.keeps = keeps
        self.accepts_empty = accepts_empty
        self.sessions: list[Session] = []
        self.most_at_once = 0
        self.stopped = threading.Event()
        self._times = times
        self._open = 0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.chain, certificate.key)
            self.context.sni_callback = self._note_name
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    @property
    def messages(self) -> list[Received]:
        """All messages taken, by connection."""
        return [message for session in list(self.sessions) for message in session.messages]

    def __enter__(self) -> SMTPServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        # Closing alone does not wake up a thread in `accept`.
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def wait_for_end(self) -> bool:
        """Wait until all connections have ended; tell whether they have."""
        return all(session.has_ended.wait(10) for session in list(self.sessions))

    def strikes(self) -> bool:
        """Tell whether the misbehaviour takes effect once more, and count it."""
        with self._lock:
            if self._times is None:
                return True
            self._times -= 1
            return self._times >= 0

    def _start(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, name="smtp-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _note_name(
        self, sock: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext
    ) -> None:
        self.sessions[-1].server_name = name

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            session = Session()
            with self._lock:
                self.sessions.append(session)
                # A duplicate, because the socket itself is given up for that of TLS.
                handle = sock.dup()
                self._sockets.add(handle)
                self._open += 1
                self.most_at_once = max(self.most_at_once, self._open)
            self._start(self._serve, sock, session, handle)

    def _serve(self, sock: socket.socket, session: Session, handle: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = _Conversation(self, sock, session)
        try:
            conversation.run()
        except (_Closed, OSError):
            pass
        finally:
            conversation.sock.close()
            with self._lock:
                self._sockets.discard(handle)
                self._open -= 1
            handle.close()
            session.has_ended.set()


class _Conversation:
    """The server's side of one connection."""

    def __init__(self, server: SMTPServer, sock: socket.socket, session: Session) -> None:
        self.server = server
        self.sock = sock
        self.session = session
        self.unread = b""
        self.user = ""
        self.is_extended = False
        self.taken = 0
        self.sender: str | None = None
        self.parameters = ""
        self.recipients: list[str] = []

    def run(self) -> None:
        """Talk until the connection ends."""
        if self.server.tls == "implicit":
            self.encrypt()
        if not self.is_odd("CONNECT"):
            self.reply("220 mail.test ESMTP")
        while True:
            line = self.read_line()
            self.session.most_waiting = max(self.session.most_waiting, 1 + self.unread.count(b"\n"))
            if self.unread and self.server.tls != "starttls":
                self.session.was_pipelined = True
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb, _, rest = text.partition(" ")
            verb = verb.upper()
            self.session.commands.append("AUTH" if verb == "AUTH" else text)
            getattr(self, f"on_{verb.lower()}", self.on_unknown)(rest)

    # Input and output

    def read_line(self) -> bytes:
        while b"\n" not in self.unread:
            self.receive()
        line, _, self.unread = self.unread.partition(b"\n")
        return line + b"\n"

    def receive(self) -> None:
        received = self.sock.recv(1 << 20)
        if not received:
            raise _Closed
        self.unread += received

    def reply(self, text: str) -> None:
        if not text:
            raise _Closed
        data = text.encode() + b"\r\n"
        if self.server.drip:
            for byte in data:
                if self.server.stopped.wait(self.server.drip):
                    raise _Closed
                self.sock.sendall(bytes([byte]))
        else:
            self.sock.sendall(data)

    def is_odd(self, stage: str, key: str = "") -> bool:
        """Misbehave if it is time to; tell whether the answer was given."""
        server = self.server
        if stage == server.hang_at and server.strikes():
            server.stopped.wait(60)
            raise _Closed
        if stage == server.close_at and server.strikes():
            raise _Closed
        answer = server.replies.get(key or stage)
        if answer is None or not server.strikes():
            return False
        self.reply(answer)
        return True

    def encrypt(self) -> None:
        self.is_odd("TLS")
        assert self.server.context is not None
        self.sock = self.server.context.wrap_socket(self.sock, server_side=True)
        self.unread = b""

    # Commands

    def on_unknown(self, rest: str) -> None:
        self.reply("502 5.5.1 not implemented")

    def on_ehlo(self, name: str) -> None:
        if self.is_odd("EHLO"):
            return
        lines = ["mail.test", *self.server.extensions]
        if self.server.tls == "starttls" and not isinstance(self.sock, ssl.SSLSocket):
            lines.append("STARTTLS")
        if self.server.users:
            lines.append("AUTH " + " ".join(self.server.mechanisms))
        self.reply("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    def on_helo(self, name: str) -> None:
        self.reply("250 mail.test")

    def on_starttls(self, rest: str) -> None:
        if self.is_odd("STARTTLS"):
            return
        if self.server.injected:
            self.sock.sendall(b"220 go ahead\r\n" + self.server.injected)
        else:
            self.reply("220 go ahead")
        self.encrypt()

    def on_auth(self, rest: str) -> None:
        if self.is_odd("AUTH"):
            return
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = self.answer(initial, "").split("\0")
        elif mechanism.upper() == "LOGIN":
            user, password = self.answer(initial, "Username:"), self.answer("", "Password:")
        elif mechanism.upper() in ("XOAUTH2", "OAUTHBEARER"):
            self.take_token(initial)
            return
        else:
            self.reply("504 5.5.4 no such mechanism")
            return
        if self.server.users.get(user) == password:
            self.user = user
            self.reply("235 2.7.0 welcome")
        else:
            self.reply("535 5.7.8 wrong name or password")

    def take_token(self, initial: str) -> None:
        """Take what XOAUTH2 and OAUTHBEARER send; a refusal is a challenge first (RFC 7628, 3.2.2)."""
        fields = base64.b64decode(initial).decode().split("\1")
        user = fields[0].removeprefix("user=").removeprefix("n,a=").rstrip(",")
        token = next(field for field in fields if field.startswith("auth="))
        if self.server.users.get(user) == token.removeprefix("auth=Bearer "):
            self.user = user
            self.reply("235 2.7.0 welcome")
            return
        self.reply("334 " + base64.b64encode(b'{"status":"401"}').decode())
        self.session.commands.append(f"ANSWER {self.read_line().decode().strip()}")
        self.reply("535 5.7.8 wrong token")

    def answer(self, initial: str, question: str) -> str:
        if not initial:
            self.reply("334 " + base64.b64encode(question.encode()).decode())
            initial = self.read_line().decode().strip()
        return base64.b64decode(initial).decode()

    def on_mail(self, rest: str) -> None:
        if self.server.per_connection and self.taken >= self.server.per_connection:
            if self.server.farewell:
                self.reply("421 4.7.0 enough for one connection")
            raise _Closed
        if self.is_odd("MAIL"):
            return
        match = _ADDRESS.fullmatch(rest)
        if self.server.users and not self.user:
            self.reply("530 5.7.0 log in first")
        elif match is None or self.sender is not None:
            self.reply("503 5.5.1 not now" if match else "501 5.5.4 what?")
        else:
            self.sender, self.parameters = match.groups()
            self.recipients = []
            self.reply("250 2.1.0 fine")

    def on_rcpt(self, rest: str) -> None:
        match = _ADDRESS.fullmatch(rest)
        address = match.group(1) if match else ""
        if self.is_odd("RCPT", f"RCPT:{address}"):
            return
        if self.sender is None:
            self.reply("503 5.5.1 MAIL first")
        else:
            self.recipients.append(address)
            self.reply("250 2.1.5 fine")

    def on_data(self, rest: str) -> None:
        if self.is_odd("DATA"):
            return
        if not (self.recipients or self.server.accepts_empty):
            self.reply("503 5.5.1 RCPT first")
            return
        self.reply("354 go on")
        if self.server.close_at == "CONTENT" or self.server.hang_at == "CONTENT":
            self.receive()
            self.is_odd("CONTENT")
        content = self.read_content()
        if self.server.delay:
            self.server.stopped.wait(self.server.delay)
        if not self.recipients:
            self.reply("554 5.5.1 no valid recipients")
        elif not self.is_odd("DOT"):
            assert self.sender is not None
            self.taken += 1
            if self.server.keeps:
                is_encrypted = isinstance(self.sock, ssl.SSLSocket)
                self.session.messages.append(
                    Received(
                        self.sender,
                        self.parameters,
                        self.recipients,
                        content,
                        self.user,
                        is_encrypted,
                    )
                )
            self.reply("250 2.0.0 taken")
        self.sender = None

    def read_content(self) -> bytes:
        """Read a message up to the line with a lone dot; only CRLF ends a line."""
        parts = [b"\r\n" + self.unread]
        tail = parts[0]
        while (end := tail.find(b"\r\n.\r\n")) < 0:
            received = self.sock.recv(1 << 20)
            if not received:
                raise _Closed
            parts.append(received)
            tail = tail[-4:] + received
        everything = b"".join(parts)
        end += len(everything) - len(tail)
        self.unread = everything[end + 5 :]
        # The line break put in front makes the first line like any other.
        return everything[: end + 2].replace(b"\r\n..", b"\r\n.")[2:]

    def on_rset(self, rest: str) -> None:
        if not self.is_odd("RSET"):
            self.sender = None
            self.reply("250 2.0.0 fine")

    def on_quit(self, rest: str) -> None:
        if not self.is_odd("QUIT"):
            self.reply("221 2.0.0 bye")
        raise _Closed


class SMTPServerProcess:
    """A plain server in a process of its own, for measurements.

    Attributes:
        port: Where it listens.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.smtp_server"],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> SMTPServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> Counter[str]:
        """Stop the server and return how many connections and messages it has seen."""
        if self._process.poll() is None:
            output, _ = self._process.communicate("", timeout=30)
            connections, messages = output.split()
            self._seen = Counter(connections=int(connections), messages=int(messages))
        return self._seen


def main() -> None:
    """Serve until the standard input ends."""
    with SMTPServer() as server:
        print(server.port, flush=True)
        sys.stdin.read()
    print(len(server.sessions), len(server.messages))


if __name__ == "__main__":
    main()
