"""The smallest project that has a database, and its commands on a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SETTINGS = """
import dataclasses

from openviper.conf import Settings


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    SECRET_KEY: str = "for-this-test-only-0123456789-0123456789-0123456789"
    DATABASES: dict = dataclasses.field(
        default_factory=lambda: {
            "default": {"OPTIONS": {"URL": "sqlite:///db.sqlite3"}},
            "other": {"OPTIONS": {"URL": "sqlite:///other.sqlite3"}},
        }
    )
"""

SCRIPT = f"""
import os
import sys

sys.path[:0] = [{str(ROOT)!r}, os.path.dirname(os.path.abspath(__file__))]
os.environ["OPENVIPER_SETTINGS_MODULE"] = "settings"
from openviper.core.management import execute_from_command_line

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""


def make_project(directory: Path) -> None:
    """Write the settings and the `viperctl.py` of a project."""
    (directory / "settings.py").write_text(SETTINGS)
    (directory / "viperctl.py").write_text(SCRIPT)


def command(*arguments: str) -> list[str]:
    """Return the command line that runs a management command with no package but ours in reach."""
    return [sys.executable, "-I", "-S", "viperctl.py", *arguments]


def run(directory: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a management command in a project to its end, with standard input that is no terminal."""
    return subprocess.run(
        command(*arguments), cwd=directory, input=stdin, capture_output=True, text=True, timeout=180
    )
