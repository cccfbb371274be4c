"""Mail from `send_email` to a real server, inline and through a real worker."""

from __future__ import annotations

import asyncio
import email
import json
import smtplib
import ssl
import time
from collections.abc import Iterator
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

import pytest

from openviper.core.email import (
    AttachmentData,
    EmailMessageData,
    RecipientsRefused,
    SMTPBackend,
    send_email,
    send_many,
)
from openviper.core.email.config import EmailSettings
from openviper.testing.settings import override_openviper_settings
from tests.acceptance.tasks.workers import Workshop, workshop
from tests.projects import write
from tests.smtp_server import Certificate, SMTPServer


def settings(server: SMTPServer, **more: Any) -> dict[str, Any]:
    """Return `EMAIL` for a server."""
    return {
        "backend": "smtp", "host": server.host, "port": server.port, "timeout": 5, "default_sender": "Shop <shop@x.io>", **more,
    }  # fmt: skip


@pytest.fixture
def server() -> Iterator[SMTPServer]:
    """Run a plain server that is the project's."""
    with SMTPServer() as one, override_openviper_settings(EMAIL=settings(one)):
        yield one


async def test_a_message_arrives_as_it_was_meant(server: SMTPServer) -> None:
    assert await send_email(
        ["Bob <bob@x.io>", "ann@x.io"], "Grüße", "Füße\n.\nFrom here", "<p>Füße</p>", cc="ann@x.io", bcc=["eve@x.io"],
        attachments=[("ü.bin", bytes(range(256)))], headers={"X-Order": "7"},
    )  # fmt: skip
    (received,) = server.messages
    assert received.sender == "shop@x.io"
    assert list(received.recipients) == ["bob@x.io", "ann@x.io", "eve@x.io"]
    message = email.message_from_bytes(received.content, policy=SMTPUTF8)
    assert (message["From"], message["Subject"], message["X-Order"]) == (
        "Shop <shop@x.io>",
        "Grüße",
        "7",
    )
    assert message["Bcc"] is None and b"eve" not in received.content
    body = message.get_body(("plain",))
    assert body is not None and body.get_content().replace("\r\n", "\n") == "Füße\n.\nFrom here\n"
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("ü.bin", bytes(range(256)))


async def test_many_messages_share_connections(server: SMTPServer) -> None:
    messages = [
        EmailMessageData([f"bob{number}@x.io"], str(number), "Hello") for number in range(200)
    ]
    results = await send_many(messages)
    assert all(one.ok for one in results)
    assert len(server.messages) == 200
    assert len(server.sessions) <= 4
    assert len({one.message.message_id for one in results}) == 200


async def test_a_server_that_is_not_there(server: SMTPServer) -> None:
    closed = EmailSettings(host="127.0.0.1", port=1, timeout=2)
    with pytest.raises(OSError):  # noqa: PT011 - as the system says it
        await SMTPBackend(closed).send(EmailMessageData(["bob@x.io"], "Hi", "x"))
    with override_openviper_settings(
        EMAIL={"backend": "smtp", "host": "127.0.0.1", "port": 1, "timeout": 2}
    ):
        assert not await send_email("bob@x.io", "Hi", "x", fail_silently=True)
        with pytest.raises(ConnectionRefusedError):
            await send_email("bob@x.io", "Hi", "x")


async def test_who_is_refused_is_told_by_address() -> None:
    replies = {"RCPT:ann@x.io": "550 no such user", "RCPT:eve@x.io": "450 later"}
    with SMTPServer(replies=replies) as server, override_openviper_settings(EMAIL=settings(server)):
        with pytest.raises(RecipientsRefused) as caught:
            await send_email(["bob@x.io", "ann@x.io", "eve@x.io"], "Hi", "x")
        assert {address: code for address, (code, _) in caught.value.refused.items()} == {
            "ann@x.io": 550,
            "eve@x.io": 450,
        }
        assert "ann" not in str(caught.value)
        assert [list(one.recipients) for one in server.messages] == [["bob@x.io"]]
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await send_email(["ann@x.io"], "Hi", "x")
        assert len(server.messages) == 1


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_encryption_is_verified(
    mode: str, certificate: Certificate, self_signed: Certificate
) -> None:
    option = {"use_ssl" if mode == "implicit" else "use_tls": True}
    with SMTPServer(tls=mode, certificate=certificate, users={"ada": "s3cret"}) as server:
        values = settings(
            server,
            **option,
            host="localhost",
            username="ada",
            password="s3cret",
            ca_file=str(certificate.ca),
        )
        with override_openviper_settings(EMAIL=values):
            assert await send_email("bob@x.io", "Hi", "x")
        with (
            override_openviper_settings(EMAIL={**values, "ca_file": None}),
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            await send_email("bob@x.io", "Hi", "x")
        assert len(server.messages) == 1
    with SMTPServer(tls=mode, certificate=self_signed) as server:
        values = settings(server, **option, host="localhost")
        with override_openviper_settings(EMAIL=values), pytest.raises(ssl.SSLCertVerificationError):
            await send_email("bob@x.io", "Hi", "x")


@pytest.mark.one_version
async def test_the_loop_goes_on_while_large_attachments_go_out() -> None:
    """60 messages with 1 MB attached: most of the time the loop is late by nothing at all."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - started - 0.005)

    content = bytes(range(256)) * 4096
    with (
        SMTPServer(keeps=False) as server,
        override_openviper_settings(EMAIL=settings(server, timeout=30)),
    ):
        watcher = asyncio.create_task(watch())
        await asyncio.sleep(0.05)
        messages = [
            EmailMessageData(
                ["bob@x.io"], str(number), "Hello", attachments=[AttachmentData("a.bin", content)]
            )
            for number in range(60)
        ]
        results = await send_many(messages)
        watcher.cancel()
    assert all(one.ok for one in results)
    lags.sort()
    # The server is in this process and wants the interpreter too; a loop that is blocked is late by seconds here.
    assert lags[len(lags) // 2] < 0.05 and lags[-1] < 0.5, f"late by {lags[-1]:.3f} s"


async def test_addresses_beyond_ascii_need_a_server_that_takes_them(server: SMTPServer) -> None:
    assert await send_email("Käthe <käthe@bücher.example>", "Hi", "x")
    assert list(server.messages[0].recipients) == ["käthe@xn--bcher-kva.example"]
    with (
        SMTPServer(extensions=("PIPELINING",)) as old,
        override_openviper_settings(EMAIL=settings(old)),
    ):
        assert await send_email("bob@bücher.example", "Grüße", "Füße")
        with pytest.raises(smtplib.SMTPNotSupportedError, match="käthe@"):
            await send_email("käthe@x.io", "Hi", "x")


# Through a worker

TASKS = """
from openviper.core.email import AttachmentData, EmailMessageData, send_email
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Workshop, SMTPServer]]:
    """Run a server, and a project that sends through it in the background."""
    with SMTPServer() as server, workshop(tmp_path) as shop:
        text = (tmp_path / "settings.py").read_text()
        text += f"    EMAIL: dict[str, Any] = dataclasses.field(default_factory=lambda: {settings(server)!r})\n"
        write(tmp_path, {"settings.py": text, "shop/tasks.py": TASKS})
        yield shop, server


def send(shop: Workshop, arguments: str) -> None:
    """Send a message from a process of its own."""
    shop.python(f"import asyncio\nasyncio.run(send_email({arguments}))")


def test_a_worker_delivers_it(shop: tuple[Workshop, SMTPServer]) -> None:
    project, server = shop
    project.start("--no-scheduler")
    send(project, "'bob@x.io', 'Small', 'Hello', bcc='eve@x.io', background=True")
    send(project, "'bob@x.io', 'Large', 'Hello', attachments=[('a.bin', b'x' * 1_000_000)]")
    project.wait(lambda: len(server.messages) == 2)
    by_subject = {email.message_from_bytes(one.content)["Subject"]: one for one in server.messages}
    assert list(by_subject["Small"].recipients) == ["bob@x.io", "eve@x.io"]
    assert len(by_subject["Large"].content) > 1_300_000
    project.wait(lambda: json.loads(project.run("tasks", "--json").stdout) == [])
    project.wait(lambda: list((project.root / "mail_spool").iterdir()) == [])


def test_without_a_worker_it_leaves_at_once_unless_the_queue_is_asked_for(
    shop: tuple[Workshop, SMTPServer],
) -> None:
    project, server = shop
    send(project, "'bob@x.io', 'Now', 'Hello'")
    assert len(server.messages) == 1
    send(project, "'bob@x.io', 'Later', 'Hello', background=True")
    assert len(server.messages) == 1
    (waiting,) = json.loads(project.run("tasks", "list", "--json").stdout)
    assert (waiting["queue"], waiting["state"]) == ("emails", "ready")
    project.start("--no-scheduler")
    project.wait(lambda: len(server.messages) == 2)


def test_what_is_refused_for_good_is_not_tried_again_and_seen(tmp_path: Path) -> None:
    with (
        SMTPServer(replies={"RCPT:bob@x.io": "550 no such user"}) as server,
        workshop(tmp_path) as project,
    ):
        text = (tmp_path / "settings.py").read_text()
        text += f"    EMAIL: dict[str, Any] = dataclasses.field(default_factory=lambda: {settings(server)!r})\n"
        hurry = "from openviper.core.email.queue import deliver_email\ndeliver_email.min_backoff_ms = 1\ndeliver_email.max_retries = 2\n"
        write(tmp_path, {"settings.py": text, "shop/tasks.py": TASKS + hurry})
        project.start("--no-scheduler")
        send(project, "['bob@x.io', 'ann@x.io'], 'Secret subject', 'secret text', background=True")
        project.wait(
            lambda: bool(
                json.loads(project.run("tasks", "list", "--state", "dead", "--json").stdout)
            )
        )
        (dead,) = json.loads(project.run("tasks", "list", "--json").stdout)
        assert (dead["actor"], dead["queue"], dead["attempts"]) == (
            "openviper.core.email.deliver_email",
            "emails",
            1,
        )
        assert dead["error"].startswith("MailRefusedError: message <")
        assert dead["error"].endswith("RecipientsRefused 550")
        rcpt = [text for session in server.sessions for text in session.commands if "RCPT" in text]
        assert len(rcpt) == 2
        assert [list(one.recipients) for one in server.messages] == [["ann@x.io"]]
        assert "bob@x.io" not in project.said() and "secret text" not in project.said()


def test_attachments_for_send_many_are_given_whole() -> None:
    data = EmailMessageData(
        ["bob@x.io"], "Hi", "x", attachments=[AttachmentData("../a\r\n.txt", b"x", "text/plain")]
    )
    from openviper.core.email.message import message_bytes

    assert b'filename="a.txt"' in message_bytes(data)
