"""`send_email`, the settings, the backends, the log, and the way into the background."""

from __future__ import annotations

import asyncio
import json
import logging
import smtplib
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import openviper.core.email.queue as mail_queue
from openviper.core.email import (
    AttachmentData,
    ConsoleBackend,
    EmailMessageData,
    EmailSettings,
    FileBackend,
    MemoryBackend,
    RecipientsRefused,
    SMTPBackend,
    enqueue_email_job,
    get_backend,
    send_email,
    send_many,
    worker_available,
)
from openviper.core.email.backends import backend_override
from openviper.core.email.config import email_settings
from openviper.core.email.queue import deliver_email, message_to_payload, payload_to_message
from openviper.exceptions import ImproperlyConfigured
from openviper.tasks import broker as process_broker
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError
from openviper.testing import TaskQueue, TestEmail, assert_email_count, create_mailoutbox
from openviper.testing.mail import assert_email_recipient, assert_email_sent, assert_email_subject
from tests.unit.core.email.conftest import Configure


class Fails:
    """A backend that does not."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tried: list[EmailMessageData] = []

    async def send(self, data: EmailMessageData) -> None:
        self.tried.append(data)
        raise self.error


class Own:
    """A backend of a project's own."""

    sent: list[EmailMessageData] = []  # noqa: RUF012 - shared on purpose

    async def send(self, data: EmailMessageData) -> None:
        self.sent.append(data)


@pytest.fixture
def outbox() -> Iterator[list[TestEmail]]:
    """Catch everything."""
    found, catching = create_mailoutbox()
    with catching:
        yield found


class Durable(MemoryBroker):
    """A queue in memory that is taken for one that lasts."""

    name = "database"


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBroker]:
    """Pretend that a worker lives; messages go into memory."""
    monkeypatch.setattr(mail_queue, "worker_available", lambda: True)
    with pinned_broker(Durable()) as broker:
        assert isinstance(broker, MemoryBroker)
        yield broker


def send(*arguments: Any, **named: Any) -> bool:
    """Call `send_email`."""
    return asyncio.run(send_email(*arguments, **named))


# Composing


def test_everything_that_is_given_arrives(outbox: list[TestEmail]) -> None:
    assert send(
        ["Bob <bob@x.io>", "bob@x.io "], "Hi", "Hello", "<p>Hello</p>", "carl@x.io", ["eve@x.io"], [("a.txt", b"x")],
        sender="Ada <ada@x.io>", reply_to="answers@x.io", headers={"X-Order": "7"},
    )  # fmt: skip
    (mail,) = outbox
    assert (mail.to, mail.subject, mail.body, mail.html) == (
        ["Bob <bob@x.io>"],
        "Hi",
        "Hello",
        "<p>Hello</p>",
    )
    assert (mail.cc, mail.bcc, mail.sender) == (("carl@x.io",), ("eve@x.io",), "Ada <ada@x.io>")
    assert mail.attachments == (AttachmentData("a.txt", b"x", "text/plain"),)
    assert mail.message is not None
    assert (mail.message.reply_to, mail.message.headers) == (["answers@x.io"], {"X-Order": "7"})
    assert_email_count(outbox, 1)
    assert_email_sent(outbox, "Eve <eve@x.io>")
    assert_email_subject(mail, "Hi")
    assert_email_recipient(mail, "carl@x.io")
    for check, values in (
        (assert_email_count, (outbox, 2)),
        (assert_email_sent, (outbox, "nobody@x.io")),
        (assert_email_subject, (mail, "Ho")),
        (assert_email_recipient, (mail, "nobody@x.io")),
    ):
        with pytest.raises(AssertionError):
            check(*values)


@pytest.mark.parametrize("recipients", [[], "", "  ", ["", " "]])
def test_nobody_is_an_error(outbox: list[TestEmail], recipients: Any) -> None:
    with pytest.raises(ValueError, match="no recipient"):
        send(recipients, "Hi", "Hello")
    assert outbox == []


def test_nothing_to_say_is_an_error(outbox: list[TestEmail]) -> None:
    with pytest.raises(ValueError, match="no body: give text, html or a template"):
        send("bob@x.io", "Hi")
    assert send("bob@x.io", "Hi", "")
    assert outbox[0].body == ""


@pytest.mark.parametrize(
    "named",
    [
        {"cc": "a@x.io, b@x.io"},
        {"bcc": "nobody"},
        {"sender": "a@x.io\r\nBcc: x@y.z"},
        {"reply_to": "<>"},
        {"headers": {"To": "x"}},
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    outbox: list[TestEmail], named: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a reason of its own
        send("bob@x.io", "Hi", "Hello", **named)
    assert outbox == []


def test_given_bodies_beat_those_of_the_template(
    outbox: list[TestEmail], tmp_path: Path, configure: Configure
) -> None:
    (tmp_path / "a.md").write_text("Dear *{{ name }}*")
    configure(TEMPLATES_DIR=str(tmp_path))
    send("bob@x.io", "Hi", template="a.md", context={"name": "Bob"})
    send("bob@x.io", "Hi", "own text", template="a.md", context={"name": "Bob"})
    send("bob@x.io", "Hi", html="<i>own</i>", template="a.md")
    assert [(one.body, one.html) for one in outbox] == [
        ("Dear *Bob*", "<p>Dear <em>Bob</em></p>"),
        ("own text", "<p>Dear <em>Bob</em></p>"),
        ("Dear **", "<i>own</i>"),
    ]


# Failures and the log


@pytest.fixture
def log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """See what the mail's logger says."""
    monkeypatch.setattr(logging.getLogger("openviper.email"), "propagate", True)
    caplog.set_level(logging.DEBUG, "openviper.email")
    return caplog


def test_a_failure_is_logged_with_the_subject_and_nothing_else(
    log: pytest.LogCaptureFixture, configure: Configure
) -> None:
    refused = smtplib.SMTPRecipientsRefused({"bob@x.io": (550, b"no such bob@x.io")})
    with backend_override(Fails(refused)):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            send("bob@x.io", "About it", "secret body", attachments=[("secret.pdf", b"x")])
        assert caught.value is refused
        assert not send("bob@x.io", "About it", "secret body", fail_silently=True)
        configure(EMAIL={"fail_silently": True})
        assert not send("bob@x.io", "About it", "secret body")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send("bob@x.io", "About it", "secret body", fail_silently=False)
        assert not send("not an address bob@x.io", "About it", "secret body")
    assert log.text.count("'About it' was not sent: SMTPRecipientsRefused") == 4
    assert "test_sender.py" in log.text  # Where it arose.
    assert "bob" not in log.text.replace("test_", "") and "secret" not in log.text


def test_cancelling_is_not_a_failure() -> None:
    class Hangs:
        async def send(self, data: EmailMessageData) -> None:
            await asyncio.sleep(60)

    async def work() -> None:
        with backend_override(Hangs()):
            task = asyncio.create_task(send_email("bob@x.io", "Hi", "x", fail_silently=True))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())


def test_the_log_has_a_file_only_where_one_is_asked_for(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configure(EMAIL={"backend": "memory"})
    send("bob@x.io", "One", "x")
    assert list(tmp_path.iterdir()) == []
    configure(EMAIL={"backend": "memory", "log_dir": "logs", "log_format": "json"})
    send("bob@x.io", "Two", "x")
    (path,) = (tmp_path / "logs").iterdir()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["message"] == "sent mail 'Two'"
    configure(EMAIL={"backend": "memory"})
    send("bob@x.io", "Three", "x")
    assert len(path.read_text().splitlines()) == 1


# Settings


def test_settings_come_key_by_key(configure: Configure) -> None:
    defaults = email_settings()
    assert (defaults.backend, defaults.host, defaults.port) == ("console", "localhost", 25)
    assert EmailSettings.from_settings() is defaults
    configure(EMAIL={"host": "localhost", "port": 1025})
    assert EmailSettings.from_settings() == replace(defaults, port=1025)
    configure(
        EMAIL={
            "use_tls": True,
            "user": "ada",
            "password": "s3cret",
            "from": "shop@x.io",
        }
    )
    settings = EmailSettings.from_settings()
    assert (settings.port, settings.username, settings.default_sender) == (587, "ada", "shop@x.io")
    assert "s3cret" not in repr(settings)
    configure(EMAIL={"use_ssl": True})
    assert EmailSettings.from_settings().port == 465
    configure(
        EMAIL={"host": "own"},
        EMAIL_HOST="flat",
        EMAIL_PORT=26,
        EMAIL_BACKEND="smtp",
        DEFAULT_FROM_EMAIL="flat@x.io",
    )
    assert EmailSettings.from_settings() == replace(
        defaults, host="own", port=26, backend="smtp", default_sender="flat@x.io"
    )
    assert isinstance(get_backend(), SMTPBackend)


def test_flat_settings_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from openviper.conf import Settings
    from openviper.conf.environment import apply_env_overrides

    for name, value in (
        ("HOST", "mail.x.io"),
        ("PORT", "2525"),
        ("USE_TLS", "yes"),
        ("PASSWORD", "s3cret"),
    ):
        monkeypatch.setenv(f"OPENVIPER_EMAIL_{name}", value)
    settings = apply_env_overrides(Settings())
    assert (settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS) == (
        "mail.x.io",
        2525,
        True,
    )
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "email",
    [
        {"use_tls": True, "use_ssl": True},
        {"port": 0},
        {"port": "25"},
        {"timeout": -1},
        {"max_connections": True},
    ],
)
def test_settings_that_cannot_work(configure: Configure, email: dict[str, Any]) -> None:
    with pytest.raises((ImproperlyConfigured, ValueError), match="EMAIL"):
        configure(EMAIL=email)
        EmailSettings.from_settings()


# Backends


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("console", ConsoleBackend), ("ConsoleBackend", ConsoleBackend), ("SMTP", SMTPBackend), ("smtpbackend", SMTPBackend),
        ("file", FileBackend), ("memory", MemoryBackend), (f"{__name__}.Own", Own),
    ],
)  # fmt: skip
def test_backends_by_name(configure: Configure, name: str, kind: type) -> None:
    assert isinstance(get_backend(name), kind)
    configure(EMAIL={"backend": name})
    assert isinstance(get_backend(), kind)


@pytest.mark.parametrize(
    "name", ["", "sendgrid", "nowhere.at.All", "json.JSONDecoder", f"{__name__}.Missing"]
)
def test_unknown_backends(name: str) -> None:
    with pytest.raises(ValueError, match="email backend"):
        get_backend(name)


def test_a_backend_of_the_projects_own_is_used(configure: Configure) -> None:
    Own.sent.clear()
    configure(EMAIL={"backend": f"{__name__}.Own"})
    send("bob@x.io", "Hi", "Hello")
    assert [one.subject for one in Own.sent] == ["Hi"]


def test_the_console_shows_what_would_be_sent(
    capsys: pytest.CaptureFixture[str], configure: Configure
) -> None:
    configure(EMAIL={"backend": "console"})
    send(
        "Bob <bob@x.io>",
        "Grüße",
        "Füße",
        "<p>Füße</p>",
        bcc="eve@x.io",
        attachments=[("a.bin", b"x" * 5000)],
    )
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[0] == lines[-1] == "=" * 72
    assert (
        "Subject: Grüße" in lines
        and "To: Bob <bob@x.io>" in lines
        and "Füße" in lines
        and "<p>Füße</p>" in lines
    )
    assert "From: (no sender configured)" in lines
    assert "Envelope: bob@x.io, eve@x.io" in lines
    assert "a.bin (application/octet-stream, 5000 bytes)" in lines
    assert len(shown) < 1500 and "Bcc" not in shown


def test_files_are_complete_and_private(tmp_path: Path, configure: Configure) -> None:
    configure(
        EMAIL={
            "backend": "file",
            "file_path": str(tmp_path / "mail"),
            "default_sender": "shop@x.io",
        }
    )
    for number in range(3):
        send("bob@x.io", f"Number {number}", "Hello")
    paths = sorted((tmp_path / "mail").iterdir())
    assert len(paths) == 3 and {path.suffix for path in paths} == {".eml"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
    content = paths[0].read_bytes()
    assert b"From: shop@x.io\r\n" in content and b"@x.io>\r\n" in content


def test_many_at_once_and_one_that_fails(configure: Configure) -> None:
    backend = MemoryBackend()
    with backend_override(backend):
        messages = [EmailMessageData(["bob@x.io"], str(number), "x") for number in range(3)]
        messages.insert(1, EmailMessageData(["nobody"], "wrong", "x"))
        results = asyncio.run(send_many(messages))
    assert [one.ok for one in results] == [True, False, True, True]
    assert isinstance(results[1].error, ValueError)
    assert [one.subject for one in backend.outbox] == ["0", "1", "2"]
    assert asyncio.run(send_many([])) == []


# In the background


def test_a_message_goes_through_the_queue_and_comes_out_the_same() -> None:
    data = EmailMessageData(
        ["Bob <bob@x.io>"], "Grüße", "Füße", "<p>ä</p>", ["c@x.io"], ["b@x.io"], [AttachmentData("ä", bytes(range(256)), "x/y", "cid")],
        "ada@x.io", ["r@x.io"], {"X-A": "1"},
    )  # fmt: skip
    data.stamp()
    payload = message_to_payload(data)
    assert payload_to_message(json.loads(json.dumps(payload))) == data
    plain = message_to_payload(EmailMessageData(["b@x.io"], "Hi"))
    assert set(plain) == {
        "recipients",
        "subject",
        "text",
        "html",
        "cc",
        "bcc",
        "sender",
        "attachments",
    }


def test_a_worker_is_there_when_one_lives_on_a_durable_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openviper.db.connections.url import DatabaseURL
    from openviper.tasks.brokers.database import DatabaseBroker
    from openviper.tasks.conf import resolve_tasks_config
    from openviper.tasks.liveness import new_worker_id

    def config(**keys: Any) -> None:
        monkeypatch.setattr(process_broker, "_config", resolve_tasks_config(keys))

    monkeypatch.setattr(mail_queue, "LOOK_AGAIN", 0.0)
    config()
    with pinned_broker(MemoryBroker()):
        assert not worker_available()
    broker = DatabaseBroker(DatabaseURL.parse(f"sqlite:///{tmp_path / 'q.db'}"))
    with pinned_broker(broker):
        assert not worker_available()
        consumer = broker.consumer(new_worker_id(), None)
        assert worker_available()
        config(enabled=0)
        assert not worker_available()
        config(broker="stub")
        assert not worker_available()
        config()
        consumer.close()
        assert not worker_available()
    broker.close()

    class Broken(MemoryBroker):
        name = "database"

        def workers(self) -> Any:
            raise BrokerError("gone")

    with pinned_broker(Broken()):
        assert not worker_available()


@pytest.mark.parametrize(
    ("background", "setting", "queued"),
    [
        (None, None, True),
        (True, None, True),
        (False, None, False),
        (None, False, False),
        (True, False, True),
        (False, True, False),
    ],
)
def test_who_sends_it(
    durable: MemoryBroker, configure: Configure, background: Any, setting: Any, queued: bool
) -> None:
    Own.sent.clear()
    configure(EMAIL={"backend": f"{__name__}.Own", "background": setting})
    assert send("bob@x.io", "Hi", "Hello", background=background)
    assert len(durable.messages()) == queued
    assert len(Own.sent) == (not queued)


def test_without_a_worker_it_is_sent_at_once(configure: Configure) -> None:
    Own.sent.clear()
    configure(EMAIL={"backend": f"{__name__}.Own"})
    with pinned_broker(MemoryBroker()) as broker:
        for background in (None, True):
            assert send("bob@x.io", "Hi", "Hello", background=background)
        assert asyncio.run(enqueue_email_job(EmailMessageData(["bob@x.io"], "Ho", "x"))) is None
        assert broker.messages() == []
    assert [one.subject for one in Own.sent] == ["Hi", "Hi", "Ho"]


class Full(MemoryBroker):
    """A queue that takes nothing."""

    name = "database"

    def send(self, messages: Any, group: Any = None) -> Any:
        raise BrokerError("the disk is full")


def test_a_queue_that_takes_nothing(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    Own.sent.clear()
    configure(EMAIL={"backend": f"{__name__}.Own"})
    monkeypatch.setattr(mail_queue, "worker_available", lambda: True)
    with pinned_broker(Full()):
        assert send("bob@x.io", "Hi", "Hello")
        assert "mail 'Hi' could not be queued (BrokerError); sending it now" in log.text
        assert send("bob@x.io", "He", "Hello", background=True)
        assert asyncio.run(enqueue_email_job(EmailMessageData(["bob@x.io"], "Ho", "x"))) is None
    assert [one.subject for one in Own.sent] == ["Hi", "He", "Ho"]


def test_what_is_queued_is_delivered_with_the_same_identifier(
    durable: MemoryBroker, configure: Configure
) -> None:
    configure(EMAIL={"default_sender": "shop@x.io"})
    send("bob@x.io", "Hi", "Hello", bcc="eve@x.io", background=True)
    (message,) = durable.messages()
    assert (message.actor_name, message.queue_name) == (
        "openviper.core.email.deliver_email",
        "emails",
    )
    payload = next(iter(durable.entries.values())).message.arguments()[0][0]
    backend = MemoryBackend()
    with backend_override(backend):
        asyncio.run(deliver_email(payload))
        asyncio.run(deliver_email(payload))
    first, second = backend.outbox
    assert first.message_id == second.message_id == payload["message_id"]
    assert first.message_id.endswith("@x.io>")
    assert first.bcc == ["eve@x.io"]


def test_large_messages_wait_in_a_private_file(
    durable: MemoryBroker, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    configure(EMAIL={"spool_dir": str(spool)})
    content = bytes(range(256)) * 4000
    send("bob@x.io", "Hi", "Hello", attachments=[("a.bin", content)], background=True)
    (entry,) = durable.entries.values()
    assert len(entry.message.payload) < 200
    (path,) = spool.iterdir()
    assert (
        stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(spool.stat().st_mode) == 0o700
    )
    payload = entry.message.arguments()[0][0]
    with backend_override(Fails(OSError("down"))), pytest.raises(mail_queue.MailNotDeliveredError):
        asyncio.run(deliver_email(payload))
    assert path.exists()
    backend = MemoryBackend()
    with backend_override(backend):
        asyncio.run(deliver_email(payload))
    assert backend.outbox[0].attachments[0].content == content
    assert list(spool.iterdir()) == []
    for name in ("../../etc/passwd", "x.json", f"{'a' * 32}.json\n", 5):
        with pytest.raises(ValueError, match="not the name of a spooled message"):
            payload_to_message({"spool": name})


def test_a_file_that_no_task_names_is_not_left(
    durable: MemoryBroker, configure: Configure, tmp_path: Path
) -> None:
    configure(EMAIL={"spool_dir": str(tmp_path / "spool"), "background": True})
    with pinned_broker(Full()):
        send("bob@x.io", "Hi", "Hello", attachments=[("a.bin", b"x" * 500_000)])
    assert list((tmp_path / "spool").iterdir()) == []


def test_those_who_were_refused_are_tried_again_alone(
    durable: MemoryBroker, log: pytest.LogCaptureFixture
) -> None:
    data = EmailMessageData(["bob@x.io", "ann@x.io"], "Hi", "Hello", bcc=["eve@x.io"])
    data.stamp()
    backend = Fails(RecipientsRefused({"ann@x.io": (450, "later")}))
    with backend_override(backend):
        asyncio.run(deliver_email(message_to_payload(data)))
    (entry,) = durable.entries.values()
    again = payload_to_message(entry.message.arguments()[0][0])
    assert again.delivery_recipients() == ["ann@x.io"]
    assert (again.recipients, again.message_id) == (data.recipients, data.message_id)
    assert "1 recipients were refused" in log.text and "ann" not in log.text


def test_what_is_stored_of_a_failure_names_nobody() -> None:
    data = EmailMessageData(["bob@x.io"], "Hi", "Hello", message_id="<1@x.io>")
    refused = smtplib.SMTPRecipientsRefused({"bob@x.io": (550, b"no such bob")})
    with (
        backend_override(Fails(refused)),
        pytest.raises(mail_queue.MailNotDeliveredError) as caught,
    ):
        asyncio.run(deliver_email(message_to_payload(data)))
    assert str(caught.value) == "message <1@x.io> was not delivered: SMTPRecipientsRefused 550"
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None
    assert deliver_email.log_arguments is False


def test_tests_see_the_background_too(outbox: list[TestEmail]) -> None:
    assert send("bob@x.io", "Hi", "Hello", background=True)
    assert asyncio.run(enqueue_email_job(EmailMessageData(["bob@x.io"], "Ho", "x"))) is None
    assert [one.subject for one in outbox] == ["Hi", "Ho"]


def test_tests_may_look_at_the_queue_instead(outbox: list[TestEmail]) -> None:
    with TaskQueue().patch() as queue:
        assert send("bob@x.io", "Hi", "Hello")
        assert queue.has_task("deliver_email") and outbox == []
        asyncio.run(queue.run())
    assert [one.subject for one in outbox] == ["Hi"]


def test_the_older_form_of_the_test_backend(outbox: list[TestEmail]) -> None:
    from openviper.testing import InMemoryMailBackend

    asyncio.run(InMemoryMailBackend(outbox).send("Hi", "bob@x.io", "Hello", "ada@x.io"))
    assert outbox == [TestEmail("Hi", ["bob@x.io"], "Hello", "ada@x.io")]
