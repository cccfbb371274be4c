"""What is written where, and how a person is asked."""

from __future__ import annotations

import io
import os
import signal

import pytest

from openviper.utils import terminal as terminal_module
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal, human_size, human_time, wants_color


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_colour_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def terminal(answers: str = "") -> tuple[Terminal, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Terminal(out, err, io.StringIO(answers)), out, err


def test_results_and_messages_go_to_different_streams() -> None:
    screen, out, err = terminal()
    screen.line("result")
    screen.note("note")
    screen.warning("careful")
    screen.error("wrong")
    assert out.getvalue() == "result\n"
    assert err.getvalue() == "note\nWarning: careful\nError: wrong\n"


def test_the_standard_streams_of_the_moment_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().line("result")
    Terminal().note("note")
    assert capsys.readouterr() == ("result\n", "note\n")


def test_a_terminal_gets_colours_and_a_pipe_does_not() -> None:
    assert Terminal(Screen()).style("success", "ok") == "\x1b[32mok\x1b[0m"
    assert Terminal(io.StringIO()).style("success", "ok") == "ok"


@pytest.mark.parametrize(
    ("variables", "stream", "expected"),
    [
        ({"NO_COLOR": "1"}, Screen(), False),
        ({"NO_COLOR": ""}, Screen(), True),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Screen(), False),
        ({"TERM": "dumb"}, Screen(), False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, io.StringIO(), True),
    ],
)
def test_the_environment_decides_about_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], stream: io.StringIO, expected: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_color(stream) is expected


def test_a_closed_stream_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert wants_color(closed) is False


def test_a_question_is_asked_on_standard_error() -> None:
    screen, out, err = terminal("blue\n")
    assert screen.prompt("Colour? ") == "blue"
    assert (out.getvalue(), err.getvalue()) == ("", "Colour? ")


def test_an_empty_answer_is_an_answer() -> None:
    assert terminal("\n")[0].prompt("Colour? ") == ""


def test_the_end_of_input_cancels_a_question() -> None:
    with pytest.raises(CommandError, match="Operation cancelled") as caught:
        terminal()[0].prompt("Colour? ")
    assert caught.value.returncode == 1


@pytest.mark.parametrize("ask", ["prompt", "password", "confirm"])
def test_an_interrupt_at_a_question_cancels_with_code_1(
    monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    def interrupt() -> str:
        raise KeyboardInterrupt

    keyboard = io.StringIO()
    monkeypatch.setattr(keyboard, "readline", interrupt)
    screen = Terminal(io.StringIO(), io.StringIO(), keyboard)
    with pytest.raises(CommandError, match="Operation cancelled") as caught:
        getattr(screen, ask)("Sure? ")
    assert caught.value.returncode == 1


def test_a_password_is_read_from_a_pipe_where_nobody_types() -> None:
    assert terminal("secret\n")[0].password("Password: ") == "secret"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("yep\n", False), ("", False)],
)
def test_only_yes_confirms(answer: str, expected: bool) -> None:
    assert terminal(answer)[0].confirm("Sure?") is expected


def test_a_progress_bar_is_drawn_on_a_terminal_and_taken_away() -> None:
    err = Screen()
    with Terminal(io.StringIO(), err).progress(2, "Copying") as bar:
        bar.advance()
        bar.advance()
    text = err.getvalue()
    assert "Copying [" in text and "100%" in text
    assert text.endswith("\r\x1b[K")


def test_a_pipe_gets_no_progress_bar() -> None:
    screen, out, err = terminal()
    with screen.progress(2, "Copying") as bar:
        bar.advance(2)
    assert out.getvalue() + err.getvalue() == ""


def test_nothing_is_drawn_for_work_that_never_advances() -> None:
    err = Screen()
    with Terminal(io.StringIO(), err).progress(0, "Copying"):
        pass
    assert err.getvalue() == ""


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal_module, "ANSWER_SECONDS", 0.05)
    reader, writer = os.pipe()
    before = signal.getsignal(signal.SIGALRM)
    with os.fdopen(reader) as source, os.fdopen(writer, "w") as answers:
        screen = Terminal(io.StringIO(), io.StringIO(), source)
        with pytest.raises(
            CommandError,
            match="no answer on standard input, which is not a terminal, within 0.05 s",
        ):
            screen.prompt("Name? ")
        assert signal.getsignal(signal.SIGALRM) is before
        answers.write("ann\nbob\n")
        answers.flush()
        assert [screen.prompt("Name? "), screen.prompt("Name? ")] == ["ann", "bob"]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (999.4, "999 bytes"),
        (999.5, "1.0 kB"),
        (1000, "1.0 kB"),
        (1549, "1.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**9 - 1, "1.0 GB"),
        (10**12, "1.0 TB"),
        (10**15, "1000.0 TB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_has_the_fewest_digits(size: float, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-5, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599.6, "1:00:00"), (3661, "1:01:01"),
     (360_000, "100:00:00")],
)  # fmt: skip
def test_a_time_is_told_as_a_clock_does(seconds: float, text: str) -> None:
    assert human_time(seconds) == text
