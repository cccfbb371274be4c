"""`rotate-secrets` as a person runs it after a change of SECRET_KEY."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.commands.runner import ROOT
from tests.projects import settings, write

pytestmark = pytest.mark.one_version

OLD, NEW = "o" * 60, "n" * 60
MODELS = """
    from openviper.db.fields import SensitiveField
    from openviper.db.models import Model


    class Customer(Model):
        iban = SensitiveField()
"""
FILL = (
    "from bank.models import Customer; "
    "await Customer.objects.bulk_create([Customer(iban=f'DE{n}') for n in range(5)])"
)
SHOW = (
    "from bank.models import Customer; "
    "print([row.get_sensitive('iban') for row in await Customer.objects.order_by('pk')])"
)
SCRIPT = """
    import os, sys
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.environ["CHECKOUT"]]
    os.environ["OPENVIPER_SETTINGS_MODULE"] = "bank.settings"
    from openviper.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""


class Bank:
    """A project in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(
        self, *words: str, key: str = NEW, former: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with a key, and perhaps a former one."""
        variables = {
            **os.environ,
            "CHECKOUT": str(ROOT),
            "DATABASE_URL": "sqlite:///bank.db",
            "OPENVIPER_SECRET_KEY": key,
            "OPENVIPER_SECRET_KEY_FALLBACKS": former,
        }
        return subprocess.run(
            [sys.executable, "viperctl.py", *words],
            cwd=self.directory,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    directory = tmp_path_factory.mktemp("bank")
    files = {
        "viperctl.py": SCRIPT,
        "bank/__init__.py": "",
        "bank/settings.py": settings("bank"),
        "bank/models.py": MODELS,
    }
    made = Bank(write(directory, files))
    for words in (("makemigrations",), ("migrate",), ("console", "-c", FILL)):
        result = made.run(*words, key=OLD)
        assert result.returncode == 0, result.stderr
    yield made


def test_all_values_get_the_new_key(bank: Bank) -> None:
    check = bank.run("rotate-secrets", "--check", former=OLD)
    assert check.returncode == 1
    assert check.stdout == "bank.Customer.iban: 5 of 5 values to encrypt anew.\n"
    assert check.stderr.endswith(
        "5 values are not encrypted with the newest key; run rotate-secrets\n"
    )
    dry = bank.run("rotate-secrets", "--dry-run", former=OLD)
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, check.stdout, "")
    lost = bank.run("rotate-secrets")
    assert lost.returncode == 1 and "Traceback" not in lost.stderr
    assert (
        "5 values cannot be decrypted (primary keys 1, 2, 3, 4, 5); they are as they were"
        in lost.stderr
    )
    assert "SECRET_KEY_FALLBACKS" in lost.stderr
    done = bank.run("rotate-secrets", "--batch-size", "2", former=OLD)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "bank.Customer.iban: 5 of 5 values encrypted anew.\n",
        "",
    )
    again = bank.run("rotate-secrets", "--check")
    assert (again.returncode, again.stdout) == (
        0,
        "bank.Customer.iban: 0 of 5 values to encrypt anew.\n",
    )
    assert bank.run("console", "-c", SHOW).stdout.strip() == "['DE0', 'DE1', 'DE2', 'DE3', 'DE4']"
    with closing(sqlite3.connect(bank.directory / "bank.db")) as connection:
        rows = connection.execute("SELECT iban FROM bank_customer").fetchall()
    assert all(text.startswith("enc2$") for (text,) in rows)


@pytest.mark.parametrize("words", [("--batch-size", "0"), ("--check", "--dry-run")])
def test_what_makes_no_sense_is_refused(bank: Bank, words: tuple[str, ...]) -> None:
    result = bank.run("rotate-secrets", *words)
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_without_a_key_nothing_is_done(bank: Bank) -> None:
    result = bank.run("rotate-secrets", "--database", "nowhere")
    assert result.returncode == 1 and "'nowhere'" in result.stderr
