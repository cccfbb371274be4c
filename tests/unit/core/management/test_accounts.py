"""What the commands for accounts share."""

from __future__ import annotations

import io
from typing import Any

import pytest

from openviper.core.management.accounts import (
    model_field_names,
    obtain_password,
    prompt_password,
    put_password,
)
from openviper.core.management.base import BaseCommand, CommandError
from openviper.utils.terminal import Terminal


def answering(text: str) -> tuple[BaseCommand, io.StringIO]:
    """Return a command whose questions are answered, and what it says."""
    err = io.StringIO()
    return BaseCommand(Terminal(io.StringIO(), err, io.StringIO(text))), err


def test_a_password_is_asked_for_until_it_is_good_and_repeated() -> None:
    command, err = answering("\nshort\nlong-enough\nother-one\nlong-enough\nlong-enough\n")
    assert prompt_password(command, None) == "long-enough"
    text = err.getvalue()
    assert (
        "must not be blank" in text and "at least 8 characters" in text and "do not match" in text
    )


def test_the_end_of_input_cancels_a_password() -> None:
    with pytest.raises(CommandError, match="Operation cancelled."):
        prompt_password(answering("long-enough\n")[0], None)


def test_a_given_password_is_judged_and_nothing_is_asked() -> None:
    command, err = answering("")
    assert obtain_password(command, "long-enough", None) == "long-enough"
    with pytest.raises(CommandError, match="at least 8"):
        obtain_password(command, "short", None)
    assert err.getvalue() == ""


def test_a_model_that_does_not_say_has_the_fields_of_a_user() -> None:
    assert "is_staff" in model_field_names(object)


async def test_a_user_with_a_method_of_its_own_sets_the_password_itself() -> None:
    class Plain:
        def set_password(self, password: str) -> None:
            self.seen = password

    class Waiting:
        async def set_password(self, password: str) -> None:
            self.seen = password

    users: list[Any] = [Plain(), Waiting()]
    for user in users:
        await put_password(user, "secret-word")
        assert user.seen == "secret-word"


async def test_a_user_without_one_gets_the_hash() -> None:
    class Bare:
        password = ""

    user = Bare()
    await put_password(user, "secret-word")
    assert user.password and "secret-word" not in user.password
