"""Who sends a message: the queue, this process now, or this process after the commit."""

from __future__ import annotations

import json
import os
import smtplib
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import openviper.core.email.queue as mail_queue
from openviper.core.email import (
    Alternative,
    AttachmentData,
    EmailMessageData,
    MemoryBackend,
    send_email,
    spool,
)
from openviper.core.email.backends import RecipientsRefused, backend_override
from openviper.core.email.queue import MailNotDeliveredError, MailRefusedError, deliver_email
from openviper.core.email.spool import KEEP_SPOOLED, read_spooled, spool_directory, write_spooled
from openviper.db.connection import atomic, close_db, configure_db
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError, Reject
from openviper.tasks.message import Message, Outcome
from openviper.tasks.worker.outcome import failed
from tests.unit.core.email.conftest import Configure


class Durable(MemoryBroker):
    """A queue in memory that is taken for one that lasts."""

    name = "database"


class Sent:
    """A backend that keeps what it is given."""

    messages: list[EmailMessageData] = []

    async def send(self, data: EmailMessageData) -> None:
        """Keep a message."""
        self.messages.append(data)


class Fails:
    """A backend that raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def send(self, data: EmailMessageData) -> None:
        """Raise."""
        raise self.error


@pytest.fixture
def queue(configure: Configure) -> Iterator[MemoryBroker]:
    """Have a queue and no worker, and a backend that keeps messages."""
    Sent.messages = []
    configure(EMAIL={"backend": f"{__name__}.Sent"})
    with pinned_broker(Durable()) as broker:
        assert isinstance(broker, MemoryBroker)
        yield broker


def payloads(broker: MemoryBroker) -> list[dict[str, Any]]:
    """Return what waits in a queue."""
    return [entry.message.arguments()[0][0] for entry in broker.entries.values()]


async def send(**named: Any) -> bool:
    """Send a message."""
    return await send_email("bob@x.io", "Hi", "Hello", **named)


async def test_the_queue_takes_it_without_a_worker_when_asked(queue: MemoryBroker) -> None:
    assert await send(background=True)
    assert len(payloads(queue)) == 1 and Sent.messages == []


async def test_the_setting_asks_for_everybody(queue: MemoryBroker, configure: Configure) -> None:
    configure(EMAIL={"backend": f"{__name__}.Sent", "background": True})
    assert await send()
    assert len(payloads(queue)) == 1
    assert await send(background=False)
    assert len(Sent.messages) == 1


async def test_without_a_worker_and_unasked_it_is_sent_at_once(queue: MemoryBroker) -> None:
    assert await send()
    assert payloads(queue) == [] and len(Sent.messages) == 1


@pytest.mark.parametrize(
    ("queues", "takes"), [(None, True), (("emails",), True), (("default", "emails"), True), (("default",), False)]
)  # fmt: skip
def test_only_a_worker_that_takes_mail_counts(
    queue: MemoryBroker, monkeypatch: pytest.MonkeyPatch, queues: Any, takes: bool
) -> None:
    class Worker:
        pass

    worker = Worker()
    worker.queues = queues  # type: ignore[attr-defined]  # as a broker's record has it
    monkeypatch.setattr(mail_queue, "live_workers", lambda broker, lease: [worker])
    monkeypatch.setattr(mail_queue, "LOOK_AGAIN", -1.0)
    assert mail_queue.worker_available() is takes


async def test_a_queue_that_cannot_be_reached_is_no_reason_to_lose_it(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Durable):
        def send(self, messages: Any, group: Any = None) -> Any:
            raise BrokerError("the disk is full")

    Sent.messages = []
    configure(EMAIL={"backend": f"{__name__}.Sent"})
    with pinned_broker(Full()):
        assert await send(background=True)
    assert len(Sent.messages) == 1


async def test_in_a_transaction_that_is_rolled_back_nothing_is_sent(
    queue: MemoryBroker, database: None
) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with atomic():
            assert await send()
            assert Sent.messages == []
            raise RuntimeError("undone")
    assert Sent.messages == []
    async with atomic():
        assert await send()
        assert Sent.messages == []
    assert len(Sent.messages) == 1


async def test_a_failure_after_the_commit_is_logged_and_names_nobody(
    queue: MemoryBroker,
    configure: Configure,
    database: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(EMAIL={"backend": f"{__name__}.Broken"})
    async with atomic():
        assert await send()
    assert "mail 'Hi' was not sent: OSError" in caplog.text and "bob" not in caplog.text


class Broken(Fails):
    """A backend that never works."""

    def __init__(self) -> None:
        super().__init__(OSError("bob@x.io is not reached"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[None]:
    """Have a database of this test's own."""
    await configure_db(f"sqlite:///{tmp_path / 'test.db'}")
    yield
    await close_db()


# Later


@pytest.mark.parametrize("kind", ["timedelta", "datetime"])
async def test_a_message_waits_in_the_queue_until_its_time(queue: MemoryBroker, kind: str) -> None:
    hour, now = timedelta(hours=1), datetime.now(UTC)
    assert await send(send_at=hour if kind == "timedelta" else now + hour)
    (entry,) = queue.entries.values()
    assert 3400 < entry.message.due - time.time() < 3700


async def test_a_time_that_is_over_is_now(queue: MemoryBroker) -> None:
    assert await send(send_at=timedelta(seconds=-5))
    assert len(Sent.messages) == 1


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({"send_at": datetime(2030, 1, 1)}, "no time zone"),  # noqa: DTZ001 - what the test is about
        ({"send_at": timedelta(days=400)}, "400 days ahead"),
        ({"send_at": timedelta(hours=1), "background": False}, "background=False"),
    ],
)
async def test_a_time_that_cannot_be_kept_is_refused(
    queue: MemoryBroker, named: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        await send(**named)
    assert Sent.messages == [] and payloads(queue) == []


async def test_without_a_queue_later_is_refused_and_not_sent_now(configure: Configure) -> None:
    Sent.messages = []
    configure(EMAIL={"backend": f"{__name__}.Sent"})
    with pinned_broker(MemoryBroker()), pytest.raises(ValueError, match="send_at needs the queue"):
        await send(send_at=timedelta(hours=1))
    assert Sent.messages == []


# What the worker does


async def delivered(error: Exception, **fields: Any) -> None:
    """Have a worker deliver a message through a backend that raises."""
    data = EmailMessageData(["bob@x.io", "ann@x.io"], "Hi", "Hello", **fields)
    data.stamp("shop@x.io")
    with backend_override(Fails(error)):
        await deliver_email(mail_queue.message_to_payload(data))


@pytest.mark.parametrize(
    "error",
    [smtplib.SMTPDataError(554, b"spam from bob@x.io"), ValueError("bob@x.io"), smtplib.SMTPNotSupportedError("bob@x.io")],
)  # fmt: skip
async def test_what_is_final_is_dead_at_once_and_names_nobody(error: Exception) -> None:
    with pytest.raises(MailRefusedError) as caught:
        await delivered(error)
    assert issubclass(MailRefusedError, Reject)
    assert "bob" not in str(caught.value)
    message = Message("openviper.core.email.deliver_email", "emails", "[]")
    assert failed(message, deliver_email, caught.value).outcome is Outcome.DEAD


@pytest.mark.parametrize(
    "error",
    [smtplib.SMTPDataError(451, b"later"), ConnectionResetError(104, "reset"), TimeoutError()],
)
async def test_what_may_pass_is_tried_again(error: Exception) -> None:
    with pytest.raises(MailNotDeliveredError) as caught:
        await delivered(error)
    assert not isinstance(caught.value, Reject)
    message = Message("openviper.core.email.deliver_email", "emails", "[]")
    assert failed(message, deliver_email, caught.value).outcome is Outcome.RETRY


def test_it_is_tried_again_for_more_than_an_hour_even_if_each_wait_is_half_of_what_it_may_be() -> (
    None
):
    waits = [
        min(deliver_email.max_backoff_ms, deliver_email.min_backoff_ms * 2**number)
        for number in range(deliver_email.max_retries)
    ]
    assert sum(waits) / 2 > 3_600_000


async def test_those_refused_for_good_become_a_dead_message_that_an_operator_may_retry(
    queue: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivered(RecipientsRefused({"bob@x.io": (550, "no bob"), "ann@x.io": (450, "later")}))
    by_recipient = {payload["only_to"][0]: payload for payload in payloads(queue)}
    assert set(by_recipient) == {"bob@x.io", "ann@x.io"}
    assert "refused" not in by_recipient["ann@x.io"]
    note = json.loads(json.dumps(by_recipient["bob@x.io"]))
    backend = MemoryBackend()
    with backend_override(backend):
        with pytest.raises(MailRefusedError, match="RecipientsRefused 550"):
            await deliver_email(note)
        assert backend.outbox == []
        note["refused_until"] = time.time() - 1
        await deliver_email(note)
    assert backend.outbox[0].delivery_recipients() == ["bob@x.io"]


async def test_where_nobody_was_taken_those_refused_for_good_are_not_asked_for_again(
    queue: MemoryBroker,
) -> None:
    replies = {"bob@x.io": (550, b"no bob"), "ann@x.io": (451, b"later"), "eve@x.io": (552, b"")}
    await delivered(smtplib.SMTPRecipientsRefused(replies))
    by_recipients = {tuple(payload["only_to"]): payload for payload in payloads(queue)}
    assert set(by_recipients) == {("bob@x.io",), ("ann@x.io", "eve@x.io")}
    assert by_recipients["bob@x.io",]["refused"] == {"bob@x.io": [550, ""]}
    # The server is not asked again at once.
    waits = {info.state for info in queue.messages() if info.due}
    assert waits == {"delayed"}


@pytest.mark.parametrize(
    ("codes", "final"), [((550, 553), True), ((450, 451), False), ((421, 552), False)]
)
async def test_where_all_were_refused_alike_the_message_stays_one(
    queue: MemoryBroker, codes: tuple[int, int], final: bool
) -> None:
    replies = {f"{code}@x.io": (code, b"") for code in codes}
    with pytest.raises(MailNotDeliveredError) as caught:
        await delivered(smtplib.SMTPRecipientsRefused(replies))
    assert isinstance(caught.value, MailRefusedError) is final
    assert payloads(queue) == []


async def test_everything_of_a_message_comes_out_of_the_queue(queue: MemoryBroker) -> None:
    for sender in ("", "bounces@x.io", None):
        await send(
            background=True, envelope_sender=sender, alternatives=[("BEGIN", "text/calendar; method=REQUEST")],
            attachments=[AttachmentData("a.csv", b"x", "text/csv; charset=utf-8")],
        )  # fmt: skip
    messages = [
        mail_queue.payload_to_message(json.loads(json.dumps(one))) for one in payloads(queue)
    ]
    assert [message.envelope_sender for message in messages] == ["", "bounces@x.io", None]
    assert messages[0].alternatives == [
        Alternative(b"BEGIN", "text/calendar; method=REQUEST; charset=utf-8")
    ]
    assert messages[0].attachments[0].mimetype == "text/csv; charset=utf-8"


async def test_bcc_alone_is_enough(queue: MemoryBroker) -> None:
    assert await send_email([], "Hi", "Hello", bcc="eve@x.io", background=False)
    assert Sent.messages[0].delivery_recipients() == ["eve@x.io"]
    with pytest.raises(ValueError, match="no recipient"):
        await send_email([], "Hi", "Hello")


# The spool


def test_a_spooled_message_is_private_and_lasts_until_it_is_due(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(EMAIL={"spool_dir": str(tmp_path / "spool")})
    monkeypatch.setattr(spool, "_swept_at", float("-inf"))
    late = write_spooled({"a": 1}, time.time() + 300 * 86_400)
    old = write_spooled({"b": 2}, time.time() - KEEP_SPOOLED - 60)
    monkeypatch.setattr(spool, "_swept_at", float("-inf"))
    write_spooled({"c": 3}, time.time())
    assert read_spooled(late) == {"a": 1}
    assert not (spool_directory() / old).exists()
    assert {path.stat().st_mode & 0o777 for path in spool_directory().iterdir()} == {0o600}
    # Where dead tasks stay longer, so does what they name.
    configure(EMAIL={"spool_dir": str(tmp_path / "spool")}, TASKS={"keep_dead": None})
    old = write_spooled({"b": 2}, time.time() - KEEP_SPOOLED - 60)
    monkeypatch.setattr(spool, "_swept_at", float("-inf"))
    write_spooled({"c": 3}, time.time())
    assert read_spooled(old) == {"b": 2}


def test_a_spool_that_cannot_be_written_leaves_nothing(
    configure: Configure, tmp_path: Path
) -> None:
    configure(EMAIL={"spool_dir": str(tmp_path / "spool")})
    with pytest.raises(TypeError):
        write_spooled({"a": object()}, time.time())
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_sweep_leaves_what_others_keep_in_the_same_folder(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(EMAIL={"spool_dir": str(tmp_path)})
    ours = [f"{'a' * 32}.json", f".{'b' * 32}.json.0123abcd.partial"]
    others = ["customers.json", ".customers.json.0123abcd.partial", "data.part", "x.partial"]
    for name in (*ours, *others):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (0, 0))
    monkeypatch.setattr(spool, "_swept_at", float("-inf"))
    new = write_spooled({}, time.time())
    assert {path.name for path in tmp_path.iterdir()} == {new, *others}


# What cannot be stored, or read


async def test_half_a_character_is_lost_in_the_queue_as_it_is_on_the_wire(
    queue: MemoryBroker,
) -> None:
    assert await send_email("bob@x.io", "Hi \ud800", "a\ud800b", "<p>\udfffü", background=True)
    (payload,) = payloads(queue)
    assert (payload["subject"], payload["text"], payload["html"]) == ("Hi ?", "a?b", "<p>?ü")


@pytest.mark.parametrize(
    "payload",
    [{}, [], "x", {"recipients": ["b@x.io"]}, {"spool": "../x.json"}, {"spool": None}, {"message_id": "<a@b>", "secret": 1}],
)  # fmt: skip
async def test_a_payload_that_is_no_message_is_dead_at_once(payload: Any) -> None:
    with pytest.raises(MailRefusedError):
        await deliver_email(payload)


async def test_a_spooled_file_that_is_missing_may_come_back(configure: Configure) -> None:
    with pytest.raises(MailNotDeliveredError) as caught:
        await deliver_email({"spool": f"{'a' * 32}.json"})
    assert not isinstance(caught.value, Reject)
