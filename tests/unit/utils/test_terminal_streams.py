"""Streams that are closed, full or strict, people who give up, and progress bars."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from openviper.utils.failures import CommandError
from openviper.utils.printable import printable
from openviper.utils.terminal import (
    Terminal,
    can_draw,
    drop_output,
    is_terminal,
    read_line,
    show_all_characters,
)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


class Impatient(io.StringIO):
    """Somebody who presses Ctrl-C."""

    def isatty(self) -> bool:
        """Sit at a terminal."""
        return True

    def readline(self, *_: Any) -> Any:
        """Give up."""
        raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that knows colours, and no wish about them."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


# Streams


def test_a_dumb_terminal_is_one_that_nothing_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert is_terminal(Screen()) and not can_draw(Screen())
    assert Terminal(Screen()).style("error", "x") == "x"


def test_streams_that_were_closed_before_the_start_take_everything_and_give_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    terminal = Terminal()
    terminal.line("x")
    terminal.note("x")
    terminal.warning("x")
    terminal.error("x")
    assert not terminal.is_interactive
    with pytest.raises(CommandError, match="cancelled"):
        terminal.prompt("Name: ")
    assert not terminal.confirm("Sure?")
    drop_output()
    show_all_characters()


def test_a_full_disk_is_one_error_and_nothing_more_at_exit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(CommandError) as caught:
            Terminal(out=Full()).line("result")
        assert str(caught.value) == "cannot write to standard output: No space left on device"
        os.write(file.fileno(), b"lost")
    assert (tmp_path / "out").read_bytes() == b""


def test_a_reader_that_has_seen_enough_is_not_told_as_an_error() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Terminal(out=Gone()).line("result")


def test_what_an_encoding_lacks_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    show_all_characters()
    Terminal().line("é\ud800\U0001f40d")
    assert raw.getvalue() == b"\\xe9\\ud800\\U0001f40d\n"


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("plain text", "utf-8", "plain text"),
        ("a\nb\tc", "utf-8", "a\\nb\\tc"),
        ("\x1b[2J", "utf-8", "\\x1b[2J"),
        ("\u202eabc\u2028", "utf-8", "\\u202eabc\\u2028"),
        ("\ud800", "utf-8", "\\ud800"),
        ("é\U0001f40d", "utf-8", "é\U0001f40d"),
        ("é\U0001f40d", "ascii", "\\xe9\\U0001f40d"),
        ("é", None, "\\xe9"),
        ("", "utf-8", ""),
        ("\0\x7f\x85", "latin-1", "\\x00\\x7f\\x85"),
    ],
)
def test_text_of_others_cannot_move_the_cursor(text: str, encoding: str | None, shown: str) -> None:
    assert printable(text, encoding) == shown


# Answers


@pytest.mark.parametrize("answer", ["x\n", "x\r\n", "x"])
def test_an_answer_comes_without_the_end_of_its_line(answer: str) -> None:
    assert Terminal(io.StringIO(), io.StringIO(), Screen(answer)).prompt("? ") == "x"
    assert Terminal(io.StringIO(), io.StringIO(), io.StringIO(answer)).password("? ") == "x"


@pytest.mark.parametrize("ask", ["prompt", "confirm"])
def test_giving_up_is_an_error_without_a_traceback(ask: str) -> None:
    err = io.StringIO()
    with pytest.raises(CommandError, match="^Operation cancelled.$") as caught:
        getattr(Terminal(io.StringIO(), err, Impatient()), ask)("? ")
    assert caught.value.__suppress_context__ and err.getvalue().endswith("\n")


@pytest.mark.parametrize("error", [EOFError, KeyboardInterrupt])
def test_giving_up_at_a_password_is_the_same(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def give_up(_question: str, _stream: object) -> str:
        raise error

    monkeypatch.setattr("getpass.getpass", give_up)
    with pytest.raises(CommandError, match="^Operation cancelled.$"):
        Terminal(io.StringIO(), io.StringIO(), Screen("x")).password("Password: ")


def test_outside_of_the_main_thread_an_answer_is_read_too() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(read_line(io.StringIO("a\n"), 5)))
    thread.start()
    thread.join()
    assert found == ["a\n"]


# Bars


def test_a_bar_never_shows_more_than_all_and_none_where_the_total_is_not_known() -> None:
    err = Screen()
    with Terminal(io.StringIO(), err).progress(1, "x") as bar:
        bar.advance(5)
    assert "100%" in err.getvalue() and "500%" not in err.getvalue()
    err = Screen()
    with Terminal(io.StringIO(), err).progress(0, "Reading", in_bytes=True) as bar:
        bar.advance(1500)
    assert "Reading 1.5 kB, " in err.getvalue() and "[" not in err.getvalue().replace("\x1b[K", "")


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    err = io.StringIO()
    with pytest.raises(LookupError), Terminal(io.StringIO(), err).progress(4, "x") as bar:
        bar.advance(4)
        bar.restart("y")
        bar.advance(1)
        raise LookupError
    assert err.getvalue() == "" and bar.done == 1


def test_a_bar_that_was_never_drawn_is_not_taken_off() -> None:
    err = Screen()
    with Terminal(io.StringIO(), err).progress(4, "x"):
        pass
    assert err.getvalue() == ""
