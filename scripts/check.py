#!/usr/bin/env python3
"""Run every check of OpenViper: formatter, linter, dead code, `mypy --strict`, architecture and all other tests.

Makes the environments it needs below `.venv-check/`, one per Python version, and installs OpenViper's dependencies and
development tools into them. Python 3.11 (or the version that runs this script) is required; 3.12 and 3.13 are used
where they are found.

    python3 scripts/check.py              everything, on every interpreter found
    python3 scripts/check.py --fast       one interpreter
    python3 scripts/check.py -- -k word   arguments after -- go to pytest
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-check"
VERSIONS = ("3.11", "3.12", "3.13")


def main() -> int:
    """Run the checks and return the exit code: 0 when all passed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one shall say so
        print(
            f"OpenViper needs Python 3.11 or later; this is {sys.version.split()[0]}.",
            file=sys.stderr,
        )
        return 1
    parser = argparse.ArgumentParser(description="Run all checks and tests of OpenViper.")
    parser.add_argument("--fast", action="store_true", help="use one interpreter only")
    parser.add_argument(
        "pytest_args", nargs="*", metavar="-- PYTEST_ARGS", help="arguments for pytest"
    )
    options = parser.parse_args()

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
    for version, python in list(pythons.items())[:1]:
        failed += check_text(python)
        if not run([python, "-m", "mypy"], f"mypy --strict on {version}"):
            failed.append(f"{version}: mypy")
        # The architecture test is part of the suite; run first and alone, it fails within a second.
        if not run(pytest(python, ["tests/architecture"]), f"architecture test on {version}"):
            failed.append(f"{version}: architecture")
            pythons = {}
    failed += run_suites(pythons, options.pytest_args)

    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(
        f"\n{'FAILED: ' + ', '.join(failed) if failed else 'All checks passed'} ({minutes} min {seconds} s)."
    )
    return 1 if failed else 0


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
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + version.encode()).hexdigest()
    stamp = directory / "openviper-check"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
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
    return str(python)


def run_suites(pythons: dict[str, str], arguments: list[str]) -> list[str]:
    """Run the tests on every version, as many at a time as there are processors, and return what failed.

    Tests wait for processes and servers much of the time, and share nothing: each makes its own directories and databases.
    """
    at_once = max(1, min(len(pythons), os.cpu_count() or 1))
    if at_once == 1:
        return [
            f"{version}: pytest"
            for version, python in pythons.items()
            if not run(pytest(python, arguments), f"pytest on {version}")
        ]
    print(
        f"\n== pytest on {', '.join(pythons)}, {at_once} at a time; each is shown when it has ended",
        flush=True,
    )
    with ThreadPoolExecutor(at_once) as pool:
        passed = pool.map(
            lambda item: run(pytest(item[1], arguments), f"pytest on {item[0]}", later=True),
            pythons.items(),
        )
        return [f"{version}: pytest" for version, ok in zip(pythons, passed, strict=True) if not ok]


def pytest(python: str, arguments: list[str]) -> list[str]:
    """Return the command line for pytest."""
    return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5", *arguments]


def run(command: list[str], title: str, *, later: bool = False) -> bool:
    """Run one check and tell whether it passed.

    Args:
        command: What to run.
        title: What it is called.
        later: Show what it prints as a whole at the end, because others run beside it.
    """
    started = time.monotonic()
    if later:
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        sys.stdout.flush()
        sys.stdout.buffer.write(f"\n== {title}\n".encode() + result.stdout)
    else:
        print(f"\n== {title}", flush=True)
        result = subprocess.run(command, cwd=ROOT)
    outcome = "passed" if result.returncode == 0 else "FAILED"
    print(f"== {title}: {outcome} in {time.monotonic() - started:.0f} s", flush=True)
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
