"""The commands that look into a database and mend it, on PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.commands.forks import Done, Forks
from tests.acceptance.commands.runner import VIPERCTL
from tests.projects import settings, write
from tests.servers import fresh_database

USER = {"OPENVIPER_USER_PASSWORD": "correct horse"}
NODE = (
    "from openviper.db import Model\nfrom openviper.db.fields import CharField, ForeignKey\n\n\n"
    "class Node(Model):\n    name = CharField(max_length=20)\n"
    '    parent = ForeignKey("self", null=True)\n\n\n'
    "class Leaf(Model):\n    node = ForeignKey(Node)\n"
)


@pytest.fixture(
    scope="module", params=["postgresql", pytest.param("mysql", marks=pytest.mark.one_version)]
)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database."""
    with fresh_database(request.param) as address:
        yield address


@pytest.fixture
def project(url: str, tmp_path: Path) -> Path:
    """A project with tables that refer to each other and to themselves."""
    files = {
        "viperctl.py": VIPERCTL,
        "site_/__init__.py": "",
        "site_/settings.py": settings("site_", "openviper.auth"),
        "site_/models.py": NODE,
        ".env": f"OPENVIPER_DATABASE_URL='{url}'\n",
    }
    return write(tmp_path / "project", files)


def run(forks: Forks, project: Path, *words: str, **more: str) -> Done:
    """Run a command that has to succeed."""
    done = forks.run("viperctl.py", project, *words, **more)
    assert done.returncode == 0, done
    return done


def test_a_database_is_looked_into_filled_and_flushed(forks: Forks, project: Path) -> None:
    assert "[ ] create table auth_users" in run(forks, project, "schema-status").stdout
    run(forks, project, "makemigrations")
    run(forks, project, "migrate")
    assert run(forks, project, "schema-status").stdout.endswith("Everything is applied.\n")
    run(forks, project, "roles", "create", "editors")
    words = ("create-user", "--no-input", "--username", "ann", "--email", "ann@example.com")
    run(forks, project, *words, "--role", "editors", **USER)
    assert run(forks, project, "roles").stdout == "editors: ann\n"
    fill = (
        "root = await Node.objects.create(name='root')\n"
        "inner = await Node.objects.create(name='inner', parent=root)\n"
        "await Leaf.objects.create(node=inner)\n"
    )
    run(forks, project, "console", "-c", fill)
    flushed = run(forks, project, "flush", "--no-input").stdout
    assert "site__node: 2\n" in flushed
    counts = [int(line.rpartition(": ")[2]) for line in flushed.splitlines()[:-1]]
    assert flushed.endswith(f"Deleted {sum(counts)} rows.\n")
    count = "print(await Node.objects.count() + await Leaf.objects.count() + await User.objects.count())"
    assert run(forks, project, "console", "-c", count).stdout == "0\n"
    assert run(forks, project, "migrate").stdout == "No schema changes to apply.\n"


def test_the_client_of_the_server_opens_it(forks: Forks, project: Path) -> None:
    done = run(forks, project, "db-shell", stdin="select 40 + 2;\n")
    assert "42" in done.stdout.split()
