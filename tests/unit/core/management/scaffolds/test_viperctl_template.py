"""The `viperctl.py` of a new project, where there is no OpenViper."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from string import Template

import pytest

from openviper.core.management import scaffolds

TEMPLATE = Path(scaffolds.__file__).parent / "templates/project/viperctl.py.tmpl"


@pytest.mark.parametrize(
    ("package", "last"),
    [
        (
            None,
            "has no OpenViper, and neither vendor/VENDOR.json nor openviper.pyz is beside viperctl.py",
        ),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_python_without_openviper_is_one_line_and_other_faults_show_whole(
    tmp_path: Path, package: str | None, last: str
) -> None:
    (tmp_path / "viperctl.py").write_text(Template(TEMPLATE.read_text()).substitute(name="shop"))
    if package is not None:
        (tmp_path / "vendor/openviper").mkdir(parents=True)
        (tmp_path / "vendor/VENDOR.json").touch()
        (tmp_path / "vendor/openviper/__init__.py").write_text(package)
    command = [sys.executable, "-I", "-S", "viperctl.py", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    # Python 3.15 adds a guess at the cause.
    assert last in done.stderr.rstrip().rpartition("\n")[2]
    assert ("Traceback" in done.stderr) is (package is not None)


@pytest.mark.parametrize("name", ["openviper.pyz", "vendor/VENDOR.json"])
def test_what_is_there_and_holds_no_openviper_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "viperctl.py").write_text(Template(TEMPLATE.read_text()).substitute(name="shop"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"PK\x03\x04 cut short")
    command = [sys.executable, "-I", "-S", "viperctl.py", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    place = tmp_path / name.removesuffix("/VENDOR.json")
    assert done.stderr.endswith(f"has no OpenViper, and none can be read from {str(place)!r}\n")
