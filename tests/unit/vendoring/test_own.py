from __future__ import annotations

import tomllib
from email.parser import BytesParser
from pathlib import Path

from openviper.vendoring import own

ROOT = Path(__file__).resolve().parents[3]


def project() -> dict[str, object]:
    described: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return described


def test_what_is_carried_says_the_same_as_the_project_file() -> None:
    described = project()
    metadata = BytesParser().parsebytes(own.metadata())
    assert metadata["Name"] == described["name"]
    assert metadata["Summary"] == described["description"]
    assert metadata["Requires-Python"] == described["requires-python"]
    assert list(own.REQUIREMENTS) == described["dependencies"]
    assert {"text": own.LICENCE} == described["license"]


def test_the_drivers_are_those_of_the_project_file() -> None:
    extras = project()["optional-dependencies"]
    assert isinstance(extras, dict)
    assert {name: [extra.requirement] for name, extra in own.EXTRAS.items()} == {
        name: extras[name] for name in own.EXTRAS
    }
    metadata = BytesParser().parsebytes(own.metadata())
    assert metadata.get_all("Provides-Extra") == list(own.EXTRAS)


def test_the_entry_points_are_those_of_the_project_file() -> None:
    described = project()
    lines = own.ENTRY_POINTS.splitlines()
    scripts, plugins = described["scripts"], described["entry-points"]
    assert isinstance(scripts, dict) and isinstance(plugins, dict)
    wanted = [f"{name} = {value}" for name, value in scripts.items()]
    wanted += [f"{name} = {value}" for name, value in plugins["pytest11"].items()]
    assert [line for line in lines if " = " in line] == wanted


def test_every_file_of_the_package_is_carried_and_no_cache() -> None:
    files = own.package_files()
    assert files["openviper/__init__.py"] == (ROOT / "openviper/__init__.py").read_bytes()
    assert "openviper/core/management/commands/test.py" in files
    assert "openviper/auth/schemas/User.json" in files
    assert "openviper/py.typed" in files
    assert not [name for name in files if "__pycache__" in name]


def test_the_licence_is_that_of_the_repository() -> None:
    assert own.licence_text() == (ROOT / "LICENSE").read_bytes()
