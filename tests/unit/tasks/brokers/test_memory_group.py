"""A group of messages in the memory of one process."""

from __future__ import annotations

import pytest

from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.brokers.memory_group import MemoryGroup
from openviper.tasks.message import Finished, Message, Outcome


@pytest.fixture
def group() -> MemoryGroup:
    return MemoryGroup(NewGroup("g", total=2, then="then", on_failure="on_failure"))


def message() -> Message:
    return Message("work", "default", '{"args":[],"kwargs":{}}')


def test_a_group_has_ended_when_every_member_has(group: MemoryGroup) -> None:
    ended = []
    for _ in range(2):
        group.count(Finished(message(), Outcome.DONE))
        ended.append(group.has_ended)
    assert ended == [False, True]
    assert group.callback == "then"


def test_one_dead_member_makes_the_group_a_failure(group: MemoryGroup) -> None:
    group.count(Finished(message(), Outcome.DEAD))
    group.count(Finished(message(), Outcome.DONE))
    assert group.has_ended
    assert group.callback == "on_failure"


def test_a_member_that_goes_on_or_is_tried_again_has_not_ended(group: MemoryGroup) -> None:
    group.count(Finished(message(), Outcome.DONE, follow=(message(),)))
    group.count(Finished(message(), Outcome.RETRY))
    group.count(Finished(message(), Outcome.RELEASED))
    assert (group.done, group.failed) == (0, 0)
