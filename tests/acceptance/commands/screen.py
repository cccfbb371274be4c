"""A terminal whose screen is read and whose keys are pressed by a test."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

from tests.acceptance.commands.runner import environment

SECONDS = 5.0
"""The longest wait for anything to happen."""


class Screen:
    """A child process on a terminal of its own.

    Args:
        directory: Where it runs; also its home.
        words: Program and arguments.
        variables: Its environment, in place of one without colours.
    """

    def __init__(
        self, directory: Path, *words: str, variables: dict[str, str] | None = None
    ) -> None:
        self.master, slave = pty.openpty()
        home = str(directory)
        self.process = subprocess.Popen(
            words,
            cwd=directory,
            env=variables
            or environment(HOME=home, XDG_STATE_HOME=f"{home}/state", TERM="dumb", NO_COLOR="1"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.text = ""
        self.position = 0

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def wait_for(self, text: str) -> None:
        """Read the screen until a text appears after what was waited for before."""
        while (found := self.text.find(text, self.position)) < 0:
            if not self._read():
                self.process.wait(SECONDS)
                os.close(self.master)
                raise AssertionError(f"no {text!r} in {self.text[self.position :]!r}")
        self.position = found + len(text)

    def finish(self) -> int:
        """Read what is left and return the exit code."""
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], SECONDS)
        if not ready:
            self.process.kill()
            self.process.wait()
            os.close(self.master)
            raise AssertionError(f"nothing happens after {self.text!r}")
        try:
            data = os.read(self.master, 4096)
        except OSError:  # How Linux says that the other side is closed.
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
