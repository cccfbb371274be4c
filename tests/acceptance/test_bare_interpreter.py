"""Everything but pages and server works on a Python with nothing installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, TIMEOUT, create_project

MODELS = """
from openviper.db import Model
from openviper.db.fields import CharField


class Note(Model):
    text = CharField(max_length=100)
"""

# -I keeps the user's site-packages, PYTHON* variables and the working directory out; the interpreter itself has none.
RUN = """
import runpy, sys
checkout, script, *arguments = sys.argv[1:]
sys.path.insert(0, checkout)
sys.argv = [script, *arguments]
runpy.run_path(script, run_name="__main__")
"""

TASKS = """
from openviper.tasks import actor
from notes.models import Note

@actor
async def note(text):
    await Note.objects.create(text=text)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an interpreter without any package, not even pip."""
    directory = tmp_path_factory.mktemp("bare") / "env"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", directory], check=True, timeout=TIMEOUT
    )
    python = directory / "bin/python"
    for package in ("jinja2", "markdown", "uvicorn", "pytest"):
        result = subprocess.run(
            [python, "-I", "-c", f"import {package}"], capture_output=True, timeout=TIMEOUT
        )
        assert result.returncode == 1, f"{package} is there"
    return python


def test_the_whole_life_of_a_database_needs_no_package(bare: Path, tmp_path: Path) -> None:
    project = create_project("library", tmp_path)

    def viperctl(*arguments: str) -> str:
        result = subprocess.run(
            [bare, "-I", "-W", "error", "-c", RUN, ROOT, project / "viperctl.py", *arguments],
            cwd=project,
            env={"PATH": os.defpath, "OPENVIPER_SUPERUSER_PASSWORD": "correct horse battery"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert result.returncode == 0, f"{arguments}: {result.stdout}\n{result.stderr}"
        return result.stdout

    viperctl("create-app", "notes")
    (project / "notes/models.py").write_text(MODELS)
    settings = project / "library/settings.py"
    settings.write_text(
        settings.read_text().replace('("openviper.auth",)', '("openviper.auth", "notes")')
    )
    viperctl("create-command", "hello", "notes")
    assert viperctl("hello") == "hello ran.\n"
    viperctl("makemigrations")
    assert "Schema sync complete." in viperctl("migrate")
    printed = viperctl(
        "createsuperuser", "--no-input", "--username", "admin", "--email", "admin@example.com"
    )
    assert "Superuser 'admin' created successfully." in printed
    assert "WARNING templates.W002" in viperctl("check")
    viperctl("changepassword", "admin", "--password", "another horse battery")
    viperctl("console", "-c", 'await Note.objects.create(text="kept")')
    (project / "notes/tasks.py").write_text(TASKS)
    viperctl("console", "-c", "from notes.tasks import note; note.send('later')")
    assert "scheduler off" in viperctl("start-worker", "--until-empty")
    assert viperctl("tasks") == "No tasks.\n"
    viperctl("console", "-c", "await Note.objects.get(text='later')")
    viperctl("console", "-c", "await Note.objects.filter(text='later').delete()")
    assert "Collected 1 static file(s)" in viperctl(
        "collectstatic", "--no-input", "--hash", "--gzip"
    )
    assert "Backup completed successfully" in viperctl("backup-db", "--filename", "before")
    assert (
        viperctl(
            "console", "-c", "await Note.objects.all().delete(); print(await Note.objects.count())"
        )
        == "0\n"
    )
    assert "Database restored successfully." in viperctl(
        "restore-db", "backup/before.tar.gz", "--force"
    )
    assert (
        viperctl("console", "-c", "print([n.text for n in await Note.objects.all()])")
        == "['kept']\n"
    )


def test_create_project_needs_no_package(bare: Path, tmp_path: Path) -> None:
    script = ROOT / "openviper" / "__main__.py"
    command: list[str | Path] = [
        bare,
        "-I",
        "-W",
        "error",
        "-c",
        RUN,
        ROOT,
        script,
        "create-project",
        "shop",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=TIMEOUT, env={})
    assert (tmp_path / "shop/viperctl.py").is_file()
