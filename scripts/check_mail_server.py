"""Send mails through a real mail server and read them back with a parser that is not Python's.

Exim and Perl's MIME::Parser are asked, as packages of Debian have them: ``exim4-daemon-light`` and
``libmime-tools-perl``. The server listens on loopback only, with a configuration, spool and mailbox of its own in a
temporary directory, and delivers nothing elsewhere. Run it after changes to how messages are written::

    apt-get install --no-install-recommends exim4-daemon-light libmime-tools-perl
    python scripts/check_mail_server.py

It ends with 0 when every mail arrived as it was meant, with 1 when one did not, and with 2 when a program is missing.
"""

from __future__ import annotations

import asyncio
import grp
import hashlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openviper.conf import Settings, settings
from openviper.core.email import (
    Alternative,
    AttachmentData,
    EmailMessageData,
    list_unsubscribe,
    send_many,
)

READER = Path(__file__).with_name("read_mail.pl")
SERVER_USER = "Debian-exim"
"""Who delivers when this runs as root, whom Exim never delivers as."""
PATIENCE = 30.0
"""Seconds for the server to start, and for the mails to arrive."""
CONFIGURATION = """
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/exim.pid
exim_user = {user}
exim_group = {group}
never_users =
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
keep_environment =
smtp_accept_max_per_connection = 7
acl_smtp_rcpt = take_all
message_size_limit = 50M
begin acl
take_all:
  accept
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {root}/mail
  maildir_format
  create_directory
  return_path_add
  envelope_to_add
  user = {user}
  group = {group}
"""
INVITE = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Füße\r\nEND:VCALENDAR\r\n"
ODD_NAMES = (
    "Rechnung 100% \u2013 'Köln'",
    "semi;colon, comma = equals",
    'quote"back',
    "emoji \U0001f40d" * 9,
    "x" * 200,
    "=?utf-8?q?a?=",
    "%41%42",
    "utf-8''x",
)
BINARY = bytes(range(256)) * 400
AMP = "<!doctype html><html amp4email><body>Füße</body></html>"
DOTS = "".join("." * (number % 5) + "x" * (number % 97) + "\n" for number in range(6000))
"""More than one piece of what is sent at once, with dots at the begin of lines; some of them where a piece ends."""
LONG = "Grüße an alle, die eine lange Betreffzeile bis zum Ende lesen, " * 4


def mails() -> dict[str, EmailMessageData]:
    """Return what is sent, by a word that its address begins with."""
    file = AttachmentData('Übung; "1" – 報告.pdf', BINARY, "application/pdf")
    logo = AttachmentData("logo.png", BINARY[:999], "image/png", "logo")
    table = AttachmentData("orte.csv", "Stadt;Köln\r\n".encode(), "text/csv; charset=utf-8")
    inner = AttachmentData("m.eml", b"Subject: Inner\r\n\r\nText\r\n", "message/rfc822")
    common: dict[str, dict[str, Any]] = {
        "plain": {"text": "Hello\n.\n..dots\nFrom here\n\n-- \nsigned\n"},
        "accents": {"text": "Füße, 報告, emoji 🐍\n" * 50, "subject": LONG},
        "base": {"text": "日本語" * 5000, "subject": "件名"},
        "longline": {"text": "x" * 5000},
        "html": {"text": "Hello", "html": "<p>Füße</p>"},
        "derived": {"html": "<p>Only <a href='https://x.io'>HTML</a></p>"},
        "files": {"text": "See", "attachments": [file, table, inner]},
        "picture": {"html": "<img src='cid:logo'>", "attachments": [logo, file]},
        "invite": {
            "text": "Come",
            "html": "<p>Come</p>",
            "alternatives": [Alternative.of(INVITE, "text/calendar; method=REQUEST")],
        },
        "list": {
            "text": "News",
            "headers": {
                **list_unsubscribe(url="https://shop.example/leave/" + "x" * 200),
                "List-Id": "Übungen <list.example.com>",
            },
        },
        "names": {
            "text": "See",
            "attachments": [
                AttachmentData(f"{word}.pdf", word.encode(), "application/pdf")
                for word in ODD_NAMES
            ],
        },
        "dots": {"text": DOTS},
        "ends": {"text": "one\rtwo\r\nthree\n\rfour \nfive\t\n.\r\n..\r\n"},
        "odd": {"text": "NUL \0, form feed \f, \x1b[2J, \x85 and \u2028 end\n"},
        "word": {"text": "Hi", "subject": "w" * 990},
        "field": {"text": "Hi", "headers": {"X-Reference": "r" * 988}},
        "encoded": {"text": "Hi", "subject": "=?utf-8?q?not_encoded?= at all", "cc": ["c@x.io"]},
        "amp": {
            "text": "Hi",
            "html": "<p>Hi</p>",
            "alternatives": [Alternative.of(AMP, "text/x-amp-html")],
        },
        "müller": {"text": "Hi"},
        "bounce": {"text": "Hi", "envelope_sender": "bounces+1@example.com"},
        "null": {"text": "Hi", "envelope_sender": ""},
    }
    return {
        name: EmailMessageData(
            recipients=[
                f"Empfänger, der <{name}@example.com>".replace("Empfänger, der", '"Empfänger, der"')
            ],
            sender="Straße 1 <shop@straße.example>",
            **{"subject": f"Betreff {name} äöü", **fields},
        )
        for name, fields in common.items()
    } | {
        "hidden": EmailMessageData([], "Hidden", "Hi", bcc=["hidden@example.com"], sender="a@x.io")
    }


@contextmanager
def exim(root: Path) -> Iterator[int]:
    """Run a server of its own; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    user = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(SERVER_USER)
    os.chown(root, user.pw_uid, user.pw_gid)
    for name in ("spool", "log", "mail"):
        (root / name).mkdir()
        os.chown(root / name, user.pw_uid, user.pw_gid)
    group = grp.getgrgid(user.pw_gid).gr_name
    text = CONFIGURATION.format(port=port, root=root, user=user.pw_name, group=group)
    (root / "exim.conf").write_text(text)
    program = shutil.which("exim4", path=_path()) or "exim4"
    server = subprocess.Popen([program, "-C", str(root / "exim.conf"), "-bdf", "-q1s"])
    try:
        _wait_for_port(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the mail server did not start (exit code {server.poll()})")


def arrived(root: Path, count: int) -> list[Path]:
    """Wait until so many mails are in the box, and return them."""
    until = time.monotonic() + PATIENCE
    paths: list[Path] = []
    while len(paths) < count and time.monotonic() < until:
        paths = list((root / "mail" / "new").glob("*")) if (root / "mail" / "new").exists() else []
        time.sleep(0.05)
    return paths


def read(path: Path) -> dict[str, Any]:
    """Return a mail as Perl reads it, with the address it was delivered to."""
    done = subprocess.run(["perl", READER, path], capture_output=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    lines = path.read_bytes().split(b"\n\n", 1)[0].decode().splitlines()
    seen["to"] = next(line.partition(": ")[2] for line in lines if line.startswith("Envelope-to"))
    return seen


def problems(data: EmailMessageData, seen: dict[str, Any]) -> Iterator[str]:
    """Yield what is not as it was meant."""
    fields = seen["fields"]
    if fields["Subject"] != data.subject.strip():
        yield f"subject {fields['Subject']!r}"
    if "Bcc" in fields:
        yield "a field Bcc"
    if fields["Message-ID"] != data.message_id:
        yield f"message-id {fields['Message-ID']!r}"
    wanted = data.envelope_sender
    expected = "shop@xn--strae-oqa.example" if data.sender.startswith("Stra") else "a@x.io"
    if fields["Return-path"] != f"<{expected if wanted is None else wanted}>":
        yield f"return path {fields['Return-path']!r}"
    if "X-Reference" in data.headers and fields["X-Reference"] != data.headers["X-Reference"]:
        yield f"x-reference {fields['X-Reference']!r}"
    if "List-Id" in data.headers and fields["List-Id"] != data.headers["List-Id"]:
        yield f"list-id {fields['List-Id']!r}"
    if "List-Id" in data.headers and "x" * 200 not in fields["List-Unsubscribe"]:
        yield f"list-unsubscribe {fields['List-Unsubscribe']!r}"
    yield from part_problems(data, list(leaves(seen["body"])))


def part_problems(data: EmailMessageData, parts: list[dict[str, Any]]) -> Iterator[str]:
    """Yield which text or file did not arrive as it was."""
    digests = {part["sha256"] for part in parts if "sha256" in part}
    for text in (data.text, data.html):
        if text is not None and not digests & set(_digests_of_text(text)):
            yield f"text {text[:20]!r}"
    for file in data.attachments:
        names = [part.get("name") for part in parts]
        if file.filename not in names:
            yield f"file name {file.filename!r}, got {names!r}"
        if "rfc822" not in file.mimetype and _digest(file.content) not in digests:
            yield f"content of {file.filename!r}"
    for form in data.alternatives:
        if "amp" in form.mimetype:
            if [part["type"] for part in parts][-2:] != ["text/x-amp-html", "text/html"]:
                yield f"alternative {form.mimetype!r} in its place"
            continue
        calendar = next((part for part in parts if part["type"] == "text/calendar"), {})
        if (calendar.get("method"), calendar.get("charset")) != ("REQUEST", "utf-8"):
            yield f"alternative {form.mimetype!r}, got {calendar!r}"


def leaves(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts that hold something."""
    if "parts" in part:
        yield {key: value for key, value in part.items() if key != "parts"}
        for inner in part["parts"]:
            yield from leaves(inner)
    else:
        yield part


def _digests_of_text(text: str) -> Iterator[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for end in ("", "\n"):
        for lines in ("\n", "\r\n"):
            yield _digest((text + end).replace("\n", lines).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Send, wait, read and compare."""
    for program in ("exim4", "perl"):
        if shutil.which(program, path=_path()) is None:
            print(f"{program} is not installed; see the head of this file", file=sys.stderr)
            return 2
    sent = mails()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, exim(Path(folder)) as port:
        settings.configure(Settings(EMAIL={"backend": "smtp", "host": "127.0.0.1", "port": port}))
        results = asyncio.run(send_many(list(sent.values())))
        wrong += sum(not result.ok for result in results)
        seen = {
            read(path)["to"].partition("@")[0]: read(path)
            for path in arrived(Path(folder), len(sent))
        }
    for name, data in sent.items():
        found = list(problems(data, seen[name])) if name in seen else ["it did not arrive"]
        print(f"{name:10} {'as it was meant' if not found else '; '.join(found)}")
        wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
