"""Before-images of instances, without a database."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from openviper.db.connections.databases import Block, blocks
from openviper.db.connections.drivers.base import DriverConnection
from openviper.db.connections.undo import UndoLog, hand_over, restore_all
from openviper.db.fields import CharField, IntegerField
from openviper.db.fields.instance_state import remember_alias, remember_row
from openviper.db.fields.rollback import NewInstances, keep_for_rollback, keep_new
from openviper.db.models import Model


class Coin(Model):
    _app_name = "images"

    face = CharField(max_length=5, default="head")
    value = IntegerField(default=1)


@contextmanager
def open_block(*, transactional: bool = True) -> Iterator[UndoLog]:
    """Be in a transaction that no driver knows of."""
    block = Block(cast("DriverConnection", None), transactional=transactional)
    token = blocks.set({"default": block})
    try:
        yield block.undo
    finally:
        blocks.reset(token)


def test_outside_of_a_transaction_nothing_is_kept() -> None:
    coin = Coin()
    keep_for_rollback("default", [coin], ["face"])
    with open_block(transactional=False) as log:
        keep_for_rollback("default", [coin])
        assert not log
    with open_block() as log:
        keep_for_rollback("other", [coin])
        assert not log


def test_the_oldest_image_counts() -> None:
    coin = Coin()
    with open_block() as log:
        keep_for_rollback("default", [coin], ["face"])
        remember_row(coin, (1, "tail", 1))
        remember_alias(coin, "other")
        coin.pk, coin.face = 1, "tail"
        keep_for_rollback("default", [coin], ["face", "value"])
        coin.face, coin.value = "edge", 5
        assert len(log) == 1
        restore_all(log)
    assert (coin.pk, coin.face, coin.value) == (None, "head", 1)
    assert coin._row is None and coin._alias is None and not log


def test_what_was_absent_is_absent_again() -> None:
    coin = Coin()
    vars(coin).pop("value")
    with open_block() as log:
        keep_for_rollback("default", [coin], ["value", "extra"])
        vars(coin).update(value=3, extra=4)
        restore_all(log)
    assert "value" not in vars(coin) and "extra" not in vars(coin)


def test_a_savepoint_hands_its_images_to_the_transaction_around_it() -> None:
    first, second = Coin(), Coin()
    with open_block() as outer:
        keep_for_rollback("default", [first], ["face"])
        first.face = "outer"
        with open_block() as inner:
            keep_for_rollback("default", [first, second], ["face", "value"])
            first.face, first.value, second.face = "inner", 9, "inner"
            first.pk = second.pk = 7
            hand_over(inner, outer)
        assert len(outer) == 2 and not inner
        restore_all(outer)
    assert (first.face, first.value, first.pk) == ("head", 1, None)
    assert (second.face, second.pk) == ("head", None)


def test_a_savepoint_that_is_rolled_back_restores_what_it_found() -> None:
    coin = Coin()
    with open_block() as outer:
        keep_for_rollback("default", [coin], ["face"])
        coin.face = "outer"
        with open_block() as inner:
            keep_for_rollback("default", [coin], ["face"])
            coin.face = "inner"
            restore_all(inner)
        assert coin.face == "outer"
        restore_all(outer)
    assert coin.face == "head"


def test_images_of_collected_instances_are_gone_wherever_they_are() -> None:
    with open_block() as outer:
        with open_block() as inner:
            coins: list[Any] = [Coin() for _ in range(5)]
            keep_for_rollback("default", coins)
            del coins[2:]
            gc.collect()
            assert len(inner) == 2
            hand_over(inner, outer)
        coins.clear()
        gc.collect()
        assert not outer


def test_equal_instances_have_an_image_each() -> None:
    one, other = Coin(id=1, face="a"), Coin(id=1, face="b")
    assert one == other
    with open_block() as log:
        keep_for_rollback("default", [one, other], ["face"])
        one.face = other.face = "x"
        restore_all(log)
    assert (one.face, other.face) == ("a", "b")


# Instances that were new


def stored(coin: Coin, key: int) -> None:
    """Have an instance believe that it was stored."""
    coin.pk = key
    remember_row(coin, (key, coin.face, coin.value))


def test_a_new_instance_becomes_new_again_and_keeps_its_values() -> None:
    coin = Coin(face="tail")
    with open_block() as log:
        keep_new(log, coin)
        stored(coin, 4)
        remember_alias(coin, "other")
        restore_all(log)
    assert (coin.pk, coin._row, coin._alias, coin.face) == (None, None, None, "tail")


def test_what_was_changed_after_it_was_inserted_is_new_again_too() -> None:
    coin = Coin()
    with open_block() as log:
        keep_new(log, coin)
        stored(coin, 4)
        keep_for_rollback("default", [coin], ["face"])
        coin.face = "tail"
        restore_all(log)
    assert (coin.pk, coin._row, coin.face) == (None, None, "head")


def test_a_savepoint_that_is_released_hands_its_new_instances_on() -> None:
    coin = Coin()
    with open_block() as outer:
        with open_block() as inner:
            keep_new(inner, coin)
            stored(coin, 4)
            hand_over(inner, outer)
        assert coin.pk == 4 and not inner
        restore_all(outer)
    assert coin.pk is None


def test_what_the_outer_transaction_knew_of_a_new_instance_is_the_older_image() -> None:
    coin = Coin(id=3)
    remember_row(coin, (3, "head", 1))
    with open_block() as outer:
        keep_for_rollback("default", [coin])
        remember_row(
            coin, None
        )  # Deleted, and its key taken away: it is stored again as another row.
        coin.pk = None
        with open_block() as inner:
            keep_new(inner, coin)
            stored(coin, 4)
            hand_over(inner, outer)
        restore_all(outer)
    assert coin.pk == 3 and coin._row == (3, "head", 1)


def test_new_instances_that_are_gone_take_no_room() -> None:
    log: UndoLog = {}
    kept = [Coin() for _ in range(10)]
    for coin in kept:
        keep_new(log, coin)
    for _ in range(5000):
        keep_new(log, Coin())
    (images,) = log.values()
    assert isinstance(images, NewInstances)
    assert len(images.references) < 1100
    for coin in kept:
        coin.pk = 1
    images.restore()
    assert all(coin.pk is None for coin in kept)
