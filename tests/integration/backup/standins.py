"""Executables that stand in for dump tools: they note how they were called and do as they are told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# What files a tool was given is read while it runs: they are gone afterwards.
SCRIPT = """#!{python} -IS
import json, os, stat, sys, time
record = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "files": {{}}, "tty": os.isatty(0)}}
record["cmdline"] = open("/proc/self/cmdline", "rb").read().decode("utf-8", "replace").split("\\0")
record["session"] = os.getsid(0) == os.getpid()
for text in [*sys.argv[1:], os.environ.get("PGPASSFILE", "")]:
    path = text.rpartition("=")[2]
    if os.path.isabs(path) and os.path.isfile(path):
        with open(path, "rb") as file:
            content = file.read().decode("utf-8", "replace")
        record["files"][path] = [oct(os.stat(path).st_mode & 0o777), content]
record["stdin"] = "" if os.isatty(0) else sys.stdin.buffer.read().decode("utf-8", "replace")
with open({record!r}, "a") as log:
    log.write(json.dumps(record) + "\\n")
{body}
"""


@dataclass(frozen=True)
class Call:
    """One call of a stand-in.

    Attributes:
        arguments: Its arguments.
        environment: Its environment.
        files: Permissions and content of the files it was given, by path.
        stdin: What it could read.
        cmdline: What everybody can see in the process list.
        session: Whether it led a session of its own.
    """

    arguments: list[str]
    environment: dict[str, str]
    files: dict[str, list[str]]
    stdin: str
    cmdline: list[str]
    session: bool


class StandIns:
    """A directory with stand-ins, the only one on `PATH`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def add(self, name: str, body: str = "") -> None:
        """Make or replace a stand-in that runs some Python after noting its call."""
        path = self.directory / name
        record = str(self.directory / f"{name}.log")
        path.write_text(SCRIPT.format(python=sys.executable, record=record, body=body))
        path.chmod(0o755)

    def calls(self, name: str) -> list[Call]:
        """Return how a stand-in was called, in order."""
        calls = []
        for line in (self.directory / f"{name}.log").read_text().splitlines():
            record = json.loads(line)
            calls.append(Call(**{key: record[key] for key in Call.__dataclass_fields__}))
        return calls


@pytest.fixture
def standins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Give a directory for stand-ins that is all of `PATH`."""
    made = StandIns(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(made.directory))
    return made
