"""`openviper`: its sub-commands other than `viperctl`."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.completion.shells import SHELLS
from openviper.core.management.scaffolds.names import ScaffoldError
from openviper.core.management.subcommands import build_parser, run_subcommand
from openviper.version import VERSION
from tests.unit.core.management.speaking import Said, said, terminal


def run(*arguments: str) -> Said:
    where = terminal()
    return said(where, run_subcommand(arguments, where))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_version_is_one_line() -> None:
    assert run("version") == (f"OpenViper {VERSION}\n", "", 0)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_names_both_programs(shell: str) -> None:
    script = run("completion", shell).out
    assert "openviper" in script and "viperctl.py" in script


def test_without_a_sub_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run().result == 0
    assert capsys.readouterr().out.startswith("usage: openviper")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "invalid choice: 'nope'"),
        (["verson"], "did you mean 'version'?"),
        (["completion", "bsh"], "did you mean 'bash'?"),
        (["create-project"], "required: NAME"),
        (["run"], "required: TARGET"),
        (["run", "x", "--prt", "1"], "did you mean '--port'?"),
        (["create-app", "x", "--here"], "unrecognized arguments: --here"),
    ],
)
def test_a_command_line_that_cannot_be_understood_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_minus_h_is_the_host_of_run_and_not_its_help() -> None:
    options = build_parser().parse_args(["run", "shop", "-h", "0.0.0.0"])
    assert options.host == "0.0.0.0"


def test_a_project_below_is_entered_first(here: Path) -> None:
    done = run("create-project", "shop")
    assert done.result == 0
    assert done.lines[0] == f"Project 'shop' created at {here / 'shop'}"
    assert done.lines[1:] == [
        "",
        "Next:",
        "  cd shop",
        "  python viperctl.py migrate",
        "  python viperctl.py start-server",
    ]
    assert "the SECRET_KEY in shop/settings.py is for development" in done.err


def test_a_project_here_is_entered_already(here: Path) -> None:
    done = run("create-project", "shop", "--here")
    assert not any("cd " in line for line in done.lines)
    assert (here / "viperctl.py").is_file()


def test_a_directory_with_files_is_no_place_for_a_project(here: Path) -> None:
    (here / "mine").write_text("x")
    with pytest.raises(ScaffoldError, match="not empty: it holds 'mine'"):
        run("create-project", "shop", "--here")
    assert [path.name for path in here.iterdir()] == ["mine"]


def test_an_app_is_made_without_a_project(here: Path) -> None:
    assert run("create-app", "blog").result == 0
    assert (here / "blog" / "models.py").is_file()
