"""Mail in tests: what would be sent is kept, what could not be sent fails here too."""

from __future__ import annotations

import pytest

from openviper.core.email import send_email
from openviper.testing import (
    assert_email_count,
    assert_email_recipient,
    assert_email_sent,
    assert_email_subject,
    create_mailoutbox,
)
from openviper.testing.mail import InMemoryMailBackend, TestEmail

MAIL = TestEmail(
    "Hello", ["Ada <ada@shop.example>"], cc=("bob@shop.example",), bcc=("eve@shop.example",)
)


def test_everybody_who_would_get_it_is_a_recipient() -> None:
    assert MAIL.recipients() == ["ada@shop.example", "bob@shop.example", "eve@shop.example"]
    assert TestEmail("x", []).recipients() == []


@pytest.mark.parametrize(
    "address",
    ["ada@shop.example", "Ada B <ada@shop.example>", "eve@shop.example", "eve@SHOP.example"],
)
def test_recipients_are_found_by_their_bare_address(address: str) -> None:
    assert_email_sent([MAIL], address)
    assert_email_recipient(MAIL, address)


def test_one_who_gets_nothing_is_named_with_those_who_do() -> None:
    with pytest.raises(
        AssertionError, match=r"no mail was sent to 'zoe@shop.example'; .*'ada@shop"
    ):
        assert_email_sent([MAIL], "zoe@shop.example")
    with pytest.raises(AssertionError, match=r"the mail goes to \['ada@shop.example'"):
        assert_email_recipient(MAIL, "zoe@shop.example")
    with pytest.raises(AssertionError, match=r"there was mail to: \[\]"):
        assert_email_sent([], "ada@shop.example")


def test_numbers_and_subjects_are_checked() -> None:
    assert_email_count([], 0)
    assert_email_count([MAIL], 1)
    assert_email_subject(MAIL, "Hello")
    with pytest.raises(AssertionError, match=r"1 mails were sent, not 2: \['Hello'\]"):
        assert_email_count([MAIL], 2)
    with pytest.raises(AssertionError, match="the subject is 'Hello', not 'hello'"):
        assert_email_subject(MAIL, "hello")


async def test_what_is_sent_inside_the_block_is_kept_with_all_its_parts() -> None:
    outbox, catching = create_mailoutbox()
    with catching:
        await send_email(
            ["ada@shop.example"], "Hello", "text", cc=["bob@shop.example"], sender="shop@shop.example",
            html="<p>text</p>",
        )  # fmt: skip
    (mail,) = outbox
    assert (mail.subject, mail.to, mail.body, mail.html) == (
        "Hello", ["ada@shop.example"], "text", "<p>text</p>",
    )  # fmt: skip
    assert (mail.sender, mail.cc, mail.bcc) == ("shop@shop.example", ("bob@shop.example",), ())
    assert mail.message is not None


async def test_what_could_not_be_sent_fails_here_too() -> None:
    outbox, catching = create_mailoutbox()
    with catching, pytest.raises(ValueError):
        await send_email(["not an address"], "Hello", "text", sender="shop@shop.example")
    assert outbox == []


@pytest.mark.parametrize("to", ["ada@shop.example", ["ada@shop.example"]])
async def test_a_backend_may_be_given_the_parts_alone(to: str | list[str]) -> None:
    outbox: list[TestEmail] = []
    await InMemoryMailBackend(outbox).send("Hello", to, "text", "shop@shop.example")
    assert outbox == [TestEmail("Hello", ["ada@shop.example"], "text", "shop@shop.example")]
