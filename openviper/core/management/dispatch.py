"""From a command line to a command and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from openviper.core.management.base import INTERRUPTED, CommandError, show_error
from openviper.core.management.registry import (
    BUILTIN,
    SETTINGS_OPTIONAL,
    describe_commands,
    find_builtin,
    find_command,
    normalise,
)
from openviper.exceptions import OpenViperException
from openviper.utils.settings_discovery import candidate_packages, has_settings
from openviper.utils.terminal import Terminal

USAGE_ERROR = 2


def extract_settings_flag(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take ``--settings X`` or ``--settings=X`` out of a command line.

    Everything after ``--`` is left alone.

    Returns:
        The value, the last one if there are several, and the other arguments.

    Raises:
        CommandError: With code 2, if the value is missing.
    """
    value: str | None = None
    remaining: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--":
            remaining += [argument, *arguments]
        elif argument == "--settings":
            value = next(arguments, "")
        elif argument.startswith("--settings="):
            value = argument.partition("=")[2]
        else:
            remaining.append(argument)
            continue
        if value == "" or (value is not None and value.startswith("-")):
            raise CommandError("option --settings needs the name of a module", USAGE_ERROR)
    return value, remaining


def auto_discover_settings(script_path: str) -> str | None:
    """Return the settings module that belongs to a `viperctl.py`.

    That of the package named like the script's directory, else of the only package beside the script that has one, else
    the module `settings` beside it.
    """
    directory = Path(script_path).resolve().parent
    own = directory / directory.name
    if (own / "__init__.py").is_file() and has_settings(own):
        return f"{directory.name}.settings"
    packages = candidate_packages(directory)
    if len(packages) == 1:
        return f"{packages[0]}.settings"
    return "settings" if has_settings(directory) else None


def execute_from_command_line(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command that a command line names.

    Args:
        argv: Script, command, arguments; `sys.argv` when not given.

    Raises:
        SystemExit: Always, with the exit code.
    """
    arguments = list(sys.argv if argv is None else argv)
    terminal = Terminal()
    sys.exit(guarded(lambda: _main(arguments, terminal), terminal))


def guarded(work: Callable[[], int], terminal: Terminal) -> int:
    """Run `work` and return its exit code; an expected failure becomes one ``Error:`` line, Ctrl-C the code 130."""
    try:
        return work()
    except KeyboardInterrupt:
        terminal.note("")
        return INTERRUPTED
    except CommandError as error:
        show_error(terminal, error)
        return error.returncode
    except BrokenPipeError:
        # The reader has gone, as in `... | head`; writing what is still buffered would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OpenViperException, OSError) as error:
        show_error(terminal, error)
        return 1


def _main(argv: list[str], terminal: Terminal) -> int:
    script = argv[0] if argv else "viperctl.py"
    explicit, arguments = extract_settings_flag(argv[1:])
    if explicit:
        os.environ["OPENVIPER_SETTINGS_MODULE"] = explicit
    elif not os.environ.get("OPENVIPER_SETTINGS_MODULE"):
        found = auto_discover_settings(script)
        if found:
            os.environ["OPENVIPER_SETTINGS_MODULE"] = found
    _make_importable(script)
    if not arguments or arguments[0] in ("help", "--help", "-h"):
        if len(arguments) > 1 and arguments[0] == "help":
            arguments = [arguments[1], "--help"]
        else:
            show_commands(script, terminal)
            return 0
    return dispatch(script, arguments)


def _make_importable(script: str) -> None:
    # Python puts the script's directory first by itself, unless isolated mode or `-P` says otherwise.
    directory = str(Path(script).resolve().parent)
    if os.path.isfile(script) and directory not in sys.path:
        sys.path.insert(0, directory)


def dispatch(script: str, arguments: Sequence[str], *, load_settings: bool = True) -> int:
    """Run one command with the settings that the environment names.

    Args:
        script: What to call the program in usage lines.
        arguments: The command's name and its arguments.
        load_settings: `False` when they are in place already.

    Returns:
        The exit code.
    """
    name = arguments[0]
    wants_help = any(argument in ("-h", "--help") for argument in _before_separator(arguments[1:]))
    command = find_builtin(name) if normalise(name) in BUILTIN else None
    if load_settings and not (command is not None and wants_help):
        _load_settings(optional=normalise(name) in SETTINGS_OPTIONAL)
    if command is None:
        command = find_command(name)
    return _exit_code(command.run_from_argv([script, *arguments]))


def _before_separator(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _exit_code(result: Any) -> int:
    # A command may return its exit code; any other result is its own business.
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _load_settings(*, optional: bool) -> None:
    try:
        from openviper.apps.bootstrap import setup

        if os.environ.get("OPENVIPER_SETTINGS_MODULE"):
            setup(force=True)
    except (OpenViperException, RuntimeError):
        if not optional:
            raise


def show_commands(script: str, terminal: Terminal) -> None:
    """Write the usage line and the list of commands, grouped by origin, on standard output."""
    name = os.path.basename(script)
    terminal.line(f"Usage: {name} [--settings=<module>] <command> [options]")
    terminal.line(f"\nRun '{name} help <command>' for the options of a command.")
    groups: dict[str, list[tuple[str, str]]] = {"openviper": list(BUILTIN.items())}
    try:
        for info in describe_commands():
            if info.origin == "openviper":
                continue
            note = f"(hidden by the command of {info.shadowed_by})" if info.shadowed_by else info.summary
            groups.setdefault(info.origin, []).append((info.name, note or _summary(info.name)))
    except (OpenViperException, RuntimeError, OSError) as error:
        terminal.warning(f"the project's commands are not shown: {error}")
    for origin, rows in groups.items():
        terminal.line(f"\n[{origin}]")
        width = max(len(row[0]) for row in rows)
        for command, summary in rows:
            terminal.line(f"  {command.ljust(width)}  {summary}".rstrip())


def _summary(name: str) -> str:
    try:
        return find_command(name).help.strip().partition("\n")[0]
    except CommandError as error:
        return f"(cannot be loaded: {error})"
