"""Who a worker is, and whether another one on this host is still alive."""

from __future__ import annotations

import os
import socket
from functools import lru_cache

from openviper.tasks.units import CLOCK_ACCIDENT


@lru_cache
def host_id() -> str:
    """Return what tells this host, and within it this container, from others.

    Process numbers mean something only within a PID namespace (pid_namespaces(7)) and until the next boot.
    """
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(os.readlink(path)[5:-1] if path.endswith("pid") else _read(path)[:8])
        except OSError:
            continue
    return "/".join(parts)


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def started_at(pid: int) -> str:
    """Return when a process began, in ticks since boot, as proc(5) tells it; empty if there is no such process.

    One that has ended and whose parent has not asked for its exit code, a zombie, does nothing any more and counts as gone.
    """
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    except (OSError, IndexError):
        return ""


def new_worker_id() -> str:
    """Return the name of this process as a worker: host, process, its start, and who watches over it.

    The last part begins with something that no other one has.
    """
    pid, watcher = os.getpid(), os.getppid()
    return (
        f"{host_id()}:{pid}:{started_at(pid)}:{os.urandom(4).hex()}-{watcher}-{started_at(watcher)}"
    )


def is_lost(worker_id: str) -> bool:
    """Return whether a worker ran on this host and does not any more; `False` also when that cannot be known."""
    host, pid, start, _ = _parts(worker_id)
    return host == host_id() and _is_gone(pid, start)


def is_silent(seen_at: float, now: float, lease: float) -> bool:
    """Return whether a worker has given no sign of life within the lease.

    Args:
        seen_at: The last one, in seconds since the epoch.
        now: Likewise.
        lease: Seconds.
    """
    return not now - lease <= seen_at <= now + max(lease, CLOCK_ACCIDENT)


def was_stopped_with_its_watcher(worker_id: str) -> bool:
    """Return whether the process that watched over a lost worker is gone too: then it was not a task that ended both.

    `False` where that cannot be known.
    """
    host, _, _, last = _parts(worker_id)
    _, _, watcher = last.partition("-")
    pid, _, start = watcher.partition("-")
    return host == host_id() and _is_gone(pid, start)


def _parts(worker_id: str) -> list[str]:
    """Return the four parts of a worker's name; those of one that is none, which anybody may have stored, are empty."""
    parts = worker_id.rsplit(":", 3)
    return parts if len(parts) == 4 else [""] * 4


def _is_gone(pid: str, start: str) -> bool:
    """Return whether a process is known to have run and does not any more."""
    if not (pid.isascii() and pid.isdigit() and start):
        return False
    return started_at(int(pid)) != start
