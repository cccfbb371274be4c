"""Output that cannot be written, read or shown: a line and a code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.commands.runner import VIPERCTL, environment, openviper, python
from tests.projects import settings, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with settings only."""
    files = {
        "viperctl.py": VIPERCTL,
        "site_/__init__.py": "",
        "site_/settings.py": settings("site_"),
    }
    return write(tmp_path / "project", files)


@pytest.mark.parametrize("words", [["settings"], ["version"], ["help"]])
def test_a_full_disk_behind_standard_output_is_named(project: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "viperctl.py", *words],
            cwd=project,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize(
    "words", [["settings"], ["console", "--no-models", "-c", "print('x' * 1_000_000)"]]
)
def test_a_reader_that_goes_away_is_no_reason_for_a_word(project: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "viperctl.py", *words],
        cwd=project,
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_characters_that_the_output_lacks_are_written_in_another_way(tmp_path: Path) -> None:
    folder = tmp_path / "größe"
    folder.mkdir()
    done = openviper(folder, "create-project", "shop", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "gr\\xf6\\xdfe" in done.stdout
    assert (folder / "shop/viperctl.py").is_file()


def test_a_terminal_without_colours_gets_none(project: Path) -> None:
    done = python(project, "viperctl.py", "nope", TERM="dumb", NO_COLOR="")
    assert done.stderr.startswith("Error: Unknown command: 'nope'")


def test_a_working_directory_that_has_been_removed_is_said(project: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    start = f"import os; os.rmdir({str(gone)!r}); from openviper.cli import cli; cli(['viperctl', 'check'])"
    done = python(gone, "-c", start)
    assert done.returncode == 1
    assert done.stderr == "Error: the working directory does not exist any more\n"


@pytest.mark.parametrize("front", ["viperctl.py", "openviper viperctl"])
def test_the_environment_file_of_the_project_is_used_from_everywhere(
    project: Path, tmp_path: Path, front: str
) -> None:
    (project / ".env").write_text('OPENVIPER_PROJECT_NAME="from the\nfile"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if front == "viperctl.py":
        done = python(elsewhere, str(project / "viperctl.py"), "settings", "PROJECT_NAME")
    else:
        words = ("viperctl", "--settings", "site_.settings", "settings", "PROJECT_NAME")
        done = openviper(
            project / "site_", *words, PYTHONPATH=f"{environment()['PYTHONPATH']}:{project}"
        )
    assert done.stdout == "PROJECT_NAME = 'from the\\nfile'\n", done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A=x\0y\n", "line 1 holds a NUL character"),
        ("OPENVIPER_DEBUG=0\n".encode("utf-16"), "line 1 is not UTF-8"),
    ],
)
def test_an_environment_file_that_cannot_be_used_stops_every_command(
    project: Path, content: bytes, message: str
) -> None:
    (project / ".env").write_bytes(content)
    done = python(project, "viperctl.py", "settings")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr
