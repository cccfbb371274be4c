#!/usr/bin/env python3
"""Measure how long OpenViper's commands take to start, as whole processes.

Each command is timed against a bare interpreter that imports what no such tool can do without: argparse, or asyncio,
sqlite3 and argparse. All commands take turns in every round, so that a busy machine slows all of them alike; the figure
is the median of the ratios of the rounds. The peak memory of `--help` is compared with that of an interpreter that does
nothing. How many modules each process imports, and how many of them are ours, says where the time goes, and is the same on
any machine; `tests/acceptance/commands/test_start.py` holds bounds.

    python3 scripts/bench/startup.py                 11 rounds
    python3 scripts/bench/startup.py --rounds 31
    python3 scripts/bench/startup.py --check         exit with 1 when a goal is missed
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass

ROOT = Path(__file__).resolve().parents[2]
ARGPARSE = ("-c", "import argparse")
DATABASE = ("-c", "import asyncio, sqlite3, argparse")
AUTH_MODELS = "import os; os.environ['OPENVIPER_SETTINGS_MODULE'] = 'bench.settings'; import openviper.auth.models"
APP = "import os; os.environ['OPENVIPER_SETTINGS_MODULE'] = 'bench.settings'; import openviper.app"
MODEL = '''\
"""Models of the benchmark."""

from openviper.db import Model
from openviper.db.fields import CharField, TextField


class Post(Model):
    """A post."""

    title = CharField(max_length=200)
    text = TextField()
'''


@dataclass(frozen=True)
class Case:
    """A command to time.

    Attributes:
        name: What to call it in the table.
        arguments: For the interpreter.
        base: Arguments of the process it is compared with.
        goal: The highest ratio that is good, or `None` where there is no goal.
        code: The exit code it has to have.
    """

    name: str
    arguments: tuple[str, ...]
    base: tuple[str, ...]
    goal: float | None = None
    code: int = 0


CASES = (
    Case("--help", ("viperctl.py", "--help"), ARGPARSE, goal=1.5),
    Case("an unknown command", ("viperctl.py", "migrat"), ARGPARSE, goal=1.5, code=1),
    Case("openviper viperctl migrat", ("-m", "openviper", "viperctl", "migrat"), ARGPARSE, goal=1.5, code=1),
    Case("migrate, nothing to do", ("viperctl.py", "migrate"), DATABASE, goal=1.6),
    Case("makemigrations, nothing to do", ("viperctl.py", "makemigrations"), DATABASE, goal=1.6),
    Case("backup-db --list", ("viperctl.py", "backup-db", "--list"), DATABASE),
    Case("import openviper.auth.models", ("-c", AUTH_MODELS), DATABASE),
    Case("import openviper.app", ("-c", APP), DATABASE),
    Case("console --no-models -c",
         ("viperctl.py", "console", "--no-models", "-c", "await __import__('asyncio').sleep(0)"), DATABASE),
)  # fmt: skip


COUNTING = """\
import atexit, sys

def tell():
    ours = sum(name.partition(".")[0] == "openviper" for name in sys.modules)
    sys.stderr.write(f"modules: {len(sys.modules)} {ours}")

atexit.register(tell)
"""
"""What tells at the end of a process which modules it has imported."""
MEMORY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nothing", ()),
    ("--help", ("viperctl.py", "--help")),
)
MEMORY_GOAL = 1.3
"""The highest ratio of peak memory that is good."""


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Measure how long OpenViper's commands take to start."
    )
    parser.add_argument(
        "--rounds", type=int, default=11, help="how often each command runs (default: 11)"
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure with")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("argument --rounds: must be at least 1")

    with tempfile.TemporaryDirectory() as directory:
        project = make_project(options.python, Path(directory))
        times = measure(options.python, project, options.rounds)
        peaks = measure_memory(options.python, project, options.rounds)
        modules = {case.name: count_modules(options.python, project, case) for case in CASES}
    missed = report(times) + report_memory(peaks)
    report_modules(modules)
    return 1 if options.check and missed else 0


def environment() -> dict[str, str]:
    """Return the environment of the measured processes: without settings of ours, the checkout on the path.

    `PYTHONDONTWRITEBYTECODE` is left out: the standard library has its bytecode, so OpenViper has to have its own too.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENVIPER_", "PYTHON"))
    }
    return kept | {"PYTHONPATH": str(ROOT)}


def run(python: str, directory: Path, arguments: tuple[str, ...], code: int = 0) -> float:
    """Run a process to its end and return how long it took, in seconds."""
    started = time.perf_counter()
    done = subprocess.run(
        [python, *arguments], cwd=directory, env=environment(), capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode != code:
        raise SystemExit(
            f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return seconds


def make_project(python: str, directory: Path) -> Path:
    """Make a project with an app, a model and a migrated database, and return its directory."""
    run(python, directory, ("-m", "openviper", "create-project", "bench"))
    project = directory / "bench"
    run(python, project, ("viperctl.py", "create-app", "blog"))
    (project / "blog" / "models.py").write_text(MODEL, encoding="utf-8")
    settings = project / "bench" / "settings.py"
    text = settings.read_text(encoding="utf-8")
    changed = text.replace('("openviper.auth",)', '("openviper.auth", "blog")')
    if changed == text:
        raise SystemExit("the generated settings name other apps than this script expects")
    settings.write_text(changed, encoding="utf-8")
    run(python, project, ("viperctl.py", "makemigrations"))
    run(python, project, ("viperctl.py", "migrate"))
    (project / "backup").mkdir()
    return project


def measure(python: str, project: Path, rounds: int) -> dict[tuple[str, ...], list[float]]:
    """Return the seconds that each process took, round by round."""
    processes = {case.arguments: case.code for case in CASES} | {case.base: 0 for case in CASES}
    times: dict[tuple[str, ...], list[float]] = {arguments: [] for arguments in processes}
    for arguments, code in processes.items():
        run(python, project, arguments, code)  # Once unmeasured: it writes the bytecode.
    for number in range(rounds):
        order = list(processes.items())
        # Each goes first as often as any other.
        for arguments, code in order[number % len(order) :] + order[: number % len(order)]:
            times[arguments].append(run(python, project, arguments, code))
    return times


def measure_memory(python: str, project: Path, rounds: int) -> dict[str, list[int]]:
    """Return the peak memory of each process of `MEMORY` in KiB, round by round; nothing where it is not told."""
    if not Path("/proc/self/status").exists():
        return {}
    # The process tells it itself, at its very end: `getrusage` also counts what was in memory before `exec`.
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read()))\n"
        "sys.argv = sys.argv[1:]\n"
        "if sys.argv: __file__ = sys.argv[0]; exec(compile(open(__file__).read(), __file__, 'exec'))"
    )
    peaks: dict[str, list[int]] = {name: [] for name, _ in MEMORY}
    for _ in range(rounds):
        for name, arguments in MEMORY:
            words = [python, "-c", script, *arguments]
            done = subprocess.run(
                words, cwd=project, env=environment(), capture_output=True, text=True, check=True
            )
            peaks[name].append(int(done.stderr.partition("VmHWM:")[2].split()[0]))
    return peaks


def count_modules(python: str, directory: Path, case: Case) -> tuple[int, int]:
    """Return how many modules a command imports, and how many of them are ours."""
    # Python imports it at every start, in a virtual environment too.
    (directory / "sitecustomize.py").write_text(COUNTING, encoding="utf-8")
    try:
        done = subprocess.run(
            [python, *case.arguments],
            cwd=directory,
            env=environment() | {"PYTHONPATH": f"{ROOT}{os.pathsep}{directory}"},
            capture_output=True,
            text=True,
        )
    finally:
        (directory / "sitecustomize.py").unlink()
    everything, ours = done.stderr.rpartition("modules: ")[2].split()
    return int(everything), int(ours)


def report_modules(modules: dict[str, tuple[int, int]]) -> None:
    """Print how many modules each command imports."""
    print(f"{'imported modules':32} {'all':>8} {'ours':>6}")
    for name, (everything, ours) in modules.items():
        print(f"{name:32} {everything:8} {ours:6}")


def report(times: dict[tuple[str, ...], list[float]]) -> int:
    """Print the table of times and return the number of goals that were missed."""
    print(f"{'process':32} {'median':>8} {'ratio':>6} {'goal':>5}")
    for base in dict.fromkeys(case.base for case in CASES):
        print(f"python -c '{base[1]}'"[:60])
        print(f"{'':32} {statistics.median(times[base]) * 1000:6.1f}ms {1:6.2f}")
    missed = 0
    for case in CASES:
        taken = times[case.arguments]
        ratio = statistics.median(
            one / other for one, other in zip(taken, times[case.base], strict=True)
        )
        goal = f"{case.goal:5.1f}" if case.goal is not None else ""
        late = case.goal is not None and ratio > case.goal
        missed += late
        mark = "  missed" if late else ""
        print(f"{case.name:32} {statistics.median(taken) * 1000:6.1f}ms {ratio:6.2f} {goal}{mark}")
    return missed


def report_memory(peaks: dict[str, list[int]]) -> int:
    """Print the peak memory and return 1 if its goal was missed."""
    if not peaks:
        return 0
    bare, shown = (statistics.median(peaks[name]) for name, _ in MEMORY)
    ratio = shown / bare
    late = ratio > MEMORY_GOAL
    mark = "  missed" if late else ""
    print(
        f"{'peak memory of --help':32} {shown / 1024:6.1f}MB {ratio:6.2f} {MEMORY_GOAL:5.1f}{mark}"
    )
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
