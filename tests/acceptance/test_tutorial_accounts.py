"""The second part of the tutorial is true: it is played, and what it shows comes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.quickstart import Player, read_story
from tests.acceptance.running import ROOT, fetch, free_port, serving
from tests.acceptance.test_create_project import type_check

PAGE = ROOT / "docs" / "tutorial-accounts.md"


@pytest.mark.one_version
def test_the_second_part_of_the_tutorial_is_true(tmp_path: Path) -> None:
    player = Player(Path(sys.executable), tmp_path, "unused")
    player.environment["PYTHONPATH"] = str(ROOT)
    steps = list(read_story(PAGE))
    for step in steps:
        player.play(step)
    assert [step.title for step in steps if step.kind in ("python", "html")] == [
        "notes/models.py",
        "notes/views.py",
        "notes/routes.py",
        "templates/notes.html",
        "tests/test_notes.py",
    ]
    project = tmp_path / "club"
    type_check(project)
    port = free_port()
    words = ("viperctl.py", "start-server", "--no-reload", "--port", str(port))
    with serving(*words, cwd=project, port=port) as base:
        assert fetch(f"{base}/notes")[0] == 401
        assert "Sign up" in fetch(f"{base}/accounts/sign-up")[1]
        assert "accounts-accent" in fetch(f"{base}/static/accounts/accounts.css")[1]
