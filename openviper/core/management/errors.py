"""What a failing command says, and with which exit code it ends.

Apart from the base class of commands, whose argparse a wrong command name need not wait for.
"""

from __future__ import annotations

import os

from openviper.core.management.builtin_commands import normalise
from openviper.exceptions import OpenViperException
from openviper.utils.failures import CommandError
from openviper.utils.identifiers import closest
from openviper.utils.terminal import Terminal

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TRACEBACK_VARIABLE = "OPENVIPER_TRACEBACK"
"""With the value ``1``, expected failures show their traceback too."""

NO_THREAD = (
    "the system lets no further thread be started: a limit of processes or of memory is reached"
)

NO_WORKING_DIRECTORY = "the working directory does not exist any more"


def show_error(terminal: Terminal, error: BaseException) -> int | None:
    """Show an expected failure as one ``Error:`` line; with `OPENVIPER_TRACEBACK=1` the traceback comes first.

    Returns:
        The exit code, or `None`, with nothing shown, if the error is not an expected one.
    """
    if not _is_expected(error):
        return None
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        import traceback

        terminal.note("".join(traceback.format_exception(error)), end="")
    terminal.error(describe(error))
    return error.returncode if isinstance(error, CommandError) else 1


def _is_expected(error: BaseException) -> bool:
    if isinstance(error, (OpenViperException, OSError)) or is_missing_package(error):
        return True
    return _is_lack_of_threads(error) or _is_import_from_nowhere(error)


def _is_lack_of_threads(error: BaseException) -> bool:
    """Return whether the system refused a thread, for which Python has no class of its own."""
    return type(error) is RuntimeError and str(error) == "can't start new thread"


def _is_import_from_nowhere(error: BaseException) -> bool:
    """Tell whether an import failed because the working directory is gone; Python 3.13 raises `SystemError` then."""
    return isinstance(error, (ImportError, SystemError)) and not _has_working_directory()


def is_missing_package(error: BaseException) -> bool:
    """Return whether an error asks a person to install a package, in the words of the part that needs it."""
    return isinstance(error, ModuleNotFoundError) and "pip install" in str(error)


def describe(error: BaseException) -> str:
    """Return what an error says, on one line and never an empty text."""
    if isinstance(error, OSError) and not isinstance(error, OpenViperException) and error.strerror:
        return _describe_os_error(error)
    if _is_import_from_nowhere(error):
        return NO_WORKING_DIRECTORY
    if _is_lack_of_threads(error):
        return NO_THREAD
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line) or type(error).__name__


def _describe_os_error(error: OSError) -> str:
    if error.filename:
        return f"{error.strerror}: {error.filename!r}"
    if isinstance(error, FileNotFoundError) and not _has_working_directory():
        return NO_WORKING_DIRECTORY
    return error.strerror or str(error)


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def did_you_mean(name: str, candidates: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` with the candidate most like `name`, or nothing if none is like it."""
    match = closest(name, list(candidates))
    return f"; did you mean {match!r}?" if match else ""


def unknown_command(name: str, known: Sequence[str]) -> CommandError:
    """Return the error for a name that no command has: with the one that was probably meant, and all of them."""
    hint = _meant(normalise(name), known) or did_you_mean(normalise(name), known)
    return CommandError(f"Unknown command: {name!r}{hint} (valid commands: {', '.join(known)})")


ELSEWHERE = {
    "createapp": "create-app",
    "dbshell": "db-shell",
    "diffsettings": "settings",
    "dumpdata": "dump-data",
    "loaddata": "load-data",
    "inspectdb": "inspect-db",
    "runserver": "start-server",
    "runworker": "start-worker",
    "sendtestemail": "send-test-email",
    "shell": "console",
    "showmigrations": "schema-status",
    "sqlmigrate": "sql-of",
    "startapp": "create-app",
    "worker": "start-worker",
}
"""What other frameworks call our commands; hyphens are left out."""
STARTPROJECT = ("startproject", "createproject")


def _meant(name: str, known: Sequence[str]) -> str:
    """Return the hint for a name of another framework, or one of ours with other hyphens."""
    plain = name.replace("-", "").lower()
    if plain in STARTPROJECT:
        return "; use: openviper create-project NAME"
    by_plain_name = {command.replace("-", ""): command for command in known}
    match = by_plain_name.get(plain) or ELSEWHERE.get(plain)
    return f"; did you mean {match!r}?" if match in known else ""


def unknown_option(option: str, known: Sequence[str]) -> CommandError:
    """Return the error for an option in front of the command that is none of those known there."""
    hint = did_you_mean(option.partition("=")[0], known)
    return CommandError(f"unknown option {option!r} in front of the command{hint}", 2)
