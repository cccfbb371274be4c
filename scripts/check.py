#!/usr/bin/env python3
"""Run every check of OpenViper: formatter, linter, dead code, `mypy --strict`, architecture and all other tests.

Makes the environments it needs below `.venv-check/`, one per Python version, and installs OpenViper's dependencies and
development tools into them. Python 3.11 (or the version that runs this script) is required; 3.12 to 3.15 are used
where they are found.

    python3 scripts/check.py              everything on the first interpreter; on the oldest and the newest of those that
                                          are found all but the tests marked one_version; on those between tests/unit
    python3 scripts/check.py --full       everything, on every interpreter found, and the tests marked thorough
    python3 scripts/check.py --fast       one interpreter
    python3 scripts/check.py -- -k word   arguments after -- go to pytest

The type checker and the folders of tests, on each version, run side by side; each is shown when it has ended, and what
failed is named at the end. Ctrl-C ends what runs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # Run as a script, Python looks in its folder only.

from scripts.own_servers import memory_folder, own_folder, servers_of_tests
from scripts.pieces import Outcome, Piece, Share, run_pieces, shares

ENVIRONMENTS = ROOT / ".venv-check"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
ONE_VERSION = "one_version"
"""The marker of tests about an interplay of processes and servers, which a further version of Python tells nothing new."""
THOROUGH = "thorough"
"""The marker of further cases of what other tests try too: for `--full`."""
PYTEST = "pytest"
ARCHITECTURE = "tests/architecture"
UNIT = "tests/unit"
"""What runs on every version: what differs between the oldest Python and the newest one seldom fails in the middle alone."""
MEMORY = 6 * 2**30
"""Bytes that files in memory must have to spare so that the tests put theirs there."""
TYPE_CHECK_SECONDS = 90.0
"""How long the type checker takes, about, when it has seen nothing yet."""


def main() -> int:
    """Run the checks and return the exit code: 0 when all passed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one shall say so
        print(
            f"OpenViper needs Python 3.11 or later; this is {sys.version.split()[0]}.",
            file=sys.stderr,
        )
        return 1
    options = parse(sys.argv[1:])
    # Thousands of processes that compile everything they import would take most of the time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    interpreters = find_interpreters()
    if options.fast:
        interpreters = dict(list(interpreters.items())[:1])
    missing = [version for version in VERSIONS if version not in interpreters]
    print(
        f"Interpreters: {', '.join(interpreters)}"
        + (f" (not found: {', '.join(missing)})" if missing else "")
    )
    prepared = {
        version: prepare(version, interpreter) for version, interpreter in interpreters.items()
    }
    pythons = {version: python for version, python in prepared.items() if python is not None}
    failed = [f"{version}: environment" for version in prepared if version not in pythons]
    failed += check_all(pythons, options)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print("".join(f"\nFAILED {name}" for name in failed))
    verdict = f"{len(failed)} failed" if failed else "All checks passed"
    used = os.times()
    # The time on the clock depends on what else the machine does.
    processor = used.children_user + used.children_system
    print(f"{verdict} ({minutes} min {seconds} s; {processor:.0f} s of processor time).")
    return 1 if failed else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Run all checks and tests of OpenViper.")
    parser.add_argument("--fast", action="store_true", help="use one interpreter only")
    parser.add_argument(
        "--full",
        action="store_true",
        help=f"run everything on every interpreter: the tests marked {ONE_VERSION} or {THOROUGH} too, and more than tests/unit on those in the middle",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=(os.cpu_count() or 1) + 3,
        metavar="N",
        help="run so many things side by side (default: three more than there are processors)",
    )
    parser.add_argument(
        "pytest_args", nargs="*", metavar="-- PYTEST_ARGS", help="arguments for pytest"
    )
    options = parser.parse_args(arguments)
    if options.at_once < 1:
        parser.error(f"--at-once {options.at_once}: at least one thing has to run")
    return options


def check_all(pythons: dict[str, str], options: argparse.Namespace) -> list[str]:
    """Run all checks in the environments that could be made, and return what failed."""
    if not pythons:
        return []
    version, python = next(iter(pythons.items()))
    failed = check_text(python)
    # The architecture test is part of the suite; run first and alone, it fails within seconds.
    if not run(pytest(python, [ARCHITECTURE]), f"architecture test on {version}"):
        return [*failed, f"{version}: architecture"]
    types = Piece(f"mypy --strict on {version}", [python, "-m", "mypy"], TYPE_CHECK_SECONDS)
    pieces = [types, *suite(pythons, options.pytest_args, full=options.full)]
    print(f"\n== {len(pieces)} pieces, {options.at_once} at a time", flush=True)
    with places() as (scratch, variables):
        os.environ.update(variables)
        apart = [with_directory(piece, scratch, number) for number, piece in enumerate(pieces)]
        outcomes = run_pieces(apart, ROOT, options.at_once, show)
    return failed + [f"{outcome.title}: {name}" for outcome in outcomes for name in outcome.failed]


@contextmanager
def places() -> Iterator[tuple[str, dict[str, str]]]:
    """Give a folder for the files of tests, and variables that name servers for them, for the time of the block.

    Databases that wait for a disk after every statement would take half of the time, so all of it is in memory where
    there is enough, and the servers are processes of this run.
    """
    memory = memory_folder(MEMORY)
    with own_folder("check", memory) as scratch:
        if memory is None:
            yield scratch, {}
            return
        with servers_of_tests(memory) as variables:
            yield scratch, variables


def check_text(python: str) -> list[str]:
    """Run what reads the source without running it, the fastest first, and return what failed."""
    checks = {
        "format": [python, "-m", "ruff", "format", "--check", "."],
        "lint": [python, "-m", "ruff", "check", "."],
        "dead code": [sys.executable, str(ROOT / "scripts" / "dead_code.py"), python],
    }
    return [title for title, command in checks.items() if not run(command, title)]


def find_interpreters() -> dict[str, str]:
    """Return the interpreters by version: this one, then those on PATH and under pyenv."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        candidates = [shutil.which(f"python{version}")]
        candidates += [
            str(path / "bin" / "python3")
            for path in sorted(pyenv.glob(f"{version}.*"), reverse=True)
        ]
        for candidate in candidates:
            if version not in found and candidate and answers(candidate, version):
                found[version] = candidate
    return found


def answers(interpreter: str, version: str) -> bool:
    """Tell whether an interpreter runs, is of this version and has SQLite; pyenv leaves shims that do not run."""
    code = "import sqlite3, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        result = subprocess.run(
            [interpreter, "-c", code], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and result.stdout.strip() == version


def prepare(version: str, interpreter: str) -> str | None:
    """Make the environment for a version, or reuse it while the packages it was made with are the wanted ones.

    Returns:
        The path of its interpreter, or `None` if it could not be made.
    """
    directory = ENVIRONMENTS / version
    python = directory / "bin" / "python"
    wanted = installed_with(version, (ROOT / "pyproject.toml").read_text("utf-8"))
    stamp = directory / "openviper-check"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        compile_package(python)
        return str(python)
    print(f"\n== environment for Python {version}", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    steps = [
        [interpreter, "-m", "venv", str(directory)],
        [str(python), "-m", "pip", "install", *quiet, "--editable", f"{ROOT}[dev]"],
    ]
    if not all(subprocess.run(step, cwd=ROOT).returncode == 0 for step in steps):
        return None
    # An editable build leaves its metadata beside the package; the environment keeps a copy of its own.
    stamp.write_text(wanted)
    compile_package(python)
    return str(python)


def installed_with(version: str, pyproject: str) -> str:
    """Return what stands for an installation: a digest of the version and of all that the installer reads."""
    import tomllib  # Late: an older Python, which has no such module, shall get its sentence.

    described = tomllib.loads(pyproject)
    read = (described["build-system"], described["project"], described["tool"]["setuptools"])
    return hashlib.sha256(f"{version} {read!r}".encode()).hexdigest()


def compile_package(python: Path) -> None:
    """Have the package compiled before the first processes that import it start side by side."""
    subprocess.run([str(python), "-m", "compileall", "-q", "openviper"], cwd=ROOT, check=False)


def suite(pythons: dict[str, str], arguments: list[str], *, full: bool) -> list[Piece]:
    """Return the pieces in which the tests run: a folder on a version each, or a version each where pytest is told more.

    The architecture test has run on the first version when this is asked for.

    Args:
        pythons: The interpreters by version.
        arguments: What pytest is told; it knows best what it means for the whole suite.
        full: Whether the later versions run everything as well.
    """
    parts = [Share(arguments, 0.0)] if arguments else shares(ROOT)
    first = next(iter(pythons), "")
    ends = {first, *sorted(pythons, key=_number)[:1], *sorted(pythons, key=_number)[-1:]}
    return [
        Piece(
            f"{'tests' if arguments else _names(part.paths)} on {version}",
            pytest(python, [*_selection(full, version == first), *part.paths]),
            part.seconds,
            may_be_empty=not full,
        )
        for part in parts
        for version, python in pythons.items()
        if full or arguments or version in ends or _is_unit(part)
        if version != first or part.paths != [ARCHITECTURE]
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _is_unit(part: Share) -> bool:
    return all(path == UNIT or path.startswith(f"{UNIT}/") for path in part.paths)


def with_directory(piece: Piece, scratch: str, number: int) -> Piece:
    """Return a piece whose tests have their files in a directory of their own.

    Else each run of pytest would clear away what earlier ones have left, and fail where another does so beside it.
    """
    command = piece.command
    if PYTEST not in command:
        return piece
    place = command.index(PYTEST) + 1
    own = [*command[:place], f"--basetemp={scratch}/{number}", *command[place:]]
    return piece._replace(command=own)


def _names(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _selection(full: bool, is_first: bool) -> list[str]:
    if full:
        return []
    return ["-m", f"not {THOROUGH}" if is_first else f"not {ONE_VERSION} and not {THOROUGH}"]


def show(outcome: Outcome) -> None:
    """Print what came of a piece: its last line if it passed, everything if it did not."""
    last = outcome.output.rpartition("\n")[2]
    verdict = "passed" if outcome.passed else "FAILED"
    if not outcome.passed:
        print(f"\n{outcome.output}")
    taken = f"{outcome.seconds:.0f} s ({outcome.processor:.0f} s of processor time)"
    print(f"== {outcome.title}: {verdict} in {taken}; {last}", flush=True)


def pytest(python: str, arguments: list[str]) -> list[str]:
    """Return the command line for pytest."""
    return [python, "-m", PYTEST, "-q", "-p", "no:cacheprovider", "--durations=5", *arguments]


def run(command: list[str], title: str) -> bool:
    """Run one check and tell whether it passed."""
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    passed = subprocess.run(command, cwd=ROOT).returncode == 0
    outcome = "passed" if passed else "FAILED"
    print(f"== {title}: {outcome} in {time.monotonic() - started:.0f} s", flush=True)
    return passed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
