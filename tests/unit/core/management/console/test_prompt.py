"""The prompt: what is typed runs, mistakes are shown, and its history is private."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management.commands.console import Command, banner
from openviper.core.management.console.evaluation import Evaluator
from openviper.core.management.console.namespace import Namespace
from openviper.core.management.console.prompt import Prompt, history, history_path
from openviper.testing import override_openviper_settings
from openviper.version import VERSION
from tests.projects import KEY
from tests.unit.core.management.speaking import run, said, terminal


@pytest.fixture
def evaluator() -> Iterator[Evaluator]:
    made = Evaluator(Namespace())
    yield made
    made.close()


@pytest.fixture
def prompt(evaluator: Evaluator) -> Prompt:
    return Prompt(evaluator)


@pytest.mark.parametrize(
    ("typed", "output"),
    [
        (["1 + 1"], "2\n"),
        (["import asyncio", "await asyncio.sleep(0, 'x')"], "'x'\n"),
        (["x = 5", "x"], "5\n"),
        (["def f():", "    return 7", "", "f()"], "7\n"),
        (["async def f():", "    return 7", "", "await f()"], "7\n"),
        (["None"], ""),
    ],
)
def test_what_is_typed_runs(
    prompt: Prompt, typed: list[str], output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in typed:
        prompt.push(text)
    assert capsys.readouterr() == (output, "")


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("xyzzy", "NameError: name 'xyzzy' is not defined"),
        ("1 +", "SyntaxError: invalid syntax"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_mistake_is_shown_and_the_prompt_goes_on(
    prompt: Prompt, typed: str, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt.push(typed)
    text = capsys.readouterr().err
    assert text.strip().splitlines()[-1] == last
    assert "openviper/" not in text
    prompt.push("'on'")
    assert capsys.readouterr().out == "'on'\n"


def test_typed_code_may_leave(prompt: Prompt) -> None:
    with pytest.raises(SystemExit) as caught:
        prompt.push("raise SystemExit(3)")
    assert caught.value.code == 3


def test_an_open_block_waits_for_more(prompt: Prompt) -> None:
    assert prompt.push("if True:")
    assert prompt.push("    x = 1")
    assert not prompt.push("")
    assert prompt.evaluator.namespace["x"] == 1


def test_the_history_lies_where_the_platform_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert history_path() == tmp_path / "state" / "openviper" / "console_history"
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert history_path() == tmp_path / ".local" / "state" / "openviper" / "console_history"


def test_the_history_is_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluator: Evaluator
) -> None:
    pytest.importorskip("readline")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with history(evaluator):
        pass
    file = history_path()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_written_does_not_stop_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluator: Evaluator
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with history(evaluator):
        pass
    assert not history_path().exists()


# The command


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    with override_openviper_settings(SECRET_KEY=KEY, INSTALLED_APPS=(), PROJECT_NAME="Shop"):
        yield


@pytest.mark.parametrize(
    ("code", "returned", "output"),
    [
        ("print(1 + 1)", 0, "2\n"),
        ("import asyncio; print(await asyncio.sleep(0, 5))", 0, "5\n"),
        ("print(settings.PROJECT_NAME)", 0, "Shop\n"),
        ("", 0, ""),
        ("1 / 0", 1, ""),
    ],
)
def test_code_on_the_command_line_runs_and_ends(
    code: str, returned: int, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(Command, "--no-models", "-c", code)
    assert done.result == returned
    assert capsys.readouterr().out == output


def test_a_pipe_is_one_program(capsys: pytest.CaptureFixture[str]) -> None:
    where = terminal()
    where.source.write("for x in range(2):\n    print(x)\nprint('end')\n")
    where.source.seek(0)
    command = Command(where)
    assert command.handle(no_models=True, command=None) == 0
    assert capsys.readouterr().out == "0\n1\nend\n"
    assert said(where) == ("", "", None)


def test_the_banner_counts_models_and_says_how_to_leave() -> None:
    namespace = Namespace()
    namespace.models = {"blog": ["Post"], "shop": ["Tag", "Node"], "bare": []}
    namespace["settings"] = object()
    lines = banner(namespace).splitlines()
    assert lines[0].startswith(f"OpenViper {VERSION} console, Shop (Python ")
    assert lines[1:] == [
        "  blog: 1 model (Post)",
        "  shop: 2 models (Tag, Node)",
        "  bare: 0 models",
        "Names: settings",
        "await works at the prompt. Quit with exit() or Ctrl-D.",
    ]
