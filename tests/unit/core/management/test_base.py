"""The base class of commands."""

from __future__ import annotations

import asyncio
import io
import sys
from argparse import ArgumentParser
from types import SimpleNamespace
from typing import Any

import pytest

from openviper.core.management.base import BaseCommand, CommandError, NoModelsModule, describe
from openviper.utils.terminal import Terminal


class Greet(BaseCommand):
    """Says something as many times as asked."""

    help = "Greet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--times", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> Any:
        self.stdout("hi", ending=" " * options["times"])
        return options["times"]


def make(cls: type[BaseCommand] = Greet) -> tuple[BaseCommand, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return cls(Terminal(out, err)), out, err


def test_options_reach_handle_and_its_result_comes_back() -> None:
    command, out, _ = make()
    assert command.run_from_argv(["/x/viperctl.py", "greet", "--times", "2"]) == 2
    assert out.getvalue() == "hi  "


def test_the_parser_is_named_after_script_and_command() -> None:
    command, out, _ = make()
    command.print_help("/x/viperctl.py", "greet")
    assert "usage: viperctl.py greet" in out.getvalue()
    assert "Greet." in out.getvalue()


def test_a_wrong_option_exits_with_2_and_suggests_the_right_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        make()[0].run_from_argv(["viperctl.py", "greet", "--tines=2"])
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: viperctl.py greet")
    assert "did you mean '--times'?" in err


def test_an_async_handle_is_run_to_its_end() -> None:
    class Later(BaseCommand):
        async def handle(self, *args: Any, **options: Any) -> int:
            await asyncio.sleep(0)
            return 5

    assert make(Later)[0].execute() == 5


def test_databases_are_closed_after_an_async_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def close_db() -> None:
        closed.append("closed")

    class Fails(BaseCommand):
        async def handle(self, *args: Any, **options: Any) -> None:
            raise CommandError("no")

    module: Any = SimpleNamespace(close_db=close_db)
    monkeypatch.setitem(sys.modules, "openviper.db.connection", module)
    with pytest.raises(SystemExit):
        make(Fails)[0].execute()
    assert closed == ["closed"]


def test_a_command_error_is_one_line_and_its_code() -> None:
    class Fails(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            raise CommandError("it broke", returncode=4)

    command, out, err = make(Fails)
    with pytest.raises(SystemExit) as caught:
        command.execute()
    assert (caught.value.code, out.getvalue(), err.getvalue()) == (4, "", "Error: it broke\n")


def test_the_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            raise CommandError("it broke")

    monkeypatch.setenv("OPENVIPER_TRACEBACK", "1")
    command, _, err = make(Fails)
    with pytest.raises(SystemExit):
        command.execute()
    assert "Traceback (most recent call last)" in err.getvalue()
    assert err.getvalue().endswith("Error: it broke\n")


def test_a_command_without_handle_says_so() -> None:
    with pytest.raises(NotImplementedError, match="BaseCommand does not define handle"):
        BaseCommand().execute()


def test_an_error_cannot_mean_success() -> None:
    with pytest.raises(ValueError, match="return code 0"):
        CommandError("x", returncode=0)


def test_a_missing_models_module_is_a_command_error() -> None:
    assert issubclass(NoModelsModule, CommandError)


def test_every_style_has_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    command = make()[0]
    styles = {"success": 32, "warning": 33, "error": 31, "notice": 36, "bold": 1, "dim": 2}
    for name, code in styles.items():
        assert getattr(command, f"style_{name}")("x") == f"\x1b[{code}mx\x1b[0m"
    monkeypatch.delenv("FORCE_COLOR")
    assert command.style_success("x") == "x"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            FileNotFoundError(2, "No such file or directory", "a.txt"),
            "No such file or directory: 'a.txt'",
        ),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError(), "ValueError"),
        (ValueError("bad"), "bad"),
    ],
)
def test_an_error_is_described_in_words(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_help_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wordy(BaseCommand):
        help = "word " * 40

    for columns in (40, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        command, out, _ = make(Wordy)
        command.print_help("viperctl.py", "wordy")
        longest = max(len(line) for line in out.getvalue().splitlines())
        assert columns - 10 < longest <= columns - 2


def test_a_width_that_is_no_number_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "wide")
    command, out, _ = make()
    command.print_help("viperctl.py", "greet")
    assert "usage: viperctl.py greet" in out.getvalue()
