"""The third part of the tutorial is true: it is played, and what it shows comes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scripts.quickstart import Player, read_story
from tests.acceptance.running import ROOT, fetch, free_port, serving
from tests.acceptance.test_create_project import type_check

PAGE = ROOT / "docs" / "tutorial-api.md"


@pytest.mark.one_version
def test_the_third_part_of_the_tutorial_is_true(tmp_path: Path) -> None:
    player = Player(Path(sys.executable), tmp_path, "unused")
    player.environment["PYTHONPATH"] = str(ROOT)
    steps = list(read_story(PAGE))
    for step in steps:
        player.play(step)
    project = tmp_path / "catalogue"
    type_check(project)
    shown = {step.title: "\n".join(step.lines) for step in steps if step.kind == "json"}
    assert len(shown) == 4
    port = free_port()
    words = ("viperctl.py", "start-server", "--no-reload", "--port", str(port))
    with serving(*words, cwd=project, port=port) as base:
        for address, text in shown.items():
            status, body = fetch(f"{base}{address}")
            assert status == (422 if "titel" in address else 200)
            assert json.loads(body) == json.loads(text)
        assert "/api/books/{book}/reviews" in fetch(f"{base}/open-api/openapi.json")[1]
        assert fetch(f"{base}/open-api/docs")[0] == 200
