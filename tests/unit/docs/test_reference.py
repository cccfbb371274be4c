"""The generated pages of the reference."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.checks.findings import CODES
from openviper.core.management.command_lookup import find_builtin
from openviper.core.management.subcommands import build_parser

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "script", ["build_settings_doc.py", "build_commands_doc.py", "build_names_doc.py"]
)
def test_the_pages_are_what_the_script_would_write(script: str) -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def section(title: str) -> str:
    """Return the text below a heading up to the next one."""
    found = re.search(
        rf"^### `{re.escape(title)}`$(.*?)(?=^##|\Z)", COMMANDS, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{title} is missing from docs/reference/commands.md"
    return found[1]


def assert_complete(parser: argparse.ArgumentParser, title: str) -> None:
    """Demand that every argument of a parser stands in its section, with a meaning."""
    text = section(title)
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            continue
        names = action.option_strings or [str(action.metavar or action.dest)]
        row = re.search(rf"^\| [^|]*`{re.escape(names[0])}[ `][^|]*\| (.+) \|$", text, re.MULTILINE)
        assert row is not None, f"{names[0]} of {title} is missing from docs/reference/commands.md"
        assert row[1].strip(), f"{names[0]} of {title} has no help"
        assert all(f"`{name}" in row[0] for name in names)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    assert_complete(find_builtin(name).create_parser("viperctl.py", name), name)


def test_every_sub_command_of_openviper_is_in_the_reference() -> None:
    parser = build_parser()
    assert_complete(parser, "openviper")
    commands = next(
        action.choices for action in parser._actions if isinstance(action.choices, dict)
    )
    for name, sub in commands.items():
        if name != "viperctl":
            assert_complete(sub, f"openviper {name}")
    assert "`openviper viperctl [--settings MODULE] COMMAND [TARGET] ...`" in COMMANDS


def test_every_code_of_check_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z]+\.[EW]\d{3})` \|", page, re.MULTILINE) == list(CODES)


def test_every_public_package_is_in_the_reference_of_names() -> None:
    text = (ROOT / "docs/reference/names.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^## `(openviper[\w.]*)`$", text, re.MULTILINE))
    public = {"openviper.core.email"} | {
        "openviper" if path.parent == ROOT / "openviper" else f"openviper.{path.parent.name}"
        for path in (ROOT / "openviper").glob("**/__init__.py")
        if len(path.relative_to(ROOT / "openviper").parts) <= 2
        and re.search(r"^__all__\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(public - listed) == []
