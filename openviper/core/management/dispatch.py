"""From a command line to a command and an exit code."""

from __future__ import annotations

import gc
import os
import sys

from openviper.core.management.builtin_commands import (
    BUILTIN,
    RUN_WHEN_REFUSED,
    SETTINGS_OPTIONAL,
    normalise,
)
from openviper.core.management.completion import TRIGGER
from openviper.core.management.listing import BUILTIN_ORIGIN, CommandInfo, describe_commands
from openviper.project.settings_module import auto_discover_settings
from openviper.utils.terminal import Terminal, drop_output, show_all_characters

# Not from `typing`: see `openviper.utils.terminal`. For the same reason argparse and the errors are imported late here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from openviper.core.management.base import BaseCommand

__all__ = [
    "auto_discover_settings",
    "dispatch",
    "execute_from_command_line",
    "extract_settings_flag",
    "guarded",
    "load_command",
    "refuse_unknown",
    "show_commands",
]

USAGE_ERROR = 2
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


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
            value = _module_name(next(arguments, ""))
        elif argument.startswith("--settings="):
            value = _module_name(argument.partition("=")[2])
        else:
            remaining.append(argument)
    return value, remaining


def _module_name(value: str) -> str:
    if not value or value.startswith("-"):
        # Late, here and below: the errors are 3 ms, a fifteenth of the list of commands.
        from openviper.utils.failures import CommandError

        raise CommandError("option --settings needs the name of a module", USAGE_ERROR)
    return value


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


COLLECT_AFTER = 50_000
"""New objects after which the collector looks for cycles. Importing makes thousands and no garbage, and looking at them every
700 objects, as is the default, takes a fourteenth of a short command's time."""


def keep_until_the_end() -> None:
    """Tell the collector not to look again at what there is by now: modules, which stay, and their classes.

    At the end of the process it would otherwise take them apart, which is a twelfth of a short command's time.
    """
    gc.freeze()


def guarded(work: Callable[[], int], terminal: Terminal) -> int:
    """Run `work` and return its exit code; an expected failure becomes one ``Error:`` line, Ctrl-C the code 130."""
    gc.set_threshold(max(COLLECT_AFTER, gc.get_threshold()[0]))
    show_all_characters()
    try:
        return _flushed(work(), terminal)
    except KeyboardInterrupt:
        terminal.note("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()  # The reader has gone, as in `... | head`.
        return 1
    except Exception as error:
        # Late: see `_module_name`.
        from openviper.core.management.errors import show_error

        shown = show_error(terminal, error)
        if shown is None:
            raise
        return shown


def _flushed(code: int, terminal: Terminal) -> int:
    terminal.line(end="")  # Says it where standard output cannot take what is still buffered.
    return code


def _main(argv: list[str], terminal: Terminal) -> int:
    script = argv[0] if argv else "viperctl.py"
    if argv[1:2] == [TRIGGER]:
        return _complete(script, argv[2:], terminal)
    try:
        explicit, arguments = extract_settings_flag(argv[1:])
    except Exception:
        terminal.note(usage(script))
        raise
    _choose_settings(script, explicit)
    if arguments[:1] == ["--version"]:
        arguments = ["version"]
    if arguments[:1] == ["help"] and len(arguments) > 1:
        arguments = [arguments[1], "--help"]
    if not arguments or arguments[0] in ("help", "--help", "-h"):
        show_commands(script, terminal)
        keep_until_the_end()
        return 0
    if arguments[0].startswith("-"):
        terminal.note(usage(script))
    return dispatch(script, arguments)


def _complete(script: str, words: list[str], terminal: Terminal) -> int:
    # Late: only a shell asks for it.
    from openviper.core.management.completion.answers import complete_management, print_candidates

    def prepare(_target: str) -> None:
        _choose_settings(script, extract_settings_flag(words[:-1])[0])

    return print_candidates(
        terminal, lambda: complete_management(words, prepare, split_target=None)
    )


def _choose_settings(script: str, explicit: str | None) -> None:
    if explicit:
        os.environ["OPENVIPER_SETTINGS_MODULE"] = explicit
    elif not os.environ.get("OPENVIPER_SETTINGS_MODULE"):
        found = auto_discover_settings(script)
        if found:
            os.environ["OPENVIPER_SETTINGS_MODULE"] = found
    _make_importable(script)


def _make_importable(script: str) -> None:
    # Python puts the script's directory first by itself, unless isolated mode or `-P` says otherwise.
    directory = os.path.dirname(os.path.realpath(script))
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

    Raises:
        CommandError: If there is no such command, or it cannot be loaded.
        ImproperlyConfigured: If the settings cannot be used.
    """
    name = normalise(arguments[0])
    if name.startswith("-"):
        _refuse_option(arguments[0])
    if name not in BUILTIN:
        # Before the settings are loaded: a typing error is reported at once, and also where the settings are wrong.
        refuse_unknown(arguments[0])
    if load_settings and not _wants_help(arguments):
        # Late: `--help` loads no settings.
        from openviper.core.management.setting_up import load_settings as load

        load(optional=name in SETTINGS_OPTIONAL, when_refused=name in RUN_WHEN_REFUSED)
    command = load_command(name)
    keep_until_the_end()
    result = command.run_from_argv([script, *arguments])
    # A command may return its exit code; any other result is its own business.
    return result if type(result) is int else 0


def load_command(name: str) -> BaseCommand:
    """Return a new instance of a command, built in or of the project.

    Raises:
        CommandError: If there is no such command, or it cannot be loaded.
    """
    # Late: lists of commands and usage errors need no argparse.
    from openviper.core.management.command_lookup import find_command

    return find_command(name)


def _refuse_option(option: str) -> None:
    # Late: see `_module_name`.
    from openviper.core.management.errors import unknown_option

    raise unknown_option(option, ["--settings", "--help", "--version"])


def refuse_unknown(name: str) -> None:
    """Check that there is a command of this name, without importing any.

    Raises:
        CommandError: If there is none.
        ImproperlyConfigured: If the settings have to be loaded to know, and cannot be.
    """
    known = sorted({info.name for info in describe_commands()})
    if normalise(name) not in known:
        # Late: see `_module_name`.
        from openviper.core.management.errors import unknown_command

        keep_until_the_end()
        raise unknown_command(name, known)


def _wants_help(arguments: Sequence[str]) -> bool:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "-h" in own or "--help" in own


def usage(script: str) -> str:
    """Return the usage line of a script."""
    return f"Usage: {os.path.basename(script)} [--settings=<module>] <command> [options]"


def _add_others(groups: dict[str, list[tuple[str, str]]]) -> None:
    """Add the commands of apps and packages, below their origin."""
    for info in describe_commands():
        if info.origin != BUILTIN_ORIGIN:
            groups.setdefault(info.origin, []).append((info.name, _note(info)))


def show_commands(script: str, terminal: Terminal) -> None:
    """Write the usage line and the list of commands, grouped by origin, on standard output."""
    terminal.line(usage(script))
    terminal.line(
        f"\nRun '{os.path.basename(script)} help <command>' for the options of a command."
    )
    groups = {BUILTIN_ORIGIN: list(BUILTIN.items())}
    try:
        _add_others(groups)
    except Exception as error:
        # Help is what a person asks for when nothing works, whatever the settings raise.
        terminal.warning(f"the project's commands are not shown: {error}")
    for origin, rows in groups.items():
        width = max(len(row[0]) for row in rows)
        lines = [f"  {command.ljust(width)}  {summary}".rstrip() for command, summary in rows]
        terminal.line("\n".join([f"\n[{origin}]", *lines]))


def _note(info: CommandInfo) -> str:
    if info.shadowed_by:
        return f"(hidden by the command of {info.shadowed_by})"
    return _summary(info.name) if info.summary is None else info.summary


def _summary(name: str) -> str:
    # Late: only a command whose file does not say it in plain text has to be imported for it.
    from openviper.core.management.command_lookup import summary_of

    return summary_of(name)
