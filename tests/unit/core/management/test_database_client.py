"""The command lines of the databases' clients, and the prompt that stands in for a missing one."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.database_client import (
    mysql_client,
    open_client,
    postgresql_client,
    run_prompt,
)
from openviper.db.connections.url import DatabaseURL
from openviper.utils.terminal import Terminal

SECRET = "p:a\\ss"
ENCODED = "p%3Aa%5Css"


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with clients that print what they are given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("psql", "mariadb", "sqlite3"):
        script = folder / name
        script.write_text(f"#!{sys.executable}\nimport sys\nsys.exit(len(sys.argv))\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_psql_gets_the_password_in_a_private_file(clients: Path, tmp_path: Path) -> None:
    url = DatabaseURL.parse(f"postgresql://ann:{ENCODED}@db.example:5433/shop?sslmode=verify-full")
    command, variables = postgresql_client(url, tmp_path)
    assert command[1:] == ["--dbname", "shop", "--host=db.example", "--port=5433", "--username=ann"]
    assert SECRET not in " ".join(command) + " ".join(variables.values())
    passfile = Path(variables["PGPASSFILE"])
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    assert passfile.read_text() == "*:*:*:*:p\\:a\\\\ss\n"
    assert variables["PGSSLMODE"] == "verify-full"


def test_mariadb_gets_the_password_in_a_private_file(clients: Path, tmp_path: Path) -> None:
    url = DatabaseURL.parse(f"mysql://ann:{ENCODED}@db.example/shop")
    command, variables = mysql_client(url, tmp_path)
    assert command[1].startswith("--defaults-extra-file=")
    assert command[2:] == ["--host=db.example", "--port=3306", "--user=ann", "shop"]
    assert SECRET not in " ".join(command) and not variables
    assert stat.S_IMODE(os.stat(command[1].partition("=")[2]).st_mode) == 0o600


def test_a_database_that_looks_like_an_option_is_refused(clients: Path, tmp_path: Path) -> None:
    url = DatabaseURL.parse("postgresql://h/--command=x")
    with pytest.raises(Exception, match="could be taken for an option"):
        postgresql_client(url, tmp_path)


def test_a_missing_client_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="'psql' is not installed.*'postgresql-client'"):
        postgresql_client(DatabaseURL.parse("postgresql://h/x"), tmp_path)


def test_the_exit_code_is_that_of_the_client(clients: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.touch()
    url = DatabaseURL.parse(f"sqlite:///{path}")
    assert open_client(url, ["-readonly"], Terminal()) == 3  # Itself, the option, the file.


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///:memory:", "in memory belongs to one process"),
        ("sqlite:////nowhere/x.sqlite3", "does not exist"),
    ],
)
def test_a_database_without_a_file_is_refused(url: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        open_client(DatabaseURL.parse(url), [], Terminal())


def prompt(path: Path, text: str) -> tuple[int, str, str]:
    """Return the exit code, the results and the messages of a run of the prompt."""
    out, err = io.StringIO(), io.StringIO()
    code = run_prompt(path, Terminal(out, err, io.StringIO(text)))
    return code, out.getvalue(), err.getvalue()


def test_the_prompt_runs_statements_over_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    text = "create table t (a, b);\ninsert into t\n values (1, NULL);\nselect * from t;\n"
    assert prompt(path, text) == (0, "a\tb\n1\tNULL\n", "")
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1,)
    connection.close()


def test_the_prompt_stops_a_script_at_its_first_mistake(tmp_path: Path) -> None:
    code, out, err = prompt(tmp_path / "x.sqlite3", "select * from nope;\nselect 1;\n")
    assert (code, out) == (1, "")
    assert "no such table: nope" in err


def test_an_unfinished_statement_is_told(tmp_path: Path) -> None:
    code, _, err = prompt(tmp_path / "x.sqlite3", "select 1\n")
    assert code == 1
    assert "not complete: 'select 1'" in err


def test_without_the_client_the_prompt_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "x.sqlite3"
    path.touch()
    out, err = io.StringIO(), io.StringIO()
    url = DatabaseURL.parse(f"sqlite:///{path}")
    assert open_client(url, [], Terminal(out, err, io.StringIO("select 7;\n"))) == 0
    assert out.getvalue() == "7\n7\n"
    assert "sqlite3 is not installed" in err.getvalue()
    with pytest.raises(CommandError, match="cannot be given arguments"):
        open_client(url, ["-csv"], Terminal(out, err))
