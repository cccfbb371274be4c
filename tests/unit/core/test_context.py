"""What is known about the work going on."""

from __future__ import annotations

import asyncio

import pytest

from openviper.core.context import (
    Exchange,
    current_exchange,
    current_request_id,
    current_user,
    get_current_user,
    ignore_permissions,
    ignore_permissions_ctx,
    request_perms_cache,
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


async def test_what_is_set_within_a_request_is_gone_when_it_has_ended() -> None:
    set_current_user("ann")
    exchange = Exchange()
    token = current_exchange.set(exchange)
    assert get_current_user() is None
    set_current_user("bob")
    set_current_user("ben")
    assert get_current_user() == "ben"
    current_exchange.reset(token)
    exchange.is_over = True
    assert get_current_user() == "ann"


async def test_requests_within_a_request_know_nothing_of_each_other() -> None:
    outer, inner = Exchange(), Exchange()
    outer_token = current_exchange.set(outer)
    set_current_user("ann")
    inner_token = current_exchange.set(inner)
    assert get_current_user() is None
    user_token = set_current_user("bob")
    current_user.reset(user_token)
    assert get_current_user() is None
    set_current_user("bob")
    current_exchange.reset(inner_token)
    assert get_current_user() == "ann"
    current_exchange.reset(outer_token)
    assert get_current_user() is None


async def test_values_of_requests_that_have_ended_are_not_kept() -> None:
    for number in range(3):
        exchange = Exchange()
        token = current_exchange.set(exchange)
        set_current_user(number)
        current_exchange.reset(token)
        exchange.is_over = True
    before = set_current_user("ann").old_value
    assert before[1:] == (2, None)


async def test_the_answers_of_the_permission_layer_belong_to_one_request() -> None:
    assert request_perms_cache.get() is None
    token = current_exchange.set(Exchange())
    cache = request_perms_cache.get()
    assert cache == {} and request_perms_cache.get() is cache
    current_exchange.set(Exchange())
    assert request_perms_cache.get() is not cache
    current_exchange.reset(token)
