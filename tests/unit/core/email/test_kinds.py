"""What is given to `send_email` and is of another kind is refused, with its name; what is given and would have no effect too."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.core.email import EmailMessageData, send_email
from openviper.core.email.backends import SMTPBackend
from openviper.core.email.config import EmailSettings


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"subject": None}, "subject must be a text, not NoneType"),
        ({"text": b"x"}, "text must be a text, not bytes"),
        ({"html": 5}, "html must be a text, not int"),
        ({"template": b"a.md"}, "template must be the name of a template, not bytes"),
        ({"context": ["a"]}, "context must be a mapping of names, not list"),
        ({"background": "yes"}, "background must be True, False or None, not str"),
        ({"send_at": "tomorrow"}, "send_at must be a datetime or a timedelta, not str"),
        ({"headers": ["X-A"]}, "headers are a mapping of names, not list"),
        ({"headers": {"X-A": None}}, "header 'X-A' must be a text, not NoneType"),
        ({"alternatives": ["text/calendar"]}, r"an alternative is \(content, MIME type\), not str"),
        ({"sender": ["a@x.io", "b@x.io"]}, "sender must be one address, not list"),
        ({"envelope_sender": 5}, "envelope_sender must be one address, not int"),
        ({"fail_silently": "no"}, "fail_silently must be True, False or None, not str"),
        (
            {"recipients": {"a@x.io": "Ada"}},
            "recipients must be an address or a list of them, not dict",
        ),
        ({"recipients": b"a@x.io"}, "recipients must be an address or a list of them, not bytes"),
        ({"cc": 5}, "cc must be an address or a list of them, not int"),
        ({"bcc": {"a@x.io": 1}}, "bcc must be an address or a list of them, not dict"),
        ({"reply_to": 5.0}, "reply_to must be an address or a list of them, not float"),
        (
            {"attachments": [{"content": "x", "mimtype": "text/csv"}]},
            "attachment 1 has no key 'mimtype'; did you mean 'mimetype'?",
        ),
        ({"attachments": "a.txt"}, "attachments are a list of files, not str"),
        ({"attachments": {"content": "x"}}, "attachments are a list of files, not dict"),
    ],
)
async def test_what_is_of_another_kind_is_refused(given: dict[str, Any], problem: str) -> None:
    arguments: dict[str, Any] = {
        **{"recipients": "ada@example.com", "subject": "Hi", "text": "x"},
        **{"fail_silently": False, **given},
    }
    with pytest.raises(TypeError, match=problem):
        await send_email(**arguments)


@pytest.mark.parametrize("name", ["sender", "envelope_sender"])
async def test_an_address_of_spaces_is_not_taken_for_none(name: str) -> None:
    given: dict[str, Any] = {name: "  "}
    with pytest.raises(ValueError, match=f"{name}='  ' is not a mail address"):
        await send_email("ada@example.com", "Hi", "x", fail_silently=False, **given)


async def test_a_context_without_a_template_is_refused() -> None:
    with pytest.raises(ValueError, match="a context is for a template"):
        await send_email("ada@example.com", "Hi", "x", context={"a": 1}, fail_silently=False)


@pytest.mark.parametrize("flag", ["use_tls", "use_ssl", "fail_silently", "background"])
def test_flags_that_are_numbers_mean_what_they_say(flag: str) -> None:
    assert getattr(EmailSettings.from_config({flag: 1}), flag) is True
    assert getattr(EmailSettings.from_config({flag: 0}), flag) is False


async def test_a_message_that_cannot_be_written_stops_no_other() -> None:
    odd: Any = None
    messages = [
        EmailMessageData(["ada@example.com"], odd, "x", sender="s@example.com"),
        EmailMessageData(["ada@example.com"], "Hi", odd, headers=odd, sender="s@example.com"),
        EmailMessageData(["nobody"], "Hi", "x", sender="s@example.com"),
    ]
    errors = await SMTPBackend(EmailSettings(host="localhost")).send_many(messages)
    assert [type(error) for error in errors] == [TypeError, TypeError, ValueError]
