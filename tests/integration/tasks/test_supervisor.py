"""The watcher of worker processes: a signal to stop reaches every process, at whatever moment it comes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from openviper.tasks.worker.supervisor import MAX_BACKOFF, THROUGH, _NoProcessesError, _Watch
from tests.acceptance.running import TIMEOUT, environment

SIGNAL_WHILE_FORKING = """
import os, signal, time
from openviper.tasks.worker import supervisor

def work(child):
    def told(*_):
        os.write(1, b"told")
        os._exit(0)
    signal.signal(signal.SIGTERM, told)
    os.write(ready, b"x")
    time.sleep(600)

fork = os.fork
def fork_and_be_told_to_stop():
    pid = fork()
    if pid:
        os.read(waiting, 1)  # The child listens.
        os.kill(os.getpid(), signal.SIGTERM)
    return pid
os.fork = fork_and_be_told_to_stop

waiting, ready = os.pipe()
watch = supervisor._Watch(1, work, lambda: None, until_empty=False, grace=600.0)
watch.listen()
os._exit(watch.run())
"""
"""A watcher that is told to stop while it starts its only process, before it knows that one's number."""


@pytest.fixture
def watch() -> Iterator[_Watch]:
    """A watcher that listens, and whose processes would fail the test."""
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD]
    before = {number: signal.getsignal(number) for number in numbers}

    def work(_child: object) -> int:
        raise AssertionError("nothing is to be started")

    made = _Watch(1, work, lambda: None, until_empty=True, grace=0.0)
    made.listen()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_process_that_is_just_being_started_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_WHILE_FORKING],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "told", "")


def test_nothing_is_started_once_it_is_to_stop(watch: _Watch) -> None:
    child = watch._children[0]
    signal.raise_signal(signal.SIGTERM)
    watch._start(child)
    assert child.pid == 0
    assert watch.run() == 0


def test_a_signal_to_stop_is_kept_while_processes_wait_for_their_start(watch: _Watch) -> None:
    (first, *_) = watch._children
    first.start_at = time.monotonic() + 600
    signal.raise_signal(signal.SIGTERM)
    watch._start_those_due()
    assert watch._stopping
    assert watch.run() == 0


def test_it_ends_when_no_process_is_to_be_started_any_more(watch: _Watch) -> None:
    for child in watch._children:
        child.start_at = math.inf
    assert watch.run() == 0


@pytest.mark.parametrize("number", [0, -1])
def test_a_process_that_a_task_has_ended_is_not_through(watch: _Watch, number: int) -> None:
    child = watch._children[number]
    for code, is_started_again in ((0, True), (1, True), (THROUGH, False)):
        child.pid = 1
        watch._take_note(child, code)
        assert (child.start_at < math.inf) is is_started_again


def test_signals_are_let_through_again_after_a_start_that_failed(
    watch: _Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(_NoProcessesError, match="no more processes"):
        watch._start(watch._children[0])
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_later_start_that_fails_is_tried_again_and_the_others_go_on(
    watch: _Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    watch._has_started = True
    child = watch._children[0]
    began = time.monotonic()
    watch._start(child)
    assert child.pid == 0 and child.start_at >= began + MAX_BACKOFF
    assert (
        "cannot be started (Resource temporarily unavailable); tried again in 30 s" in caplog.text
    )
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("output", [None, "closed", "broken"])
def test_a_worker_whose_output_nobody_takes_ends_with_the_code_of_its_work(
    output: str | None,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OUTPUT.format(output=output)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")


WITHOUT_OUTPUT = """
import os, sys
from openviper.tasks.worker import supervisor

def work(child):
    if {output!r} == "closed":
        sys.stdout.close()
    elif {output!r} == "broken":
        reading, writing = os.pipe()
        os.close(reading)
        sys.stdout = os.fdopen(writing, "w")
        sys.stdout.write("nobody reads this")
    else:
        sys.stdout = None
    return 0

watch = supervisor._Watch(1, work, lambda: None, until_empty=True, grace=600.0)
watch.listen()
os._exit(watch.run())
"""
"""A watcher whose only process has no standard output any more when it ends."""
