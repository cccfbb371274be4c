"""`check`: each code is found where it should be and nowhere else, can be silenced, and can be read by a script."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from openviper.core.management.checks.findings import CODES
from tests.acceptance.commands.forks import Forks
from tests.acceptance.commands.runner import ROOT, VIPERCTL
from tests.projects import KEY, settings, write

MODELS = (
    "from openviper.db import Model\nfrom openviper.db.fields import CharField, ForeignKey\n\n\n"
    "class Post(Model):\n    title = CharField(max_length=100)\n"
)
DICT = "dict = dataclasses.field(default_factory=lambda: "
URL = f'    DATABASES: {DICT}{{"default": {{"URL": "sqlite:///db.sqlite3"}}}})\n'
SETTINGS = settings("blog") + URL
ROUTES = (
    "from openviper import Router\n\nrouter = Router()\n\n\n"
    "def view(request): ...\n\n\ndef other(request): ...\n\n\n"
)
PATHS = 'route_paths = [("/", router)]\n'
PATCH = "from openviper.db.patches import db_patch\n\n\n@db_patch\nasync def fill(): ...\n"
SECURITY = "openviper.middleware.security.SecurityMiddleware"
SESSIONS = "openviper.sessions.middleware.SessionMiddleware"
CSRF = "openviper.middleware.csrf.CSRFMiddleware"
DEPLOY = ("--deploy", "--only", "security")
# What is found with --deploy in every scenario, since its settings are those of development.
USUAL = {
    "security.E001",
    "security.E003",
    "security.E004",
    "security.W005",
    "security.W007",
}
HARDENED = {
    "OPENVIPER_ENV": "production",
    "DEBUG": "0",
    "SECURE_SSL_REDIRECT": "1",
    "SECURE_HSTS_SECONDS": "31536000",
    "ALLOWED_HOSTS": "example.com",
    "SECRET_KEY": "p" * 60,
}


class Case(NamedTuple):
    """A project with a mistake.

    Attributes:
        found: The codes.
        files: What is written over the project that has none.
        arguments: Of `check`.
        variables: Of the environment.
    """

    found: set[str]
    files: dict[str, str] = {}
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = {}


AI = '{"bad": {"provider": "olama"}, "ollama": {"model": "m"}, "ollama2": {"model": "m"}}'
CASES = [
    Case(set()),
    Case(set(), {"templates/note.html": "{{ message }}"}),
    Case({"templates.E003"}, {"templates/note.html": "{{ url_for('nowhere') }}"}),
    Case(
        {"templates.E004"},
        {
            "blog/settings.py": f'{SETTINGS}    JINJA_PLUGINS: {DICT}{{"enable": 1}})\n',
            "jinja_plugins/filters/broken.py": "1 / 0\n",
            "templates/note.html": "",
        },
    ),
    Case({"templates.W003"}, {"templates/note.html": "{{ mesages }}"}),
    Case({"settings.E001"}, {"blog/settings.py": "1 / 0\n"}),
    Case({"settings.E001"}, {"blog/settings.py": "x = 1\n"}),
    Case(
        {"settings.E002"},
        variables={"OPENVIPER_TIME_ZONE": "Nowhere/Land", "OPENVIPER_LOG_FORMAT": "xml"},
    ),
    Case({"settings.E003"}, variables={"OPENVIPER_MIDDLEWARE": "blog.nope.Middleware"}),
    Case({"settings.E003"}, variables={"OPENVIPER_USER_MODEL": "blog.models.Nobody"}),
    Case({"settings.E004"}, variables={"OPENVIPER_INSTALLED_APPS": "blog,nope"}),
    Case(
        {"settings.E005"},
        {
            "blog/settings.py": "import dataclasses\n"
            + SETTINGS
            + "    CACHES: dict[str, dict[str, object]] = dataclasses.field(\n"
            + "        default_factory=lambda: {'default': {'BACKEND': 'database'}}\n    )\n"
        },
    ),
    # Here OpenViper runs from no vendored tree at all.
    Case({"settings.E006"}, variables={"OPENVIPER_VENDOR_CHECK": "refuse"}),
    Case({"settings.W006"}, variables={"OPENVIPER_VENDOR_CHECK": "warn"}),
    Case({"settings.W001"}, variables={"OPENVIPER_SILENCED_SYSTEM_CHECKS": "settings.W01"}),
    Case(
        {"settings.W002"}, variables={"OPENVIPER_ALOWED_HOSTS": "x", "OPENVIPER_OF_THEIR_OWN": "x"}
    ),
    Case(
        {"settings.W003"},
        {
            "blog/settings.py": SETTINGS
            + "    ALOWED_HOSTS: tuple[str, ...] = ()\n    MINE: int = 1\n"
        },
    ),
    Case({"settings.W004"}, {"blog/settings.py": SETTINGS + "\n\nDEBUG = False\n"}),
    Case(
        {"settings.W005"},
        {"blog/settings.py": f"{SETTINGS}    MEDIA_DIR: str = 'uploads'\n"},
        variables={"OPENVIPER_CORS_MAX_AGE": "1"},
    ),
    Case({"settings.E001"}, {"blog/settings.py": f"{SETTINGS}    DEBUG = False\n"}),
    Case({"mail.E001"}, {"blog/settings.py": f'{SETTINGS}    EMAIL: {DICT}{{"use_tsl": True}})\n'}),
    Case({"ai.W001"}, {"blog/settings.py": f"{SETTINGS}    AI_PROVIDERS: {DICT}{AI})\n"}),
    Case(
        {"ai.E001", "ai.W002"},
        {
            "blog/settings.py": f"{SETTINGS}    ENABLE_AI_PROVIDERS: bool = True\n    AI_PROVIDERS: {DICT}{AI})\n"
        },
    ),
    Case(
        {"static.E001"},
        {
            "static/site.css": "a {}",
            "blog/settings.py": f"{SETTINGS}    STATIC_ROOT: str = 'static/collected'\n",
        },
    ),
    Case({"models.E001"}, {"blog/models.py": "import not_there_at_all\n"}),
    Case({"models.E002"}, {"blog/models.py": MODELS + '    author = ForeignKey("blog.Nobody")\n'}),
    Case({"models.W001"}, {"blog/models.py": MODELS + "    subtitle = CharField(max_length=10)\n"}),
    Case({"routes.E001"}, {"blog/routes.py": "1 / 0\n"}),
    Case({"routes.E001"}, {"blog/routes.py": 'route_paths = ["/"]\n'}),
    Case({"routes.E001"}, {"blog/asgi.py": "import not_there_at_all\n"}),
    Case(
        {"routes.E002"},
        {
            "blog/routes.py": f'{ROUTES}def wrong(request, titel): ...\n\n\nrouter.add("/a/{{title}}", wrong)\n{PATHS}'
        },
    ),
    Case(
        {"routes.E003"},
        {
            "blog/routes.py": f"from openviper.http import cache_page\n\n{ROUTES}"
            f'router.add("/a", cache_page(60, cache="pages")(view))\n{PATHS}'
        },
    ),
    Case(
        {"routes.E003"},
        {
            "blog/routes.py": f"from openviper.cache import cached\n\n{ROUTES}"
            f'@cached(60, cache="defualt")\nasync def count(): ...\n\n\nrouter.add("/a", view)\n{PATHS}'
        },
    ),
    Case(
        {"routes.W001"},
        {
            "blog/routes.py": f'{ROUTES}router.add("/a/{{x:int}}", view)\nrouter.add("/a/{{y:int}}", other)\n{PATHS}'
        },
    ),
    Case(
        {"routes.W002"},
        {"blog/routes.py": f'{ROUTES}router.add("/a", view)\nrouter.add("/b", view)\n{PATHS}'},
    ),
    Case(
        set(),
        {
            "blog/routes.py": f'{ROUTES}router.add("/a", view)\nrouter.add("/a", other, methods=["POST"])\n{PATHS}'
        },
    ),
    Case(
        set(),
        {
            "blog/routes.py": f'{ROUTES}router.add("/a", view)\n{PATHS}',
            "blog/asgi.py": "from openviper.app import OpenViper\nfrom blog.routes import router\n\n"
            "app = OpenViper()\napp.include_router(router)\n",
        },
    ),
    Case({"templates.E001"}, {"templates/a.html": "{% if %}"}),
    Case({"templates.E001"}, {"blog/templates/a.html": "{{ x|no_such_filter }}"}),
    Case({"templates.E002"}, {"templates/a.html": '{% extends "nope.html" %}'}),
    Case(
        set(), {"templates/a.html": '{% extends "b.html" %}', "templates/b.html": "{{ x|upper }}"}
    ),
    Case({"templates.W001"}, variables={"OPENVIPER_TEMPLATES_DIR": "nowhere"}),
    Case({"templates.W002"}, {"jinja2.py": "raise ImportError\n", "templates/a.html": "x"}),
    Case(
        {"tasks.E001"},
        {"blog/settings.py": f"{SETTINGS}    TASKS: {DICT}{{'broker': 'rabbitmq'}})\n"},
    ),
    Case(
        {"tasks.E001"},
        {
            "blog/settings.py": f"{SETTINGS}    TASKS: {DICT}{{'backup': {{'path': 'backup', 'cron': '61 * * * *'}}}})\n"
        },
    ),
    Case({"tasks.E002"}, {"blog/tasks.py": "import not_there_at_all\n"}),
    Case(
        {"tasks.W001"}, {"blog/settings.py": f"{SETTINGS}    TASKS: {DICT}{{'broker': 'stub'}})\n"}
    ),
    Case({"database.E001"}, {"db.sqlite3": "no database\n" * 200}),
    Case({"database.E001"}, {"blog/settings.py": SETTINGS.replace("///db", "///nowhere/db")}),
    Case({"database.E002"}, {"blog/schemas/Post.json": "{"}, ("--only", "database")),
    Case({"database.W001"}, {"blog/settings.py": SETTINGS.replace("db.sqlite3", "new.sqlite3")}),
    Case({"database.W002"}, {"blog/patches/first.py": PATCH}),
    Case({"database.W003"}, {"blog/models.py": "", "blog/schemas/Post.json": ""}),
    Case(USUAL, arguments=DEPLOY),
    Case(
        USUAL - {"security.W005"} | {"security.E002"},
        arguments=DEPLOY,
        variables={"SECRET_KEY": "short"},
    ),
    Case(
        USUAL - {"security.W005"} | {"security.E002"},
        arguments=DEPLOY,
        variables={"SECRET_KEY": ""},
    ),
    Case(USUAL | {"security.E005"}, arguments=DEPLOY, variables={"ALLOWED_HOSTS": "*"}),
    Case(
        USUAL | {"security.E011", "security.E012"},
        arguments=DEPLOY,
        variables={"SECRET_KEY_FALLBACKS": "former", "JWT_SECRET_KEY": "short"},
    ),
    Case(USUAL | {"security.W006"}, arguments=DEPLOY, variables={"MIDDLEWARE": "blog.models.Post"}),
    Case(
        USUAL - {"security.E003", "security.E004"} | {"security.W010"},
        arguments=DEPLOY,
        variables={"OPENVIPER_DEPLOYMENT": "internal-http"},
    ),
    Case(USUAL | {"security.W008"}, arguments=DEPLOY, variables={"TESTING": "1"}),
    Case(
        USUAL | {"security.W011"},
        arguments=DEPLOY,
        variables={"MIDDLEWARE": ",".join([SECURITY, CSRF, SESSIONS])},
    ),
    Case(
        USUAL | {"security.W012"},
        arguments=DEPLOY,
        variables={"MIDDLEWARE": ",".join([SECURITY, SESSIONS])},
    ),
    Case(
        USUAL | {"security.W013", "security.W014"},
        arguments=DEPLOY,
        variables={"SESSION_COOKIE_HTTPONLY": "0", "SESSION_STORE": "memory"},
    ),
    Case({"settings.E002"}, variables={"OPENVIPER_ENV": "production"}),
    Case({"security.W009"}, {".env": "NOTE=x\n"}, variables=HARDENED),
]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """A project without a mistake; not to be changed."""
    files = {
        "viperctl.py": VIPERCTL,
        "blog/__init__.py": "",
        "blog/settings.py": SETTINGS,
        "blog/models.py": MODELS,
        "blog/routes.py": "route_paths = []\n",
    }
    root = write(tmp_path_factory.mktemp("check") / "project", files)
    (root / "blog/settings.py").chmod(0o600)
    for words in (["makemigrations"], ["migrate"]):
        assert forks.run("viperctl.py", root, *words).returncode == 0
    return root


@pytest.fixture
def project(settled: Path, tmp_path: Path) -> Path:
    """A copy of the project."""
    return shutil.copytree(
        settled, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")
    )


def make(project: Path, files: dict[str, str]) -> None:
    """Write files of a case; an empty schema file is one that is taken away."""
    write(project, files)
    for name, text in files.items():
        if name.endswith(".json") and not text:
            (project / name).unlink()


def codes(printed: str) -> set[str]:
    """Return the codes of the findings in a JSON document."""
    return {finding["code"] for finding in json.loads(printed)["findings"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(sorted(case.found)) or "nothing")
def test_a_mistake_is_found_and_nothing_else(
    project: Path, forks: Forks, front: str, case: Case
) -> None:
    make(project, case.files)
    before = sorted(project.rglob("*.sqlite3"))
    done = forks.run(front, project, "check", "--json", *case.arguments, **case.variables)
    assert codes(done.stdout) == case.found, done
    assert done.returncode == any(".E" in code for code in case.found)
    assert "Traceback" not in done.stderr
    assert sorted(project.rglob("*.sqlite3")) == before


def test_every_code_has_a_case() -> None:
    assert set().union(*(case.found for case in CASES)) == set(CODES)


def test_findings_are_shown_with_level_code_and_advice(
    project: Path, forks: Forks, front: str
) -> None:
    write(
        project,
        {
            "blog/models.py": MODELS + "    subtitle = CharField(max_length=10)\n",
            "templates/a.html": "{% if %}",
        },
    )
    done = forks.run(front, project, "check")
    assert done.returncode == 1 and done.stderr == "Error: check failed: 1 error\n"
    warning = "WARNING models.W001 blog: model 'Post' is not written down (updated)\n    Run makemigrations.\n"
    assert warning in done.stdout
    assert re.search(r"^ERROR templates\.E001 .*a\.html, line 1: ", done.stdout, re.MULTILINE)
    assert done.stdout.endswith(
        "\nChecked settings, models, routes, templates, static, mail, tasks, ai, database: 1 error, 1 warning.\n"
    )


def test_a_finding_can_be_silenced_in_the_settings(project: Path, forks: Forks, front: str) -> None:
    write(project, {"templates/a.html": "{% if %}"})
    text = SETTINGS + '    SILENCED_SYSTEM_CHECKS: tuple[str, ...] = ("templates.E001",)\n'
    (project / "blog/settings.py").write_text(text)
    done = forks.run(front, project, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing found (1 silenced).\n")
    document = json.loads(forks.run(front, project, "check", "--json").stdout)
    assert document["ok"] is True and document["findings"] == []
    assert [finding["code"] for finding in document["silenced"]] == ["templates.E001"]


def test_warnings_fail_where_that_is_wanted(project: Path, forks: Forks, front: str) -> None:
    variables = {"OPENVIPER_TEMPLATES_DIR": "nowhere"}
    assert forks.run(front, project, "check", **variables).returncode == 0
    strict = forks.run(front, project, "check", "--fail-level", "warning", "--json", **variables)
    assert strict.returncode == 1 and json.loads(strict.stdout)["ok"] is False


def test_only_what_is_asked_for_is_checked(project: Path, forks: Forks, front: str) -> None:
    write(project, {"templates/a.html": "{% if %}", "blog/models.py": "1 / 0\n"})
    document = json.loads(
        forks.run(
            front, project, "check", "--only", "routes", "--only", "database", "--json"
        ).stdout
    )
    assert document == {
        "ok": True,
        "groups": ["routes", "database"],
        "findings": [],
        "silenced": [],
    }


def test_no_secret_is_shown(project: Path, forks: Forks, front: str) -> None:
    url = "postgresql://ann:hunter2@127.0.0.1:1/nope"
    (project / "blog/settings.py").write_text(SETTINGS.replace("sqlite:///db.sqlite3", url))
    for arguments in ((), ("--json", "--deploy")):
        done = forks.run(front, project, "check", *arguments)
        assert "database.E001" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr and KEY not in done.stdout + done.stderr


def test_every_console_block_of_the_how_to_is_true(project: Path, forks: Forks) -> None:
    page = (ROOT / "docs/how-to/checks.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        for command, shown in re.findall(
            r"^\$ python viperctl\.py (.*)\n((?:(?!\$).*\n)*)", block, re.MULTILINE
        ):
            printed = forks.run("viperctl.py", project, *command.split()).stdout
            assert printed.startswith(shown.removesuffix("...\n")), printed
            assert shown.endswith("...\n") or printed == shown
    setting = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
    (project / "blog/settings.py").write_text(f"{SETTINGS}    {setting}")
    done = forks.run("viperctl.py", project, "check", "--deploy", "--json")
    assert "security.W005" in {finding["code"] for finding in json.loads(done.stdout)["silenced"]}
