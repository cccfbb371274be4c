"""Every command doing its work, through both front ends."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN
from openviper.viperctl import ALLOWED_COMMANDS
from tests.acceptance.commands.conftest import EACH_FRONT
from tests.acceptance.commands.forks import Done, Forks
from tests.acceptance.commands.runner import VIPERCTL
from tests.projects import app, command, settings, write

MODELS = (
    "from openviper.db import Model\nfrom openviper.db.fields import CharField\n\n\n"
    "class Post(Model):\n    title = CharField(max_length=100)\n"
)
Run = Callable[..., Done]


@pytest.fixture(scope="module", params=EACH_FRONT)
def run(
    request: pytest.FixtureRequest, forks: Forks, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Run a command that has to succeed, in one project for all tests of a front end, which build on one another."""
    databases = (
        '    DATABASES: dict = dataclasses.field(default_factory=lambda: {"default": {"URL": "sqlite:///db.sqlite3"}, '
        '"other": {"URL": "sqlite:///other.sqlite3"}})\n'
    )
    files = app("site_", show=command()) | {
        "viperctl.py": VIPERCTL,
        "site_/settings.py": settings("site_", "openviper.auth") + databases,
        "site_/models.py": MODELS,
        "site_/routes.py": "route_paths = []\n",
        "tests/test_it.py": "def test_it():\n    pass\n",
        "site_/tests.py": "def test_app():\n    pass\n",
    }
    directory = write(tmp_path_factory.mktemp("every") / "project", files)

    def run(*words: str, code: int = 0, **more: str) -> Done:
        done = forks.run(request.param, directory, *words, **more)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    run.directory = directory  # type: ignore[attr-defined]  # a function takes any attribute
    return run


def place(run: Run) -> Path:
    """Return the project's directory."""
    directory: Path = run.directory  # type: ignore[attr-defined]  # set by the fixture
    return directory


def test_the_list_has_every_command_of_both_kinds(run: Run) -> None:
    listed = re.findall(r"^  ([a-z-]+)", run("--help").stdout, re.MULTILINE)
    assert listed == [*BUILTIN, "show"]
    assert frozenset(BUILTIN) == ALLOWED_COMMANDS


@pytest.mark.parametrize("name", BUILTIN)
def test_every_command_has_help(run: Run, name: str) -> None:
    printed = run(name, "--help").stdout
    assert re.match(rf"usage: (viperctl.py|openviper viperctl) {name} ", printed)
    assert run(name.replace("-", "_"), "-h").returncode == 0


def test_makemigrations_tells_writes_and_settles(run: Run) -> None:
    checked = run("makemigrations", "--check", code=1)
    assert (
        "Pending changes for site_" in checked.stdout
        and checked.stderr == "Error: Changes detected.\n"
    )
    assert not (place(run) / "site_/schemas").exists()
    pending = run("makemigrations", "--check", "--json", code=1)
    assert json.loads(pending.stdout) == {
        "pending": True,
        "apps": [
            {
                "name": "site_",
                "path": "site_",
                "changes": [
                    {
                        "model": "Post",
                        "kind": "created",
                        "notes": ["create table site__post"],
                        "warnings": [],
                    }
                ],
            }
        ],
    }
    assert not (place(run) / "site_/schemas").exists()
    made = run("makemigrations", "site_").stdout
    assert (
        "site_ -> site_\n" in made
        and "Created site_/schemas/Post.json\nSchemas: 1 created.\n" in made
    )
    assert run("makemigrations").stdout.endswith("No schemas changed.\n")
    assert run("makemigrations", "--check").stdout.endswith(
        "No changes detected for site_\nNo changes detected.\n"
    )
    settled = json.loads(run("makemigrations", "--check", "--json").stdout)
    assert settled == {
        "pending": False,
        "apps": [{"name": "site_", "path": "site_", "changes": []}],
    }


def test_migrate_plans_applies_and_settles(run: Run) -> None:
    assert "-> create table site__post" in run("migrate", "--plan").stdout
    plan = json.loads(run("migrate", "--plan", "--json", "--verbose").stdout)
    assert plan["database"] == "default" and plan["pending"] is True
    assert "create table site__post" in plan["operations"]
    assert any(statement.startswith("CREATE TABLE") for statement in plan["statements"])
    assert plan["warnings"] == []
    # Names that are compared without case have columns that a patch fills.
    assert plan["patches"] == ["auth.name_keys.fill_name_keys"]
    assert not (place(run) / "db.sqlite3").exists()
    applied = run("migrate", "-v").stdout
    assert (
        "Migrating...\n" in applied
        and "site_.Post\n" in applied
        and "  -> create table site__post\n" in applied
    )
    assert applied.endswith("Schema sync complete.\n")
    assert run("migrate").stdout == "No schema changes to apply.\n"
    assert json.loads(run("migrate", "--plan", "--json").stdout) == {
        "database": "default",
        "pending": False,
        "operations": [],
        "statements": [],
        "warnings": [],
        "patches": [],
        "early_patches": [],
        "late_patches": [],
    }


def test_migrate_changes_the_database_that_is_named_and_no_other(run: Run) -> None:
    before = (place(run) / "db.sqlite3").read_bytes()
    assert "site_.Post" in run("migrate", "site_", "--database", "other").stdout
    assert (place(run) / "db.sqlite3").read_bytes() == before
    with sqlite3.connect(place(run) / "other.sqlite3") as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "site__post" in tables and "auth_users" not in tables


def test_accounts_are_made_and_changed(run: Run) -> None:
    given = {"OPENVIPER_SUPERUSER_PASSWORD": "correct horse"}
    made = run(
        "createsuperuser", "--no-input", "--username", "ann", "--email", "ann@example.com", **given
    )
    assert made.stdout == "Superuser 'ann' created successfully.\n"
    changed = run("changepassword", "ann", "--password", "battery staple")
    assert changed.stdout == "Password changed successfully for user 'ann'.\n"
    assert "list of processes" in changed.stderr


def test_users_and_roles_are_made_listed_granted_and_revoked(run: Run) -> None:
    run("roles", "create", "editors")
    given = {"OPENVIPER_USER_PASSWORD": "correct horse"}
    words = ("create-user", "--no-input", "--username", "bob", "--email", "bob@example.com")
    assert run(*words, "--role", "editors", **given).stdout == "User 'bob' created successfully.\n"
    assert run("roles").stdout == "editors: bob\n"
    assert run("roles", "grant", "editors", "ann").stdout == "Role 'editors' granted to 'ann'.\n"
    assert json.loads(run("roles", "list", "--json").stdout) == {"editors": ["ann", "bob"]}
    run("roles", "revoke", "editors", "ann", "bob")
    assert run("roles").stdout == "editors: (nobody)\n"


def test_a_role_or_user_that_is_not_there_changes_nothing(run: Run) -> None:
    done = run("roles", "grant", "editor", "bob", code=1)
    assert "no role 'editor'; did you mean 'editors'?" in done.stderr
    assert (
        "user 'nobody' not found"
        in run("roles", "grant", "editors", "bob", "nobody", code=1).stderr
    )
    assert run("roles").stdout == "editors: (nobody)\n"
    assert "already exists" in run("roles", "create", "editors", code=1).stderr
    assert "needs the names of users" in run("roles", "grant", "editors", code=2).stderr
    words = ("create-user", "--no-password", "--no-input", "--username", "eve")
    done = run(*words, "--email", "eve@example.com", "--role", "kings", code=1)
    assert "no role 'kings'" in done.stderr
    assert (
        run("console", "-c", "print(await User.objects.filter(username='eve').count())").stdout
        == "0\n"
    )


def test_api_keys_are_made_shown_once_listed_and_revoked(run: Run) -> None:
    assert "There are no API keys" in run("api-keys").stdout
    words = ("--name", "till", "--scope", "stock.read", "--scope", "books.read")
    made = run("api-keys", "create", "bob", *words, "--expires", "2999-01-31")
    prefix, dot, secret = made.stdout.removesuffix("\n").partition(".")
    assert dot and len(secret) > 40 and secret not in made.stderr
    assert "Authorization: Api-Key" in made.stderr
    (row,) = json.loads(run("api-keys", "list", "--json").stdout)
    assert secret not in str(row)
    assert (row["prefix"], row["user"], row["name"]) == (prefix, "bob", "till")
    assert row["scopes"] == ["books.read", "stock.read"]
    assert (row["state"], row["expires"]) == ("good", "2999-01-31T00:00:00+00:00")
    line = (
        f"{prefix}  bob  books.read stock.read  until 2999-01-31T00:00:00+00:00  never used  till\n"
    )
    assert run("api-keys", "list", "--user", "bob").stdout == line
    assert "no API keys" in run("api-keys", "--user", "ann").stdout
    assert run("api-keys", "revoke", prefix).stdout == f"Key {prefix} revoked.\n"
    assert f"no key '{prefix}' that is good" in run("api-keys", "revoke", prefix, code=1).stderr
    assert "'nobody' not found" in run("api-keys", "create", "nobody", code=1).stderr
    assert "needs the name of a user" in run("api-keys", "create", code=2).stderr


def test_the_state_of_the_schema_is_shown(run: Run) -> None:
    text = run("schema-status").stdout
    assert re.search(
        r"^\[x\] site_.Post  [0-9-]+ [0-9:]+ by \S+@\S+  table site__post$", text, re.MULTILINE
    )
    assert text.endswith("Everything is applied.\n")
    state = json.loads(run("schema-status", "--json").stdout)
    assert (state["database"], state["pending"], state["operations"]) == ("default", False, [])
    assert "site__post" in [table["name"] for table in state["tables"]]
    assert all("@" in table["applied_by"] for table in state["tables"])
    other = run("schema-status", "--database", "other").stdout
    assert "[ ] create table auth_users" in other
    assert other.endswith("Pending; run: python viperctl.py migrate\n")


def test_the_sql_of_a_model_is_shown_for_each_vendor(run: Run) -> None:
    assert 'CREATE TABLE "site__post"' in run("sql-of", "site_.Post").stdout
    assert run("sql-of", "Post").stdout == run("sql-of", "site_").stdout
    assert "`site__post`" in run("sql-of", "Post", "--vendor", "mysql").stdout
    with_key = run("sql-of", "UserRole", "--vendor", "postgresql").stdout
    assert 'REFERENCES "auth_roles" ("id")' in with_key
    assert "did you mean 'Post'" in run("sql-of", "Pst", code=1).stderr


def test_settings_static_files_mail_and_version_can_be_asked_for(run: Run) -> None:
    assert run("settings", "DEBUG").stdout == "DEBUG = True\n"
    assert "DEBUG" not in run("settings", "--changed").stdout
    write(place(run), {"site_/static/x.css": ""})
    assert run("find-static", "x.css").stdout == f"{place(run)}/site_/static/x.css\n"
    assert "no static file 'y.css'" in run("find-static", "y.css", code=1).stderr
    sent = run("send-test-email", "ann@example.com").stdout
    assert "Test message of OpenViper Application" in sent
    assert "ConsoleBackend has the message to ann@example.com, and sends nothing" in sent
    assert "not-an-address" in run("send-test-email", "not-an-address", code=1).stderr
    assert re.fullmatch(r"OpenViper [0-9.]+\n", run("version").stdout)


def test_the_database_can_be_talked_to(run: Run) -> None:
    done = run("db-shell", stdin="select count(*) from auth_users;\n")
    assert done.stdout.splitlines()[-1] == "2"


def test_all_rows_are_deleted_and_the_tables_stay(run: Run) -> None:
    run("console", "-c", "await Post.objects.create(title='x')")
    assert "--no-input is needed" in run("flush", code=1).stderr
    done = run("flush", "--no-input")
    assert "site__post: 1\n" in done.stdout and "auth_users: 2\n" in done.stdout
    # What has happened to the accounts is rows too.
    assert "auth_account_events: " in done.stdout
    counts = [int(line.rpartition(": ")[2]) for line in done.stdout.splitlines()[:-1]]
    assert done.stdout.endswith(f"Deleted {sum(counts)} rows.\n")
    assert run("flush", "--no-input").stdout == "There are no rows.\n"
    assert run("console", "-c", "print(await Post.objects.count())").stdout == "0\n"
    assert run("migrate").stdout == "No schema changes to apply.\n"
    given = {"OPENVIPER_SUPERUSER_PASSWORD": "correct horse"}
    words = ("createsuperuser", "--no-input", "--username", "ann", "--email", "ann@example.com")
    run(*words, **given)


def test_console_has_the_models_and_awaits(run: Run) -> None:
    code = "print(await Post.objects.count(), await User.objects.count(), settings.PROJECT_NAME)"
    assert run("console", "-c", code).stdout == "0 1 OpenViper Application\n"
    run("console", "--no-models", "-c", "raise SystemExit('Post' in globals())", code=0)
    run("console", "-c", "raise SystemExit(7)", code=7)


def test_check_finds_nothing_in_a_project_that_is_settled(run: Run) -> None:
    done = run("check", "--fail-level", "warning")
    assert (
        done.stdout
        == "Checked settings, models, routes, templates, static, mail, tasks, ai, database: nothing found.\n"
    )


def test_backups_are_written_and_restored(run: Run) -> None:
    assert "Backup completed successfully" in run("backup-db", "--filename", "kept").stdout
    run("console", "-c", "await Post.objects.create(title='x')")
    assert (
        "Database restored successfully."
        in run("restore-db", "backup/kept.tar.gz", "--force").stdout
    )
    assert run("console", "-c", "print(await Post.objects.count())").stdout == "0\n"


def test_an_app_and_a_command_are_created(run: Run) -> None:
    assert f"Created app 'blog' at {place(run) / 'blog'}\n" in run("create-app", "blog").stdout
    assert "Created command 'count-posts'" in run("create-command", "count-posts", "site_").stdout
    assert run("count-posts").stdout == "count-posts ran.\n"
    assert run("count_posts").stdout == "count-posts ran.\n"


def test_the_tests_of_the_project_and_its_apps_run_and_their_exit_code_is_passed_on(
    run: Run,
) -> None:
    done = run("test", "--", "-q", PYTHONWARNINGS="")
    assert "Running: " in done.stdout and "2 passed" in done.stdout
    (place(run) / "tests/test_it.py").write_text("def test_it():\n    assert False\n")
    failed = run("test", "tests/test_it.py:test_it", "-x", "-v", code=1, PYTHONWARNINGS="")
    assert failed.stdout.count("test_it.py::test_it") > 1
    run("test", "tests/none.py", code=4, PYTHONWARNINGS="")
