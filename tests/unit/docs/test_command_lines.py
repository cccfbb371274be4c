"""Every command line that a page shows is one that our commands take."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN, normalise
from openviper.core.management.command_lookup import find_builtin
from openviper.core.management.subcommands import build_parser
from openviper.documentation.pages import read_page

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    # That page is written from the parsers themselves, with usage lines in it.
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name != "commands.md"),
]
# Written for people to replace, or made by the page itself.
OWN_COMMANDS = {"import_books", "import-books", "send-reports", "greet"}
CALL = re.compile(
    r"(?:^|[\s=(/])(?P<call>viperctl\.py|openviper viperctl(?: \.)?|openviper) (?P<rest>[^#\n]*)"
)
RUNNABLE = {"sh", "bash", "console", "ini", "text", ""}


@dataclass(frozen=True)
class Shown:
    page: str
    line: str
    is_viperctl: bool
    words: tuple[str, ...]


def shown_commands() -> Iterator[Shown]:
    for path in PAGES:
        page = read_page(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for block in page.blocks:
            if block.language in RUNNABLE and not block.title.endswith(".py"):
                yield from commands_in(page.path, block.text, block.language)


def commands_in(page: str, text: str, language: str) -> Iterator[Shown]:
    text = text.replace("\\\n", " ")
    for line in text.splitlines():
        if language == "console" and not line.startswith("$ "):
            continue
        match = CALL.search(line)
        if match is None or line.lstrip("$ ").startswith("#"):
            continue
        words = until_shell(match["rest"])
        if words:
            yield Shown(page, line, match["call"] != "openviper", tuple(words))


def until_shell(rest: str) -> list[str]:
    """Return the words up to what belongs to the shell; none where a quote runs over the line."""
    splitter = shlex.shlex(rest, posix=True, punctuation_chars="|&;<>()")
    splitter.whitespace_split = True
    words = []
    try:
        for word in splitter:
            if set(word) <= set("|&;<>()"):
                break
            words.append(word)
    except ValueError:
        return []
    return words


def parser_of(shown: Shown) -> tuple[argparse.ArgumentParser, list[str]]:
    words = list(shown.words)
    if not shown.is_viperctl:
        return build_parser(), words
    name = normalise(words[0])
    return find_builtin(name).create_parser("viperctl.py", name), words[1:]


SHOWN = [
    shown
    for shown in shown_commands()
    if not shown.words[0].startswith(("[", "COMMAND", "<"))
    and "..." not in shown.words
    and shown.words[0] not in OWN_COMMANDS
    # A synopsis.
    and not any(word.startswith("[") for word in shown.words)
]


def test_there_are_command_lines() -> None:
    assert len(SHOWN) > 60


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: f"{shown.page}: {shown.line.strip()}")
def test_every_command_line_of_the_manual_is_understood(shown: Shown) -> None:
    if shown.is_viperctl:
        assert normalise(shown.words[0]) in BUILTIN, f"there is no command {shown.words[0]!r}"
    parser, words = parser_of(shown)
    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        try:
            parser.parse_args(words)
        except SystemExit as stop:
            # `--help` and `--version` end too, with 0.
            assert not stop.code, f"{shown.page}: {shown.line}\n{error.getvalue()}"
