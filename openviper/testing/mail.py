"""Mail in tests: everything that would be sent is kept, from the background too, and nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.backends import backend_override, prepared
from openviper.core.email.config import EmailSettings

if TYPE_CHECKING:
    from openviper.core.email.attachment_data import AttachmentData
    from openviper.core.email.message import EmailMessageData


@dataclass(frozen=True)
class TestEmail:
    """A message that would have been sent.

    Attributes:
        to: The addresses as they were given.
        body: The plain body, or the HTML one where there is no other.
        sender: The address of the field From.
        message: All of it.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    subject: str
    to: list[str]
    body: str = ""
    sender: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    html: str | None = None
    attachments: tuple[AttachmentData, ...] = ()
    message: EmailMessageData | None = None

    def recipients(self) -> list[str]:
        """Return the bare addresses of everybody who would get it."""
        return [parse_mailbox(one).address for one in (*self.to, *self.cc, *self.bcc)]


class InMemoryMailBackend:
    """A backend that puts what it is given into an outbox.

    Args:
        outbox: Where to.
    """

    def __init__(self, outbox: list[TestEmail]) -> None:
        self.outbox = outbox

    @overload
    async def send(self, data: EmailMessageData, /) -> None: ...
    @overload
    async def send(
        self, data: str, to: Sequence[str] | str, body: str = "", sender: str = "", /
    ) -> None: ...
    async def send(
        self,
        data: EmailMessageData | str,
        to: Sequence[str] | str = (),
        body: str = "",
        sender: str = "",
        /,
    ) -> None:
        """Keep a message; it is built, so that what could not be sent fails here too.

        Raises:
            ValueError: If there is no recipient, an address is not one, or a header field cannot be.
        """
        if isinstance(data, str):
            self.outbox.append(
                TestEmail(data, [to] if isinstance(to, str) else list(to), body, sender)
            )
            return
        prepared(data, EmailSettings.from_settings())
        self.outbox.append(
            TestEmail(
                subject=data.subject,
                to=list(data.recipients),
                body=data.text if data.text is not None else data.html or "",
                sender=data.sender,
                cc=tuple(data.cc),
                bcc=tuple(data.bcc),
                html=data.html,
                attachments=tuple(data.attachments),
                message=data,
            )
        )


def create_mailoutbox() -> tuple[list[TestEmail], AbstractContextManager[list[TestEmail]]]:
    """Return an outbox, and the block inside which it takes every message, whatever the backend."""
    outbox: list[TestEmail] = []
    return outbox, _catching(outbox)


@contextmanager
def _catching(outbox: list[TestEmail]) -> Iterator[list[TestEmail]]:
    with backend_override(InMemoryMailBackend(outbox)):
        yield outbox


def assert_email_count(outbox: Sequence[TestEmail], count: int) -> None:
    """Check how many messages were sent.

    Raises:
        AssertionError: If another number; it names their subjects.
    """
    if len(outbox) != count:
        raise AssertionError(
            f"{len(outbox)} mails were sent, not {count}: {[mail.subject for mail in outbox]}"
        )


def assert_email_sent(outbox: Sequence[TestEmail], address: str) -> None:
    """Check that somebody got a message.

    Raises:
        AssertionError: If not; it names who did.
    """
    reached = [one for mail in outbox for one in mail.recipients()]
    if not _is_among(address, reached):
        raise AssertionError(f"no mail was sent to {address!r}; there was mail to: {reached}")


def assert_email_subject(mail: TestEmail, subject: str) -> None:
    """Check the subject of a message.

    Raises:
        AssertionError: If it is another one.
    """
    if mail.subject != subject:
        raise AssertionError(f"the subject is {mail.subject!r}, not {subject!r}")


def assert_email_recipient(mail: TestEmail, address: str) -> None:
    """Check that a message goes to somebody.

    Raises:
        AssertionError: If not; it names to whom it goes.
    """
    if not _is_among(address, mail.recipients()):
        raise AssertionError(f"the mail goes to {mail.recipients()}, not to {address!r}")


def _is_among(address: str, addresses: Sequence[str]) -> bool:
    """Return whether an address is one of some, in whatever capitals its domain is written."""
    return parse_mailbox(address).identity in {parse_mailbox(text).identity for text in addresses}
