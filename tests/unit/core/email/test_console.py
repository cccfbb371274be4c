"""What the console backend shows, and that nothing in it commands a terminal."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper
from typing import Any

import pytest

from openviper.core.email import Alternative, ConsoleBackend, EmailMessageData


async def shown(data: EmailMessageData, encoding: str = "utf-8") -> str:
    """Return what is written to a stream of an encoding."""
    written = BytesIO()
    stream = TextIOWrapper(written, encoding=encoding)
    await ConsoleBackend(stream).send(data)
    return written.getvalue().decode(encoding)


@pytest.mark.parametrize("field", ["text", "html", "subject"])
async def test_control_characters_are_shown_and_not_obeyed(field: str) -> None:
    values: dict[str, Any] = {
        "subject": "Hi",
        "text": "x",
        field: "a\x1b]0;title\x07\u202e b\x9b2J c\rd\r\ne\tf\x00",
    }
    text = await shown(EmailMessageData(["b@x.io"], **values))
    assert not {"\x1b", "\x07", "\x9b", "\r", "\0"} & set(text)
    if field != "subject":
        assert "a\\x1b]0;title\\x07\\u202e b\\x9b2J c\\rd\ne\tf\\x00" in text


async def test_an_encoding_that_lacks_characters_shows_the_rest() -> None:
    assert "Gr\\xfc\\xdfe \\ud800" in await shown(
        EmailMessageData(["b@x.io"], "x", "Grüße \ud800"), "ascii"
    )


async def test_bodies_are_shown_as_they_were_given_whatever_other_forms_are_called() -> None:
    form = Alternative(b"<p>\xff", "text/html; charset=x-no")
    text = await shown(EmailMessageData(["b@x.io"], "x", "Hello\r\n", alternatives=[form]))
    assert "--- plain\n\nHello\n\n--- alternatives\n\ntext/html; charset=x-no (4 bytes)\n" in text
