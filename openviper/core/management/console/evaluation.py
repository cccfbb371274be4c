"""Running typed code, with ``await`` at the top level, on one event loop."""

from __future__ import annotations

import asyncio
import inspect
import linecache
import sys
import traceback
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Awaitable, Callable
from types import CodeType
from typing import Any

from openviper.core.management.console.namespace import Namespace
from openviper.utils.event_loops import require_event_loop

FILENAME = "<console>"


class Evaluator:
    """Runs code in a namespace; what it awaits shares one event loop, which is made when first needed.

    Args:
        namespace: The global names.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._runner: asyncio.Runner | None = None

    def run_source(self, source: str, filename: str = FILENAME) -> int:
        """Run a program.

        Returns:
            The exit code: 1 after an uncaught exception, whose traceback is then on standard error.

        Raises:
            SystemExit: As the program raised it.
            KeyboardInterrupt: If it was interrupted.
        """
        # So that tracebacks show the lines.
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        try:
            code = compile(source, filename, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
            self.run_code(code)
        except BrokenPipeError:
            raise  # The reader of our output has gone; that is not the program's mistake.
        except Exception as error:
            show_traceback(error, filename)
            return 1
        return 0

    def run_code(self, code: CodeType) -> None:
        """Run compiled code, to the end of what it awaits."""
        self.namespace.load_names_of(code)
        # Code without a top-level await runs outside the loop, so that it may call `asyncio.run` itself.
        result = eval(code, self.namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            self.run(result)

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Run an awaitable on the event loop and return its result."""

        async def main() -> Any:
            return await awaitable

        if self._runner is None:
            require_event_loop(awaitable)
            self._runner = asyncio.Runner()
        return self._runner.run(main())

    def close(self) -> None:
        """Close the database connections and the event loop."""
        # Code that never touched a database has not even imported this module.
        connection = sys.modules.get("openviper.db.connection")
        if self._runner is None:
            return
        try:
            if connection is not None:
                self.run(connection.close_db())
        finally:
            self._runner.close()


def show_traceback(
    error: BaseException, filename: str, write: Callable[[str], Any] | None = None
) -> None:
    """Write a traceback that begins with the frames of the typed code, not with ours.

    Args:
        error: What to show.
        filename: The name under which the code was compiled.
        write: Takes the text; standard error when not given.
    """
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != filename:
        frames = frames.tb_next
    # None of the typed code's: a syntax error. Its position says all there is to say.
    text = "".join(traceback.format_exception(type(error), error, frames))
    (write or sys.stderr.write)(text)
