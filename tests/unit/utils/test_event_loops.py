from __future__ import annotations

import socket
import warnings

import pytest

from openviper.core.management.errors import describe, show_error
from openviper.core.management.running import run_to_completion
from openviper.utils.event_loops import require_event_loop
from openviper.utils.failures import CommandError
from tests.unit.core.management.speaking import said, terminal


def refuse(*_arguments: object) -> tuple[socket.socket, socket.socket]:
    raise PermissionError(1, "Operation not permitted")


def test_usually_loops_can_run() -> None:
    require_event_loop()


def test_a_system_without_pairs_of_sockets_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socketpair", refuse)
    with pytest.raises(CommandError, match="no event loop can run here.*Operation not permitted"):
        require_event_loop()


def test_what_was_to_run_is_closed_and_not_left_without_one_who_awaits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None: ...

    monkeypatch.setattr(socket, "socketpair", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CommandError, match="no event loop"):
            run_to_completion(work())


def test_a_lack_of_threads_is_an_error_of_one_line() -> None:
    where = terminal()
    assert show_error(where, RuntimeError("can't start new thread")) == 1
    assert said(where).err.startswith("Error: the system lets no further thread be started")
    assert show_error(where, RuntimeError("another")) is None
    assert describe(RuntimeError("another")) == "another"
