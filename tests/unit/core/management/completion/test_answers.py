"""Answers to a shell that asks what may come next; whatever is wrong, there is an answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.completion.answers import (
    app_labels,
    complete_management,
    complete_openviper,
    print_candidates,
    tidy,
)
from openviper.core.management.completion.candidates import Candidate
from openviper.core.management.completion.shells import SHELLS, completion_script
from openviper.core.management.subcommands import build_parser
from openviper.testing import override_openviper_settings
from tests.projects import write
from tests.unit.core.management.speaking import said, terminal


def nothing(_target: str) -> None:
    """Make no project known."""


def broken(_target: str) -> None:
    raise RuntimeError("no project here")


def management(typed: str) -> list[str]:
    """Return what is offered behind ``viperctl.py``."""
    found = complete_management(typed.split(" "), nothing, split_target=None)
    return [candidate.word for candidate in found]


def openviper(typed: str) -> list[str]:
    found = complete_openviper(
        build_parser(), typed.split(" "), lambda words: [Candidate(" ".join(words))]
    )
    return [candidate.word for candidate in found]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to stand in, without settings."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# What is written for the shell


def written(candidates: list[Candidate]) -> str:
    where = terminal()
    assert print_candidates(where, lambda: candidates) == 0
    return said(where).out


def test_candidates_are_lines_with_a_tab_before_the_help() -> None:
    assert written([Candidate("a", "Do a."), Candidate("b")]) == "a\tDo a.\nb\n"
    assert written([]) == ""


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), ImportError("x")])
def test_a_failure_is_no_answer_and_no_noise(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def find() -> list[Candidate]:
        sys.stderr.write("noise of the project")
        raise error

    where, before = terminal(), sys.stderr
    assert print_candidates(where, find) == 0
    assert sys.stderr is before
    assert said(where)[:2] == ("", "")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "tidied"),
    [
        ([], [""]),
        (["a", ""], ["a", ""]),
        (["a", "="], ["a", ""]),
        (["=", "a"], ["=", "a"]),
        (["="], [""]),
    ],
)
def test_the_equals_sign_that_bash_parts_off_is_an_empty_word(
    words: list[str], tidied: list[str]
) -> None:
    given = list(words)
    assert tidy(words) == tidied
    assert words == given


# openviper


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cr", ["create-project", "create-app"]),
        ("--v", ["--version"]),
        ("completion ", list(SHELLS)),
        ("completion b", ["bash"]),
        ("nonsense ", []),
        ("viperctl ", [""]),
        ("viperctl migrate x", ["migrate x"]),
        ("run --rel", ["--reload"]),
    ],
)
def test_sub_commands_options_and_values_are_offered(typed: str, offered: list[str]) -> None:
    assert openviper(typed) == offered


# viperctl


def test_commands_and_options_in_front_are_offered() -> None:
    assert management("migr") == ["migrate"]
    assert management("--") == ["--settings", "--help"]
    assert set(BUILTIN) <= set(management(""))


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--settings shop.settings migr", ["migrate"]),
        ("--settings=shop.settings migr", ["migrate"]),
        ("help migr", ["migrate"]),
        ("help migrate ", []),
        ("migrate --pl", ["--plan"]),
        ("schema_status --js", ["--json"]),
        ("tasks pu", ["purge"]),
        ("tasks --state d", ["delayed", "dead"]),
        ("tasks --state=r", ["--state=ready", "--state=running"]),
    ],
)
def test_what_follows_a_command_comes_from_its_parser(typed: str, offered: list[str]) -> None:
    assert management(typed) == offered


def test_databases_and_apps_are_offered_where_they_may_stand() -> None:
    databases = {
        "default": {"URL": "sqlite:///a"},
        "archive": {"URL": "sqlite:///b"},
        "ROUTERS": [],
    }
    with override_openviper_settings(
        DATABASES=databases, INSTALLED_APPS=("shop", "bank.core", "zoo.core")
    ):
        assert management("migrate --database ") == ["archive", "default"]
        assert management("migrate ") == ["shop", "bank.core", "zoo.core"]
        assert management("makemigrations bank") == ["bank.core"]


def test_labels_are_short_unless_two_are_alike() -> None:
    with override_openviper_settings(INSTALLED_APPS=("shop", "a.core", "b.core", "c.cart")):
        assert app_labels() == ["shop", "a.core", "b.core", "cart"]


def test_settings_modules_are_those_of_packages_that_lie_here(here: Path) -> None:
    write(here, {"shop/__init__.py": "", "shop/settings.py": "", "plain/__init__.py": ""})
    assert management("--settings ") == ["shop.settings"]
    assert management("--settings x") == []


def test_a_project_that_cannot_be_prepared_leaves_the_built_in_commands() -> None:
    found = complete_management(["migr"], broken, split_target=None)
    assert [candidate.word for candidate in found] == ["migrate"]
    assert found[0].help == BUILTIN["migrate"]


# With a target


def split(command: str, arguments: list[str]) -> tuple[str, list[str]]:
    """Part the first argument off as the target, where there is one."""
    return (arguments[0], arguments[1:]) if arguments else (".", [])


def targeted(typed: str) -> list[str]:
    found = complete_management(typed.split(" "), broken, split_target=split)
    return [candidate.word for candidate in found]


def test_targets_are_packages_of_a_project(here: Path) -> None:
    write(here, {"shop/__init__.py": "", "shop/models.py": "", "bank/__init__.py": "", "bank/settings/__init__.py": "",
                 "tools/__init__.py": "", "data/models.py": "", "notes.txt": ""})  # fmt: skip
    assert targeted("migrate ") == [".", "bank", "shop"]
    assert targeted("migrate s") == ["shop"]
    assert targeted("migrate shop --pl") == ["--plan"]
    assert targeted("migrate --pl") == ["--plan"]


# Scripts


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_of_its_own(shell: str) -> None:
    script = completion_script(shell)
    assert "openviper" in script
    assert script.endswith("\n")
    assert len({completion_script(name) for name in SHELLS}) == len(SHELLS)


@pytest.mark.parametrize("shell", ["", "../bash", "powershell", "BASH"])
def test_another_shell_has_none(shell: str) -> None:
    with pytest.raises(ValueError, match=f"no completion for {shell!r}, only for bash, zsh, fish"):
        completion_script(shell)


def test_every_built_in_command_can_be_completed() -> None:
    for name in BUILTIN:
        assert "--help" in management(f"{name} --h"), name
