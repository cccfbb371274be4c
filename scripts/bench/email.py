"""Compare sending and building mail with the standard library's `smtplib` and `email`.

    python3 scripts/bench/email.py [--messages 500] [--rounds 9]

Sending: the processor time of this process for handing messages to a server in another one, against one reused
`smtplib.SMTP` that sends ready-made bytes. Building: the time to make the bytes of a message with its header fields, against
`MIMEText` and `MIMEMultipart` with the policy compat32. Both take turns within a round; figures are medians.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import smtplib
import tempfile
import time
from collections.abc import Callable
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid
from statistics import median

from openviper.core.email.attachment_data import AttachmentData
from openviper.core.email.backends import SMTPBackend
from openviper.core.email.config import EmailSettings
from openviper.core.email.message import EmailMessageData, message_bytes
from openviper.core.email.templates import render_template_content
from openviper.template.environment import get_jinja2_env, get_template_directories
from tests.smtp_server import SMTPServerProcess

SENDER, RECIPIENT, SUBJECT = (
    "shop@example.com",
    "Ada Lovelace <ada@example.com>",
    "Your order 4711 is on its way",
)
TEXT = "Dear Ada,\n\nyour order is on its way and will be with you tomorrow.\n" * 8
FILE = bytes(range(256)) * 400
TEMPLATE = "<p>Dear {{ name }},</p><ul>{% for line in lines %}<li>{{ line.title }}: {{ line.price }}</li>{% endfor %}</ul>"
CONTEXT: dict[str, object] = {
    "name": "Ada",
    "lines": [{"title": f"Book {n}", "price": n * 3} for n in range(10)],
}


def ours_plain() -> bytes:
    """Build a plain message."""
    return message_bytes(EmailMessageData([RECIPIENT], SUBJECT, TEXT, sender=SENDER))


def raw_plain() -> bytes:
    """Build a plain message."""
    message = MIMEText(TEXT)
    message["Subject"], message["From"], message["To"] = SUBJECT, SENDER, RECIPIENT
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="example.com")
    return message.as_bytes()


def ours_attached() -> bytes:
    """Build a message with a file of 100 KB."""
    return message_bytes(
        EmailMessageData(
            [RECIPIENT],
            SUBJECT,
            TEXT,
            sender=SENDER,
            attachments=[AttachmentData("report.bin", FILE)],
        )
    )


def raw_attached() -> bytes:
    """Build a message with a file of 100 KB."""
    message = MIMEMultipart()
    message["Subject"], message["From"], message["To"] = SUBJECT, SENDER, RECIPIENT
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="example.com")
    message.attach(MIMEText(TEXT))
    file = MIMEApplication(FILE)
    file.add_header("Content-Disposition", "attachment", filename="report.bin")
    message.attach(file)
    return message.as_bytes()


def timed(work: Callable[[], object], count: int) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


def send_raw(port: int, ready: list[bytes]) -> float:
    """Return the processor time of sending ready-made bytes over one connection."""
    start = time.process_time()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for content in ready:
            client.sendmail(SENDER, ["ada@example.com"], content)
    return time.process_time() - start


def send_ours(port: int, count: int) -> float:
    """Return the processor time of composing and sending messages."""
    backend = SMTPBackend(EmailSettings(host="127.0.0.1", port=port, timeout=30))

    async def work() -> None:
        messages = [
            EmailMessageData([RECIPIENT], SUBJECT, TEXT, sender=SENDER) for _ in range(count)
        ]
        results = await backend.send_many(messages)
        assert not any(results), results

    start = time.process_time()
    asyncio.run(work())
    return time.process_time() - start


def show(
    name: str, pairs: list[tuple[float, float]], goal: float, unit: float = 1e6, sign: str = "us"
) -> None:
    """Print one line of the table."""
    raw, ours = median(one for one, _ in pairs), median(other for _, other in pairs)
    ratio = median(other / one for one, other in pairs)
    print(f"{name:<40}{raw * unit:>10.1f} {sign}{ours * unit:>10.1f} {sign}{ratio:>8.2f}{goal:>8}")


def main() -> None:
    """Measure sending, building and rendering."""
    parser = argparse.ArgumentParser(description="Measure mail.")
    parser.add_argument(
        "--messages", type=int, default=500, help="messages sent per round (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default: %(default)s)")
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, medians of {options.rounds} rounds\n")
    print(f"{'':<40}{'standard':>13}{'OpenViper':>13}{'ratio':>8}{'goal':>8}")
    with SMTPServerProcess() as server:
        ready = [raw_plain().replace(b"\n", b"\r\n") for _ in range(options.messages)]
        send_raw(server.port, ready[:20])
        send_ours(server.port, 20)
        pairs = [
            (
                send_raw(server.port, ready) / options.messages,
                send_ours(server.port, options.messages) / options.messages,
            )
            for _ in range(options.rounds)
        ]
        show(f"send {options.messages} plain messages, CPU of each", pairs, 3)
    show(
        "build a plain message",
        [(timed(raw_plain, 300), timed(ours_plain, 300)) for _ in range(options.rounds)],
        1.0,
    )
    show(
        "build one with 100 KB attached",
        [(timed(raw_attached, 20), timed(ours_attached, 20)) for _ in range(options.rounds)],
        0.5,
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "order.html").write_text(TEMPLATE)
        bare = get_jinja2_env([folder, *get_template_directories()])

        def raw_render() -> str:
            return bare.get_template("order.html").render(CONTEXT)

        def ours_render() -> object:
            return render_template_content("order.html", CONTEXT, folder)

        show(
            "render a template",
            [(timed(raw_render, 300), timed(ours_render, 300)) for _ in range(options.rounds)],
            1.3,
        )


if __name__ == "__main__":
    main()
