"""Short calls run one after the other in one thread, and none waits for long behind one that is not short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from openviper.tasks import actor, current_message
from openviper.tasks.actors import Actor
from openviper.tasks.brokers.base import Filter, WorkerStatus
from openviper.tasks.brokers.memory import MemoryBroker, MemoryConsumer
from openviper.tasks.limits import Limit
from openviper.tasks.message import Finished, Message
from openviper.tasks.worker import process as worker_process
from openviper.tasks.worker.plain_calls import Job, PlainCalls
from openviper.tasks.worker.process import WorkerProcess

PATIENCE = 60
"""Seconds after which a test gives up what should take none."""


class Ends:
    """Notes the ends of calls."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._left = threading.Semaphore(0)

    def began(self, message: Message) -> None:
        """Take no note of a beginning."""

    def ended(self, finished: Finished, _seconds: float, _status: str | None = None) -> None:
        """Take note of an end."""
        self.ids.append(finished.message.message_id)
        self._left.release()

    def progressed(self, _message: Message, _share: float, _note: str) -> None:
        """Take no note of progress."""

    def wait(self, count: int) -> None:
        """Wait until so many have ended."""
        for _ in range(count):
            assert self._left.acquire(timeout=PATIENCE)


def job_of(work: Callable[[], object]) -> Job:
    """Return a call of a function."""
    return Message("work", "default", '{"args":[],"kwargs":{}}'), Actor(work, actor_name="work")


@pytest.fixture
def calls() -> Iterator[tuple[PlainCalls, Ends]]:
    ends = Ends()
    made = PlainCalls(ends, threads=4, keep_results=False)
    yield made, ends
    made.end_threads()


def test_calls_that_are_submitted_together_run_in_one_thread_in_their_order(
    calls: tuple[PlainCalls, Ends],
) -> None:
    plain, ends = calls
    threads: set[int] = set()
    jobs = [job_of(lambda: threads.add(threading.get_ident())) for _ in range(20)]
    plain.submit_together(jobs)
    ends.wait(20)
    assert len(threads) == 1 and ends.ids == [message.message_id for message, _ in jobs]
    assert plain.waiting == 0 and plain.wants_more


def test_the_others_go_on_in_threads_of_their_own_when_one_of_them_waits(
    calls: tuple[PlainCalls, Ends],
) -> None:
    plain, ends = calls
    begun, others = threading.Event(), threading.Barrier(4)

    def wait_first() -> None:
        begun.set()
        others.wait(PATIENCE)

    # Four that wait for each other need four threads; the rest is in the way of none.
    jobs = [job_of(wait_first) for _ in range(4)] + [job_of(lambda: None) for _ in range(16)]
    plain.submit_together(jobs)
    assert begun.wait(PATIENCE) and not plain.wants_more
    plain.spread()
    ends.wait(20)
    assert sorted(ends.ids) == sorted(message.message_id for message, _ in jobs)


def test_what_has_not_begun_can_be_taken_back(calls: tuple[PlainCalls, Ends]) -> None:
    plain, ends = calls
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(PATIENCE)

    jobs = [job_of(wait), *(job_of(lambda: None) for _ in range(5))]
    plain.submit_together(jobs[:1])
    assert begun.wait(PATIENCE)
    plain.submit_together(jobs[1:])
    taken = plain.take_waiting(keep=2)
    assert [message.message_id for message in taken] == [job[0].message_id for job in jobs[3:]]
    go_on.set()
    ends.wait(3)
    assert plain.waiting == 0 and plain.wants_more


def test_a_call_in_the_midst_of_short_ones_may_wait_for_those_behind_it(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles: list[int] = []
    submit = PlainCalls.submit_together

    def submit_noted(plain: PlainCalls, jobs: list[Job]) -> None:
        bundles.append(len(jobs))
        submit(plain, jobs)

    monkeypatch.setattr(PlainCalls, "submit_together", submit_noted)
    monkeypatch.setattr(worker_process, "SHORT", 60.0)  # All of them are, however slow the machine.
    behind, order = threading.Event(), list[int]()

    @actor(max_retries=0)
    def short(number: int) -> None:
        order.append(number)
        if number == 30:
            assert behind.wait(PATIENCE)
        if number == 35:
            behind.set()

    for number in range(40):
        short.send(number)
    process = WorkerProcess(memory, threads=4, until_empty=True)
    process._pace = 0.0
    assert process.run() == 0
    assert sorted(order) == list(range(40)) and memory.messages(Filter("dead")) == []
    assert bundles and max(bundles) >= 8


def test_what_the_main_loop_waits_for_keeps_none_of_them_waiting(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, behind = threading.Event(), threading.Event()
    heartbeat = MemoryConsumer.heartbeat
    went_on: list[bool] = []

    def slow_heartbeat(consumer: MemoryConsumer, status: WorkerStatus) -> int:
        # As where another process holds the lock of the file.
        if begun.is_set() and not went_on:
            went_on.append(behind.wait(10))
        return heartbeat(consumer, status)

    monkeypatch.setattr(MemoryConsumer, "heartbeat", slow_heartbeat)

    @actor(max_retries=0)
    def short(number: int) -> None:
        if number == 0:
            begun.set()
            assert behind.wait(PATIENCE)
        if number == 5:
            behind.set()

    for number in range(20):
        short.send(number)
    process = WorkerProcess(memory, threads=4, heartbeat=0.0, until_empty=True)
    process._pace = 0.0
    assert process.run() == 0
    assert went_on == [True]


def test_none_of_them_waits_for_the_permit_of_another(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_run = threading.Event()
    admit = MemoryConsumer.admit
    went_on: list[bool] = []

    def slow_admit(consumer: MemoryConsumer, message: Message, limit: Limit) -> bool:
        went_on.append(has_run.wait(10))
        return admit(consumer, message, limit)

    monkeypatch.setattr(MemoryConsumer, "admit", slow_admit)
    actor(max_retries=0, actor_name="short")(has_run.set).send()
    actor(max_retries=0, actor_name="limited", concurrency=1)(lambda: None).send()
    process = WorkerProcess(memory, threads=2, until_empty=True)
    process._pace = 0.0
    assert process.run() == 0
    assert went_on == [True]


def test_each_of_them_has_its_own_message(memory: MemoryBroker) -> None:
    ids: list[tuple[int, str]] = []

    @actor(max_retries=0)
    def short(number: int) -> None:
        message = current_message.get()
        assert message is not None
        ids.append((number, message.message_id))

    sent = [short.send(number).message_id for number in range(40)]
    process = WorkerProcess(memory, threads=2, until_empty=True)
    process._pace = 0.0
    assert process.run() == 0
    assert sorted(ids) == list(enumerate(sent))
