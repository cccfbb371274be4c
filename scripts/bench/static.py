#!/usr/bin/env python3
"""Measure `collectstatic` against `shutil.copytree` of the same tree: 2,000 small files and 20 of 5 MB.

Every round copies the tree with `copytree`, collects it into an empty place, and collects it again with nothing changed, in
turns, in one process; the figures are ratios of the minima, as a busy disk only ever adds time. The bytes that every round
has written are flushed before the next measurement, so that none pays for another.

    python3 scripts/bench/static.py                 7 rounds
    python3 scripts/bench/static.py --rounds 15
    python3 scripts/bench/static.py --check         exit with 1 when a goal is missed
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
from openviper.conf import Settings, settings  # noqa: E402
from openviper.staticfiles import collect_static  # noqa: E402

SMALL, LARGE = 2000, 20
LARGE_SIZE = 5 * 1024 * 1024
GOALS = {"first run": 1.0, "second run": 0.4}


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure collectstatic against shutil.copytree.")
    parser.add_argument(
        "--rounds", type=int, default=7, help="how often each is measured (default: 7)"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("argument --rounds: must be at least 1")
    settings.configure(Settings(INSTALLED_APPS=()))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_tree(directory / "source")
        times = measure(directory, options.rounds)
    return report(times, check=options.check)


def make_tree(source: Path) -> None:
    """Write the files: 40 folders of 50 small ones, of 1 to 8 KB, and one folder of large ones."""
    numbers = random.Random(1)
    for number in range(SMALL):
        path = source / f"part{number % 40}" / f"file{number}.css"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.randbytes(numbers.randint(1024, 8192)))
    (source / "video").mkdir()
    for number in range(LARGE):
        (source / "video" / f"film{number}.mp4").write_bytes(numbers.randbytes(LARGE_SIZE))


def measure(directory: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round by what was done."""
    source = directory / "source"
    times: dict[str, list[float]] = {"copytree": [], "first run": [], "second run": []}

    def collect() -> None:
        if collect_static([source], directory / "collected") != SMALL + LARGE:
            raise SystemExit("not every file was collected")

    for _ in range(rounds):
        times["copytree"].append(timed(lambda: shutil.copytree(source, directory / "copied")))
        times["first run"].append(timed(collect))
        times["second run"].append(timed(collect))
        shutil.rmtree(directory / "copied")
        shutil.rmtree(directory / "collected")
    return times


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, in seconds, with nothing left to be written from before."""
    os.sync()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(times: dict[str, list[float]], *, check: bool) -> int:
    """Print the table; with `check` return 1 when a goal is missed."""
    base = min(times["copytree"])
    print(
        f"{SMALL} small files, {LARGE} of {LARGE_SIZE // 1024 // 1024} MB; minima of {len(times['copytree'])} rounds"
    )
    print(f"{'':12} {'minimum':>9} {'ratio':>6} {'goal':>5}")
    print(f"{'copytree':12} {base * 1000:7.1f}ms {1:6.2f}")
    missed = 0
    for name, goal in GOALS.items():
        ratio = min(times[name]) / base
        missed += ratio > goal
        mark = "  missed" if ratio > goal else ""
        print(f"{name:12} {min(times[name]) * 1000:7.1f}ms {ratio:6.2f} {goal:5.1f}{mark}")
    return 1 if check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
