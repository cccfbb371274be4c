"""Who a worker is, and whether another one of this host still runs."""

from __future__ import annotations

import os

import pytest

from openviper.tasks.liveness import (
    host_id,
    is_lost,
    new_worker_id,
    started_at,
    was_stopped_with_its_watcher,
)

PID, PARENT = os.getpid(), os.getppid()
NOBODY = 2**22 + 1
"""More than the number of any process; see proc(5) on ``pid_max``."""


def worker(*, host: str | None = None, pid: object = PID, start: str | None = None,
           watcher: object = PARENT, watcher_start: str | None = None) -> str:  # fmt: skip
    """Return the name of a worker: this process, unless something else is given."""
    began = started_at(PID) if start is None else start
    watched = started_at(PARENT) if watcher_start is None else watcher_start
    return f"{host_id() if host is None else host}:{pid}:{began}:abc-{watcher}-{watched}"


def test_this_process_is_alive_and_its_name_is_its_own() -> None:
    name = new_worker_id()
    assert name.startswith(f"{host_id()}:{PID}:{started_at(PID)}:")
    assert name != new_worker_id()
    assert not is_lost(name)
    assert not was_stopped_with_its_watcher(name)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        (worker(), False),
        (worker(pid=NOBODY), True),
        (worker(start="1"), True),
        (worker(host="elsewhere", pid=NOBODY), False),
        (worker(host=f"{host_id()}x", pid=NOBODY), False),
        (worker(start="", pid=NOBODY), False),
        (worker(host="host:with:colons", pid=NOBODY), False),
        (worker(pid="x"), False),
        (worker(pid="²"), False),
        ("nobody", False),
        ("", False),
    ],
    ids=[
        "this",
        "gone",
        "number given anew",
        "other host",
        "longer host",
        "unknown start",
        "colons",
        "no number",
        "no digit of a number",
        "no name of a worker",
        "no name at all",
    ],
)
def test_a_worker_is_lost_only_where_that_can_be_known(name: str, lost: bool) -> None:
    assert is_lost(name) is lost


@pytest.mark.parametrize(
    ("name", "stopped"),
    [
        (worker(), False),
        (worker(watcher=NOBODY), True),
        (worker(watcher_start="1"), True),
        (worker(watcher_start=""), False),
        (worker(watcher=""), False),
        (worker(watcher="x"), False),
        (worker(host="elsewhere", watcher=NOBODY), False),
    ],
    ids=["it", "gone", "another", "no start", "no number", "odd number", "elsewhere"],
)
def test_a_watcher_is_gone_only_where_that_can_be_known(name: str, stopped: bool) -> None:
    assert was_stopped_with_its_watcher(name) is stopped


def test_a_name_of_an_earlier_form_makes_nobody_a_suspect() -> None:
    assert not was_stopped_with_its_watcher(f"{host_id()}:{NOBODY}:5:abc")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # The child ends at once.
def test_a_process_that_is_not_there_and_one_that_has_ended_have_no_start() -> None:
    assert started_at(NOBODY) == ""
    assert started_at(PID).isdigit()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # It has ended, and nobody has asked how.
    assert started_at(pid) == ""
    os.waitpid(pid, 0)


@pytest.mark.parametrize("name", ["nobody", "", "a:b:c:d", ":::"])
def test_of_what_is_no_name_of_a_worker_nothing_is_known(name: str) -> None:
    assert not was_stopped_with_its_watcher(name)
