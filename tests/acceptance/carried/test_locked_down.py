"""The story of a vendored project under each condition of a locked-down host; see `scripts/locked_down.py`."""

from __future__ import annotations

import ast
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from openviper.vendoring.building import Tree
from scripts.locked_down import CONDITIONS, NOBODY, Condition, Host, story

BY_NAME = {condition.name: condition for condition in CONDITIONS}
pytestmark = pytest.mark.one_version


def make(base: Path, condition: Condition, tree: Tree, *, as_archive: bool = False) -> Host:
    """Make a host, or skip the test where this machine cannot make its condition."""
    obstacle = condition.obstacle()
    if obstacle is not None:
        pytest.skip(f"needs root: {obstacle}")
    return Host(base, condition, tree=tree, as_archive=as_archive)


def live(host: Host) -> None:
    """Have a host go through the story, and demand that all went well and nothing called home."""
    for step in story(host):
        assert step.code == 0, f"{step.words}: {step.code}\n{step.output}"
        assert "Traceback" not in step.output, step.output
    assert ast.literal_eval(host.steps[-1].output.strip()) == ["by a task"]
    assert host.outside() == []


OFTEN = ("bare", "no-route", "read-only", "no-home", "no-fork", "memory-256")
"""The conditions of each run of all checks; the others are for a thorough one, and for `scripts/locked_down.py`."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.thorough]) for name in BY_NAME],
)
def test_a_vendored_project_lives_where_much_is_forbidden(
    name: str, base: Path, tree: Tree
) -> None:
    live(make(base, BY_NAME[name], tree))


@pytest.mark.parametrize("name", ["no-route", "read-only"])
def test_one_file_lives_there_too(name: str, base: Path, tree: Tree) -> None:
    live(make(base, BY_NAME[name], tree, as_archive=True))


def test_an_attempt_to_call_home_would_be_seen(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["bare"], tree)
    host.run("console", "-c", "import socket; socket.getaddrinfo('localhost', 80)")
    assert len(host.outside()) == 1 and "socket.getaddrinfo" in host.outside()[0]


def test_nothing_is_compiled_where_python_may_not_write(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["no-bytecode"], tree)
    before = {path for path in base.rglob("*.pyc") if "env" not in path.parts}
    assert host.run("check").code == 0
    assert {path for path in base.rglob("*.pyc") if "env" not in path.parts} == before


def test_passwords_are_hashed_with_what_fips_allows(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["fips"], tree)
    host.run("migrate")
    host.run("createsuperuser", "--no-input", "--username", "ada", "--email", "a@example.com")
    code = "from openviper.auth.models import User; print((await User.objects.get(username='ada')).password)"
    assert host.run("console", "-c", code).output.startswith("pbkdf2_sha256$")


def test_a_time_zone_that_this_host_does_not_know_is_one_line(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["no-zones"], tree)
    settings = host.project / "shop/settings.py"
    settings.write_text(
        settings.read_text().replace(
            "    DEBUG: bool", '    TIME_ZONE: str = "Europe/Vienna"\n    DEBUG: bool'
        )
    )
    step = host.run("migrate")
    assert step.code == 1
    assert one_line(step.output) and "TIME_ZONE" in step.output


def test_more_servers_than_processes_can_be_started_is_one_line(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["no-fork"], tree)
    host.run("migrate")
    step = host.run("start-server", "--workers", "2", "--port", "0")
    assert step.code != 0
    assert "Traceback" not in step.output
    assert step.output.splitlines()[-1].startswith("Error: ")


NO_UNIX = Condition("no-unix", "Unix sockets are denied", wishes=("no-unix-sockets",))
NO_THREADS = Condition(
    "no-threads",
    "no thread can be started",
    prefix=("prlimit", "--nproc=1", "--"),
    user=NOBODY,
)
LOOPED = (
    ("createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.com"),
    ("backup-db", "--path", "data"),
    ("start-worker", "--until-empty"),
    ("start-server", "--no-reload", "--port", "0"),
)
"""Commands that need an event loop and a thread."""


@pytest.mark.parametrize(
    ("condition", "reason"),
    [(NO_UNIX, "no event loop can run here"), (NO_THREADS, "no further thread be started")],
    ids=["no Unix sockets", "no threads"],
)
def test_where_no_event_loop_can_run_is_one_line(
    condition: Condition, reason: str, base: Path, tree: Tree
) -> None:
    host = make(base, replace(condition, prefix=(), wishes=()), tree)
    assert host.run("migrate").code == 0
    host.condition = condition
    for words in LOOPED:
        step = host.run(*words)
        assert step.code == 1 and "Traceback" not in step.output, step.output
        assert reason in step.output.splitlines()[-1], step.output
        assert step.output.splitlines()[-1].startswith("Error: ")


def test_files_that_may_not_grow_are_named_and_nothing_is_half_there(
    base: Path, tree: Tree
) -> None:
    host = make(base, Condition("small", "", prefix=("prlimit", "--fsize=100000", "--")), tree)
    step = host.run("migrate")
    assert step.code == 1 and "Traceback" not in step.output, step.output
    last = step.output.splitlines()[-1]
    assert last.startswith("Error: ") and "db.sqlite3" in last
    host.condition = replace(host.condition, prefix=())
    assert host.run("migrate").code == 0


def test_a_database_that_is_only_read_is_named(base: Path, tree: Tree) -> None:
    host = make(base, NOT_OURS, tree)
    assert host.run("migrate").code == 0
    (host.data / "db.sqlite3").chmod(0o400)
    step = host.run("createsuperuser", "--no-input", "--username", "a", "--email", "a@example.com")
    assert step.code == 1 and one_line(step.output), step.output
    assert "db.sqlite3" in step.output and "readonly" in step.output


def one_line(output: str) -> bool:
    """Return whether all that was said is one line of an error."""
    return output.startswith("Error: ") and output.count("\n") == 1


NOT_OURS = Condition("not-ours", "another user, and files that are not its own", user=NOBODY)
FORBIDDEN = {
    "database folder": ("data", 0o500, ("migrate",)),
    "database folder, closed": ("data", 0o000, ("migrate",)),
    "settings": ("shop/settings.py", 0o000, ("migrate",)),
    "app": ("notes/models.py", 0o000, ("makemigrations",)),
    "folder of schema files": ("notes/schemas", 0o500, ("makemigrations",)),
    "schemas": ("notes/schemas", 0o000, ("migrate",)),
    "backup folder": ("data/backup", 0o500, ("backup-db", "--path", "data/backup")),
    "static files": ("data/staticfiles", 0o500, ("collectstatic", "--no-input")),
    "archive to restore": ("data/a.tar.gz", 0o000, ("restore-db", "data/a.tar.gz", "--force")),
    "certificate": (
        "data/cert.pem",
        0o000,
        ("start-server", "--no-reload", "--uds", "data/s", "--certfile", "data/cert.pem"),
    ),
    "place of a socket": (
        "data/run",
        0o500,
        ("start-server", "--no-reload", "--uds", "data/run/s"),
    ),
    "place of a new app": ("place", 0o500, ("create-app", "more", "-d", "place")),
    "vendored file": ("vendor/click/core.py", 0o000, ("verify",)),
    "place to vendor to": ("place", 0o500, ("vendor", "place/vendor")),
    "rows to load": ("data/rows.jsonl", 0o000, ("load-data", "data/rows.jsonl")),
    "place for rows": ("place", 0o500, ("dump-data", "--output", "place/rows.jsonl")),
}
"""What may not be read or written, its mode, and the command that meets it."""
MADE_BEFORE = {
    "database folder",
    "database folder, closed",
    "settings",
    "app",
    "folder of schema files",
}
"""Where the tables need not be there."""


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_may_not_be_touched_is_named_in_one_line(what: str, base: Path, tree: Tree) -> None:
    path, mode, words = FORBIDDEN[what]
    host = make(base, NOT_OURS, tree)
    if what not in MADE_BEFORE:
        assert host.run("migrate").code == 0
    with (host.project / "notes/models.py").open("a") as models:
        models.write("    more = CharField(max_length=5, null=True)\n")
    # Python does without a source that it has compiled once.
    for cache in (*host.project.glob("shop/__pycache__"), *host.project.glob("notes/__pycache__")):
        shutil.rmtree(cache)
    place = host.project / path
    if not place.exists():
        place.mkdir() if mode == 0o500 else place.write_bytes(b"")
    (host.project / "static/a.css").write_text("a{}")
    # The place of temporary files is needed whatever is forbidden.
    (host.data / "temp").mkdir(exist_ok=True)
    place.chmod(mode)
    step = host.run(*words)
    assert step.code not in (0, None), step.output
    assert "Traceback" not in step.output, step.output
    errors = [line for line in step.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, step.output


def test_a_worker_that_can_start_no_process_says_so_and_works(base: Path, tree: Tree) -> None:
    host = make(base, BY_NAME["no-fork"], tree)
    host.run("migrate")
    host.run("console", "-c", "from notes.tasks import note; note.send('alone')")
    step = host.run("start-worker", "--until-empty")
    assert step.code == 0
    assert "no process can be started here (Operation not permitted)" in step.output
    assert host.fetch("/notes/all").output.endswith('["alone"]')
