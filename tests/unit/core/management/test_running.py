"""Running coroutines for commands."""

from __future__ import annotations

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.running import run_async_command


def test_an_exception_in_a_coroutine_becomes_an_error_with_text_and_cause() -> None:
    async def fail() -> None:
        raise ValueError

    with pytest.raises(CommandError, match="ValueError") as caught:
        run_async_command(fail())
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_result_of_a_coroutine_comes_back() -> None:
    async def work() -> int:
        return 3

    assert run_async_command(work()) == 3


def test_an_error_of_a_command_comes_as_it_was_raised() -> None:
    async def fail() -> None:
        raise CommandError("as it was", 7)

    with pytest.raises(CommandError, match="as it was") as caught:
        run_async_command(fail())
    assert caught.value.returncode == 7
