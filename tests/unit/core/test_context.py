"""What is known about the work going on."""

from __future__ import annotations

import asyncio

import pytest

from openviper.core.context import (
    current_request_id,
    current_user,
    get_current_user,
    ignore_permissions,
    ignore_permissions_ctx,
    set_current_user,
)


def test_outside_a_request_nobody_is_the_user() -> None:
    assert get_current_user() is None
    assert current_request_id.get() is None


def test_the_token_brings_back_the_user_before() -> None:
    token = set_current_user("ann")
    assert get_current_user() == "ann"
    current_user.reset(token)
    assert get_current_user() is None


def test_permissions_are_checked_again_after_the_block_even_if_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), ignore_permissions():
        assert ignore_permissions_ctx.get()
        raise ZeroDivisionError
    assert not ignore_permissions_ctx.get()


async def test_a_task_does_not_change_the_user_of_the_one_that_started_it() -> None:
    async def act_as_eve() -> None:
        set_current_user("eve")

    await asyncio.create_task(act_as_eve())
    assert get_current_user() is None
