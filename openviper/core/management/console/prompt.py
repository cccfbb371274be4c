"""The interactive prompt: IPython where it is installed, else the standard library's."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from code import InteractiveConsole
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from openviper.core.management.console.evaluation import FILENAME, Evaluator, show_traceback

HISTORY_LINES = 2000


def start_prompt(evaluator: Evaluator, banner: str) -> None:
    """Talk to the person at the terminal until they leave.

    Args:
        evaluator: Runs what they type.
        banner: Shown first.

    Raises:
        SystemExit: As typed code raised it.
    """
    if importlib.util.find_spec("IPython") is not None and start_ipython(evaluator, banner):
        return
    with history(evaluator):
        Prompt(evaluator).interact(banner, exitmsg="")


class Prompt(InteractiveConsole):
    """The standard library's console, with top-level await."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(locals=evaluator.namespace, filename=FILENAME)
        self.evaluator = evaluator
        self.compile.compiler.flags |= PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runcode(self, code: CodeType) -> None:
        """Run one input; whatever it raises is shown, and the prompt goes on."""
        try:
            self.evaluator.run_code(code)
        except KeyboardInterrupt:
            self.write("\nKeyboardInterrupt\n")
        except Exception as error:
            show_traceback(error, FILENAME, self.write)


def start_ipython(evaluator: Evaluator, banner: str) -> bool:
    """Start IPython in the namespace; what is awaited runs on the evaluator's loop.

    Returns:
        `False` if IPython cannot be used after all, as when a package it needs is missing.
    """
    try:
        from IPython.terminal.ipapp import TerminalIPythonApp
        from traitlets.config import Config
    except ImportError:
        return False
    config = Config()
    config.TerminalInteractiveShell.banner1 = f"{banner}\n"
    app = TerminalIPythonApp.instance(user_ns=evaluator.namespace, config=config)
    app.initialize([])
    # Not in the configuration, which is copied with all that hangs on it.
    app.shell.autoawait = True
    app.shell.loop_runner = evaluator.run
    app.start()
    return True


@contextlib.contextmanager
def history(evaluator: Evaluator) -> Iterator[None]:
    """Give the prompt line editing, completion and the history of earlier sessions, as far as the platform has them."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        yield
        return
    readline.set_completer(rlcompleter.Completer(evaluator.namespace).complete)
    uses_editline = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if uses_editline else "tab: complete")
    path = history_path()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What is typed may hold secrets, so nobody else reads the file, from its first byte on.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            readline.set_history_length(HISTORY_LINES)
            readline.write_history_file(path)


def history_path() -> Path:
    """Return the file with earlier input: below `XDG_STATE_HOME`, or `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "openviper" / "console_history"
