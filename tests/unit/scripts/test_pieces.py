"""Sharing out checks: which pieces there are, in which order they run, what came of them, and that they can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import pieces
from scripts.pieces import Outcome, Piece, run_pieces, shares
from tests.projects import write

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 60.0


def python(title: str, code: str, seconds: float = 0.0, *, may_be_empty: bool = False) -> Piece:
    """Return a piece that runs some code."""
    return Piece(title, [sys.executable, "-c", code], seconds, may_be_empty)


def run(directory: Path, *all_of_them: Piece, at_once: int = 2) -> list[Outcome]:
    """Run pieces and return what came of them."""
    return run_pieces(all_of_them, directory, at_once, lambda outcome: None)


# Shares


def test_every_file_of_tests_is_in_one_share() -> None:
    files = [file for share in shares(ROOT) for path in share.paths for file in under(ROOT / path)]
    assert sorted(files) == sorted((ROOT / "tests").rglob("test_*.py"))


def under(path: Path) -> list[Path]:
    """Return the files of tests in a share's path."""
    return [path] if path.is_file() else list(path.rglob("test_*.py"))


def test_a_long_folder_is_divided_and_what_has_no_tests_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "def test(): ...\n"
    write(
        tmp_path / "tests",
        {
            "conftest.py": "",
            "typing/check_types.py": line,
            "unit/a/test_a.py": line,
            "unit/b/test_b.py": line,
            "acceptance/conftest.py": "",
            "acceptance/empty/helper.py": line,
            "acceptance/long/deep/test_deep.py": line,
            "acceptance/long/test_longest.py": line * 5,
            "acceptance/test_four.py": line,
            "acceptance/test_one.py": line,
            "acceptance/test_three.py": line,
        },
    )
    monkeypatch.setattr(pieces, "SECONDS_PER_LINE", {"acceptance": 1.0})
    monkeypatch.setattr(pieces, "MOST_SECONDS", 2.0)
    assert [(share.paths, round(share.seconds)) for share in shares(tmp_path)] == [
        (["tests/acceptance/long/deep"], 1),
        (["tests/acceptance/long/test_longest.py"], 5),
        (["tests/acceptance/test_four.py", "tests/acceptance/test_one.py"], 2),
        (["tests/acceptance/test_three.py"], 1),
        (["tests/unit"], 0),
    ]


def test_a_line_that_starts_processes_counts_more(tmp_path: Path) -> None:
    text = "def test(): ...\n" * 100
    folders = ("acceptance/a", "integration/a", "unit")
    write(tmp_path / "tests", {f"{folder}/test_a.py": text for folder in folders})
    acceptance, integration, unit = (share.seconds for share in shares(tmp_path))
    assert acceptance > integration > unit > 0


# Running


def test_the_longest_is_started_first_and_no_more_than_wished_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    code = (
        "import os, sys, time\n"
        "log = open('log', 'a', buffering=1)\n"
        "log.write(f'+{sys.argv[1]} ')\n"
        "time.sleep(0.15)\n"
        "log.write(f'-{sys.argv[1]} ')\n"
    )
    three = [
        Piece(name, [sys.executable, "-c", code, name], seconds)
        for name, seconds in (("short", 1.0), ("long", 9.0), ("middle", 5.0))
    ]
    run(tmp_path, *three, at_once=1)
    assert (tmp_path / "log").read_text() == "+long -long +middle -middle +short -short "


def test_pieces_run_side_by_side(tmp_path: Path) -> None:
    # Each waits for the other: one after the other, neither would end.
    code = (
        "import pathlib, time\n"
        "pathlib.Path({own!r}).touch()\n"
        "while not pathlib.Path({other!r}).exists(): time.sleep(0.01)\n"
    )
    outcomes = run(
        tmp_path,
        python("a", code.format(own="a", other="b")),
        python("b", code.format(own="b", other="a")),
    )
    assert all(outcome.passed for outcome in outcomes) and len(outcomes) == 2


def test_each_is_told_as_it_ends(tmp_path: Path) -> None:
    told: list[str] = []
    two = [python("a", "print('one')"), python("b", "raise SystemExit(3)")]
    outcomes = run_pieces(two, tmp_path, 1, lambda outcome: told.append(outcome.title))
    assert told == [outcome.title for outcome in outcomes] == ["a", "b"]
    assert [outcome.passed for outcome in outcomes] == [True, False]


def test_the_dots_are_left_out_and_everything_else_is_kept(tmp_path: Path) -> None:
    code = "print('..x.F [ 12%]\\n....\\n...told...\\n5 passed', flush=True); import os; os.write(2, b'oh')"
    (outcome,) = run(tmp_path, python("a", code))
    assert outcome.output == "...told...\n5 passed\noh"


@pytest.mark.parametrize(
    ("code", "failed"),
    [
        ("print('FAILED tests/a.py::test_b[x y] - assert 1 == 2'); exit(1)", ["tests/a.py::test_b[x y]"]),
        ("print('FAILED tests/a.py::b\\nERROR tests/c.py - Oh: no'); exit(1)", ["tests/a.py::b", "tests/c.py"]),
        ("exit(4)", ["exit code 4"]),
        ("import os; os.kill(os.getpid(), 9)", ["signal 9"]),
        ("print('FAILED tests/a.py::b, they said')", []),
    ],
)  # fmt: skip
def test_what_failed_is_named(tmp_path: Path, code: str, failed: list[str]) -> None:
    (outcome,) = run(tmp_path, python("a", code))
    assert outcome.failed == failed
    assert outcome.passed is (failed == [])


@pytest.mark.parametrize("may_be_empty", [True, False])
def test_a_selection_of_nothing_passes_only_where_it_may(
    tmp_path: Path, may_be_empty: bool
) -> None:
    (outcome,) = run(tmp_path, python("a", "exit(5)", may_be_empty=may_be_empty))
    assert outcome.passed is may_be_empty


def test_what_outlives_a_piece_does_not_hold_it_up(tmp_path: Path) -> None:
    sleeper = "import time; time.sleep(600)"
    code = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {sleeper!r}]).pid)"
    )
    (outcome,) = run(tmp_path, python("a", code))
    os.kill(int(outcome.output), signal.SIGKILL)
    assert outcome.passed and outcome.seconds < TIMEOUT


# Stopping

DRIVER = """
import sys
from pathlib import Path
from scripts import pieces

pieces.PATIENCE = float(sys.argv[1])
made = [pieces.Piece("a", [sys.executable, "-c", sys.argv[2]]), pieces.Piece("b", [sys.executable, "-c", "open('b', 'w')"])]
try:
    pieces.run_pieces(made, Path.cwd(), 1, print)
except KeyboardInterrupt:
    sys.exit(130)
"""
ENDS_IN_GOOD_ORDER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
try:
    open("child", "w").write(f"{child.pid}\\n")
    time.sleep(600)
finally:
    open("order", "w").close()
"""
DOES_NOT_END = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{ENDS_IN_GOOD_ORDER}"


def wait_for_line(path: Path) -> str:
    """Wait until a file holds a line, and return it."""
    deadline = time.monotonic() + TIMEOUT
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
    return path.read_text().strip()


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, whoever is to take note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + TIMEOUT
    while not is_gone(pid):
        assert time.monotonic() < deadline, pid
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "patience", "numbers", "in_order"),
    [
        (ENDS_IN_GOOD_ORDER, "600", [signal.SIGINT], True),
        (ENDS_IN_GOOD_ORDER, "600", [signal.SIGTERM], True),
        (DOES_NOT_END, "0.1", [signal.SIGINT], False),
        (DOES_NOT_END, "600", [signal.SIGINT, signal.SIGINT], False),
    ],
    ids=["Ctrl-C", "SIGTERM", "impatient", "twice"],
)
def test_a_signal_ends_what_runs_with_all_it_has_started(
    tmp_path: Path, code: str, patience: str, numbers: list[signal.Signals], in_order: bool
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, patience, code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process:
        child = int(wait_for_line(tmp_path / "child"))
        process.send_signal(numbers[0])
        told = [process.stderr.readline(), process.stderr.readline()]
        for number in numbers[1:]:
            process.send_signal(number)
        assert process.wait(TIMEOUT) == 130
    wait_until_gone(child)
    assert told[1] == "Interrupted; ending 1 that run.\n"
    assert (tmp_path / "order").exists() is in_order
    assert not (tmp_path / "b").exists(), "nothing more is started"
