"""The options of `backup-db` and `restore-db` beyond the first steps, and passwords that nobody sees."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.acceptance.backup.project import command, make_project, run
from tests.servers import address, run_on_server
from tests.unit.backup.builders import make_database, names_in

PASSWORD = "a@b:c/d%e#f\"g'h\\i j"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    make_database(tmp_path / "db.sqlite3")
    return tmp_path


def test_all_databases_are_backed_up_with_one_result_each(project: Path) -> None:
    make_database(project / "other.sqlite3", ("Other",))
    done = run(project, "backup-db", "--all", "--level", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Backup completed successfully") == 2
    for alias, name in (("default", "db"), ("other", "other")):
        assert (
            f"Alias:    {alias}" in done.stdout
            and len(list((project / "backup").glob(f"{name}_*.tar.gz"))) == 1
        )


def test_one_failure_of_all_is_said_and_the_others_are_done(project: Path) -> None:
    done = run(project, "backup-db", "--all", "--json")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Error: other: Database file not found: '{project / 'other.sqlite3'}'",
        "Error: 1 of 2 databases are not backed up: other",
    ]
    first, second = json.loads(done.stdout)
    assert first["alias"] == "default" and Path(first["path"]).is_file()
    assert second["alias"] == "other" and second["error"].startswith("Database file not found")


def test_json_tells_scripts_everything(project: Path) -> None:
    result = json.loads(run(project, "backup-db", "--json", "--filename", "n").stdout)
    assert result["path"] == str(project / "backup" / "n.tar.gz") and result["engine"] == "sqlite"
    assert result["size"] == os.path.getsize(result["path"]) and len(result["checksum"]) == 64
    (entry,) = json.loads(run(project, "backup-db", "--list", "--json").stdout)
    assert (entry["path"], entry["size"], entry["state"]) == (
        result["path"],
        result["size"],
        "complete",
    )


def test_the_list_has_a_line_for_each_backup(project: Path) -> None:
    assert run(project, "backup-db", "--list").stderr.startswith(
        "Error: Backup directory not found"
    )
    run(project, "backup-db", "--filename", "one")
    run(project, "backup-db", "--filename", "two")
    (project / "backup" / "one.tar.gz").write_bytes(b"cut")
    done = run(project, "backup-db", "--list")
    heading, newest, oldest = done.stdout.splitlines()
    assert heading.split() == ["File", "Age", "Size", "Engine", "State"]
    assert (
        newest.startswith("two.tar.gz")
        and newest.endswith("sqlite  complete")
        and "0 min" in newest
    )
    assert oldest.startswith("one.tar.gz") and oldest.endswith("wrong size") and "3 bytes" in oldest


def test_keep_deletes_older_results_after_a_success_only(project: Path) -> None:
    for _ in range(3):
        assert run(project, "backup-db").returncode == 0
    done = run(project, "backup-db", "--keep", "2")
    assert done.stdout.count("Removed:  ") == 2
    assert len(list((project / "backup").iterdir())) == 4
    (project / "db.sqlite3").write_text("nonsense" * 1000)
    assert run(project, "backup-db", "--keep", "1").returncode == 1
    assert len(list((project / "backup").iterdir())) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["--keep", "0"],
        ["--keep", "x"],
        ["--level", "0"],
        ["--level", "10"],
        ["--all", "--db", "sqlite:///a"],
        ["--list", "--all"],
    ],
)
def test_impossible_options_are_usage_errors(project: Path, arguments: list[str]) -> None:
    done = run(project, "backup-db", *arguments)
    assert done.returncode == 2 and "usage: " in done.stderr
    assert not (project / "backup").exists()


def test_keep_or_all_with_an_exact_name_is_refused(project: Path) -> None:
    for arguments, code in ((["--keep", "2"], 1), (["--all"], 2)):
        done = run(project, "backup-db", "--filename", "n", *arguments)
        assert done.returncode == code and "--filename" in done.stderr.splitlines()[-1]


def test_check_verifies_without_a_database_and_touches_nothing(project: Path) -> None:
    run(project, "backup-db", "--filename", "n")
    (project / "db.sqlite3").unlink()
    before = sorted(str(path) for path in project.rglob("*"))
    done = run(project, "restore-db", "--check", "backup/n.tar.gz")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "Backup can be restored." in done.stdout
        and "sqlite" in done.stdout
        and "as in the sidecar" in done.stdout
    )
    archive = project / "backup" / "n.tar.gz"
    data = bytearray(archive.read_bytes())
    data[-100] ^= 1
    archive.write_bytes(data)
    done = run(project, "restore-db", "--check", "backup/n.tar.gz")
    assert (
        done.returncode == 1
        and done.stderr.startswith("Error: Checksum mismatch")
        and done.stdout == ""
    )
    (project / "backup" / "n.tar.gz.meta.json").rename(project / "meta")
    done = run(project, "restore-db", "--check", "backup/n.tar.gz")
    assert done.returncode == 1 and "Error: Not a readable archive" in done.stderr
    (project / "meta").rename(project / "backup" / "n.tar.gz.meta.json")
    assert sorted(str(path) for path in project.rglob("*")) == before


def test_a_bar_with_size_and_rate_is_drawn_on_a_terminal_only(project: Path) -> None:
    make_database(project / "big.sqlite3", tuple(os.urandom(1000).hex() for _ in range(8000)))
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command("backup-db", "--db", "sqlite:///big.sqlite3"),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        drawn += chunk
    os.close(ours)
    out, _ = child.communicate()
    assert child.returncode == 0 and b"Backup completed successfully" in out and b"\r" not in out
    assert b"Backing up [" in drawn and b"MB/s" in drawn and drawn.endswith(b"\r\x1b[K")
    assert run(project, "backup-db", "--db", "sqlite:///big.sqlite3").stderr == ""


def test_a_real_password_full_of_special_characters_works_and_is_never_shown(project: Path) -> None:
    user, name = f"openviper_{uuid4().hex[:8]}", f"openviper_test_{uuid4().hex[:8]}"
    secret = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    run_on_server(
        "mysql", f"CREATE DATABASE {name}", f"CREATE USER {user}@'%' IDENTIFIED BY '{secret}'"
    )
    try:
        run_on_server(
            "mysql", f"GRANT ALL ON {name}.* TO {user}@'%'", f"CREATE TABLE {name}.a (b INT)"
        )
        url = f"mysql://{user}:{quote(PASSWORD, safe='')}@{address('mysql')}/{name}"
        done = run(project, "backup-db", "--db", url, "--filename", "n")
        warning = "Warning: the password of --db is visible in the process list"
        assert done.returncode == 0 and done.stderr.startswith(warning)
        restored = run(project, "restore-db", "backup/n.tar.gz", "--db", url, "--force")
        assert restored.returncode == 0 and restored.stderr.startswith(warning), restored.stderr
        wrong = run(project, "backup-db", "--db", url.replace("%40", "%40x"), "--filename", "m")
        assert wrong.returncode == 1
        assert wrong.stderr.splitlines()[-1].startswith("Error: mysql failed with exit code 1: ")
        sidecar = (project / "backup" / "n.tar.gz.meta.json").read_text()
        for text in (done.stdout, restored.stdout, wrong.stderr, sidecar):
            assert PASSWORD not in text and quote(PASSWORD, safe="") not in text
    finally:
        run_on_server("mysql", f"DROP DATABASE {name}", f"DROP USER {user}@'%'")


def test_a_dump_of_the_sqlite_program_is_restored(project: Path) -> None:
    (project / "dump.sql").write_text(
        "BEGIN;\nCREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO person VALUES (1, 'Text');\nCOMMIT;\n"
    )
    assert run(project, "restore-db", "dump.sql", "--force").returncode == 0
    assert names_in(project / "db.sqlite3") == ["Text"]
