"""The console from outside: one-liners, pipes and a real terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.acceptance.commands.runner import VIPERCTL, python, viperctl
from tests.acceptance.commands.screen import Screen
from tests.projects import app, command, settings, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without models."""
    ask = command(
        "self.stdout(f\"got {self.terminal.prompt('Name? ')} {self.terminal.password('Password: ')}\")"
    )
    files = app("site_", ask=ask) | {"viperctl.py": VIPERCTL, "site_/settings.py": settings()}
    return write(tmp_path / "project", files)


def test_output_is_that_of_the_code_alone(project: Path) -> None:
    code = "import asyncio; print(await asyncio.sleep(0, 'slept'), settings.PROJECT_NAME)"
    done = viperctl(project, "console", "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "slept OpenViper Application\n", "")


def test_an_uncaught_exception_is_a_traceback_and_code_1(project: Path) -> None:
    done = viperctl(project, "console", "-c", "print('before'); 1 / 0")
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.startswith("Traceback") and "ZeroDivisionError" in done.stderr
    assert "openviper" not in done.stderr


def test_an_exit_code_passes_through(project: Path) -> None:
    assert viperctl(project, "console", "-c", "raise SystemExit(9)").returncode == 9


def test_a_pipe_is_read_as_a_program(project: Path) -> None:
    done = python(
        project,
        "viperctl.py",
        "console",
        stdin="for i in range(2):\n    print(i)\nprint(settings.DEBUG)\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n1\nTrue\n", "")


def test_an_app_whose_models_fail_to_import_is_a_warning(project: Path) -> None:
    write(project, {"site_/models.py": "import not_there_at_all\n"})
    done = viperctl(project, "console", "-c", "print(1)")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "Warning: cannot import 'site_.models'" in done.stderr
    assert viperctl(project, "console", "--no-models", "-c", "print(1)").stderr == ""


def test_the_prompt_awaits_survives_errors_and_keeps_its_history(project: Path) -> None:
    screen = Screen(project, sys.executable, "viperctl.py", "console", "--no-models")
    screen.wait_for(">>> ")
    assert "OpenViper Application" in screen.text and "Quit with exit()" in screen.text
    screen.type("import asyncio\n")
    screen.wait_for(">>> ")
    screen.type("await asyncio.sleep(0, 'slept')\n")
    screen.wait_for("'slept'\r\n")
    screen.wait_for(">>> ")
    screen.type("1 / 0\n")
    screen.wait_for("ZeroDivisionError")
    screen.wait_for(">>> ")
    screen.type("print('go'); await asyncio.sleep(60)\n")
    screen.wait_for("go\r\n")
    screen.type("\x03")
    screen.wait_for("KeyboardInterrupt")
    screen.wait_for(">>> ")
    screen.type("exit()\n")
    assert screen.finish() == 0
    history = project / "state" / "openviper" / "console_history"
    assert "import asyncio" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


IPAPP = """
class TerminalIPythonApp:
    @classmethod
    def instance(cls, user_ns, config):
        app = cls()
        app.user_ns, app.shell = user_ns, cls()
        print(config.TerminalInteractiveShell.banner1)
        return app

    def initialize(self, arguments):
        assert arguments == []

    def start(self):
        async def work():
            return "awaited"
        print(self.shell.loop_runner(work()), "settings" in self.user_ns)
"""
CONFIG = """
class Config:
    def __init__(self):
        self.TerminalInteractiveShell = type("Section", (), {})()
"""


def test_ipython_is_used_where_it_is_installed(project: Path) -> None:
    write(
        project,
        {
            "IPython/__init__.py": "",
            "IPython/terminal/__init__.py": "",
            "IPython/terminal/ipapp.py": IPAPP,
        },
    )
    write(project, {"traitlets/__init__.py": "", "traitlets/config.py": CONFIG})
    screen = Screen(project, sys.executable, "viperctl.py", "console", "--no-models")
    assert screen.finish() == 0
    assert "awaited True" in screen.text and "Quit with exit()" in screen.text


def test_an_ipython_that_cannot_be_imported_is_done_without(project: Path) -> None:
    write(project, {"IPython/__init__.py": "import not_there_at_all\n"})
    screen = Screen(project, sys.executable, "viperctl.py", "console", "--no-models")
    screen.wait_for(">>> ")
    screen.type("\x04")
    assert screen.finish() == 0


def test_a_password_is_not_shown_while_it_is_typed(project: Path) -> None:
    screen = Screen(project, sys.executable, "viperctl.py", "ask")
    screen.wait_for("Name? ")
    screen.type("ann\n")
    screen.wait_for("Password: ")
    screen.type("secret\n")
    assert screen.finish() == 0
    assert screen.text.count("secret") == 1 and "got ann secret" in screen.text


@pytest.mark.parametrize("keys", ["\x03", "\x04"])
@pytest.mark.parametrize("typed", ["", "ann\n"])
def test_giving_up_at_a_question_exits_with_1_and_one_line(
    project: Path, keys: str, typed: str
) -> None:
    screen = Screen(project, sys.executable, "viperctl.py", "ask")
    screen.wait_for("Name? ")
    if typed:
        screen.type(typed)
        screen.wait_for("Password: ")
    screen.type(keys)
    assert screen.finish() == 1
    assert "Error: Operation cancelled." in screen.text and "Traceback" not in screen.text


MODEL = """\
from openviper.db import Model
from openviper.db.fields import CharField


class {name}(Model):
    title = CharField(max_length=100)

    class Meta:
        table_name = "{table}"
"""


def test_the_prompt_lists_models_reports_clashes_and_completes(project: Path) -> None:
    files = {"blog/__init__.py": "", "blog/models.py": MODEL.format(name="Post", table="blog_post")}
    files |= {
        "shop/__init__.py": "",
        "shop/models.py": MODEL.format(name="Post", table="shop_post"),
    }
    files["shop/models.py"] += MODEL.format(name="Parcel", table="shop_parcel").partition("\n\n\n")[
        2
    ]
    files["site_/settings.py"] = settings("site_", "blog", "shop", "openviper.auth")
    write(project, files)
    screen = Screen(project, sys.executable, "viperctl.py", "console")
    screen.wait_for("Warning: Post of shop is hidden by that of blog.models")
    screen.wait_for("  blog: 1 model (Post)")
    screen.wait_for("  shop: 1 model (Parcel)")
    screen.wait_for("  openviper.auth: ")
    screen.wait_for(">>> ")
    screen.type("Parc\t")
    screen.wait_for("Parcel(")
    screen.type("title='x').title, Post.__module__\n")
    screen.wait_for("('x', 'blog.models')")
    screen.wait_for(">>> ")
    screen.type("exit(3)\n")
    assert screen.finish() == 3


def test_the_history_of_the_last_session_is_there_again(project: Path) -> None:
    for keys in ("word = 'once'; print(word * 2)\n", "\x1b[A\x1b[A\n"):
        screen = Screen(project, sys.executable, "viperctl.py", "console", "--no-models")
        screen.wait_for(">>> ")
        screen.type(keys)
        screen.wait_for("onceonce\r\n")
        screen.wait_for(">>> ")
        screen.type("exit()\n")
        assert screen.finish() == 0
