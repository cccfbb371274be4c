"""Talking to the person at the terminal, or to the script that reads our output.

Results go to standard output, everything else to standard error. Colours and progress bars appear on a terminal only;
`NO_COLOR` (https://no-color.org) turns colours off, `FORCE_COLOR` turns them on.
"""

from __future__ import annotations

import os
import sys
import time

# Not from `typing`: every start of a command loads this module, and `typing` takes longer than all of it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn, TextIO

CODES = {"success": "32", "warning": "33", "error": "31", "notice": "36", "bold": "1", "dim": "2"}
"""ANSI codes (ECMA-48, SGR) by meaning."""
BAR_WIDTH = 30
REDRAW_SECONDS = 0.1
ANSWER_SECONDS = 60.0
"""Longest wait for an answer where nobody sits at a terminal."""


def wants_color(stream: TextIO) -> bool:
    """Return whether text on `stream` should be coloured; the order is that of CPython's own tools."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return can_draw(stream)


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal; a closed one is not."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def can_draw(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that knows colours and moves of the cursor."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def show_all_characters() -> None:
    """Let the standard streams write what their encoding lacks as ``\\xNN``, where they would fail half-way instead."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # Has `errors`: a real one.


def drop_output() -> None:
    """Send what is left for standard output nowhere; writing it at exit would fail once more, with a traceback."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # Closed, or not a file: nothing will be written.
        return


def human_size(size: float) -> str:
    """Return a number of bytes as people read it, such as ``1.5 MB``; a kilobyte is 1000 bytes."""
    if round(size) < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if round(size, 1) < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def human_time(seconds: float) -> str:
    """Return a time as a clock shows it, such as ``0:07`` or ``1:02:03``."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def read_line(source: TextIO, seconds: float) -> str:
    """Return the next line of a stream; the empty text at its end.

    Where the system has timers, and in the main thread, it waits no longer than asked for: a script that was started with
    a pipe that nobody writes to is not to wait for ever.

    Args:
        source: The stream.
        seconds: Longest wait.

    Raises:
        CommandError: If no line comes in time.
    """
    import signal

    def give_up(_number: int, _frame: object) -> None:
        raise _command_error(
            f"no answer on standard input, which is not a terminal, within {seconds:g} s"
        )

    try:
        previous = signal.signal(signal.SIGALRM, give_up)
    except (AttributeError, ValueError):  # Not there on Windows; refused outside the main thread.
        return source.readline()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return source.readline()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _nothing() -> TextIO:
    """Return a stream in place of one that was closed before Python started, as ``<&-`` does: empty, no terminal."""
    from io import StringIO

    return StringIO()


def _command_error(problem: str) -> Exception:
    """Return a `CommandError`."""
    # Late: nearly every command ends without one.
    from openviper.utils.failures import CommandError

    return CommandError(problem)


class Progress:
    """A progress bar on standard error for the time of a `with` block; draws nothing when that is not a terminal.

    Args:
        terminal: Where to draw.
        total: The whole amount of work, in any unit; 0 when it is not known.
        label: What is going on.
        in_bytes: Whether the unit is the byte; size and rate are shown then.
    """

    def __init__(
        self, terminal: Terminal, total: int, label: str, *, in_bytes: bool = False
    ) -> None:
        self.total = total
        self.done = 0
        self.label = label
        self._in_bytes = in_bytes
        self._began_at = time.monotonic()
        self._terminal = terminal
        self._drawn_at = float("-inf")
        self._visible = can_draw(terminal.err)

    def advance(self, amount: int = 1) -> None:
        """Count finished work, in the unit of `total`."""
        self.done += amount
        now = time.monotonic()
        if self._visible and (now - self._drawn_at >= REDRAW_SECONDS or self.done >= self.total):
            self._drawn_at = now
            self._draw()

    def restart(self, label: str) -> None:
        """Begin another piece of work, of which nothing is done yet."""
        self.label = label
        self.done = self.total = 0
        self._began_at = time.monotonic()

    def _draw(self) -> None:
        text = self.label
        if self.total or not self._in_bytes:
            text += self._bar()
        if self._in_bytes:
            text += self._speed()
        # The line before may have been longer.
        self._terminal.err.write(f"\r{text}\x1b[K")
        self._terminal.err.flush()

    def _bar(self) -> str:
        share = min(1.0, self.done / self.total) if self.total else 1.0
        filled = round(share * BAR_WIDTH)
        return f" [{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {share:4.0%}"

    def _speed(self) -> str:
        """Return how much is done, how fast, and how long the rest takes if that is known."""
        rate = self.done / max(time.monotonic() - self._began_at, 1e-3)
        text = f" {human_size(self.done)}, {human_size(rate)}/s"
        if self.total > self.done > 0:
            text += f", {human_time((self.total - self.done) / rate)} left"
        return text

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._visible and self._drawn_at > float("-inf"):
            self._terminal.err.write("\r\x1b[K")
            self._terminal.err.flush()


class Terminal:
    """The streams of a command; tests give their own.

    Args:
        out: Where results go; standard output of the moment when not given.
        err: Where everything else goes.
        source: Where answers come from.
    """

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, source: TextIO | None = None
    ) -> None:
        self._out = out
        self._err = err
        self._source = source

    # The standard streams are looked up at each use: tests and the console replace them.
    @property
    def out(self) -> TextIO:
        """Where results go."""
        return self._out or sys.stdout or _nothing()

    @property
    def err(self) -> TextIO:
        """Where warnings, errors and prompts go."""
        return self._err or sys.stderr or _nothing()

    @property
    def source(self) -> TextIO:
        """Where answers come from."""
        return self._source or sys.stdin or _nothing()

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked."""
        return is_terminal(self.source)

    def style(self, kind: str, text: str, stream: TextIO | None = None) -> str:
        """Return `text` in the colour for `kind` of `CODES`, or as it is where colours are off."""
        if not wants_color(stream or self.out):
            return text
        return f"\x1b[{CODES[kind]}m{text}\x1b[0m"

    def line(self, text: str = "", *, end: str = "\n") -> None:
        """Write a result.

        Raises:
            CommandError: If standard output cannot take it, a full disk say.
        """
        try:
            self.out.write(f"{text}{end}")
            self.out.flush()
        except BrokenPipeError:
            raise  # The reader has seen enough.
        except OSError as error:
            self.refuse_output(error)

    def note(self, text: str, *, end: str = "\n") -> None:
        """Write something that is not a result."""
        self.err.write(f"{text}{end}")
        self.err.flush()

    def warning(self, text: str) -> None:
        """Write a warning."""
        self.note(self.style("warning", f"Warning: {text}", self.err))

    def error(self, text: str) -> None:
        """Write an error."""
        self.note(self.style("error", f"Error: {text}", self.err))

    def prompt(self, question: str) -> str:
        """Ask for a line of text.

        Raises:
            CommandError: If the person gives up or input has ended.
        """
        answer = self._ask(question)
        if answer is None:
            self._cancel()
        return answer

    def password(self, question: str) -> str:
        """Ask for a secret, which is not shown while it is typed.

        Raises:
            CommandError: If the person gives up or input has ended.
        """
        if not self.is_interactive:
            return self.prompt(question)
        import getpass

        try:
            return getpass.getpass(question, self.err)
        except (EOFError, KeyboardInterrupt):
            self.note("")
            self._cancel()

    def confirm(self, question: str) -> bool:
        """Ask a question that is answered with ``y`` or ``yes``; anything else, the end of input too, means no.

        Raises:
            CommandError: If the person gives up.
        """
        return (self._ask(f"{question} [y/N] ") or "").strip().lower() in ("y", "yes")

    def _ask(self, question: str) -> str | None:
        try:
            # Inside: whoever sees the question may press Ctrl-C before we begin to wait for the answer.
            self.note(question, end="")
            answer = (
                self.source.readline()
                if self.is_interactive
                else read_line(self.source, ANSWER_SECONDS)
            )
        except KeyboardInterrupt:
            self.note("")
            self._cancel()
        if answer:
            return answer.rstrip("\r\n")
        self.note("")
        return None

    @staticmethod
    def _cancel() -> NoReturn:
        raise _command_error("Operation cancelled.") from None

    @staticmethod
    def refuse_output(error: OSError) -> NoReturn:
        """Say that standard output cannot take what was written.

        Raises:
            CommandError: Always.
        """
        drop_output()
        reason = error.strerror or str(error)
        raise _command_error(f"cannot write to standard output: {reason}") from error

    def progress(self, total: int, label: str, *, in_bytes: bool = False) -> Progress:
        """Return a progress bar, to be shown for the time of a `with` block.

        Args:
            total: The whole amount of work, in any unit; 0 when it is not known.
            label: What is going on.
            in_bytes: Whether the unit is the byte; size and rate are shown then.
        """
        return Progress(self, total, label, in_bytes=in_bytes)
