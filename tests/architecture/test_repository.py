"""What the repository may hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    ".gitignore",
    ".ci",
    "openviper",
    "tests",
    "typings",
    "docs",
    "scripts",
}


def test_nothing_but_the_designed_top_level_is_tracked() -> None:
    result = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in result.stdout.splitlines()} <= TOP_LEVEL


def test_a_long_file_says_why_it_is_long() -> None:
    for path in sorted((ROOT / "openviper").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        assert lines <= 800, f"{path} has {lines} lines"
        assert lines <= 500 or "This file is long because" in text, (
            f"{path} has {lines} lines and gives no reason"
        )


def test_every_type_ignore_has_a_code_and_a_reason() -> None:
    for path in sorted((ROOT / "openviper").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            _, found, rest = line.partition("# type: ignore")
            if found:
                assert rest.startswith("[") and len(rest.partition("]")[2].strip(" -#")) > 5, (
                    f"{path}:{number}"
                )


def test_the_manual_in_the_package_is_the_one_of_the_checkout() -> None:
    # Copies over a file system without links turn it into a file, and a wheel made from there has no manual.
    place = ROOT / "openviper" / "documentation" / "content"
    assert place.is_dir() and place.samefile(ROOT / "docs"), f"{place} is no link to docs"
