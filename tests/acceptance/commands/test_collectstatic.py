"""`collectstatic` through both front ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.commands.runner import VIPERCTL, environment, openviper, viperctl
from tests.projects import settings, write

Collect = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with static files of its own and of an app, collected in `out`."""
    text = settings("shop") + '    STATIC_ROOT: str = "out"\n'
    return write(tmp_path / "project", {
        "viperctl.py": VIPERCTL, "site_/__init__.py": "", "site_/settings.py": text, "shop/__init__.py": "",
        "shop/static/shop.css": "shop", "shop/static/both.css": "app", "static/both.css": "project " * 500,
        "static/.gitkeep": "",
    })  # fmt: skip


@pytest.fixture(params=["python viperctl.py", "openviper viperctl"])
def collect(request: pytest.FixtureRequest, project: Path) -> Collect:
    """Return a function that runs the command through one of the front ends."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        if request.param == "python viperctl.py":
            return viperctl(project, "collectstatic", *arguments, **more)
        return openviper(project, "viperctl", "collectstatic", ".", *arguments, **more)

    return run


def test_files_of_project_and_apps_are_collected(collect: Collect, project: Path) -> None:
    done = collect("--no-input")
    assert (done.returncode, done.stdout) == (0, "Collected 2 static file(s) to 'out'.\n"), (
        done.stderr
    )
    assert "2 copied, 0 unchanged, 0 removed." in done.stderr
    assert "1 file(s) are hidden by others of the same name; --verbose shows them." in done.stderr
    assert (project / "out/both.css").read_text().startswith("project")
    assert (project / "out/shop.css").read_text() == "shop"
    assert "0 copied, 2 unchanged, 0 removed." in collect("--no-input").stderr


def test_a_dry_run_lists_everything_asks_nothing_and_writes_nothing(
    collect: Collect, project: Path
) -> None:
    done = collect("--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "static/both.css -> out/both.css",
        "shop/static/shop.css -> out/shop.css",
        "Would collect 2 static file(s) to 'out'.",
    ]
    assert "both.css: static/both.css hides shop/static/both.css" in done.stderr
    assert not (project / "out").exists()


def test_nobody_to_ask_means_no(collect: Collect, project: Path) -> None:
    done = collect()
    assert done.returncode == 1
    assert "'out'. Continue? [y/N]" in done.stderr and "  static\n" in done.stderr
    assert done.stderr.endswith("Error: Aborted.\n") and done.stdout == ""
    assert not (project / "out").exists()


def test_a_script_reads_the_result_as_json(collect: Collect, project: Path) -> None:
    planned = json.loads(collect("--dry-run", "--json").stdout)
    assert (planned["dry_run"], planned["total"]) == (True, 2)
    assert planned["conflicts"][0]["name"] == "both.css"
    assert planned["files"][0] == {
        "name": "both.css",
        "source": str(project / "static/both.css"),
        "destination": str(project / "out/both.css"),
        "action": "copy",
    }
    done = json.loads(collect("--no-input", "--json").stdout)
    assert (done["dry_run"], done["total"], done["removed"]) == (False, 2, [])
    assert {
        file["action"] for file in json.loads(collect("--no-input", "--json").stdout)["files"]
    } == {"keep"}


def test_clearing_empties_the_directory_after_saying_how_many(
    collect: Collect, project: Path
) -> None:
    collect("--no-input", "--hash", "--gzip")
    assert (
        len(list((project / "out").iterdir())) == 7
    )  # Two files, hashed names, companions of one, the record.
    write(project, {"out/mine.txt": "mine"})
    (project / "shop/static/shop.css").unlink()
    planned = collect("--clear", "--dry-run").stdout
    assert f"would remove {project / 'out/shop.css'}" in planned
    assert f"would remove {project / 'out/mine.txt'}" in planned
    refused = collect("--clear")
    assert "1 file(s) of earlier runs, 1 that no run has written. Continue?" in refused.stderr
    assert refused.returncode == 1 and (project / "out/mine.txt").exists()
    done = collect("--no-input", "--clear")
    assert done.returncode == 0
    said = "Removing from 'out': 1 file(s) of earlier runs, 1 that no run has written."
    assert said in done.stderr
    assert sorted(os.listdir(project / "out")) == [".openviper-static.json", "both.css"]


def test_a_directory_that_was_never_collected_into_is_not_emptied(
    collect: Collect, project: Path
) -> None:
    write(project, {"out/mine.txt": "mine"})
    done = collect("--no-input", "--clear")
    assert done.returncode == 1 and "nothing was ever collected into it" in done.stderr
    assert (project / "out/mine.txt").read_text() == "mine"


def test_names_are_left_out_by_habit_and_on_request(collect: Collect, project: Path) -> None:
    write(project, {"static/.env": "SECRET=1", "static/a.css~": "old", "static/deep/b.scss": "x"})
    done = collect("--no-input", "--ignore", "*.scss")
    assert "3 hidden, editor or ignored file(s) and folder(s) are left out" in done.stderr
    assert set(os.listdir(project / "out")) == {".openviper-static.json", "both.css", "shop.css"}
    collect("--no-input", "--no-default-ignore")
    assert {".env", "a.css~", "deep"} <= set(os.listdir(project / "out"))
    wrong = collect("--no-input", "--ignore", "../x")
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith("Error: '../x' is not a pattern of names")


def test_the_working_directory_does_not_matter(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, str(project / "viperctl.py"), "collectstatic", "--no-input"],
        cwd=elsewhere,
        env={**os.environ, "OPENVIPER_STATIC_ROOT": "out"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (project / "out/both.css").exists() and list(elsewhere.iterdir()) == []


def test_collectors_at_the_same_time_wait_for_each_other(project: Path) -> None:
    write(project, {f"static/f{number}.css": f"/* {number} */" for number in range(300)})
    command = [sys.executable, "viperctl.py", "collectstatic", "--no-input", "--hash", "--clear"]
    runs = [
        subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [run.communicate(timeout=180)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0, 0], said
    places = [path for path in project.iterdir() if path.name.endswith(".partial")]
    assert places == []


def test_clearing_a_source_is_refused(collect: Collect, project: Path) -> None:
    done = collect("--no-input", "--clear", STATIC_ROOT="static")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "Error: cannot clear 'static': it is or holds the source"
    )
    assert (project / "static/both.css").exists()


def test_wrong_input_is_one_line(collect: Collect, project: Path) -> None:
    assert "did you mean '--clear'?" in (done := collect("--claer")).stderr and done.returncode == 2
    write(project, {"afile": ""})
    done = collect("--no-input", STATIC_ROOT="afile")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "Error: the destination 'afile' is not a directory",
    )
    done = collect("--no-input", STATICFILES_DIRS="static,nowhere")
    assert (
        "Warning: STATICFILES_DIRS: 'nowhere' is not a directory" in done.stderr
        and done.returncode == 0
    )


def test_a_person_is_asked_and_sees_a_progress_bar(project: Path) -> None:
    write(project, {f"static/{number}.txt": str(number) for number in range(50)})
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "viperctl.py", "collectstatic"],
        cwd=project, env=environment(NO_COLOR="1"), stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    screen = ""
    try:
        while "Continue?" not in screen:
            screen += os.read(controller, 4096).decode()
        os.write(controller, b"yes\n")
        while data := _read(controller):
            screen += data
        assert process.wait(timeout=180) == 0, screen
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    assert "\rCollecting [##############################] 100%" in screen
    assert "Collected 52 static file(s) to 'out'." in screen


def _read(controller: int) -> str:
    try:
        return os.read(controller, 4096).decode()
    except OSError:  # The other end is closed.
        return ""
