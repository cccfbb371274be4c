"""Completion in the real shells: what Tab offers after a beginning."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.commands.forks import Forks
from tests.acceptance.commands.runner import ROOT, VIPERCTL, environment
from tests.acceptance.commands.screen import Screen
from tests.projects import app, command, settings, write

GUIDE = (ROOT / "docs/how-to/completion.md").read_text()
LOAD = dict(re.findall(r"^```(bash|zsh|fish)\n(.*?)\n```$", GUIDE, re.MULTILINE | re.DOTALL))
"""What the guide has people write for each shell."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two databases, and `openviper` on the path of the shells."""
    databases = (
        '    DATABASES: dict = dataclasses.field(default_factory=lambda: {"default": {"URL": "sqlite:///:memory:"}, '
        '"archive": {"URL": "sqlite:///:memory:"}})\n'
    )
    files = app("site_", greet=command()) | {
        "viperctl.py": VIPERCTL,
        "site_/settings.py": settings("site_", "openviper.auth") + databases,
        "site_/models.py": "",
        "notes.txt": "",
        "bin/openviper": f'#!/bin/sh\nexec "{sys.executable}" -m openviper "$@"\n',
        "bin/python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n',
    }
    root = write(tmp_path_factory.mktemp("completion") / "project", files)
    for name in ("openviper", "python"):
        (root / "bin" / name).chmod(0o755)
    return root


def shell_environment(project: Path) -> dict[str, str]:
    """Return the environment of a shell that has read no file of its user."""
    return environment(
        PATH=f"{project / 'bin'}:{os.environ['PATH']}",
        HOME=str(project),
        TERM="dumb",
        LC_ALL="C.UTF-8",
    )


def ask(project: Path, forks: Forks, front: str, *words: str) -> list[str]:
    """Return the words that are offered, without their help."""
    done = forks.run(front, project, "__complete", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["vi"], ["viperctl"]),
        (["create-"], ["create-project", "create-app"]),
        (["--v"], ["--version"]),
        (["run", "--re"], ["--reload"]),
        (["run", "--reload", "--re"], []),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["create-project", ""], []),
        (["nope", ""], []),
        (
            ["viperctl", "create"],
            ["create-app", "create-command", "create-provider", "create-user", "createsuperuser"],
        ),
        (["viperctl", "gr"], ["greet"]),
        (["viperctl", "--set"], ["--settings"]),
        (["viperctl", "--settings", ""], ["site_.settings"]),
        (["viperctl", "--settings", "site_.settings", "gr"], ["greet"]),
        (["viperctl", "migrate", ""], [".", "site_"]),
        (["viperctl", "migrate", ".", ""], ["site_", "auth"]),
        (["viperctl", "migrate", ".", "--database", "a"], ["archive"]),
        (["viperctl", "migrate", ".", "--database=", ""], ["site_", "auth"]),
        (["viperctl", "migrate", ".", "--database", "="], ["default", "archive"][::-1]),
        (["viperctl", "migrate", ".", "--database", "=", "de"], ["default"]),
        (["viperctl", "migrate", ".", "--database=d"], ["--database=default"]),
        (["viperctl", "migrate", "site_", "--pl"], ["--plan"]),
        (["viperctl", "create-command", "x", ""], ["site_", "auth"]),
        (["viperctl", "restore-db", ""], []),
    ],
)
def test_openviper_offers(
    project: Path, forks: Forks, words: list[str], offered: list[str]
) -> None:
    assert ask(project, forks, "openviper", *words) == offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["mig"], ["migrate"]),
        (["gr"], ["greet"]),
        (["--h"], ["--help"]),
        (["help", "gr"], ["greet"]),
        (["migrate", "a"], ["auth"]),
        (["migrate", "auth", "--da"], ["--database"]),
        (["makemigrations", "auth", ""], ["site_", "auth"]),
        (["makemigrations", "--rename", ""], []),
        (["makemigrations", "--rename", "a.b=c", "--rena"], ["--rename"]),
        (["makemigrations", "--check", "--ch"], []),
        (["check", "--fail-level", ""], ["warning", "error"]),
        (["check", "--only", "se"], ["settings", "security"]),
        (["check", "--database", ""], ["archive", "default"]),
        (["test", "--", ""], []),
        (["start_server", "--wo"], ["--workers"]),
        (["nope", ""], []),
        (["restore-db", ""], []),
    ],
)
def test_viperctl_offers(project: Path, forks: Forks, words: list[str], offered: list[str]) -> None:
    assert ask(project, forks, "viperctl.py", *words) == offered


def test_what_is_offered_has_its_help(project: Path, forks: Forks) -> None:
    assert (
        forks.run("viperctl.py", project, "__complete", "gree").stdout == "greet\tSay something.\n"
    )
    assert (
        forks.run("viperctl.py", project, "__complete", "migrate", "--data").stdout
        == "--database\tthe database\n"
    )


def test_broken_settings_leave_the_built_in_commands(
    tmp_path: Path, forks: Forks, front: str
) -> None:
    write(
        tmp_path,
        {
            "viperctl.py": VIPERCTL,
            "site_/__init__.py": "",
            "site_/settings.py": "1 / 0\n",
            "site_/models.py": "",
        },
    )
    words = front.split()[1:]
    program = "viperctl.py" if front == "viperctl.py" else "openviper"
    assert ask(tmp_path, forks, program, *words, "mig") == ["migrate"]
    target = ["."] if words else []
    assert ask(tmp_path, forks, program, *words, "migrate", *target, "--database", "") == []


def test_an_unknown_shell_is_a_usage_error(tmp_path: Path, forks: Forks) -> None:
    done = forks.run("openviper", tmp_path, "completion", "fsh")
    assert done.returncode == 2 and "did you mean 'fish'?" in done.stderr


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("openviper viperctl gre", "openviper viperctl greet "),
        (
            "python viperctl.py migrate --database arch",
            "python viperctl.py migrate --database archive ",
        ),
        (
            "python viperctl.py migrate --database=arch",
            "python viperctl.py migrate --database=archive ",
        ),
        ("python -m openviper completion f", "python -m openviper completion fish "),
        ("openviper viperctl restore-db . not", "openviper viperctl restore-db . notes.txt "),
        ("python viperc", "python viperctl.py "),
    ],
)
def test_bash_completes_what_is_typed(project: Path, line: str, completed: str) -> None:
    screen = Screen(
        project, "bash", "--norc", "--noprofile", "-i", variables=shell_environment(project)
    )
    screen.type(f"bind 'set enable-bracketed-paste off'; PS1='> '; {LOAD['bash']}; echo rea''dy\n")
    screen.wait_for("ready\r\n> ")
    screen.type(f"{line}\t")
    screen.wait_for(completed)
    screen.type("\x15exit\n")
    screen.finish()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("openviper viperctl gre", ["greet\tSay something."]),
        ("openviper completion ", ["bash", "zsh", "fish"]),
        ("python viperctl.py migrate --database ", ["archive", "default"]),
        ("python -m openviper vi", ["viperctl\tRun a management command on a project."]),
        ("python viperctl.py restore-db note", ["notes.txt"]),
    ],
)
def test_fish_completes_what_is_typed(project: Path, line: str, completed: list[str]) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    script = f"{LOAD['fish']}; complete -C '{line}'"
    done = subprocess.run(
        [fish, "--no-config", "-c", script],
        cwd=project,
        env=shell_environment(project),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert sorted(done.stdout.splitlines()) == sorted(completed), done.stderr


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("openviper viperctl gre", "openviper viperctl greet"),
        (
            "python viperctl.py migrate --database arch",
            "python viperctl.py migrate --database archive",
        ),
        ("python -m openviper completion f", "python -m openviper completion fish"),
    ],
)
def test_zsh_completes_what_is_typed(project: Path, line: str, completed: str) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    screen = Screen(project, zsh, "-f", "-i", variables=shell_environment(project))
    screen.type(f"PS1='> '; autoload -U compinit; compinit -u; {LOAD['zsh']}; print rea''dy\n")
    screen.wait_for("ready\r\n")
    screen.wait_for("> ")
    screen.type(f"{line}\t")
    screen.wait_for(completed)
    screen.type("\x15exit\n")
    screen.finish()
