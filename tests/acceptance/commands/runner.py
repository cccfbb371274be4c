"""Running OpenViper as a person does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VIPERCTL = (
    "import sys\nfrom openviper.core.management import execute_from_command_line\n\n"
    'if __name__ == "__main__":\n    execute_from_command_line(sys.argv)\n'
)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of the child: ours without settings, with the checkout on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENVIPER_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **more}


def python(
    directory: Path, *arguments: str, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in a directory to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=180,
    )


def openviper(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m openviper``."""
    return python(directory, "-m", "openviper", *arguments, **more)


def viperctl(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the project's own `viperctl.py`."""
    return python(directory, "viperctl.py", *arguments, **more)
