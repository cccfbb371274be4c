"""`createsuperuser` and `changepassword` as a person or a script uses them, on an interpreter without any package."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from openviper import auth

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-7"
ADMIN = ["--username", "admin", "--email", "admin@example.com"]

SETTINGS = """
    import dataclasses
    from openviper.conf import Settings
    from openviper.conf.types import ConfigMap


    @dataclasses.dataclass(frozen=True)
    class ShopSettings(Settings):
        SECRET_KEY: str = "k" * 60
        INSTALLED_APPS: tuple[str, ...] = ("openviper.auth",)
        PASSWORD_HASHERS: tuple[str, ...] = ("pbkdf2_sha256",)
        DATABASES: ConfigMap = dataclasses.field(
            default_factory=lambda: {"default": {"OPTIONS": {"URL": "sqlite:///shop.db"}}}
        )
"""
SCRIPT = """
    import os
    import sys

    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.environ["CHECKOUT"]]
    os.environ["OPENVIPER_SETTINGS_MODULE"] = "shop.settings"

    from openviper.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
# A new session has no terminal of its own until it takes one; `getpass` insists on /dev/tty.
TAKE_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Shop:
    """A project in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "shop").mkdir()
        (directory / "shop" / "__init__.py").touch()
        (directory / "shop" / "settings.py").write_text(textwrap.dedent(SETTINGS))
        (directory / "viperctl.py").write_text(textwrap.dedent(SCRIPT))
        self.command = [sys.executable, "-I", "-S", "-W", "error", str(directory / "viperctl.py")]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("OPENVIPER_")
        }
        self.environment = {
            **kept,
            "CHECKOUT": str(ROOT),
            "OPENVIPER_DOTENV": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(
        self, *arguments: str, answers: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            env={**self.environment, **variables},
            input=answers,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return rows of the database."""
        connection = sqlite3.connect(self.directory / "shop.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def users(self) -> list[tuple[object, ...]]:
        """Return what is stored of each user."""
        return self.query(
            "SELECT username, email, is_superuser, is_staff, is_active, password FROM auth_users ORDER BY id"
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a project with a migrated database."""
    made = Shop(tmp_path)
    result = made.run("migrate")
    assert result.returncode == 0, result.stderr
    return made


def test_migrate_makes_a_content_type_for_each_model(shop: Shop) -> None:
    rows = shop.query("SELECT app_label || '.' || model FROM auth_content_types ORDER BY 1")
    shipped = [path.stem for path in (Path(auth.__file__).parent / "schemas").glob("*.json")]
    assert rows == [(f"auth.{name}",) for name in sorted(shipped)]


def test_a_script_makes_a_superuser_from_the_environment(shop: Shop) -> None:
    result = shop.run(
        "createsuperuser",
        "--no-input",
        OPENVIPER_SUPERUSER_USERNAME="admin",
        OPENVIPER_SUPERUSER_EMAIL="admin@Example.com",
        OPENVIPER_SUPERUSER_PASSWORD=PASSWORD,
    )
    assert (result.returncode, result.stdout) == (0, "Superuser 'admin' created successfully.\n"), (
        result.stderr
    )
    assert result.stderr == ""
    ((*values, stored),) = shop.users()
    assert values == ["admin", "admin@example.com", 1, 1, 1]
    assert str(stored).startswith("pbkdf2_sha256$")


def test_a_password_option_works_with_a_warning_and_never_appears(shop: Shop) -> None:
    result = shop.run("createsuperuser", *ADMIN, "--password", PASSWORD, "--no-input")
    assert result.returncode == 0, result.stderr
    assert "list of processes" in result.stderr
    assert PASSWORD not in result.stdout + result.stderr


def test_answers_are_asked_for_until_they_fit(shop: Shop) -> None:
    answers = [
        "bad name",
        "admin",
        "nowhere",
        "admin@example.com",
        "",
        "short",
        PASSWORD,
        "differs",
        PASSWORD,
        PASSWORD,
    ]
    result = shop.run("createsuperuser", answers="".join(f"{answer}\n" for answer in answers))
    assert result.returncode == 0, result.stderr
    for complaint in ("'bad name'", "'nowhere'", "must not be blank", "at least 8", "do not match"):
        assert complaint in result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    assert len(shop.users()) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--no-input"], "--username, --email, --password"),
        (["--no-input", *ADMIN], "OPENVIPER_SUPERUSER_PASSWORD"),
        (["--no-input", *ADMIN, "--password", "short"], "at least 8"),
        (["--no-input", *ADMIN, "--password", "        "], "must not be blank"),
        (["--no-input", "--username", "a b", "--email", "a@b.co", "--password", PASSWORD], "'a b'"),
        (["--no-input", "--username", "ab", "--email", "ab", "--password", PASSWORD], "'ab'"),
        (ADMIN, "Operation cancelled."),
        ([], "Operation cancelled."),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_one(
    shop: Shop, arguments: list[str], text: str
) -> None:
    result = shop.run("createsuperuser", *arguments)
    assert result.returncode == 1
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert shop.users() == []


@pytest.mark.parametrize(
    "taken",
    [
        ["--username", "admin", "--email", "other@example.com"],
        ["--username", "other", "--email", "ADMIN@example.com"],
    ],
)
def test_a_name_or_address_that_is_taken_is_told_before_the_password_is_asked(
    shop: Shop, taken: list[str]
) -> None:
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    result = shop.run("createsuperuser", *taken)
    assert result.returncode == 1
    assert "already exists" in result.stderr
    assert "Password" not in result.stderr
    assert len(shop.users()) == 1


def test_a_database_without_tables_is_explained(tmp_path: Path) -> None:
    result = Shop(tmp_path).run("createsuperuser", *ADMIN, "--password", PASSWORD)
    assert result.returncode == 1
    assert "migrate" in result.stderr and "Traceback" not in result.stderr


def test_a_password_is_changed_by_option_or_answers(shop: Shop) -> None:
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    before = shop.users()[0][-1]
    result = shop.run("changepassword", "admin", "--password", "another-horse-8")
    assert (result.returncode, result.stdout) == (
        0,
        "Password changed successfully for user 'admin'.\n",
    ), result.stderr
    assert "list of processes" in result.stderr
    between = shop.users()[0][-1]
    result = shop.run("changepassword", answers="admin\nthird-horse-9\nthird-horse-9\n")
    assert result.returncode == 0, result.stderr
    assert len({before, between, shop.users()[0][-1]}) == 3


def test_what_has_expired_is_cleared(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.directory / "shop.db")) as connection, connection:
        for key, end in (("old", "2020-01-01 00:00:00"), ("new", "2999-01-01 00:00:00")):
            connection.execute(
                "INSERT INTO openviper_sessions (session_key, fingerprint, data, created_at, used_at, expires_at, "
                "is_remembered, address, user_agent, version) VALUES (?, '', '{}', ?, ?, ?, 0, '', '', 0)",
                (key, end, end, end),
            )
        connection.execute(
            "INSERT INTO auth_login_attempts (key, failures, last_at, free_at) VALUES ('x', 1, 1, 1)"
        )
    result = shop.run("clear-sessions")
    assert result.stdout == "Cleared 1 expired sessions and 1 counts of failed logins.\n"
    assert shop.query("SELECT session_key FROM openviper_sessions") == [("new",)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nobody", "--password", PASSWORD], "user 'nobody' not found"),
        (["nobody"], "user 'nobody' not found"),
        (["", "--password", PASSWORD], "must not be blank"),
        ([], "Operation cancelled."),
    ],
)
def test_a_password_of_nobody_cannot_be_changed(
    shop: Shop, arguments: list[str], text: str
) -> None:
    result = shop.run("changepassword", *arguments)
    assert result.returncode == 1
    assert text in result.stderr and "Traceback" not in result.stderr


def test_a_weak_new_password_changes_nothing(shop: Shop) -> None:
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    before = shop.users()
    result = shop.run("changepassword", "admin", "--password", "short")
    assert (result.returncode, shop.users()) == (1, before)
    assert "at least 8" in result.stderr


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("password1", "one of those that are tried first"),
        ("admin-2031-x", "too similar to the username"),
        ("x" * 513, "at most 512 characters"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused_by_every_command(
    shop: Shop, password: str, text: str
) -> None:
    results = [
        shop.run("createsuperuser", *ADMIN, "--password", password),
        shop.run("create-user", *ADMIN, "--password", password),
    ]
    assert shop.users() == []
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    before = shop.users()
    results.append(shop.run("changepassword", "ADMIN", "--password", password))
    assert shop.users() == before
    for result in results:
        assert result.returncode == 1 and text in result.stderr and result.stdout == ""
        assert password not in result.stderr


def test_a_name_that_differs_in_capitals_is_taken(shop: Shop) -> None:
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    again = ["--username", "ADMIN", "--email", "other@example.com", "--password", PASSWORD]
    result = shop.run("create-user", *again)
    assert result.returncode == 1
    assert "a user with username 'ADMIN' already exists" in result.stderr
    mixed = ["--username", "\u0430dmin", "--email", "other@example.com", "--password", PASSWORD]
    assert "several scripts" in shop.run("create-user", *mixed).stderr


def test_what_has_happened_to_accounts_is_shown(shop: Shop) -> None:
    assert shop.run("auth-log").stdout == "No events.\n"
    assert shop.run("createsuperuser", *ADMIN, "--password", PASSWORD).returncode == 0
    result = shop.run("changepassword", "admin", "--password", "a wandering wolf")
    assert "openviper.auth.audit" not in result.stderr
    shown = shop.run("auth-log", "admin").stdout.splitlines()
    assert [line.split()[1:3] for line in shown] == [
        ["password.changed", "admin"],
        ["user.created", "admin"],
    ]
    assert " by os:" in shown[0] and "is_superuser=True" in shown[1]
    only = json.loads(shop.run("auth-log", "--event", "password", "--json").stdout)
    assert [event["event"] for event in only] == ["password.changed"]
    assert shop.run("auth-log", "nobody").stdout == "No events.\n"
    assert shop.run("auth-log", "--since", "2999-01-01").stdout == "No events.\n"
    pruned = shop.run("auth-log", "--prune", "--limit", "1")
    assert "Deleted 0 old events." in pruned.stderr and len(pruned.stdout.splitlines()) == 1
    for wrong, text in (("--since=soon", "'soon'"), ("--limit=0", "1 to 100000, not 0")):
        result = shop.run("auth-log", wrong)
        assert result.returncode == 2 and text in result.stderr


class Typist:
    """Somebody at a terminal."""

    def __init__(self, shop: Shop, *arguments: str) -> None:
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *shop.command, *arguments],
            cwd=shop.directory,
            env=shop.environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def expect(self, text: str) -> None:
        """Wait until a text has appeared since the last one."""
        deadline = time.monotonic() + 30
        start = len(self.seen)
        while text not in self.seen[start:]:
            assert time.monotonic() < deadline, f"{text!r} did not appear in {self.seen!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.master, 1024).decode()
                except OSError:  # Linux reports the end of a terminal so.
                    break
        assert text in self.seen[start:], self.seen

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def close(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.master)


@pytest.fixture
def typist(shop: Shop) -> Iterator[Typist]:
    """Return somebody who has started `createsuperuser`."""
    made = Typist(shop, "createsuperuser")
    yield made
    if made.process.poll() is None:
        made.close()


def test_a_person_makes_a_superuser_and_the_password_is_not_shown(
    shop: Shop, typist: Typist
) -> None:
    typist.expect("Username: ")
    typist.type("admin\n")
    typist.expect("Email: ")
    typist.type("admin@example.com\n")
    typist.expect("Password: ")
    typist.type(f"{PASSWORD}\n")
    typist.expect("Password (again): ")
    typist.type(f"{PASSWORD}\n")
    typist.expect("created successfully.")
    assert typist.close() == 0
    assert PASSWORD not in typist.seen
    assert len(shop.users()) == 1


@pytest.mark.parametrize("at", ["Username: ", "Password: "])
def test_ctrl_c_at_any_question_ends_in_one_line(shop: Shop, typist: Typist, at: str) -> None:
    typist.expect("Username: ")
    if at == "Password: ":
        typist.type("admin\n")
        typist.expect("Email: ")
        typist.type("admin@example.com\n")
        typist.expect("Password: ")
    typist.type("\x03")
    typist.expect("Operation cancelled.")
    assert typist.close() == 1
    assert "Traceback" not in typist.seen
    assert shop.users() == []
