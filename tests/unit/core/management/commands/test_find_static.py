"""`find-static`: which file answers for a static path."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.commands.find_static import find
from tests.projects import write


def test_all_files_of_a_path_are_found_in_the_order_in_which_they_win(tmp_path: Path) -> None:
    write(tmp_path, {"a/css/x.css": "", "b/css/x.css": "", "b/y.css": ""})
    directories = [tmp_path / "a", tmp_path / "b"]
    assert find("css/x.css", directories) == [tmp_path / "a/css/x.css", tmp_path / "b/css/x.css"]
    assert find("y.css", directories) == [tmp_path / "b/y.css"]
    assert find("css", directories) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_a_path_that_leads_outside_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a path below"):
        find(path, [tmp_path])
