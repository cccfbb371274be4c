#!/usr/bin/env python3
"""Run the story of a vendored project under the conditions of locked-down hosts: condition, command, result.

    python3 scripts/locked_down.py                    every condition that this machine can make
    python3 scripts/locked_down.py fips no-fork       some of them
    python3 scripts/locked_down.py --pyz              with the one file in place of the folder

Run it with an interpreter in which OpenViper's packages are installed, as that of `.venv-check/3.11`.

The project, made anew each time in a temporary directory, has nothing but `vendor/` and an interpreter without packages.
Every process of the story runs under the condition: migrate, a page over HTTPS, a task, a backup and a restore. Mounts
and networks are made in namespaces of their own (Linux, as root); a condition that cannot be made is shown as skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # Run as a script, Python looks in its folder only.

from openviper.vendoring.building import Tree, build_tree
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.writing import write_archive, write_folder

TIMEOUT = 120.0
"""Longest wait for a process, in seconds."""
NOBODY = 65534
UNKNOWN = 54321
"""A number that no user has."""
MEMORY = 256 * 1024 * 1024
"""The memory limit, in bytes of address space."""
OUTSIDE_EVENTS = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.sendto",
)

# Runs in every process of the story, also with -I. What it does is told by a variable that Python itself does not know.
HOOK = """
import os, sys

WISHES = os.environ.get("LOCKED_DOWN", "").split(",")


def refuse(*_arguments, **_options):
    raise PermissionError(1, "Operation not permitted")


if "audit" in WISHES:
    PLACE = os.environ["LOCKED_DOWN_LOG"]
    EVENTS = OUTSIDE_EVENTS

    def hook(event, arguments):
        if event in EVENTS:
            with open(PLACE, "a") as file:
                file.write(f"{event} {arguments[1:] if event.startswith('socket.connect') else arguments!r}\\n")

    sys.addaudithook(hook)
if "fips" in WISHES:
    import hashlib, hmac

    real_md5, real_new = hashlib.md5, hashlib.new

    def unsupported(*_arguments, **_options):
        raise ValueError("[digital envelope routines] unsupported")

    def md5(data=b"", *, usedforsecurity=True):
        return unsupported() if usedforsecurity else real_md5(data, usedforsecurity=False)

    def new(name, data=b"", **options):
        if name.lower() == "md5" and options.get("usedforsecurity", True):
            unsupported()
        return real_new(name, data, **options)

    hashlib.scrypt, hashlib.md5, hashlib.new = unsupported, md5, new
if "no-fork" in WISHES:
    import _posixsubprocess

    os.fork = os.forkpty = os.posix_spawn = os.posix_spawnp = refuse
    _posixsubprocess.fork_exec = refuse
if "no-zones" in WISHES:
    import zoneinfo

    zoneinfo.reset_tzpath(())
if "no-unix-sockets" in WISHES:
    import socket

    real_socket = socket.socket

    class Socket(real_socket):
        def __init__(self, family=-1, *arguments, **options):
            if family == socket.AF_UNIX:
                refuse()
            super().__init__(family, *arguments, **options)

    socket.socket = Socket
if "clock-1970" in WISHES:
    import time

    real_time, real_time_ns, too_late = time.time, time.time_ns, int(time.time()) - 3600
    time.time = lambda: real_time() - too_late
    time.time_ns = lambda: real_time_ns() - too_late * 10**9
if "old-sqlite" in WISHES:
    import sqlite3

    sqlite3.sqlite_version, sqlite3.sqlite_version_info = "3.31.1", (3, 31, 1)
""".replace("OUTSIDE_EVENTS", repr(OUTSIDE_EVENTS))

MODELS = """
from openviper.db import Model
from openviper.db.fields import CharField


class Note(Model):
    text = CharField(max_length=100)
"""
TASKS = """
from notes.models import Note
from openviper.tasks import actor


@actor
async def note(text: str) -> None:
    await Note.objects.create(text=text)
"""
ROUTES = """
from notes.models import Note
from openviper import JSONResponse, Request, Router

router = Router()


@router.get("/all")
async def every_note(request: Request) -> JSONResponse:
    return JSONResponse([note.text async for note in Note.objects.order_by("id")])
"""


@dataclass(frozen=True)
class Condition:
    """One way in which a host may be locked down.

    Attributes:
        name: What it is called.
        meaning: What it is.
        mounts: Shell commands that make it, in a mount namespace of the process; ``$DATA`` is the writable directory.
        wishes: What `HOOK` is asked for.
        variables: Variables of the environment.
        namespaces: Options of `unshare` besides.
        prefix: What each command begins with.
        isolated: Whether Python runs with ``-I``; its own variables have no effect then.
        user: The user that processes run as; this one when `None`.
        umask: The file mode mask.
        is_group: Whether processes run in a control group of their own, with `MEMORY` bytes.
    """

    name: str
    meaning: str
    mounts: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    isolated: bool = True
    user: int | None = None
    umask: int = 0o022
    is_group: bool = False

    def obstacle(self) -> str | None:
        """Return why this machine cannot make it, or `None`."""
        if (self.mounts or self.namespaces) and not _can_unshare():
            return "namespaces cannot be made here (they need Linux and root)"
        if self.user is not None and os.geteuid() != 0:
            return "needs root, to become somebody else"
        if self.is_group and _groups() is None:
            return "control groups for memory cannot be made here"
        missing = [word for word in self.prefix[:1] if shutil.which(word) is None]
        return f"the program {missing[0]!r} is not installed" if missing else None


CONDITIONS = (
    Condition("bare", "nothing installed, no environment, python -I"),
    Condition("no-route", "a network namespace without any route", namespaces=("-n",)),
    Condition(
        "read-only",
        "a read-only file system; only the data directory is written",
        mounts=("mount --bind $DATA $DATA", "mount -o remount,ro,bind /"),
    ),
    Condition("no-home", "a user without a home", variables={"HOME": "/nonexistent"}, user=NOBODY),
    Condition("umask-077", "umask 077", umask=0o077),
    Condition(
        "no-bytecode",
        "PYTHONDONTWRITEBYTECODE",
        variables={"PYTHONDONTWRITEBYTECODE": "1"},
        isolated=False,
    ),
    Condition("fips", "OpenSSL without scrypt and MD5", wishes=("fips",)),
    Condition("no-shm", "no /dev/shm", mounts=("mount -t tmpfs -o mode=000,ro none /dev/shm",)),
    Condition("no-fork", "no process can be started", wishes=("no-fork",)),
    Condition("no-zones", "no time-zone data", wishes=("no-zones",)),
    Condition("no-proc", "no /proc", mounts=("mount -t tmpfs -o ro none /proc",)),
    Condition(
        "noexec-temp",
        "a temporary directory that nothing runs from",
        mounts=("mkdir -p $DATA/temp", "mount -t tmpfs -o noexec,nosuid,nodev none $DATA/temp"),
    ),
    Condition("old-sqlite", "SQLite that says it is 3.31", wishes=("old-sqlite",)),
    Condition("home-is-file", "a home that is a file", variables={"HOME": "/etc/hostname"}),
    Condition("no-temp", "TMPDIR names no folder", variables={"TMPDIR": "/nonexistent"}),
    Condition("plain-c", "LANG=C and LC_ALL=C", variables={"LANG": "C", "LC_ALL": "C"}),
    Condition("unknown-user", "a user that the system has no entry of", user=UNKNOWN),
    Condition("clock-1970", "a clock that stands an hour after the epoch", wishes=("clock-1970",)),
    Condition("no-dev", "an empty /dev", mounts=("mount -t tmpfs -o ro none /dev",)),
    Condition("files-32", "32 open files", prefix=("prlimit", "--nofile=32", "--")),
    Condition("stack-256", "a stack of 256 kB", prefix=("prlimit", "--stack=262144", "--")),
    Condition("memory-256", "a control group with 256 MB of memory", is_group=True),
    Condition(
        "address-space-256",
        "256 MB of address space (ulimit -v)",
        prefix=("prlimit", f"--as={MEMORY}", "--"),
    ),
    Condition(
        "no-capabilities",
        "another user, no capability, no new privileges",
        prefix=(
            *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
            *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"),
        ),
    ),
)


def _can_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "-n", "true"], capture_output=True).returncode == 0


def _groups() -> Path | None:
    """Return where control groups with a limit of memory can be made, or `None`."""
    old = Path("/sys/fs/cgroup/memory")
    new = Path("/sys/fs/cgroup")
    controllers = new / "cgroup.controllers"
    if old.is_dir() and os.access(old, os.W_OK):
        return old
    is_new = controllers.is_file() and "memory" in controllers.read_text().split()
    return new if is_new and os.access(new, os.W_OK) else None


@contextmanager
def memory_group() -> Iterator[Path | None]:
    """Make a control group with `MEMORY` bytes, and remove it at the end; `None` where there can be none."""
    place = _groups()
    if place is None:
        yield None
        return
    group = place / f"locked-down-{os.getpid()}-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        limits = ("memory.limit_in_bytes", "memory.max")
        (group / next(name for name in limits if (group / name).exists())).write_text(str(MEMORY))
        yield group
    finally:
        group.rmdir()


@dataclass(frozen=True)
class Step:
    """What came of one command.

    Attributes:
        words: The command.
        code: Its exit code.
        output: What it printed.
        seconds: How long it took.
    """

    words: tuple[str, ...]
    code: int
    output: str
    seconds: float


class Host:
    """A vendored project on a host under one condition.

    Args:
        base: An empty directory that everybody may read.
        condition: The condition.
        python: The interpreter to make one without packages from.
        tree: What is vendored; `None` to vendor what is installed.
        as_archive: Put it down as the one file.
    """

    def __init__(
        self,
        base: Path,
        condition: Condition,
        *,
        python: str = sys.executable,
        tree: Tree | None = None,
        as_archive: bool = False,
    ) -> None:
        self.base = base
        self.condition = condition
        self.project = base / "shop"
        self.data = self.project / "data"
        self.audit_log = base / "audit.log"
        self.python = bare_interpreter(base / "env", python)
        self.steps: list[Step] = []
        self.group: Path | None = None
        self._prepare(tree or build_tree(), as_archive=as_archive)

    def _prepare(self, tree: Tree, *, as_archive: bool) -> None:
        """Make the project, as its author would on another machine."""
        name = "openviper.pyz" if as_archive else "vendor"
        carried = self.base / name
        if as_archive:
            write_archive(tree, carried)
        else:
            write_folder(tree, carried)
        make = [self.python, "-I", str(carried)]
        subprocess.run(
            [*make, "create-project", "shop"],
            cwd=self.base,
            check=True,
            capture_output=True,
            env={},
        )
        carried.rename(self.project / name)
        make = [self.python, "-I", "viperctl.py"]
        for command in (["create-app", "notes"], ["makemigrations"]):
            if command[0] == "makemigrations":
                self._write_app()
            subprocess.run(
                [*make, *command], cwd=self.project, check=True, capture_output=True, env={}
            )
        self.data.mkdir()
        make_certificate(self.base)
        self.audit_log.touch()
        for path in (self.base, *self.base.rglob("*")):
            self._give(path)

    def _give(self, path: Path) -> None:
        """Make a file or folder that of the user of the condition."""
        user = self._user()
        if user is not None:
            os.chown(path, user, user, follow_symlinks=False)

    def _user(self) -> int | None:
        return NOBODY if "setpriv" in self.condition.prefix else self.condition.user

    def _write_app(self) -> None:
        for name, text in (("models", MODELS), ("tasks", TASKS), ("routes", ROUTES)):
            (self.project / f"notes/{name}.py").write_text(text)
        settings = self.project / "shop/settings.py"
        text = settings.read_text()
        text = text.replace('("openviper.auth",)', '("openviper.auth", "notes")')
        text = text.replace("BASE_DIR / 'db.sqlite3'", "BASE_DIR / 'data/db.sqlite3'")
        for folder in ("staticfiles", "media"):
            text = text.replace(f'BASE_DIR / "{folder}"', f'BASE_DIR / "data/{folder}"')
        settings.write_text(text)
        routes = self.project / "shop/routes.py"
        text = routes.read_text().replace(
            "from shop.views", "from notes.routes import router as notes_router\nfrom shop.views"
        )
        routes.write_text(
            text.replace('("/root", router),', '("/root", router),\n    ("/notes", notes_router),')
        )

    def command(self, *words: str) -> list[str]:
        """Return the command line of a management command under the condition."""
        python = [self.python, *(["-I"] if self.condition.isolated else []), "viperctl.py", *words]
        python = [*self.condition.prefix, *python]
        if self.group is not None:
            enter = 'echo $$ > "$0" && exec "$@"'
            python = ["sh", "-c", enter, str(self.group / "cgroup.procs"), *python]
        if not (self.condition.mounts or self.condition.namespaces):
            return python
        kinds = ["-m"] if self.condition.mounts else []
        script = "".join(f"{line} || exit 97\n" for line in self.condition.mounts) + 'exec "$@"'
        return ["unshare", *kinds, *self.condition.namespaces, "sh", "-c", script, "sh", *python]

    def environment(self) -> dict[str, str]:
        """Return the environment of the processes: the path of programs, and what the condition says."""
        temp = self.data / "temp"
        temp.mkdir(exist_ok=True)
        self._give(temp)
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DATA": str(self.data),
            "OPENVIPER_SUPERUSER_PASSWORD": "correct horse battery",
            "TMPDIR": str(temp),
            "LOCKED_DOWN": ",".join((*self.condition.wishes, "audit")),
            "LOCKED_DOWN_LOG": str(self.data / "audit.log"),
            **self.condition.variables,
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a management command under the condition."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            umask=self.condition.umask,
            user=self.condition.user,
            group=self.condition.user,
            extra_groups=None if self.condition.user is None else [],
            start_new_session=True,
        )

    def run(self, *words: str) -> Step:
        """Run a management command to its end under the condition."""
        began = time.monotonic()
        process = self.start(*words)
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            output = f"{kill_all(process)}\n(took too long)"
        step = Step(words, process.returncode, output, time.monotonic() - began)
        self.steps.append(step)
        return step

    def fetch(self, path: str, *options: str) -> Step:
        """Start the server on a Unix socket with TLS, ask it for a page, and stop it."""
        began = time.monotonic()
        place = self.data / "web.sock"
        words = ("start-server", "--no-reload", "--uds", str(place), *options)
        certificate = (
            "--certfile",
            str(self.base / "cert.pem"),
            "--keyfile",
            str(self.base / "key.pem"),
        )
        process = self.start(*words, *certificate)
        try:
            answer = self._ask(process, place, path)
        finally:
            process.terminate()
            try:
                output, _ = process.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                output = kill_all(process)
        is_answered = answer.startswith("HTTP/1.1 200")
        shown = (
            f"{answer.partition(chr(13))[0]} {answer.rpartition(chr(10))[2]}"
            if is_answered
            else answer
        )
        code = 0 if is_answered else 1
        step = Step(
            (*words[:2], "GET", path),
            code,
            shown if is_answered else f"{shown}\n{output}",
            time.monotonic() - began,
        )
        self.steps.append(step)
        return step

    def _ask(self, process: subprocess.Popen[str], place: Path, path: str) -> str:
        context = ssl.create_default_context(cafile=str(self.base / "cert.pem"))
        deadline = time.monotonic() + TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as plain:
                try:
                    plain.connect(str(place))
                except OSError:
                    time.sleep(0.05)
                    continue
                with context.wrap_socket(plain, server_hostname="localhost") as connection:
                    connection.settimeout(TIMEOUT)
                    connection.sendall(
                        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
                    )
                    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        return "the server did not answer"

    def outside(self) -> list[str]:
        """Return every attempt of any process to reach another host or to resolve a name."""
        log = self.data / "audit.log"
        lines = log.read_text().splitlines() if log.exists() else []
        # A server says that it listens on this machine's own address, in digits: nobody is asked.
        return [line for line in lines if "('127.0.0.1', " not in line]


def kill_all(process: subprocess.Popen[str]) -> str:
    """End a process and all that it has started, and return what they printed."""
    os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def bare_interpreter(directory: Path, python: str) -> str:
    """Make an interpreter without any package, not even pip, and return its path."""
    source = python_for_everybody(python)
    subprocess.run(
        [source, "-m", "venv", "--without-pip", str(directory)], check=True, capture_output=True
    )
    site = next(directory.glob("lib/python*/site-packages"))
    # Not as `sitecustomize`: some distributions have one of their own, which would come first.
    (site / "locked_down_hook.py").write_text(HOOK)
    (site / "locked_down_hook.pth").write_text("import locked_down_hook\n")
    return str(directory / "bin/python")


def python_for_everybody(python: str) -> str:
    """Return an interpreter that other users can run too: a given one, or one of its version that is on the system's path."""
    real = os.path.realpath(python)
    closed = [part for part in Path(real).parents if not os.stat(part).st_mode & 0o001]
    version = "{}.{}".format(*sys.version_info[:2])
    other = shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")
    return other if closed and other is not None else real


def make_certificate(directory: Path) -> None:
    """Make a certificate for ``localhost`` that signs itself, and its key."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += [
        "-keyout",
        str(directory / "key.pem"),
        "-out",
        str(directory / "cert.pem"),
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def place_for_everybody() -> Iterator[Path]:
    """Give a temporary directory that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="locked-", ignore_cleanup_errors=True) as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


def story(host: Host) -> Iterator[Step]:
    """Yield the steps of the story, each when it has been taken."""
    with contextlib.ExitStack() as stack:
        if host.condition.is_group:
            host.group = stack.enter_context(memory_group())
        yield from steps_of(host)


def steps_of(host: Host) -> Iterator[Step]:
    """Yield the steps of the story under a condition that holds already."""
    backup = ("--path", str(host.data / "backup"))
    yield host.run("migrate")
    yield host.run(
        "createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.com"
    )
    yield host.run("console", "-c", "from notes.tasks import note; note.send('by a task')")
    yield host.run("start-worker", "--until-empty")
    yield host.fetch("/notes/all")
    yield host.run("backup-db", "--filename", "before", *backup)
    yield host.run(
        "console", "-c", "await __import__('notes.models').models.Note.objects.all().delete()"
    )
    yield host.run("restore-db", str(host.data / "backup/before.tar.gz"), "--force")
    yield host.run(
        "console",
        "-c",
        "print([n.text async for n in __import__('notes.models').models.Note.objects.all()])",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix and return the exit code: 0 when no step failed."""
    names = [condition.name for condition in CONDITIONS]
    parser = argparse.ArgumentParser(
        description="Run a vendored project under the conditions of locked-down hosts."
    )
    parser.add_argument(
        "conditions", nargs="*", metavar="CONDITION", help=f"out of {', '.join(names)}"
    )
    parser.add_argument("--pyz", action="store_true", help="carry one file in place of the folder")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.conditions) - set(names))
    if unknown:
        parser.error(f"unknown condition {unknown[0]!r}")
    wanted = [one for one in CONDITIONS if not options.conditions or one.name in options.conditions]
    try:
        tree = build_tree()
    except VendorError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    failed = [one.name for one in wanted if not show(one, tree, as_archive=options.pyz)]
    print(
        f"\n{len(wanted) - len(failed)} of {len(wanted)} conditions hold"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def show(condition: Condition, tree: Tree, *, as_archive: bool) -> bool:
    """Run the story under a condition, print each step, and return whether all went well."""
    print(f"\n{condition.name}: {condition.meaning}", flush=True)
    obstacle = condition.obstacle()
    if obstacle:
        print(f"  skipped: {obstacle}")
        return True
    with place_for_everybody() as base:
        host = Host(base, condition, tree=tree, as_archive=as_archive)
        good = True
        for step in story(host):
            last = step.output.strip().rpartition("\n")[2]
            verdict = "ok" if step.code == 0 else f"FAILED ({step.code})"
            print(
                f"  {verdict:6}  {step.seconds:5.1f} s  {' '.join(step.words)[:60]:60}  {last[:90]}",
                flush=True,
            )
            if step.code:
                print(step.output)
            good = good and step.code == 0
        for line in host.outside():
            print(f"  FAILED  outside: {line}")
            good = False
    return good


if __name__ == "__main__":
    sys.exit(main())
