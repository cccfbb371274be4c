"""The tutorial is true: the quickstart plays it, and what it shows comes."""

from __future__ import annotations

import ast
import json
import os
import re
import stat
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, fetch, free_port, run, serving, succeed

TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
QUICKSTART = ROOT / "scripts/quickstart.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Play the tutorial once; return the demo directory and what was printed."""
    demo = tmp_path_factory.mktemp("demo")
    return demo, succeed(QUICKSTART, "--no-venv", "--no-serve", "--directory", demo, cwd=demo)


def test_every_command_of_the_tutorial_is_printed_and_run(told: tuple[Path, str]) -> None:
    commands = re.findall(r"^\$ .*$", TUTORIAL, re.MULTILINE)
    assert len(commands) > 12
    printed = [line for line in told[1].splitlines() if line.startswith("$ ")]
    assert printed == [command for command in commands if "start-server" not in command]


def test_every_file_of_the_tutorial_is_there(told: tuple[Path, str]) -> None:
    blocks = re.findall(
        r'^```(?:python|html) title="(.*?)"\n(.*?)^```$', TUTORIAL, re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 6
    for name, text in blocks:
        assert (told[0] / "library" / name).read_text() == text


def test_every_answer_of_the_tutorial_comes_from_the_server(told: tuple[Path, str]) -> None:
    answers = re.findall(r'^```json title="(.*?)"\n(.*?)^```$', TUTORIAL, re.MULTILINE | re.DOTALL)
    assert len(answers) == 2
    port = free_port()
    words = ("viperctl.py", "start-server", "--no-reload", "--port", str(port))
    with serving(*words, cwd=told[0] / "library", port=port) as base:
        for path, text in answers:
            status, body = fetch(base + path)
            assert (status, json.loads(body)) == (200, json.loads(text))
        for address in re.findall(r"<http://127.0.0.1:8000(/.*?)>", TUTORIAL):
            assert fetch(base + address)[0] == 200
        assert "Octavia E. Butler" in fetch(f"{base}/books")[1]
        assert fetch(f"{base}/books/list/99")[0] == 404


@pytest.mark.one_version
def test_the_tutorials_project_passes_the_type_checker(told: tuple[Path, str]) -> None:
    from tests.acceptance.test_create_project import type_check

    type_check(told[0] / "library")


def test_the_password_is_shown_nowhere(told: tuple[Path, str]) -> None:
    path = told[0] / "superuser-password.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in told[1]


def test_the_quickstart_says_how_long_it_took_and_what_to_type_next(told: tuple[Path, str]) -> None:
    assert re.search(r"The story took \d+\.\d s", told[1])
    assert "What to type next:" in told[1] and "viperctl.py start-server" in told[1]


@pytest.mark.one_version
def test_a_second_run_replaces_the_demo_but_keeps_what_was_changed(tmp_path: Path) -> None:
    words = (QUICKSTART, "--no-venv", "--no-serve", "--directory", tmp_path)
    succeed(*words, cwd=tmp_path)
    assert "is as the last run left it" in succeed(*words, cwd=tmp_path)
    models = tmp_path / "library/books/models.py"
    models.write_text(models.read_text() + "# mine\n")
    assert "is not what a finished run left" in succeed(*words, cwd=tmp_path)
    assert (tmp_path / "library.kept-1/books/models.py").read_text().endswith("# mine\n")
    assert not (tmp_path / "library/books/models.py").read_text().endswith("# mine\n")


def test_a_project_that_is_not_the_quickstarts_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/mine.txt").write_text("mine")
    result = run(QUICKSTART, "--no-venv", "--no-serve", "--directory", tmp_path, cwd=tmp_path)
    assert result.returncode == 1
    assert "was not made by this script" in result.stderr
    assert os.listdir(tmp_path / "library") == ["mine.txt"]


def test_an_old_python_gets_a_sentence() -> None:
    ast.parse(QUICKSTART.read_text(), feature_version=(3, 7))
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    result = run("-c", code, QUICKSTART, cwd=ROOT)
    assert result.returncode == 1
    assert (
        result.stderr.startswith("OpenViper needs Python 3.11 or later; this is ")
        and result.stderr.count("\n") == 1
    )
