"""A group of messages in the memory of one process."""

from __future__ import annotations

import pytest

from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.brokers.memory_group import MemoryGroup
from openviper.tasks.message import CANCELLED_ERROR, Finished, Message, Outcome


@pytest.fixture
def group() -> MemoryGroup:
    return MemoryGroup(NewGroup("g", total=2, then="then", on_failure="on_failure"))


def message() -> Message:
    return Message("work", "default", '{"args":[],"kwargs":{}}')


def test_a_group_has_ended_when_every_member_has(group: MemoryGroup) -> None:
    done = Finished(message(), Outcome.DONE)
    assert [group.count(done), group.count(done)] == [None, "then"]


@pytest.mark.parametrize(
    "failed",
    [
        Finished(message(), Outcome.DEAD),
        Finished(message(), Outcome.DONE, error=CANCELLED_ERROR),
    ],
)
def test_one_member_without_success_makes_the_group_a_failure(
    group: MemoryGroup, failed: Finished
) -> None:
    assert group.count(failed) is None
    assert group.count(Finished(message(), Outcome.DONE)) == "on_failure"
    assert (group.done, group.failed) == (1, 1)


def test_a_member_that_goes_on_or_is_tried_again_has_not_ended(group: MemoryGroup) -> None:
    group.count(Finished(message(), Outcome.DONE))
    for end in (
        Finished(message(), Outcome.DONE, follow=(message(),)),
        Finished(message(), Outcome.RETRY),
        Finished(message(), Outcome.RELEASED),
    ):
        assert group.count(end) is None
    assert (group.done, group.failed) == (1, 0)
