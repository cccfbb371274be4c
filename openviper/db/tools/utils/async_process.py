"""Running a program to its end from asynchronous code; what the engines use is in `openviper.db.tools.process`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence

from openviper.db.tools.background import StopFlag, run_in_thread
from openviper.db.tools.exceptions import ToolFailedError
from openviper.db.tools.process import Tool, tool_environment


async def run_subprocess(
    args: Sequence[str],
    *,
    timeout: float = 3600,
    env: Mapping[str, str] | None = None,
    stdin_data: bytes | None = None,
) -> tuple[int, bytes, bytes]:
    """Run a program without a shell and wait for its end; cancelling kills it with everything it started.

    Args:
        args: The program and its arguments.
        timeout: The longest time it may take, in seconds.
        env: Its environment; ours when `None`, with messages in English.
        stdin_data: What it reads; nothing when `None`.

    Returns:
        Its exit code (minus the signal's number when a signal ended it), its output, and the first 64 KiB of its
        standard error.

    Raises:
        ToolTimeoutError: If it took too long and was killed.
        BackupError: If it cannot be started.
    """

    def work(stop: StopFlag) -> tuple[int, bytes, bytes]:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(stdin_data or b"")
            stdin.seek(0)
            environment = tool_environment() if env is None else env
            with Tool(args, environment=environment, stop=stop, stdin=stdin, timeout=timeout) as tool:
                output = b"".join(tool.output())
                return tool.wait(), output, tool.errors

    return await run_in_thread(work)


def check_returncode(code: int, err: bytes, *, command: str) -> None:
    """Check the exit code of a program.

    Raises:
        ToolFailedError: A `RuntimeError`, if it is not 0.
    """
    if code != 0:
        raise ToolFailedError(os.path.basename(command), code, " ".join(err.decode("utf-8", "replace").split()))
