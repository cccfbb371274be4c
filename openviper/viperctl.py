"""`openviper viperctl`: management commands for any layout of a project, without a script of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from openviper.core.management.base import CommandError
from openviper.core.management.dispatch import (
    USAGE_ERROR,
    dispatch,
    extract_settings_flag,
    guarded,
    show_commands,
)
from openviper.core.management.registry import BUILTIN, normalise
from openviper.exceptions import OpenViperException
from openviper.utils.terminal import Terminal

ALLOWED_COMMANDS: frozenset[str] = frozenset(BUILTIN)
"""The built-in commands; those of the project and of entry points are accepted too."""

DOT_ONLY = frozenset({"create-app", "create-command", "restore-db"})
"""Commands for which only a literal ``.`` is a target; any other word belongs to the command."""

USAGE = "Usage: openviper viperctl [--settings MODULE] COMMAND [TARGET] [ARGS...]"


def viperctl(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a management command.

    Args:
        argv: ``[--settings MODULE] COMMAND [TARGET] [ARGS...]``; the command line when not given.

    Raises:
        SystemExit: Always, with the exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    terminal = Terminal()
    sys.exit(guarded(lambda: _run(arguments, terminal), terminal))


def split_target(command: str, arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the target and the other arguments; without a target it is ``.``."""
    if not arguments:
        return ".", []
    first = arguments[0]
    takes_word = normalise(command) not in DOT_ONLY
    if first == "." or (takes_word and not first.startswith("-")):
        return first, list(arguments[1:])
    return ".", list(arguments)


def _run(argv: list[str], terminal: Terminal) -> int:
    try:
        explicit, arguments = extract_settings_flag(argv)
    except CommandError:
        terminal.note(USAGE)
        raise
    if not arguments:
        terminal.note(USAGE)
        raise CommandError("a command is missing", USAGE_ERROR)
    command = arguments[0]
    if command in ("--help", "-h", "help"):
        terminal.line(USAGE)
        terminal.line("TARGET is '.' (the default) or the dotted name of the project's package.\n")
        _prepare_for_help(explicit, terminal)
        show_commands("openviper viperctl", terminal)
        return 0
    target, rest = split_target(command, arguments[1:])
    if normalise(command) in BUILTIN and any(one in ("-h", "--help") for one in rest):
        return dispatch("openviper viperctl", [command, *rest])
    return _run_in_project(explicit, command, target, rest)


def _prepare_for_help(explicit: str | None, terminal: Terminal) -> None:
    """Make the commands of the project in the working directory known, if there is one."""
    # Late, here and below: usage errors need none of this.
    from openviper.core.flexible_adapter import FlexibleAdapter
    from openviper.utils.module_resolver import resolve_target
    from openviper.utils.settings_discovery import discover_settings_module

    module = discover_settings_module(".", explicit=explicit)
    if module is None:
        return
    try:
        FlexibleAdapter(resolve_target("."), module).prepare()
    except OpenViperException as error:  # Help is what a person asks for when nothing works.
        terminal.warning(f"the project's commands are not shown: {error}")


def _run_in_project(explicit: str | None, command: str, target: str, rest: list[str]) -> int:
    from openviper.core.flexible_adapter import FlexibleAdapter
    from openviper.core.management.discovery import list_commands, unknown_command
    from openviper.utils.module_resolver import TargetError, resolve_target
    from openviper.utils.settings_discovery import candidate_packages, discover_settings_module

    needs_project = not (
        normalise(command) in DOT_ONLY
        or (normalise(command) == "backup-db" and any(one.split("=")[0] == "--db" for one in rest))
    )
    settings_module = discover_settings_module(target, explicit=explicit)
    try:
        resolved = resolve_target(target)
    except TargetError as error:
        if normalise(command) not in (known := list_commands()):
            raise CommandError(f"{unknown_command(command, known)}; {error}") from None
        if needs_project and not (target == "." and settings_module is not None):
            raise
        # Settings without an app of their own, or a command that needs no project at all.
        sys.path.insert(0, os.getcwd())
        if settings_module is not None:
            os.environ["OPENVIPER_SETTINGS_MODULE"] = settings_module
        return dispatch("openviper viperctl", [command, *rest])
    if settings_module is None:
        _refuse_guessing(candidate_packages(os.getcwd()))
    adapter = FlexibleAdapter(resolved, settings_module)
    adapter.bootstrap()
    return dispatch("openviper viperctl", [command, *rest], load_settings=False)


def _refuse_guessing(packages: list[str]) -> None:
    if len(packages) > 1:
        raise CommandError(
            f"several packages have settings: {', '.join(packages)}; "
            f"name one, for example: --settings {packages[0]}.settings"
        )
    if os.environ.get("OPENVIPER_ENV", "").strip().lower() in ("production", "prod"):
        raise CommandError("No settings.py found; production needs settings, name them with --settings")
