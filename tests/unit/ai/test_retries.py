"""Requests are sent again when that is safe, after the right wait, within a budget."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from openviper.ai.http.errors import (
    ConnectFailedError,
    ConnectTimeoutError,
    DroppedError,
    ProtocolError,
    TransportError,
    TransportTimeoutError,
)
from openviper.ai.retries import (
    MAX_RETRY_AFTER,
    Failure,
    RetryBudget,
    RetryPolicy,
    failure_of,
    read_retry_after,
)

SAFE = Failure(RuntimeError(), is_safe=True)


def test_the_wait_doubles_within_its_bounds() -> None:
    policy = RetryPolicy(most=20, delay=1.0, longest=8.0, budget=RetryBudget(100))
    for attempt, most in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (9, 8.0)):
        wait = policy.wait_before(attempt, SAFE, 100.0)
        assert wait is not None and most / 2 <= wait <= most


def test_the_server_may_ask_for_a_longer_wait() -> None:
    failure = Failure(RuntimeError(), is_safe=True, retry_after=30.0)
    assert RetryPolicy().wait_before(1, failure, 100.0) == 30.0


def test_a_wait_that_takes_too_long_is_not_begun() -> None:
    failure = Failure(RuntimeError(), is_safe=True, retry_after=30.0)
    policy = RetryPolicy(budget=RetryBudget(1, share=0))
    assert policy.wait_before(1, failure, 30.0) is None
    # Nor did it cost anything.
    assert policy.budget.spend()


def test_what_is_not_safe_is_not_repeated() -> None:
    assert RetryPolicy().wait_before(1, Failure(RuntimeError(), is_safe=False), 100.0) is None


def test_there_are_so_many_attempts_and_no_more() -> None:
    policy = RetryPolicy(most=2)
    assert policy.wait_before(2, SAFE, 100.0) is not None
    assert policy.wait_before(3, SAFE, 100.0) is None
    assert RetryPolicy(most=0).wait_before(1, SAFE, 100.0) is None


def test_the_budget_is_spent_and_earned_again() -> None:
    budget = RetryBudget(2, share=0.5)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("error", "is_safe"),
    [
        (ConnectFailedError("x"), True),
        (ConnectTimeoutError("connecting", 1), True),
        (DroppedError("x"), True),
        (ProtocolError("x"), False),
        (TransportTimeoutError("the answer", 1), False),
    ],
)
def test_only_requests_without_any_answer_are_safe(error: TransportError, is_safe: bool) -> None:
    assert failure_of(error, RuntimeError()).is_safe is is_safe


def test_retry_after_is_a_number_or_a_date() -> None:
    assert read_retry_after("7") == 7.0
    assert read_retry_after(" 0 ") == 0.0
    wait = read_retry_after(formatdate(time.time() + 100, usegmt=True))
    assert wait is not None and 90 < wait <= 100
    assert read_retry_after(formatdate(time.time() - 100, usegmt=True)) == 0.0


def test_a_retry_after_for_ever_is_bounded() -> None:
    assert read_retry_after("9" * 50) == MAX_RETRY_AFTER
    assert read_retry_after("Fri, 31 Dec 9999 23:59:59 GMT") == MAX_RETRY_AFTER


@pytest.mark.parametrize("value", [None, "", "-1", "1.5", "soon", "٣", "nan", "1e9", "x" * 5000])
def test_any_other_retry_after_is_none(value: str | None) -> None:
    assert read_retry_after(value) is None
