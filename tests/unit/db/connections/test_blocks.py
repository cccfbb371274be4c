"""Spans of code with a connection of their own, and how a transaction is known to have ended."""

from __future__ import annotations

from typing import Any, cast

import pytest

from openviper.db.connections.databases import Block, blocks, current_block, entered
from openviper.db.connections.drivers.base import DriverConnection
from openviper.db.exceptions import OperationalError


class Wire:
    """The part of a connection that a block asks."""

    def __init__(self) -> None:
        self.in_transaction = True


def block(wire: Wire, **keys: Any) -> Block:
    return Block(cast("DriverConnection", wire), transactional=True, **keys)


async def test_the_innermost_open_block_of_an_alias_is_the_current_one() -> None:
    outer = block(Wire())
    async with entered("default", outer):
        inner = block(Wire(), outer=outer)
        async with entered("default", inner):
            assert current_block("default") is inner
            assert current_block("other") is None
        assert current_block("default") is outer
    assert current_block("default") is None
    assert blocks.get() is None


async def test_a_block_that_has_ended_hands_on_to_the_one_around_it() -> None:
    outer = block(Wire())
    inner = block(Wire(), outer=outer)
    async with entered("default", outer):
        token = blocks.set({"default": inner})
        inner.open = False
        assert current_block("default") is outer
        blocks.reset(token)


async def test_a_block_knows_those_around_it_from_the_inside() -> None:
    first = block(Wire())
    second = block(Wire(), outer=first)
    third = block(Wire(), outer=second)
    assert list(third.chain()) == [third, second, first]


async def test_an_open_transaction_is_alive_and_a_closed_one_is_not() -> None:
    wire = Wire()
    one = block(wire)
    one.check_alive()
    wire.in_transaction = False
    with pytest.raises(OperationalError, match="by itself; nothing of it was stored") as caught:
        one.check_alive()
    assert caught.value.retryable


async def test_a_pinned_connection_without_transaction_is_always_alive() -> None:
    wire = Wire()
    wire.in_transaction = False
    Block(cast("DriverConnection", wire)).check_alive()


@pytest.mark.parametrize(
    ("sql", "word", "stored"),
    [
        ("COMMIT", "COMMIT", "all"),
        ("  commit and chain", "COMMIT", "all"),
        ("rollback", "ROLLBACK", "nothing"),
        ("/*!50000 DROP TABLE a */", "DROP", "all"),
        ("", "a statement", "all"),
    ],
)
async def test_what_has_ended_a_transaction_is_named_without_its_values(
    sql: str, word: str, stored: str
) -> None:
    wire = Wire()
    outer = block(wire)
    inner = block(wire, outer=outer)
    inner.note_end(sql)
    assert outer.ended_by == ""
    wire.in_transaction = False
    inner.note_end(sql)
    for each in (outer, inner):
        with pytest.raises(OperationalError, match=f"{word} has ended .*; {stored} of") as caught:
            each.check_alive()
        assert not caught.value.retryable
        assert each.is_stored is (stored == "all")
