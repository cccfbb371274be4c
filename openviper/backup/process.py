"""Running dump and restore tools: no shell, no terminal, nothing left behind.

Each tool gets a session of its own, so it can neither ask at the terminal nor outlive us with its children: when it
takes too long, or nobody waits for its result any more, the whole process group is killed. Where the system can be told
to (Linux), it kills the tool also when we are killed ourselves: a restore that nobody waits for must not commit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import (
    BackupError,
    ToolFailedError,
    ToolNotFoundError,
    ToolTimeoutError,
)
from openviper.backup.tool_errors import error_lines, masked

DUMP_TIMEOUT = 24 * 3600.0
"""The longest time a dump or a restore may take, in seconds."""
QUERY_TIMEOUT = 60.0
"""The longest time a short query may take, in seconds."""
BLOCK_SIZE = 1 << 20
STDERR_LIMIT = 64 << 10
_WATCH_INTERVAL = 0.05
# PR_SET_PDEATHSIG (prctl(2)): the system sends the signal when the process that started us ends. It survives exec(2). Set
# in a process of its own, as Python code between fork and exec can hang where there are threads. Whoever finds that its
# parent has changed was too late.
_DIES_WITH_US = """
import ctypes, os, sys
parent, tool = int(sys.argv[1]), sys.argv[2]
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != parent:
    os._exit(1)
try:
    os.execv(tool, sys.argv[2:])
except OSError as error:
    os.write(2, f"{tool}: cannot be started: {error.strerror}\\n".encode())
    os._exit(127)
"""


def find_tool(names: Sequence[str], hint: str) -> str:
    """Return the path of the first of these programs that is on `PATH`.

    Args:
        names: What it is called, the preferred name first.
        hint: Which package brings it, for the message.

    Raises:
        ToolNotFoundError: If there is none.
    """
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise ToolNotFoundError(names, hint)


def tool_environment(
    changes: Mapping[str, str] | None = None, *, without: Sequence[str] = ()
) -> dict[str, str]:
    """Return our environment with messages in English, some variables changed and some left out."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, "LC_ALL": "C", **(changes or {})}


def bound_to_us(arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs a tool so that it ends with us, where the system can be told to."""
    if not sys.platform.startswith("linux") or not sys.executable:
        return list(arguments)
    return [sys.executable, "-I", "-S", "-c", _DIES_WITH_US, str(os.getpid()), *arguments]


class Tool:
    """A tool at work, for the time of a `with` block; leaving the block early kills it.

    Args:
        arguments: The program and its arguments, none of them secret.
        environment: Its environment, whole.
        stop: Ends it when set.
        stdin: A file it reads; nothing when `None`.
        secrets: What its messages must not show.
        timeout: The longest time it may take, in seconds.
        observe: Told how many bytes of `stdin` it has read.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        stop: StopFlag,
        stdin: BinaryIO | None = None,
        secrets: Sequence[str] = (),
        timeout: float = DUMP_TIMEOUT,
        observe: Callable[[int], None] | None = None,
    ) -> None:
        self.name = Path(arguments[0]).name
        self._arguments = list(arguments)
        self._environment = environment
        self._stop = stop
        self._stdin = stdin
        self._secrets = secrets
        self._timeout = timeout
        self._observe = observe
        self._timed_out = False
        self._errors = b""
        self._ended = threading.Event()

    def __enter__(self) -> Tool:
        self._stop.check()
        try:
            self._process = subprocess.Popen(
                bound_to_us(self._arguments),
                env=dict(self._environment),
                stdin=subprocess.DEVNULL if self._stdin is None else self._stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as exc:
            raise BackupError(f"cannot start {self.name!r}: {exc.strerror}") from exc
        assert self._process.stdout is not None and self._process.stderr is not None
        self._stdout: IO[bytes] = self._process.stdout
        _widen(self._stdout.fileno())
        self._stderr: IO[bytes] = self._process.stderr
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._collect_errors, self._watch)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended.is_set():
            self._kill()
            self._process.wait()
            self._ended.set()
        for thread in self._threads:
            thread.join()
        self._stdout.close()
        self._stderr.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield the tool's output in blocks of 1 MiB, then end as `finish` does.

        Raises:
            ToolTimeoutError: If it took too long and was killed.
            ToolFailedError: If it failed.
            Stopped: If it was stopped.
        """
        yield from self.output()
        self.finish()

    def output(self) -> Iterator[bytes]:
        """Yield the tool's output in blocks of 1 MiB.

        Raises:
            Stopped: If it was stopped.
        """
        while block := self._stdout.read(BLOCK_SIZE):
            self._stop.check()
            yield block

    def finish(self) -> None:
        """Wait for the end of the tool.

        Raises:
            ToolTimeoutError: If it took too long and was killed.
            ToolFailedError: If its exit code is not 0.
            Stopped: If it was stopped.
        """
        code = self.wait()
        if code != 0:
            raise ToolFailedError(self.name, code, self.said())

    def wait(self) -> int:
        """Wait for the end of the tool and return its exit code.

        Raises:
            ToolTimeoutError: If it took too long and was killed.
            Stopped: If it was stopped.
        """
        # Not reaped before the watcher has ended: the number must not be another process's when it is killed.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._ended.set()
        for thread in self._threads:
            thread.join()
        code = self._process.wait()
        self._stop.check()
        if self._timed_out:
            raise ToolTimeoutError(self.name, self._timeout)
        return code

    @property
    def errors(self) -> bytes:
        """What it wrote on standard error, as far as it is kept; secrets included."""
        return self._errors

    def said(self) -> str:
        """Return its error lines on one line, without secrets and without the data of rows."""
        text = masked(self._errors.decode("utf-8", "replace"), self._secrets)
        return error_lines(text, self.name)

    def _collect_errors(self) -> None:
        # Read to the end whatever the length: a tool must not wait for us because its pipe is full.
        while chunk := os.read(self._stderr.fileno(), 1 << 16):
            # The end says why it failed.
            self._errors = (self._errors + chunk)[-STDERR_LIMIT:]

    def _watch(self) -> None:
        deadline = time.monotonic() + self._timeout
        while not self._ended.is_set():
            self._timed_out = time.monotonic() > deadline
            if self._timed_out or self._stop.is_set():
                self._kill()
                return
            self._tell_progress()
            self._ended.wait(_WATCH_INTERVAL)

    def _tell_progress(self) -> None:
        if self._observe is not None and self._stdin is not None:
            # The tool's standard input is this very open file, so it has moved its position.
            self._observe(os.lseek(self._stdin.fileno(), 0, os.SEEK_CUR))

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _widen(pipe: int) -> None:
    """Let the tool write a block ahead; the usual 64 KiB make it wait for us all the time."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # Not granted when the user has many wide pipes already.
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, BLOCK_SIZE)


def run_tool(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    stop: StopFlag,
    stdin: BinaryIO | None = None,
    secrets: Sequence[str] = (),
    timeout: float = QUERY_TIMEOUT,
    observe: Callable[[int], None] | None = None,
) -> bytes:
    """Run a tool to its end and return what it printed; the arguments are those of `Tool`.

    Raises:
        ToolTimeoutError: If it took too long and was killed.
        ToolFailedError: If its exit code is not 0.
        Stopped: If it was stopped.
    """
    with Tool(
        arguments,
        environment=environment,
        stop=stop,
        stdin=stdin,
        secrets=secrets,
        timeout=timeout,
        observe=observe,
    ) as tool:
        return b"".join(tool.blocks())
