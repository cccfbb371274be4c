"""`openviper viperctl`: management commands for any layout of a project, without a script of its own."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from openviper.core.management.builtin_commands import BUILTIN, SETTINGS_OPTIONAL, normalise
from openviper.core.management.dispatch import (
    USAGE_ERROR,
    dispatch,
    extract_settings_flag,
    guarded,
    load_command,
    refuse_unknown,
    show_commands,
)
from openviper.core.management.errors import unknown_command
from openviper.core.management.listing import list_commands
from openviper.exceptions import OpenViperException
from openviper.project.deployment import is_production
from openviper.project.settings_module import candidate_packages, discover_settings_module
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from typing import NoReturn

    from openviper.core.management.completion.candidates import Candidate
    from openviper.project.target import ResolvedModule, TargetError

ALLOWED_COMMANDS: frozenset[str] = frozenset(BUILTIN)
"""The built-in commands; those of the project and of entry points are accepted too."""

DOT_ONLY = frozenset(
    {
        "api-keys",
        "create-app",
        "create-command",
        "create-provider",
        "find-static",
        "restore-db",
        "roles",
        "send-test-email",
        "settings",
        "sql-of",
        "tasks",
        "vendor",
        "verify",
        "version",
    }
)
"""Commands for which only a literal ``.`` is a target; any other word belongs to the command."""
WITHOUT_PROJECT = frozenset(
    {
        "create-app",
        "create-command",
        "create-provider",
        "restore-db",
        "tasks",
        "vendor",
        "verify",
        "version",
    }
)
"""Commands that need no project."""

APP_FILES = ("models.py", "routes.py")
"""What makes the working directory the app itself; see `openviper.project.target`."""

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
    """Return the target and the other arguments; without a target it is ``.``.

    The target is the first word that is neither an option nor the value of one. For the commands of `DOT_ONLY`, and for
    those of a project where options come first, only a literal ``.`` is one.
    """
    places = _word_places(command, arguments)
    if normalise(command) in DOT_ONLY:
        places = [place for place in places if arguments[place] == "."]
    if not places:
        return ".", list(arguments)
    return arguments[places[0]], without(arguments, places[0])


def without(arguments: Sequence[str], place: int) -> list[str]:
    """Return the arguments less the one at a place."""
    return [*arguments[:place], *arguments[place + 1 :]]


def _word_places(command: str, arguments: Sequence[str]) -> list[int]:
    """Return where the words of a command line are that are neither options nor values of options."""
    name = normalise(command)
    is_plain = bool(arguments) and not arguments[0].startswith("-")
    if is_plain and name not in DOT_ONLY:
        return [0]  # Without a look at the parser, for most command lines.
    if name not in BUILTIN:
        return []  # Its parser is known only when the project is; see `_without_late_target`.
    return positional_places(load_command(name).create_parser("viperctl", name), arguments)


def positional_places(parser: ArgumentParser, arguments: Sequence[str]) -> list[int]:
    """Return where the positional arguments of a command line are."""
    # Late: it imports argparse, which most command lines do without here.
    from openviper.core.management.completion.candidates import Position

    position = Position(parser)
    return [
        place
        for place, word in enumerate(arguments)
        if position.read(word) and not position.passed_on
    ]


def _without_late_target(command: str, arguments: list[str]) -> list[str]:
    """Return the arguments of a project's own command less a ``.`` behind its options."""
    if "." not in arguments:
        return arguments
    parser = load_command(command).create_parser("viperctl", command)
    places = positional_places(parser, arguments)
    if places and arguments[places[0]] == ".":
        return without(arguments, places[0])
    return arguments


def complete(words: Sequence[str]) -> list[Candidate]:
    """Return what may come next after ``openviper viperctl``; the last of the words may be unfinished or empty."""
    # Late: only a shell asks for it.
    from openviper.core.management.completion.answers import complete_management

    def prepare(target: str) -> None:
        explicit, _ = extract_settings_flag(words[:-1])
        sys.path.insert(0, os.getcwd())
        _make_known(target, explicit)

    return complete_management(words, prepare, split_target=split_target)


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
    if command.startswith("-"):
        terminal.note(USAGE)
        return dispatch("openviper viperctl", [command])  # Which says what is wrong with it.
    target, rest = split_target(command, arguments[1:])
    if normalise(command) in BUILTIN and not {"-h", "--help"}.isdisjoint(rest):
        return dispatch("openviper viperctl", [command, *rest])
    return _run_in_project(explicit, command, target, rest)


def _prepare_for_help(explicit: str | None, terminal: Terminal) -> None:
    """Make the commands of the project in the working directory known, if there is one."""
    try:
        _make_known(".", explicit)
    except OpenViperException as error:  # Help is what a person asks for when nothing works.
        terminal.warning(f"the project's commands are not shown: {error}")


def _make_known(target: str, explicit: str | None) -> None:
    # Late, here and below: usage errors need none of this.
    from openviper.core.flexible_adapter import FlexibleAdapter

    module = discover_settings_module(target, explicit=explicit)
    if module is not None:
        FlexibleAdapter.at(target, module).prepare()


def _run_in_project(explicit: str | None, command: str, target: str, rest: list[str]) -> int:
    name = normalise(command)
    settings_module = discover_settings_module(target, explicit=explicit)
    if settings_module is not None and name not in BUILTIN and target == ".":
        _refuse_early(command, settings_module)
    # Late: see `_refuse_early`.
    from openviper.project.target import TargetError, resolve_target

    try:
        resolved = resolve_target(target)
    except TargetError as error:
        _refuse_unknown_here(command, error)
        has_settings = target == "." and settings_module is not None
        if _needs_project(name, rest) and not has_settings:
            raise
        return _run_without_app(settings_module, [command, *rest])
    if settings_module is None and _needs_project(name, rest):
        _refuse_guessing()
    return _run_on(resolved, settings_module, [command, *rest])


def _needs_project(name: str, arguments: Sequence[str]) -> bool:
    if name == "backup-db":
        return not any(argument.partition("=")[0] == "--db" for argument in arguments)
    return name not in WITHOUT_PROJECT


def _refuse_unknown_here(command: str, reason: TargetError) -> None:
    known = list_commands()
    if normalise(command) not in known:
        raise CommandError(f"{unknown_command(command, known)}; {reason}") from None


def _run_without_app(settings_module: str | None, arguments: list[str]) -> int:
    """Run a command with settings that have no app of their own, or that needs no project at all."""
    sys.path.insert(0, os.getcwd())
    if settings_module is not None:
        os.environ["OPENVIPER_SETTINGS_MODULE"] = settings_module
    return dispatch("openviper viperctl", arguments)


def _refuse_early(command: str, settings_module: str) -> None:
    """Refuse an unknown command of a project that is a package, before anything that takes time is imported."""
    here = os.getcwd()
    if "." not in settings_module or any(
        os.path.isfile(os.path.join(here, name)) for name in APP_FILES
    ):
        return  # The working directory is the app itself, whose commands are not known yet.
    if here not in sys.path:
        sys.path.insert(0, here)
    os.environ["OPENVIPER_SETTINGS_MODULE"] = settings_module
    refuse_unknown(command)


def _run_on(resolved: ResolvedModule, settings_module: str | None, arguments: list[str]) -> int:
    # Late: see `_make_known`.
    from openviper.core.flexible_adapter import FlexibleAdapter

    adapter = FlexibleAdapter(resolved, settings_module)
    if normalise(arguments[0]) not in SETTINGS_OPTIONAL:
        adapter.bootstrap()
        if normalise(arguments[0]) not in BUILTIN:
            arguments = [arguments[0], *_without_late_target(arguments[0], arguments[1:])]
        return dispatch("openviper viperctl", arguments, load_settings=False)
    # These commands also run where there are no valid settings, and say themselves what is wrong with them.
    if settings_module is not None:
        with suppress(OpenViperException):
            adapter.prepare()
    return dispatch("openviper viperctl", arguments, load_settings=False)


def _refuse_guessing() -> None:
    packages = candidate_packages(os.getcwd())
    if len(packages) > 1:
        raise CommandError(
            f"several packages have settings: {', '.join(packages)}; "
            f"name one, for example: --settings {packages[0]}.settings"
        )
    if is_production():
        raise CommandError(
            "No settings.py found; production needs settings, name them with --settings"
        )
