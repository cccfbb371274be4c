"""Lookups and connections that are over in time."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from openviper.core.email import network
from openviper.core.email.network import Address, Deadline, connect, resolve


def test_a_deadline_that_has_passed_says_what_was_to_be_done() -> None:
    deadline = Deadline(1.5, time.monotonic() - 1)
    with pytest.raises(TimeoutError, match=r"^fetching was not done within 1\.5 s$"):
        deadline.remaining("fetching")


def test_an_address_needs_no_lookup_and_no_thread() -> None:
    before = threading.active_count()
    assert resolve("127.0.0.1", 25, Deadline.after(5)) == [(socket.AF_INET, ("127.0.0.1", 25))]
    assert resolve("::1", 25, Deadline.after(5)) == [(socket.AF_INET6, ("::1", 25, 0, 0))]
    assert threading.active_count() == before


def test_a_name_is_looked_up() -> None:
    assert {address[1][0] for address in resolve("localhost", 25, Deadline.after(5))} <= {
        "127.0.0.1",
        "::1",
    }


def test_the_error_of_a_lookup_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str, port: int, flags: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_AGAIN if not flags else socket.EAI_NONAME, "later")

    monkeypatch.setattr(network, "_look_up", fail)
    with pytest.raises(socket.gaierror) as caught:
        resolve("mail.test", 25, Deadline.after(5))
    assert caught.value.errno == socket.EAI_AGAIN


def test_no_more_than_some_lookups_hang_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    begun: list[str] = []

    def hang(host: str, port: int, flags: int) -> list[Address]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        begun.append(host)
        released.wait(10)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    monkeypatch.setattr(network, "_look_up", hang)
    monkeypatch.setattr(network, "_lookups", threading.BoundedSemaphore(2))
    for number in range(4):
        with pytest.raises(TimeoutError):
            resolve(f"mail{number}.test", 25, Deadline.after(0.05))
    assert begun == ["mail0.test", "mail1.test"]
    released.set()
    assert resolve("mail.test", 25, Deadline.after(10)) == [(socket.AF_INET, ("127.0.0.1", 25))]


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """Return a socket whose queue is full, so that the next connection waits, and what fills it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


def test_an_address_that_swallows_everything_takes_its_share_of_the_time_only() -> None:
    listener, fillers = full_listener()
    with listener, socket.create_server(("127.0.0.1", 0)) as good:
        addresses: list[Address] = [(socket.AF_INET, one.getsockname()) for one in (listener, good)]
        with connect(addresses, Deadline.after(1.0)) as sock:
            assert sock.getpeername() == good.getsockname()
        with pytest.raises(TimeoutError, match=r"within 0\.2 s"):
            connect(addresses[:1], Deadline.after(0.2))
        for filler in fillers:
            filler.close()


def test_the_last_error_tells_why_nothing_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address: Address = (socket.AF_INET, closed.getsockname())
    with pytest.raises(ConnectionRefusedError):
        connect([address, address], Deadline.after(5))
    with pytest.raises(OSError, match="no address"):
        connect([], Deadline.after(5))
