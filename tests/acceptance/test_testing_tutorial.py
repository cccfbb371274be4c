"""The tutorial about tests is true: its tests pass in the tutorial's project, on every database."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, succeed
from tests.integration.testing.project import configured_url, left_behind
from tests.servers import VENDORS

TUTORIAL = (ROOT / "docs/testing-tutorial.md").read_text()
WITHOUT_NETWORK = (ROOT / "docs/how-to/test-without-network.md").read_text()

pytestmark = pytest.mark.one_version


def block(text: str, title: str) -> str:
    """Return a titled block of a page."""
    found = re.search(rf'^```python title="{title}"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Play the first tutorial, and add the files of tests."""
    demo = tmp_path_factory.mktemp("demo")
    succeed(
        ROOT / "scripts/quickstart.py", "--no-venv", "--no-serve", "--directory", demo, cwd=demo
    )
    project = demo / "library"
    (project / "tests/test_books.py").write_text(block(TUTORIAL, "tests/test_books.py"))
    (project / "tests/test_weather.py").write_text(block(WITHOUT_NETWORK, "tests/test_weather.py"))
    return project


def run(project: Path, *arguments: str, **variables: str) -> str:
    """Run the project's tests and return what they say."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENVIPER_")}
    # A person makes the first snapshot at a desk; in CI a missing one fails.
    kept.pop("CI", None)
    ended = subprocess.run(
        [sys.executable, "viperctl.py", "test", *arguments],
        cwd=project,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p no:asyncio"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_tests_of_the_tutorial_pass_on_every_database_and_leave_nothing(
    library: Path, tmp_path: Path, vendor: str
) -> None:
    before = (library / "db.sqlite3").read_bytes()
    with configured_url(vendor, tmp_path) as url:
        assert "12 passed" in run(library, OPENVIPER_DATABASE_URL=url)
        assert left_behind(vendor, url) == []
    assert (library / "db.sqlite3").read_bytes() == before


def test_four_processes_share_the_tests(library: Path) -> None:
    pytest.importorskip("xdist")
    assert "12 passed" in run(library, "--", "-n", "4")
    assert not list(library.glob("test_db*"))
