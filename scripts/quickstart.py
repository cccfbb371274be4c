#!/usr/bin/env python3
"""From nothing to a running, backed-up application: play the tutorial in a demo directory.

Makes `.venv` at the root of the checkout, installs OpenViper into it, and does what `docs/tutorial.md` says, printing
each command before it runs it. What the tutorial shows as output is compared with what comes.

    python3 scripts/quickstart.py                 everything, then the server
    python3 scripts/quickstart.py --no-serve      stop before the server
    python3 scripts/quickstart.py --directory D   in another directory than `demo/`
"""

# No `from __future__ import annotations` and no syntax newer than 3.6: older Pythons must get as far as the sentence.

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older one shall say so
    sys.exit(
        f"OpenViper needs Python 3.11 or later; this is {sys.version.split()[0]}. "
        "Is there another one, python3.11 for example, to run this script with?"
    )

import argparse
import contextlib
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
PROJECT = "library"
RECORD = ".quickstart.json"
PASSWORD_FILE = "superuser-password.txt"
SERVE = "python viperctl.py start-server"
FENCE = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?$')


class StoryError(Exception):
    """The story cannot go on; the message says why."""


class Step(NamedTuple):
    """One block of the tutorial.

    Attributes:
        kind: ``heading``, or the language of the block: ``console``, ``python``, ``diff``, ...
        title: The heading, or the file a block is the content of.
        lines: The block's lines.
    """

    kind: str
    title: str
    lines: list[str]


class Command(NamedTuple):
    """A command of the tutorial with the lines it is to print."""

    text: str
    expected: list[str]


def read_story(path: Path) -> Iterator[Step]:
    """Yield the headings and blocks of the tutorial in order."""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        found = FENCE.match(line)
        if line.startswith("## "):
            yield Step("heading", line.removeprefix("## "), [])
        elif found:
            block = []
            for inner in lines:
                if inner == "```":
                    break
                block.append(inner)
            yield Step(found["kind"], found["title"] or "", block)


def read_commands(lines: list[str]) -> Iterator[Command]:
    """Yield the commands of a console block; what follows each until the next is its output.

    As in a shell, a command goes on over the next lines while a quotation is open.
    """
    command: Command | None = None
    for line in lines:
        if command and is_open(command.text):
            command = Command(f"{command.text}\n{line}", [])
        elif line.startswith("$ "):
            if command:
                yield command
            command = Command(line.removeprefix("$ "), [])
        elif command:
            command.expected.append(line)
    if command:
        yield command


def is_open(text: str) -> bool:
    """Tell whether a quotation is open at the end of a command."""
    try:
        shlex.split(text)
    except ValueError:
        return True
    return False


class Player:
    """Does what the tutorial says, with one interpreter and in one directory.

    Attributes:
        python: The interpreter that stands for `python`.
        directory: The directory the shell is in; `cd` changes it.
        environment: The shell's variables.
    """

    def __init__(self, python: Path, directory: Path, password: str) -> None:
        self.python = python
        self.directory = directory
        self.password = password
        self.heading = ""
        # A variable left over in the shell must not choose another project's settings.
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("OPENVIPER_")
        }
        self.environment["PYTHONUNBUFFERED"] = "1"
        self.environment["PYTHONIOENCODING"] = "utf-8"

    def play(self, step: Step) -> None:
        """Do one step.

        Raises:
            StoryError: If a command fails or prints something else, or a file is not what the tutorial takes it to be.
        """
        if step.kind == "heading":
            self.heading = step.title
        elif step.kind == "console":
            for command in read_commands(step.lines):
                if command.text != SERVE:
                    self.announce(f"$ {command.text}")
                    self.run(command)
        elif step.kind == "diff":
            self.change(step)
        elif step.kind in ("python", "html"):
            self.announce(f"# write {step.title} ({len(step.lines)} lines)")
            path = self.directory / step.title
            path.write_text("\n".join(step.lines) + "\n", encoding="utf-8")

    def announce(self, text: str) -> None:
        """Print what is about to be done, below the heading it belongs to."""
        if self.heading:
            say(f"\n== {self.heading}")
            self.heading = ""
        say(text)

    def change(self, step: Step) -> None:
        """Replace the lines of a file that a diff takes away by those it adds."""
        path = self.directory / step.title
        old = "\n".join(line[1:] for line in step.lines if line.startswith("-"))
        new = "\n".join(line[1:] for line in step.lines if line.startswith("+"))
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise StoryError(f"{path} does not hold the line to change: {old.strip()}")
        self.announce(f"# change {step.title}: {new.strip()}")
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, command: Command) -> None:
        """Run one command of the shell and compare what it prints."""
        words = shlex.split(command.text)
        if words[0] == "cd":
            self.directory = self.directory / words[1]
        elif words[:2] == ["read", "-rs"]:
            self.environment[words[2]] = self.password
            say(f"  (a random password, kept in {PASSWORD_FILE})")
        elif words[0] == "python":
            self.check(command, self.execute([str(self.python), *words[1:]]))
        elif words[0] != "export":
            raise StoryError(
                f"the tutorial has a command this script does not know: {command.text}"
            )

    def execute(self, words: list[str]) -> str:
        """Run a program, show what it prints as it comes, and return it."""
        process = subprocess.Popen(
            words,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        printed = []
        with process.stdout:
            for line in process.stdout:
                printed.append(line)
                say(f"  {line.rstrip()}")
        if process.wait():
            raise StoryError(f"the command ended with exit code {process.returncode}")
        return "".join(printed)

    @staticmethod
    def check(command: Command, printed: str) -> None:
        """Compare what a command printed with what the tutorial shows."""
        for line in command.expected:
            if line not in printed:
                raise StoryError(f"the tutorial says that this is printed, and it was not: {line}")

    def serve(self, port: int) -> int:
        """Run the server until it is stopped, and return its exit code."""
        words = [*shlex.split(SERVE)[1:], "--port", str(port)]
        say(f"$ python {shlex.join(words)}")
        process = subprocess.Popen(
            [str(self.python), *words], cwd=self.directory, env=self.environment
        )
        while True:
            # Ctrl-C reaches the server as well; it stops by itself and is waited for.
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


class Demo:
    """The directory the story is played in, and the record of what the story left there.

    Nothing is ever deleted but a project that is still exactly what the story made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.project = directory / PROJECT
        self.record = directory / RECORD

    def clear(self) -> None:
        """Make room for the project.

        Raises:
            StoryError: If there is something that this script did not make.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(self.project):
            if not self.record.is_file():
                raise StoryError(
                    f"{self.project} exists and was not made by this script; choose another --directory"
                )
            if json.loads(self.record.read_text(encoding="utf-8")) == self.sums():
                say(f"Replacing {self.project}, which is as the last run left it.")
                shutil.rmtree(self.project)
            else:
                kept = self.kept()
                say(f"{self.project} is not what a finished run left; keeping it as {kept.name}.")
                self.project.rename(kept)
        # Until the story is finished the record is empty: an unfinished project is ours, but is kept.
        self.record.write_text("{}\n", encoding="utf-8")

    def kept(self) -> Path:
        """Return the first free name under which a changed project is set aside."""
        number = 1
        while (self.directory / f"{PROJECT}.kept-{number}").exists():
            number += 1
        return self.directory / f"{PROJECT}.kept-{number}"

    def finish(self) -> None:
        """Record the project as the story left it."""
        self.record.write_text(json.dumps(self.sums(), indent=1) + "\n", encoding="utf-8")

    def sums(self) -> dict[str, str]:
        """Return the checksum of each of the project's files, compiled ones left out."""
        return {
            str(path.relative_to(self.project)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.project.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }

    def write_password(self) -> str:
        """Make the superuser's password, leave it in a file for its owner only, and return it."""
        password = secrets.token_urlsafe(12)
        path = self.directory / PASSWORD_FILE
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        return password


class Environment(NamedTuple):
    """An interpreter that can import OpenViper.

    Attributes:
        python: The path of the interpreter.
        complete: Whether the packages for pages and server are there.
    """

    python: Path
    complete: bool


def prepare_environment() -> Environment:
    """Make `.venv`, or reuse it, and install OpenViper into it.

    Raises:
        StoryError: If this Python cannot make an environment at all.
    """
    directory = ROOT / ".venv"
    python = directory / "bin" / "python"
    if works(python, packages=True):
        say(f"Using {directory}, where OpenViper is installed.")
        return Environment(python, complete=True)
    # pip may be missing from the interpreter (Debian has it in a package of its own); the story can do without.
    clear = (
        ["--clear"] if directory.exists() and not works(python, packages=False, ours=False) else []
    )
    make = [sys.executable, "-m", "venv", *clear, str(directory)]
    if not works(python, packages=False, ours=False) and not run_visibly(make):
        if not run_visibly([*make, "--clear", "--without-pip"]):
            raise StoryError(
                "this Python cannot make an environment; on Debian and Ubuntu, install python3-venv"
            )
    quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1"]
    run_visibly([str(python), "-m", "pip", "install", *quiet, "--editable", str(ROOT)])
    if works(python, packages=True):
        return Environment(python, complete=True)
    say(
        "\npip could not install OpenViper's packages (no network?). Everything but pages and server works without:\n"
        "the story goes on with the checkout alone and stops before the server. To have the server, too, let pip find\n"
        "jinja2, markdown and uvicorn (PIP_INDEX_URL, PIP_FIND_LINKS) and run this script again."
    )
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    (site / "openviper-checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    return Environment(python, complete=False)


def works(python: Path, *, packages: bool, ours: bool = True) -> bool:
    """Tell whether an interpreter runs, is new enough and can import OpenViper from this checkout.

    Args:
        packages: Whether the packages for pages and server must be there.
        ours: Whether OpenViper must be there.
    """
    code = "import sys; assert sys.version_info >= (3, 11)"
    if packages:
        code += "; import jinja2, markdown, uvicorn"
    if ours:
        code += f"; import openviper, os; assert os.path.samefile(openviper.__path__[0], {str(ROOT / 'openviper')!r})"
    # Away from the checkout, whose directory would otherwise be on the path by itself.
    command = [str(python), "-I", "-c", code]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run_visibly(command: list[str]) -> bool:
    """Print a command, run it, and tell whether it succeeded."""
    say(f"$ {shlex.join(command)}")
    return subprocess.run(command, cwd=ROOT).returncode == 0


def find_port(wanted: int) -> int:
    """Return the wanted port, or the next one that nothing listens on."""
    for port in range(wanted, min(wanted + 50, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise StoryError(f"no port is free from {wanted} on; choose another --port")


def say(text: str) -> None:
    """Print at once, so that the lines of child processes stand where they belong."""
    print(text, flush=True)


def shown(path: Path) -> str:
    """Return a path as one would type it here."""
    return shlex.quote(os.path.relpath(path))


def tell_what_next(demo: Demo, environment: Environment, port: int) -> None:
    """Say what was made and what to type next."""
    python = shlex.quote(str(environment.python))
    password = shown(demo.directory / PASSWORD_FILE)
    say(f"\nThe project is in {shown(demo.project)}; the password of 'admin' is in {password}.")
    say("What to type next:\n")
    say(f"  cd {shown(demo.project)}")
    say(f"  {python} viperctl.py start-server    # then open http://127.0.0.1:{port}/books")
    say(f"  {python} viperctl.py console         # try: await Book.objects.count()")
    say(f"  {python} viperctl.py help            # all commands")
    say("\ndocs/tutorial.md explains each step.")


def main() -> int:
    """Play the story and return the exit code: 0 when everything worked."""
    parser = argparse.ArgumentParser(
        description="Play the tutorial: from nothing to a running, backed-up application."
    )
    parser.add_argument(
        "--directory", type=Path, default=ROOT / "demo", help="where to play (default: demo/)"
    )
    parser.add_argument("--no-serve", action="store_true", help="stop before the server")
    parser.add_argument(
        "--port",
        type=int,
        default=8000,
        help="port of the server; if taken, the next (default: 8000)",
    )
    parser.add_argument(
        "--no-venv", action="store_true", help="use this interpreter, which can import OpenViper"
    )
    options = parser.parse_args()
    try:
        return play(options)
    except (StoryError, OSError) as error:
        print(f"\nError: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def play(options: argparse.Namespace) -> int:
    """Prepare the environment, play the tutorial, and serve the result."""
    began = time.monotonic()
    demo = Demo(options.directory.resolve())
    say("== Install OpenViper")
    environment = (
        Environment(Path(sys.executable), complete=True)
        if options.no_venv
        else prepare_environment()
    )
    prepared = time.monotonic()

    demo.clear()
    say(f"`python` stands for {environment.python} from here on.")
    player = Player(environment.python, demo.directory, demo.write_password())
    for step in read_story(TUTORIAL):
        player.play(step)
    demo.finish()
    played = time.monotonic()

    say(
        f"\nThe story took {played - prepared:.1f} s; the environment before it took {prepared - began:.1f} s."
    )
    port = find_port(options.port)
    tell_what_next(demo, environment, port)
    if options.no_serve:
        return 0
    if not environment.complete:
        print("\nError: the server needs the packages that pip could not install", file=sys.stderr)
        return 1
    say(f"\nOpen http://127.0.0.1:{port}/books - Ctrl-C stops the server.")
    return player.serve(port)


if __name__ == "__main__":
    sys.exit(main())
