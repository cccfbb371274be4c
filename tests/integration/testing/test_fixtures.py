"""Every fixture, in a project, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.testing.everything import EVERYTHING
from tests.integration.testing.project import configured_url, make_project, run_pytest
from tests.servers import VENDORS

pytestmark = pytest.mark.one_version


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_fixture_does_what_it_says(vendor: str, tmp_path: Path) -> None:
    make_project(tmp_path, test_everything=EVERYTHING)
    with configured_url(vendor, tmp_path) as url:
        result = run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "__snapshots__" / "test_everything" / "test_snapshots.txt").exists()
