"""Answers to a shell that asks what may come next, for both front ends.

Whatever is wrong with the project, pressing Tab is no time to say so: then fewer words are offered.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import suppress

from openviper.core.management.builtin_commands import BUILTIN, normalise
from openviper.core.management.completion.candidates import Candidate, from_parser, matching
from openviper.core.management.listing import describe_commands, installed_apps
from openviper.project.settings_module import candidate_packages
from openviper.utils.terminal import Terminal

FRONT_OPTIONS = (
    Candidate("--settings", "module with the settings"),
    Candidate("--help", "list the commands"),
)
Prepare = Callable[[str], None]
"""Makes the project that a target names known: its settings and the path of its modules."""


def print_candidates(terminal: Terminal, find: Callable[[], list[Candidate]]) -> int:
    """Write candidates, a line each with a tab before the help, and return the exit code, which is always 0."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        stderr, sys.stderr = sys.stderr, nowhere
        found: list[Candidate] = []
        try:
            # SystemExit as well: a project's own parser may do anything.
            with suppress(Exception, SystemExit):
                found = find()
        finally:
            sys.stderr = stderr
    for candidate in found:
        terminal.line(f"{candidate.word}\t{candidate.help}" if candidate.help else candidate.word)
    return 0


def complete_openviper(
    parser: ArgumentParser,
    words: Sequence[str],
    complete_viperctl: Callable[[Sequence[str]], list[Candidate]],
) -> list[Candidate]:
    """Return what may come next after ``openviper``.

    Args:
        parser: That of the `openviper` command.
        words: What has been typed after the program's name; the last one may be unfinished or empty.
        complete_viperctl: Does the same for what follows ``openviper viperctl``.
    """
    *before, current = tidy(words)
    if not before:
        return from_parser(parser, before, current, {})
    if before[0] == "viperctl":
        return complete_viperctl([*before[1:], current])
    choices = [action.choices for action in parser._actions]
    parsers: dict[str, ArgumentParser] = next(found for found in choices if isinstance(found, dict))
    own = parsers.get(before[0])
    return from_parser(own, before[1:], current, {}) if own is not None else []


def complete_management(
    words: Sequence[str],
    prepare: Prepare,
    *,
    split_target: Callable[[str, list[str]], tuple[str, list[str]]] | None,
) -> list[Candidate]:
    """Return what may come next on the command line of a dispatcher.

    Args:
        words: What has been typed after the program's name; the last one may be unfinished or empty.
        prepare: Called once the target is known.
        split_target: Parts target and arguments of a command; `None` where the grammar has no target.
    """
    *before, current = tidy(words)
    if before and before[-1] == "--settings":
        return matching(
            [Candidate(f"{name}.settings") for name in candidate_packages(os.getcwd())], current
        )
    command, arguments = _command_and_arguments(before)
    if command is None:
        with suppress(Exception):
            prepare(".")
        return matching([*_commands(), *FRONT_OPTIONS], current)
    if split_target is None:
        prepare(".")
        return _arguments(command, arguments, current)
    target, rest = split_target(command, arguments)
    if not arguments and split_target(command, ["x"])[0] == "x" and not current.startswith("-"):
        return matching([Candidate(".", "the project here"), *map(Candidate, _targets())], current)
    with suppress(Exception):
        prepare(target)
    return _arguments(command, rest, current)


def tidy(words: Sequence[str]) -> list[str]:
    """Return the words with the last one empty instead of the ``=`` that bash makes a word of its own."""
    words = list(words) or [""]
    return [*words[:-1], "" if words[-1] == "=" else words[-1]]


def _command_and_arguments(before: Sequence[str]) -> tuple[str | None, list[str]]:
    words = iter(before)
    remaining = []
    for word in words:
        if word == "--settings":
            next(words, None)
        elif not word.startswith("--settings="):
            remaining.append(word)
    return (remaining[0], remaining[1:]) if remaining else (None, [])


def _commands() -> list[Candidate]:
    with suppress(Exception):
        found = {
            info.name: Candidate(info.name, info.summary or "")
            for info in reversed(describe_commands())
        }
        return [found[name] for name in sorted(found)]
    return [Candidate(name, summary) for name, summary in BUILTIN.items()]


def _targets() -> list[str]:
    here = os.getcwd()
    return [name for name in sorted(os.listdir(here)) if _is_target(os.path.join(here, name))]


def _is_target(directory: str) -> bool:
    if not os.path.isfile(os.path.join(directory, "__init__.py")):
        return False
    return any(os.path.exists(os.path.join(directory, name)) for name in _TARGET_FILES)


_TARGET_FILES = ("models.py", "routes.py", "settings.py", "settings")


def _arguments(command: str, before: Sequence[str], current: str) -> list[Candidate]:
    if command == "help":
        return matching(_commands(), current) if not before else []
    # Late: a word before the command takes no parser.
    from openviper.core.management.command_lookup import find_command

    parser = find_command(command).create_parser("viperctl.py", normalise(command))
    sources = {
        "app_label": app_labels,
        "app_labels": app_labels,
        "app_name": app_labels,
        "labels": app_labels,
        "database": database_aliases,
        "databases": database_aliases,
    }
    return from_parser(parser, before, current, sources)


def app_labels() -> list[str]:
    """Return the labels of the installed apps: the last parts of their names, the whole name where two are alike."""
    apps = installed_apps()
    short = [app.rpartition(".")[2] for app in apps]
    return [
        label if short.count(label) == 1 else app for label, app in zip(short, apps, strict=True)
    ]


def database_aliases() -> list[str]:
    """Return the aliases of the configured databases."""
    # Late, as all that loads settings: most words are completed without them.
    from openviper.core.management.aliases import database_aliases as configured

    return configured()
