"""`backup-db` and `restore-db` as a person and a cron job meet them."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from openviper.backup.sidecar import compute_checksum
from tests.acceptance.backup.project import ROOT, command, make_project, run
from tests.unit.backup.builders import make_database, names_in, open_database


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    make_database(tmp_path / "db.sqlite3")
    return tmp_path


def test_a_backup_is_reported_and_restored(project: Path) -> None:
    done = run(project, "backup-db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Backup completed successfully" in done.stdout
    (archive,) = (project / "backup").glob("*.tar.gz")
    for fact in (
        "db",
        "sqlite",
        str(archive),
        compute_checksum(archive),
        f"{archive.stat().st_size} bytes",
    ):
        assert fact in done.stdout
    with open_database(project / "db.sqlite3") as connection:
        connection.execute("DELETE FROM person")
    done = run(project, "restore-db", str(archive), "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Database restored successfully." in done.stdout and str(archive) in done.stdout
    assert "Restart running servers" in done.stdout
    (saved,) = (project / "backup").glob("db_*_before_restore.tar.gz")
    assert str(saved) in done.stdout
    assert names_in(project / "db.sqlite3") == ["Ada", "Grace"]


def test_an_alias_a_url_a_name_and_a_directory_can_be_given(project: Path) -> None:
    make_database(project / "other.sqlite3", ("Other",))
    assert (
        run(
            project, "backup-db", "--database", "other", "--path", "a", "--filename", "n"
        ).returncode
        == 0
    )
    assert (
        run(
            project, "backup-db", "--db", "sqlite:///other.sqlite3", "--path", "a", "--no-compress"
        ).returncode
        == 0
    )
    (plain,) = (project / "a").glob("other_*.sql")
    assert names_in(plain) == ["Other"]
    assert run(project, "restore-db", "a/n.tar.gz", "--db", "sqlite:///new.db").returncode == 0
    assert names_in(project / "new.db") == ["Other"]
    assert (
        run(project, "restore-db", "a/n.tar.gz", "--database", "other", "--force").returncode == 0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backup-db", "--db", "sqlite:///missing.db"], "Database file not found"),
        (["backup-db", "--db", "sqlite://"], "In-memory SQLite databases cannot be backed up"),
        (["backup-db", "--db", "postgresql://u:secret@127.0.0.1:1/d"], "pg_dump "),
        (["backup-db", "--db", "mysql://u:secret@127.0.0.1:1/d"], "mysql "),
        (["backup-db", "--db", "db2://u:secret@h/d"], "Unsupported database scheme 'db2'"),
        (["backup-db", "--db", "nonsense"], "Unsupported database scheme ''"),
        (["backup-db", "--path", "../x"], "Path traversal detected"),
        (["backup-db", "--name", "../x"], "Path traversal detected"),
        (["backup-db", "--path", "/"], "Refusing to write"),
        (["backup-db", "--name", "-x/y"], None),
        (["backup-db", "--db", "sqlite:///settings.py"], "cannot copy the database"),
        (["backup-db", "--database", "unknown"], "unknown database alias 'unknown'"),
        (["backup-db", "--path", "settings.py"], "Backup path is not a directory"),
        (["backup-db", "--path", "settings.py/below"], "Cannot create the directory"),
        (["backup-db", "--path", "/proc/backup"], "Cannot create the directory"),
        (["restore-db", "missing.tar.gz"], "Backup file not found"),
        (["restore-db", "../x.tar.gz"], "Path traversal detected"),
        (["restore-db", "."], "Backup file is not a regular file"),
        (["restore-db", "settings.py", "--force"], "the SQL text 'settings.py' fails"),
        (
            ["restore-db", "settings.py", "--db", "mysql://u:secret@127.0.0.1:1/d"],
            "the SQL text 'settings.py' holds",
        ),
    ],
)
def test_every_failure_is_one_line_and_exit_code_1(
    project: Path, arguments: list[str], message: str | None
) -> None:
    done = run(project, *arguments)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr and "secret" not in done.stderr
    if message is None:
        assert done.returncode == 2
        return
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Warning: ")]
    assert len(errors) == 1 and errors[0].startswith(f"Error: {message}")
    assert sorted(path.name for path in project.iterdir() if path.name != "__pycache__") == [
        "db.sqlite3",
        "settings.py",
        "viperctl.py",
    ]


def test_a_url_and_an_alias_together_are_a_usage_error(project: Path) -> None:
    assert run(project, "backup-db", "--db", "sqlite:///a", "--database", "other").returncode == 2


def test_an_existing_name_is_kept_unless_overwriting_is_asked_for(project: Path) -> None:
    assert run(project, "backup-db", "--filename", "nightly").returncode == 0
    done = run(project, "backup-db", "--filename", "nightly")
    assert done.returncode == 1 and done.stderr.startswith("Error: Backup already exists")
    assert run(project, "backup-db", "--filename", "nightly", "--overwrite").returncode == 0


def test_without_a_terminal_force_is_needed(project: Path) -> None:
    run(project, "backup-db", "--filename", "n")
    done = run(project, "restore-db", "backup/n.tar.gz", stdin="yes\n")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Refusing to overwrite without --force")


def test_a_missing_sidecar_is_a_warning_and_a_wrong_one_an_error(project: Path) -> None:
    run(project, "backup-db", "--filename", "n")
    archive = project / "backup" / "n.tar.gz"
    sidecar = project / "backup" / "n.tar.gz.meta.json"
    sidecar.write_text(sidecar.read_text().replace(compute_checksum(archive), "0" * 64))
    done = run(project, "restore-db", str(archive), "--force")
    assert done.returncode == 1 and done.stderr.startswith("Error: Checksum mismatch")
    done = run(project, "restore-db", str(archive), "--force", "--no-verify")
    assert done.returncode == 0 and done.stderr.startswith("Warning: Checksum mismatch")
    sidecar.unlink()
    done = run(project, "restore-db", str(archive), "--force")
    assert done.returncode == 0 and done.stderr.startswith("Warning: no sidecar")


def answer(project: Path, keys: bytes) -> tuple[int, str]:
    """Restore on a terminal, type `keys` when asked, and return exit code and everything on standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("restore-db", "backup/n.tar.gz"),
        cwd=project,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Ctrl-C reaches the process only when the terminal is its controlling one.
        preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)),
    ) as child:
        os.close(theirs)
        assert child.stderr is not None
        text = b""
        while b"[y/N]" not in text:
            chunk = os.read(child.stderr.fileno(), 1000)
            assert chunk, text
            text += chunk
        os.write(ours, keys)
        text += child.stderr.read()
        child.wait(timeout=120)
    os.close(ours)
    return child.returncode, text.decode()


@pytest.mark.parametrize(
    ("keys", "code"),
    [(b"y\n", 0), (b"yes\n", 0), (b"n\n", 1), (b"\n", 1), (b"\x04", 1), (b"\x03", 1)],
)
def test_on_a_terminal_the_answer_counts(project: Path, keys: bytes, code: int) -> None:
    run(project, "backup-db", "--filename", "n")
    with open_database(project / "db.sqlite3") as connection:
        connection.execute("DELETE FROM person")
    returncode, text = answer(project, keys)
    assert returncode == code, text
    assert str(project / "db.sqlite3") in text and "bytes" in text
    # Ctrl-C is answered by the terminal itself, every other "no" by the command.
    assert ("Restore cancelled" in text or "Operation cancelled" in text) == (code == 1)
    assert names_in(project / "db.sqlite3") == (["Ada", "Grace"] if code == 0 else [])
    assert not list(project.glob(".*"))


@pytest.mark.parametrize("arguments", [["backup-db"], ["restore-db", "n.tar.gz", "--force"]])
def test_ctrl_c_exits_with_130_and_leaves_nothing(project: Path, arguments: list[str]) -> None:
    make_database(project / "other.sqlite3", ("x" * 1000,) * 60_000)
    assert (
        run(
            project, "backup-db", "--database", "other", "--path", ".", "--filename", "n"
        ).returncode
        == 0
    )
    (project / "db.sqlite3").unlink()
    (project / "other.sqlite3").rename(project / "db.sqlite3")
    before = sorted(path.name for path in project.iterdir() if path.name != "__pycache__")
    watched = project if arguments[0] == "restore-db" else project / "backup"
    with subprocess.Popen(
        command(*arguments),
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        while not list(watched.glob(".openviper-work-*")):
            assert child.poll() is None
            time.sleep(0.001)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)
    state = "no backup was made" if arguments[0] == "backup-db" else "the target is unchanged"
    assert (child.returncode, out) == (130, b"")
    assert err.decode() == f"Error: Interrupted by SIGINT: {state}\n"
    assert sorted(path.name for path in project.iterdir() if path.name != "__pycache__") == before


@pytest.mark.parametrize("name", ["backup-db", "restore-db"])
def test_help_imports_no_database_and_no_archive_code(project: Path, name: str) -> None:
    script = (
        "import sys; sys.argv = ['viperctl.py', sys.argv[1], '--help']; import runpy\n"
        "try: runpy.run_path('viperctl.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'sqlite3', 'tarfile', 'gzip', 'asyncio', 'concurrent.futures', 'hashlib', 'openviper.db.connections.url'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [*command()[:3], "-c", script, name], cwd=project, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: " in done.stdout


def test_the_examples_of_the_how_to_work(project: Path) -> None:
    text = (ROOT / "docs" / "how-to" / "backup.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    script = "set -e\n" + "".join(blocks)
    environment = {**os.environ, "PATH": f"{project}:{os.environ['PATH']}"}
    # The page says `python`; whoever tests it may have another name for the interpreter.
    (project / "python").write_text(f'#!/bin/sh\nexec {command()[0]} "$@"\n')
    (project / "python").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stdout
    assert names_in(project / "db.sqlite3") == ["Ada", "Grace"]
