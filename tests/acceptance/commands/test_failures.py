"""Every way in which a command fails, through both front ends: one `Error:` line, a code, nothing left behind."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from tests.acceptance.commands.forks import FRONTS, Done, Forks
from tests.acceptance.commands.runner import VIPERCTL
from tests.projects import app, command, settings, write

MODELS = (
    "from openviper.db import Model\nfrom openviper.db.fields import CharField\n\n\n"
    "class Post(Model):\n    title = CharField(max_length=100)\n"
)
USER = {
    "OPENVIPER_SUPERUSER_USERNAME": "admin",
    "OPENVIPER_SUPERUSER_EMAIL": "admin@example.com",
    "OPENVIPER_SUPERUSER_PASSWORD": "correct horse",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """A migrated project with a model and a user; not to be changed."""
    files = app("site_", show=command()) | {
        "viperctl.py": VIPERCTL,
        "site_/settings.py": settings("site_", "openviper.auth")
        + "    DATABASES: dict = dataclasses.field("
        'default_factory=lambda: {"default": {"URL": "sqlite:///db.sqlite3"}})\n',
        "site_/models.py": MODELS,
        "site_/routes.py": "route_paths = []\n",
    }
    root = write(tmp_path_factory.mktemp("failures") / "project", files)
    for words in (["makemigrations"], ["migrate"], ["createsuperuser", "--no-input"]):
        done = forks.run("viperctl.py", root, *words, **USER)
        assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """A copy of the project."""
    return shutil.copytree(
        template, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")
    )


def listing(root: Path) -> list[str]:
    """Return every file below a directory, without what the interpreter writes."""
    return sorted(str(path) for path in root.rglob("*") if "__pycache__" not in path.parts)


def fails(done: Done, code: int, *texts: str) -> None:
    """Demand a failure in one line, after warnings and questions."""
    assert done.returncode == code, done
    lines = [
        line
        for line in done.stderr.splitlines()
        if not line.startswith("Warning: ") and not line.endswith(": ")
    ]
    assert len(lines) == 1 and lines[0].startswith("Error: "), done.stderr
    for text in texts:
        assert text in lines[0]


@pytest.mark.parametrize(
    ("words", "code", "texts"),
    [
        (["migrat"], 1, ["Unknown command: 'migrat'; did you mean 'migrate'?"]),
        (["start-workers"], 1, ["Unknown command: 'start-workers'; did you mean 'start-worker'?"]),
        (
            ["create-provide", "x"],
            1,
            ["Unknown command: 'create-provide'; did you mean 'create-provider'?"],
        ),
        (["Migrate"], 1, ["Unknown command: 'Migrate'"]),
        (
            ["makemigrations", "sit_"],
            1,
            ["App 'sit_' not found", "did you mean 'site_'?", "apps/sit_/"],
        ),
        (["makemigrations", "site_", "nope"], 1, ["App 'nope' not found"]),
        (["makemigrations", "--rename", "x"], 1, ["'x'"]),
        (["migrate", "aut"], 1, ["App 'aut' not found", "did you mean 'auth'?"]),
        (
            ["migrate", "--database", "defalt"],
            1,
            ["'defalt'", "did you mean 'default'?", "configured: default"],
        ),
        (["migrate", "--plan", "--database", "other"], 1, ["'other'"]),
        (["check", "--database", "defalt"], 1, ["did you mean 'default'?"]),
        (["createsuperuser"], 1, ["Operation cancelled."]),
        (["createsuperuser", "--no-input"], 1, ["--username", "--email", "--password"]),
        (["createsuperuser", "--username", "a b"], 1, ["'a b'"]),
        (["createsuperuser", "--username", "x", "--email", "nowhere"], 1, ["'nowhere'"]),
        (["createsuperuser", "--username", "admin"], 1, ["Operation cancelled."]),
        (
            ["createsuperuser", "--username", "admin", "--email", "a@b.cd"],
            1,
            ["'admin' already exists"],
        ),
        (
            ["createsuperuser", "--username", "x", "--email", "ADMIN@example.com"],
            1,
            ["already exists"],
        ),
        (
            ["createsuperuser", "--username", "x", "--email", "x@y.zz", "--password", "short"],
            1,
            ["at least 8"],
        ),
        (["changepassword"], 1, ["Operation cancelled."]),
        (["changepassword", " "], 1, ["must not be blank"]),
        (
            ["changepassword", "nobody", "--password", "correct horse"],
            1,
            ["user 'nobody' not found"],
        ),
        (["changepassword", "admin", "--password", "short"], 1, ["at least 8"]),
        (["changepassword", "admin"], 1, ["Operation cancelled."]),
        (["start-server", "nope:app"], 3, ["nope:app"]),
        (["start-server"], 3, ["site_.asgi:app", "site_.app:app"]),
        (["start-server", "site_.routes:app"], 3, ["has no 'app'"]),
        (["start-server", "site_.routes:route_paths"], 3, ["not callable"]),
        (["start-server", "../elsewhere.py"], 1, ["outside the working directory"]),
        (["start-server", "not-a-name"], 1, ["'not-a-name'"]),
        (["create-app", "class"], 1, ["not a valid Python identifier"]),
        (["create-app", "json"], 1, ["'json'"]),
        (["create-app", "site_"], 1, ["'site_'"]),
        (["create-app", "blog", "--directory", "nowhere"], 1, ["does not exist"]),
        (["create-command", "migrate", "site_"], 1, ["'migrate'"]),
        (["create-command", "show", "site_"], 1, ["already exists"]),
        (["create-command", "count", "nowhere"], 1, ["'nowhere'"]),
        (["create-command", "count", "sit_"], 1, ["'sit_'", "did you mean 'site_'?"]),
        (["create-command", "count", "../site_"], 1, ["not a safe app path"]),
        (["create-command", "9count", "site_"], 1, ["not a valid Python identifier"]),
        (["backup-db", "--path", "../x"], 1, ["Path traversal detected"]),
        (["backup-db", "--name", "../x"], 1, ["'../x'"]),
        (["backup-db", "--db", "nope://x"], 1, ["Unsupported database scheme 'nope'"]),
        (["restore-db", "nope.tar.gz"], 1, ["Backup file not found"]),
        (["restore-db", "../nope.tar.gz"], 1, ["Path traversal detected"]),
    ],
)
def test_a_failure_is_one_line_and_touches_nothing(
    project: Path, forks: Forks, front: str, words: list[str], code: int, texts: list[str]
) -> None:
    before = listing(project)
    done = forks.run(front, project, *words)
    fails(done, code, *texts)
    assert "Traceback" not in done.stderr
    assert listing(project) == before


@pytest.mark.parametrize(
    "words",
    [
        ["--settings"],
        ["migrate", "--settings"],
        ["--setings", "x", "migrate"],
        ["migrate", "--vrebose"],
        ["makemigrations", "--chek"],
        ["makemigrations", "--json"],
        ["migrate", "--json"],
        ["check", "--fail-level", "eror"],
        ["check", "--only", "setings"],
        ["console", "-c"],
        ["start-server", "--port", "x"],
        ["create-app"],
        ["create-command", "count"],
        ["restore-db"],
        ["createsuperuser", "--user"],
        ["changepassword", "a", "b"],
        ["test", "--nope"],
    ],
)
def test_a_usage_error_exits_with_2_after_the_usage(
    project: Path, forks: Forks, front: str, words: list[str]
) -> None:
    done = forks.run(front, project, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.lower().startswith("usage: ") and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["migrate", "--vrebose"], "'--verbose'"),
        (["check", "--fail-level", "eror"], "'error'"),
        (["check", "--only", "setings"], "'settings'"),
        (["--setings", "x", "migrate"], "'--settings'"),
    ],
)
def test_the_option_or_choice_that_was_meant_is_suggested(
    project: Path, forks: Forks, front: str, words: list[str], meant: str
) -> None:
    assert f"did you mean {meant}?" in forks.run(front, project, *words).stderr


def test_the_sub_command_that_was_meant_is_suggested(tmp_path: Path, forks: Forks) -> None:
    done = forks.run("openviper", tmp_path, "creat-project", "shop")
    assert done.returncode == 2 and "did you mean 'create-project'?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_app_that_is_not_installed_is_told_apart_from_one_that_does_not_exist(
    project: Path, forks: Forks, front: str
) -> None:
    write(project, {"blog/__init__.py": "", "blog/models.py": ""})
    fails(
        forks.run(front, project, "makemigrations", "blog"),
        1,
        "'blog' exists but not in INSTALLED_APPS",
    )
    fails(forks.run(front, project, "makemigrations", "json"), 1, "App 'json' not found")


def test_models_that_cannot_be_imported_are_named_with_their_app(
    project: Path, forks: Forks, front: str
) -> None:
    (project / "site_/models.py").write_text("import not_there_at_all\n")
    for words in (["makemigrations"], ["makemigrations", "--check"]):
        fails(forks.run(front, project, *words), 1, "site_.models", "not_there_at_all")


def test_a_foreign_key_without_a_target_stops_before_anything_is_written(
    project: Path, forks: Forks, front: str
) -> None:
    text = (
        MODELS.replace("CharField\n", "CharField, ForeignKey\n")
        + '    author = ForeignKey("site_.Nobody")\n'
    )
    (project / "site_/models.py").write_text(text)
    before = (project / "site_/schemas/Post.json").read_bytes()
    fails(forks.run(front, project, "makemigrations"), 1, "Nobody")
    assert (project / "site_/schemas/Post.json").read_bytes() == before


def test_a_change_of_type_needs_force(project: Path, forks: Forks, front: str) -> None:
    (project / "site_/models.py").write_text(
        MODELS.replace("CharField(max_length=100)", "IntegerField()").replace(
            "import CharField", "import IntegerField"
        )
    )
    before = (project / "site_/schemas/Post.json").read_bytes()
    fails(forks.run(front, project, "makemigrations"), 1, "--force")
    assert (project / "site_/schemas/Post.json").read_bytes() == before
    assert forks.run(front, project, "makemigrations", "--force").returncode == 0


def test_an_installed_app_that_does_not_exist_is_a_warning(
    project: Path, forks: Forks, front: str
) -> None:
    done = forks.run(
        front, project, "makemigrations", OPENVIPER_INSTALLED_APPS="site_,openviper.auth,nope"
    )
    assert done.returncode == 0
    assert "Warning: installed app 'nope' not found" in done.stderr


def test_a_database_that_is_none_is_one_line(project: Path, forks: Forks, front: str) -> None:
    (project / "db.sqlite3").write_text("no database\n" * 200)
    for words in (["migrate"], ["createsuperuser", "--username", "x", "--email", "x@y.zz"]):
        done = forks.run(front, project, *words)
        fails(done, 1)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("import not_there_at_all\n", "not_there_at_all"),
        ("def broken(:\n", "SyntaxError"),
        ("x = 1\n", "no Settings subclass"),
        (
            "from openviper.conf import Settings\n\nclass S(Settings):\n    DEBUG = False\n",
            "not decorated",
        ),
    ],
)
def test_settings_that_cannot_be_used_stop_every_command_that_needs_them(
    project: Path, forks: Forks, front: str, text: str, part: str
) -> None:
    (project / "site_/settings.py").write_text(text)
    for words in (
        ["migrate"],
        ["makemigrations"],
        ["console", "-c", "1"],
        ["createsuperuser"],
        ["test"],
    ):
        fails(forks.run(front, project, *words), 1, "site_.settings", part)
    assert forks.run(front, project, "create-app", "blog").returncode == 0
    assert forks.run(front, project, "help").returncode == 0


def test_values_that_are_not_allowed_are_named_with_the_module(
    project: Path, forks: Forks, front: str
) -> None:
    variables = {"OPENVIPER_TIME_ZONE": "Nowhere/Land", "OPENVIPER_LOG_FORMAT": "xml"}
    done = forks.run(front, project, "migrate", **variables)
    fails(
        done,
        1,
        "settings module 'site_.settings' is not valid: ",
        "Nowhere/Land",
        "'Nowhere/Land'; LOG_FORMAT",
    )
    bad = forks.run(front, project, "migrate", OPENVIPER_DEBUG="perhaps")
    fails(bad, 1, "OPENVIPER_DEBUG")


def test_a_traceback_is_shown_to_those_who_ask_for_it(
    project: Path, forks: Forks, front: str
) -> None:
    done = forks.run(front, project, "migrate", "nope", OPENVIPER_TRACEBACK="1")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.splitlines()[-1].startswith("Error: App 'nope' not found")


def test_a_port_in_use_is_named(project: Path, forks: Forks, front: str) -> None:
    write(project, {"site_/asgi.py": "async def app(scope, receive, send): ...\n"})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = forks.run(front, project, "start-server", "--no-reload", "--port", str(port))
    fails(done, 1, f"port {port} on 127.0.0.1 is in use")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("def broken(:\n", "SyntaxError"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
    ],
)
@pytest.mark.parametrize("reload", ["--reload", "--no-reload"])
def test_an_application_that_cannot_be_imported_is_named_at_once(
    project: Path, forks: Forks, text: str, part: str, reload: str
) -> None:
    write(project, {"site_/asgi.py": text})
    for front in FRONTS:
        done = forks.run(front, project, "start-server", reload)
        fails(done, 3, "site_.asgi:app", part)
        assert done.stdout == ""
    fails(forks.run("openviper", project, "run", "site_.asgi", reload), 3, "site_.asgi:app", part)


@pytest.mark.parametrize("target", ["../x.py", "/x.py", "a-b", "x:", "site_.asgi:a-b", "a..b"])
def test_a_target_of_run_that_is_no_module_is_refused(
    project: Path, forks: Forks, target: str
) -> None:
    done = forks.run("openviper", project, "run", target)
    assert done.returncode in (1, 3)
    fails(done, done.returncode)


def test_questions_end_where_standard_input_is_closed(project: Path) -> None:
    import subprocess
    import sys

    from tests.acceptance.commands.runner import environment

    for words, code in (("createsuperuser", 1), ("changepassword", 1), ("console", 0)):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" viperctl.py {words} <&-', sys.executable],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
