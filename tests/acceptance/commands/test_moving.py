"""`copy-data`, `dump-data` and `load-data` as a person runs them, over the three vendors."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commands.forks import Done, Forks
from tests.acceptance.commands.runner import ROOT, environment
from tests.acceptance.commands.screen import Screen
from tests.moving import write_shop
from tests.servers import VENDORS, fresh_database, run_on_server

FILL = "from shop.rows import fill; await fill()"
COUNT = "SELECT count(*) FROM shop_tag"
SECONDS = 30.0
"""The longest wait for anything to happen; far more than it takes."""
ROWS = '{"openviper": "data", "format": 1}\n' + "".join(
    f'{{"model": "shop.Tag", "fields": {{"name": "{number * 7919 % 1000}"}}}}\n'
    for number in range(999)
)
HOW_TO = ROOT / "docs/how-to/move-databases.md"


class Shop:
    """The project of these tests.

    Attributes:
        directory: Where it is.
        urls: Its databases by alias: ``default``, which has the rows, and an empty one of each vendor.
    """

    def __init__(self, forks: Forks, directory: Path, urls: dict[str, str]) -> None:
        self._forks = forks
        self.directory = directory
        self.urls = urls

    def run(self, *words: str, code: int = 0, stdin: str = "") -> Done:
        """Run a command, which has to end with an exit code and without a traceback."""
        done = self._forks.run("viperctl.py", self.directory, *words, stdin=stdin)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    def error(self, *words: str, code: int = 1, stdin: str = "") -> str:
        """Run a command that has to fail, and return its one line."""
        done = self.run(*words, code=code, stdin=stdin)
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, done
        return lines[0].removeprefix("Error: ")

    def ask(self, alias: str, sql: str) -> Any:
        """Return the first value of a read, past OpenViper."""
        if alias in ("default", "sqlite"):
            connection = sqlite3.connect(self.path(alias))
            try:
                return connection.execute(sql).fetchone()[0]
            finally:
                connection.close()
        return run_on_server(alias, sql, database=self.urls[alias].rpartition("/")[2])[0][0]

    def execute(self, alias: str, *statements: str) -> None:
        """Run statements, past OpenViper."""
        if alias in ("default", "sqlite"):
            connection = sqlite3.connect(self.path(alias), isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
            return
        run_on_server(alias, *statements, database=self.urls[alias].rpartition("/")[2])

    def path(self, alias: str) -> Path:
        """Return the file of an SQLite database."""
        return Path(self.urls[alias].removeprefix("sqlite:///"))

    def empty(self, alias: str) -> None:
        """Delete the rows of a database."""
        self.run("flush", "--database", alias, "--no-input")


@pytest.fixture(scope="module")
def made(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The project, its tables everywhere, its rows in ``default``; made once."""
    folder = tmp_path_factory.mktemp("shop")
    with ExitStack() as stack:
        urls = {alias: f"sqlite:///{folder}/{alias}.sqlite3" for alias in ("default", "sqlite")}
        for vendor in ("postgresql", "mysql"):
            urls[vendor] = stack.enter_context(fresh_database(vendor))
        shop = Shop(forks, write_shop(folder / "project", urls), urls)
        shop.run("makemigrations")
        for alias in urls:
            shop.run("migrate", "--database", alias)
        shop.run("console", "--no-models", "-c", FILL)
        yield shop


@pytest.fixture
def shop(made: Shop) -> Iterator[Shop]:
    """The project, with rows in ``default`` only."""
    kept = made.directory.parent / "kept.sqlite3"
    if not kept.exists():
        shutil.copy(made.path("default"), kept)
    yield made
    if kept.read_bytes() != made.path("default").read_bytes():
        shutil.copy(kept, made.path("default"))
    for vendor in VENDORS:
        if made.ask(vendor, COUNT):
            made.empty(vendor)


def lines_of(shop: Shop, alias: str) -> list[Any]:
    """Return the rows of a database, as `dump-data` writes them."""
    text = shop.run("dump-data", "--database", alias, "--with-secrets").stdout
    return [json.loads(line) for line in text.splitlines()]


# The how-to


def commands_of_the_how_to() -> list[list[str]]:
    """Return the commands that move a project, as the page has them."""
    section = HOW_TO.read_text().partition("## Move a project")[2].partition("\n## ")[0]
    lines = re.findall(r"^\$ python viperctl\.py (.*)$", section, re.MULTILINE)
    return [line.split() for line in lines]


@pytest.mark.parametrize("target", VENDORS)
def test_three_commands_move_a_project_there_and_back(shop: Shop, target: str) -> None:
    commands = commands_of_the_how_to()
    assert len(commands) == 3
    for words in commands:
        done = shop.run(*[target if word == "new" else word for word in words])
    assert "every table was read back and is equal" in done.stdout
    rows = lines_of(shop, "default")
    assert lines_of(shop, target) == rows
    for words in commands:
        swapped = {"default": target, "new": "default"}
        more = ["--replace", "--no-input"] if words[0] == "copy-data" else []
        shop.run(*[swapped.get(word, word) for word in words], *more)
    assert lines_of(shop, "default") == rows


def test_the_rows_go_round_all_vendors_with_the_same_checksums(shop: Shop) -> None:
    def copied(source: str, target: str) -> Any:
        done = shop.run("copy-data", "--from", source, "--to", target, "--json")
        document = json.loads(done.stdout)
        assert (document["from"], document["to"], document["dry_run"]) == (source, target, False)
        return document["tables"]

    tables = copied("default", "postgresql")
    assert tables == copied("postgresql", "mysql") == copied("mysql", "sqlite")
    assert tables["shop_thing"]["rows"] == 3


# What is refused


def test_rows_that_are_there_are_deleted_only_when_somebody_agrees(shop: Shop) -> None:
    words = ("copy-data", "--from", "default", "--to", "sqlite")
    shop.run(*words)
    message = shop.error(*words)
    assert "has rows already" in message and "shop_tag: 2" in message
    assert "--no-input is needed" in shop.error(*words, "--replace")
    assert "Aborted." in answered(shop, "n", *words, "--replace")
    assert "Copied" in answered(shop, "y", *words, "--replace")
    assert "Would delete 22 rows" in shop.run(*words, "--replace", "--dry-run").stderr


def answered(shop: Shop, answer: str, *words: str) -> str:
    """Run a command on a terminal, answer its question, and return what was shown."""
    screen = Screen(shop.directory, sys.executable, "viperctl.py", *words)
    screen.wait_for("[y/N] ")
    screen.type(f"{answer}\n")
    assert screen.finish() == (answer != "y")
    return screen.text


def test_a_database_that_is_not_up_to_date_is_no_target(shop: Shop, tmp_path: Path) -> None:
    urls = {**shop.urls, "old": f"sqlite:///{tmp_path}/old.sqlite3"}
    other = Shop(shop._forks, write_shop(tmp_path / "project", urls), urls)
    shutil.copytree(shop.directory / "shop/schemas", other.directory / "shop/schemas")
    words = ("copy-data", "--from", "default", "--to", "old")
    assert "does not exist" in other.error(*words)
    assert not other.path("old").exists()
    sqlite3.connect(other.path("old")).close()
    message = other.error(*words)
    assert "'old' is not up to date (" in message and "migrate --database old" in message


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--from", "default", "--to", "default"), "are the same database"),
        (("--from", "defalt", "--to", "sqlite"), "did you mean 'default'?"),
        (("--from", "default", "--to", "nope"), "unknown database alias 'nope'"),
        (("--from", "default", "--to", "sqlite", "shop.Tga"), "did you mean 'shop.Tag'?"),
    ],
)
def test_a_wrong_word_is_named(shop: Shop, words: tuple[str, ...], problem: str) -> None:
    assert problem in shop.error("copy-data", *words)


def test_a_value_that_the_target_cannot_keep_is_found_by_a_dry_run(shop: Shop) -> None:
    shop.execute("default", "UPDATE shop_thing SET text = 'a' || char(0) WHERE id = 2")
    words = ("copy-data", "--from", "default", "--to")
    message = "table shop_thing, key 2, column text: text with a NUL character"
    assert message in shop.error(*words, "postgresql", "--dry-run")
    assert message in shop.error(*words, "postgresql")
    assert shop.ask("postgresql", COUNT) == 0
    assert "22 rows can be copied; nothing was written." in _tail(
        shop.run(*words, "mysql", "--dry-run")
    )


def _tail(done: Done) -> str:
    return re.sub(r"\d+ rows can", "22 rows can", done.stdout.splitlines()[-1])


def test_what_no_model_knows_is_left_with_a_warning(shop: Shop) -> None:
    shop.execute(
        "sqlite", "CREATE TABLE notes (id INTEGER)", "ALTER TABLE shop_tag ADD COLUMN old TEXT"
    )
    try:
        shop.run("copy-data", "--from", "default", "--to", "mysql")
        done = shop.run("copy-data", "--from", "sqlite", "--to", "postgresql")
        assert "Warning: table notes belongs to no model and is not moved" in done.stderr
        assert "Warning: column old of table shop_tag belongs to no model" in done.stderr
    finally:
        shop.execute("sqlite", "DROP TABLE notes", "ALTER TABLE shop_tag DROP COLUMN old")


# Accidents


SLOW = {
    "postgresql": (
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'",
        "CREATE TRIGGER slow BEFORE INSERT ON shop_tag FOR EACH ROW WHEN (NEW.name = 'tag') EXECUTE FUNCTION wait()",
    ),
    "mysql": (
        "CREATE TRIGGER slow BEFORE INSERT ON shop_tag FOR EACH ROW "
        "SET NEW.name = IF(NEW.name = 'tag' AND SLEEP(60), NEW.name, NEW.name)",
    ),
    "sqlite": (
        "CREATE TRIGGER slow BEFORE INSERT ON shop_tag WHEN NEW.name = 'tag' BEGIN SELECT count(*) FROM ("
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000000) SELECT i FROM n); END",
    ),
}
QUICK = {
    "postgresql": ("DROP TRIGGER slow ON shop_tag", "DROP FUNCTION wait"),
    "mysql": ("DROP TRIGGER slow",),
    "sqlite": ("DROP TRIGGER slow",),
}
SLEEPING = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'",
}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


def in_the_middle(shop: Shop, vendor: str) -> list[Any]:
    """Return the sessions of a server that stand in the slow trigger; for a file, whether somebody writes."""
    if vendor == "sqlite":
        connection = sqlite3.connect(shop.path("sqlite"), timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return [True]
        finally:
            connection.close()
        return []
    name = shop.urls[vendor].rpartition("/")[2]
    return [row[0] for row in run_on_server(vendor, SLEEPING[vendor], database=name)]


def wait_for(condition: Callable[[], Any]) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_copy_that_is_stopped_in_the_middle_leaves_the_target_as_it_was(
    shop: Shop, vendor: str, number: signal.Signals
) -> None:
    shop.execute(vendor, *SLOW[vendor], "INSERT INTO shop_node (name) VALUES ('old')")
    try:
        words = ("copy-data", "--from", "default", "--to", vendor, "--replace", "--no-input")
        process = subprocess.Popen(
            [sys.executable, "viperctl.py", *words],
            cwd=shop.directory,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        sessions = wait_for(lambda: in_the_middle(shop, vendor))
        process.send_signal(number)
        error = process.communicate(timeout=SECONDS)[1]
        if number == signal.SIGTERM:
            assert process.returncode == 128 + number
            assert f"Error: Interrupted by SIGTERM: database '{vendor}' is unchanged" in error
            assert "Traceback" not in error
        elif vendor != "sqlite":
            # The server sees only at the end of the statement that the client has gone.
            name = shop.urls[vendor].rpartition("/")[2]
            run_on_server(vendor, END[vendor].format(sessions[0]), database=name)
        wait_for(lambda: not in_the_middle(shop, vendor))
        assert shop.ask(vendor, "SELECT name FROM shop_node") == "old"
        assert shop.ask(vendor, COUNT) == 0
    finally:
        shop.execute(vendor, *QUICK[vendor])
        shop.empty(vendor)


# Files


def test_a_file_is_for_its_owner_only_and_loads_everywhere(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl.gz"
    words = ("dump-data", "--with-secrets", "--output", str(file))
    assert f"Wrote 22 rows to {str(file)!r}." in _wrote(shop.run(*words))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists already; --overwrite" in shop.error(*words)
    first = file.read_bytes()
    shop.run(*words, "--overwrite")
    assert file.read_bytes() == first
    rows = lines_of(shop, "default")
    for vendor in VENDORS:
        assert f"in {vendor!r}." in shop.run("load-data", str(file), "--database", vendor).stdout
        assert lines_of(shop, vendor) == rows
    assert "exists already; --update" in shop.error("load-data", str(file), "--database", vendor)
    done = shop.run("load-data", str(file), "--database", vendor, "--update", "--dry-run")
    assert "nothing was stored" in done.stdout


def _wrote(done: Done) -> str:
    return re.sub(r"Wrote \d+", "Wrote 22", done.stdout)


def test_rows_go_through_a_pipe(shop: Shop) -> None:
    text = shop.run("dump-data", "Tag", "shop.Node", "--natural").stdout
    assert (
        "Loaded 4 rows in 'sqlite'."
        in shop.run("load-data", "-", "--database", "sqlite", stdin=text).stdout
    )


def test_some_models_are_left_out(shop: Shop) -> None:
    text = shop.run("dump-data", "shop", "--exclude", "Thing", "--exclude", "shop.Code").stdout
    models = {json.loads(line).get("model") for line in text.splitlines()}
    assert models == {None, "shop.Tag", "shop.Node", "shop.Shelf", "shop.Part"} | {
        "shop.ThingTag",
        "shop.CodePart",
    }


def test_secrets_are_left_out_with_a_warning(shop: Shop) -> None:
    done = shop.run("dump-data", "shop.Thing")
    assert "left out because secret: shop.Thing.password, shop.Thing.secret" in done.stderr
    assert "correct horse" not in done.stdout


def test_rights_find_their_models_in_another_database(shop: Shop) -> None:
    give = (
        "from openviper.auth.models import ContentType, ContentTypePermission, Role\n"
        "kind = await ContentType.objects.get(app_label='shop', model='Tag')\n"
        "role = await Role.objects.create(name='r')\n"
        "await ContentTypePermission.objects.create(content_type=kind, role=role, can_read=True)\n"
    )
    shop.run("console", "-c", give)
    text = shop.run("dump-data", "auth").stdout
    assert '"content_type": ["shop", "Tag"]' in text
    assert '"model": "auth.ContentType", "key"' not in text
    shop.execute("sqlite", "DELETE FROM auth_content_types")
    shop.run("load-data", "-", "--database", "sqlite", stdin=text)
    sql = "SELECT model FROM auth_content_types t JOIN auth_content_type_permissions p ON p.content_type_id = t.id"
    assert shop.ask("sqlite", sql) == "Tag"
    shop.empty("sqlite")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not rows\n", "line 1: 'not rows\\n' is not JSON"),
        (b"", "line 1: this is not a file of dump-data"),
        (gzip.compress(ROWS.encode())[:-30], "cannot be read: Compressed file ended before"),
        (b"\x1f\x8bxx", "line 1: cannot be read"),
    ],
    ids=["text", "empty", "cut", "no gzip"],
)
def test_a_file_that_is_none_is_named_by_line(
    shop: Shop, tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "rows"
    file.write_bytes(content)
    assert problem in shop.error("load-data", str(file), "--database", "sqlite")


def test_places_that_are_not_there_are_named(shop: Shop, tmp_path: Path) -> None:
    assert "No such file" in shop.error("load-data", str(tmp_path / "none"))
    assert "is a directory" in shop.error("load-data", str(tmp_path))
    assert "directory" in shop.error("dump-data", "--output", str(tmp_path / "none" / "rows"))
    done = shop.run("dump-data", "--overwrite", code=2)
    assert "--overwrite needs --output" in done.stderr


def test_a_full_disk_is_named_and_leaves_no_file(shop: Shop, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "viperctl.py", "dump-data"],
            cwd=shop.directory,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True)
    assert os.listdir(tmp_path) == []
