"""Sharing out checks over the processors: pieces that run side by side, each in a process of its own, the longest first.

Tests wait for processes and servers much of the time, and share nothing: each makes its own directories and databases.
So a folder of tests on one version of Python is a piece, and what is long is divided.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

SECONDS_PER_LINE = {"acceptance": 0.05, "integration": 0.02}
"""How long a line of tests takes, about; tests that start processes and ask servers take longer than the others."""
SECONDS_PER_LINE_ELSEWHERE = 0.0015
SECONDS_PER_LINE_OF = {"tests/acceptance/carried": 0.3, "tests/integration/testing": 0.15}
"""The same of folders that take much longer than others of their kind: each of those tests is much of the life of a project."""
MOST_SECONDS = 60.0
"""How long a piece takes at most, about; a longer folder is divided, down to its files."""
NOTHING_SELECTED = 5
"""The exit code of pytest when no test was selected."""
PATIENCE = 30.0
"""Seconds that a piece has to end in good order when it is interrupted."""
PAUSE = 0.05
"""Seconds between two looks at what runs."""
PROGRESS = re.compile(rb"^[.sxXFE]+(?: +\[ *\d+%\])?$")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


class Piece(NamedTuple):
    """Something to run beside others.

    Attributes:
        title: What it is called.
        command: Its command line.
        seconds: How long it takes, about.
        may_be_empty: Whether it is fine that pytest finds no test to run.
    """

    title: str
    command: list[str]
    seconds: float = 0.0
    may_be_empty: bool = False


class Outcome(NamedTuple):
    """What came of a piece.

    Attributes:
        title: What it is called.
        code: The exit code; negative for the number of a signal.
        passed: Whether all is well.
        seconds: How long it took.
        processor: Seconds of processor time that it and the processes it waited for took.
        output: What it printed, without the dots.
        failed: The tests that failed; what else went wrong if it was none.
    """

    title: str
    code: int
    passed: bool
    seconds: float
    processor: float
    output: str
    failed: list[str]


class Share(NamedTuple):
    """A part of the tests: what pytest is to be given, and the seconds it takes, about."""

    paths: list[str]
    seconds: float


def shares(root: Path) -> list[Share]:
    """Return the parts in which the tests of a checkout run; each test file is in one of them."""
    return [share for folder in _folders(root / "tests") for share in _divided(root, folder)]


def _divided(root: Path, folder: Path) -> list[Share]:
    """Return a folder as one share if it is not too long, and its folders and files in several otherwise."""
    whole = _share(root, [folder])
    if whole.seconds <= MOST_SECONDS:
        return [whole] if whole.seconds else []
    inner = [share for each in _folders(folder) for share in _divided(root, each)]
    files = [_share(root, [file]) for file in sorted(folder.glob("test_*.py"))]
    # To start one costs a second or two, so that what is short goes together.
    return [*_together(inner), *_together(files)]


def _together(parts: list[Share]) -> list[Share]:
    """Return shares that follow one another as one, as far as that is not too long."""
    joined: list[Share] = []
    for part in parts:
        if joined and joined[-1].seconds + part.seconds <= MOST_SECONDS:
            last = joined.pop()
            part = Share([*last.paths, *part.paths], last.seconds + part.seconds)
        joined.append(part)
    return joined


def _folders(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_dir())


def _share(root: Path, part: list[Path]) -> Share:
    """Return files or folders of one kind of tests as a share."""
    paths = [path.relative_to(root) for path in part]
    usual = SECONDS_PER_LINE.get(paths[0].parts[1], SECONDS_PER_LINE_ELSEWHERE)
    rate = SECONDS_PER_LINE_OF.get("/".join(paths[0].parts[:3]), usual)
    files = [
        file for path in part for file in ([path] if path.is_file() else path.rglob("test_*.py"))
    ]
    lines = sum(file.read_bytes().count(b"\n") for file in files)
    return Share([path.as_posix() for path in paths], rate * lines)


class _Running:
    """A piece that runs, in a process group of its own."""

    def __init__(self, piece: Piece, directory: Path) -> None:
        self.piece = piece
        self.started = time.monotonic()
        # A file: what outlives the piece would keep a pipe open.
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is read
        self.process = subprocess.Popen(
            piece.command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def has_ended(self) -> bool:
        """Tell whether the process has ended; its number stays taken until `outcome`."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def interrupt(self) -> None:
        """Ask it to end in good order: pytest ends what its tests have started."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and all of its group."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def outcome(self) -> Outcome:
        """Return what came of it, once it has ended."""
        _, status, usage = os.wait4(self.process.pid, 0)
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.output.seek(0)
        lines = self.output.read().splitlines()
        self.output.close()
        output = b"\n".join(line for line in lines if not PROGRESS.match(line)).decode(
            "utf-8", "replace"
        )
        passed = code == 0 or (code == NOTHING_SELECTED and self.piece.may_be_empty)
        failed = [] if passed else FAILED.findall(output) or [_what_else(code)]
        seconds = time.monotonic() - self.started
        processor = usage.ru_utime + usage.ru_stime
        return Outcome(self.piece.title, code, passed, seconds, processor, output.strip(), failed)


def _what_else(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def run_pieces(
    pieces: Sequence[Piece], directory: Path, at_once: int, ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run pieces side by side, the longest first.

    Ctrl-C and SIGTERM end those that run, with all they have started; a second one does so at once.

    Args:
        pieces: What to run.
        directory: The directory to run in.
        at_once: How many run at a time.
        ended: Called with what came of each, as they end.

    Raises:
        KeyboardInterrupt: After Ctrl-C or SIGTERM, when nothing runs any more.
    """
    waiting = sorted(pieces, key=lambda piece: -piece.seconds)
    running: list[_Running] = []
    outcomes: list[Outcome] = []
    with _noted_signals() as signals:
        while (waiting or running) and not signals:
            while waiting and len(running) < at_once:
                running.append(_Running(waiting.pop(0), directory))
            for run in [run for run in running if run.has_ended()]:
                running.remove(run)
                outcomes.append(run.outcome())
                ended(outcomes[-1])
            time.sleep(PAUSE)
        if signals:
            _end(running, signals)
            raise KeyboardInterrupt
    return outcomes


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Collect signals instead of being torn out of what is being done, such as a start."""
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(running: list[_Running], signals: list[int]) -> None:
    """Interrupt what runs; kill what does not end, and all that is left of it."""
    print(f"\nInterrupted; ending {len(running)} that run.", file=sys.stderr, flush=True)
    for run in running:
        run.interrupt()
    deadline = time.monotonic() + PATIENCE
    while (
        len(signals) < 2
        and time.monotonic() < deadline
        and not all(run.has_ended() for run in running)
    ):
        time.sleep(PAUSE)
    for run in running:
        run.kill()
        run.outcome()
