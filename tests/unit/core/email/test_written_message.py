"""`build_message` returns what was written until somebody looks into it."""

from __future__ import annotations

import copy
import pickle
from email.message import EmailMessage
from email.policy import default

import pytest

from openviper.core.email import EmailMessageData, build_message
from openviper.core.email.message import message_bytes
from openviper.core.email.written_message import WrittenMessage

CONTENT = b"Subject: Hi\r\nTo: bob@x.io\r\n\r\nHello\r\n"


def test_the_bytes_are_those_that_are_sent() -> None:
    data = EmailMessageData(["bob@x.io"], "Grüße", "Füße", "<p>x</p>", sender="ada@x.io")
    data.stamp()
    message = build_message(data)
    assert isinstance(message, EmailMessage)
    first, second = message.as_bytes(), message_bytes(data)
    assert len(first) == len(second) and first.startswith(second[:200])


def test_it_is_taken_apart_when_it_is_looked_at() -> None:
    message = WrittenMessage(CONTENT)
    assert message.as_bytes() is CONTENT and bytes(message) is CONTENT
    assert (message["Subject"], message.get_content()) == ("Hi", "Hello\r\n")
    assert message.as_bytes() == CONTENT


def test_what_is_changed_is_in_the_bytes() -> None:
    message = WrittenMessage(CONTENT)
    message["X-A"] = "1"
    assert b"X-A: 1\r\n" in message.as_bytes()
    other = WrittenMessage(CONTENT)
    other.set_content("Other")
    assert b"Other" in other.as_bytes() and b"Hello" not in other.as_bytes()
    third = WrittenMessage(CONTENT)
    third.preamble = "P"
    assert third.preamble == "P"


def test_another_form_may_be_asked_for() -> None:
    message = WrittenMessage(CONTENT)
    assert message.as_bytes(policy=default) == CONTENT.replace(b"\r\n", b"\n")
    assert WrittenMessage(CONTENT).as_bytes(unixfrom=True).startswith(b"From ")
    assert "Hello" in WrittenMessage(CONTENT).as_string()


def test_it_can_be_copied_and_pickled() -> None:
    message = WrittenMessage(CONTENT)
    assert copy.deepcopy(message)["Subject"] == "Hi"
    assert pickle.loads(pickle.dumps(message)).as_bytes() == CONTENT  # noqa: S301 - made here


def test_what_it_does_not_have_is_said_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        WrittenMessage(CONTENT).nothing  # noqa: B018 - the look is the test
