"""Both front ends, driven from outside: what they print, where, and the exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from openviper.version import VERSION
from tests.acceptance.commands.runner import VIPERCTL, environment, openviper, python, viperctl
from tests.projects import app, command, settings, write

SHOW = (
    "from openviper.conf import settings; import sys, os; "
    "self.stdout(f\"{settings.PROJECT_NAME}|{','.join(settings.INSTALLED_APPS)}|{os.getcwd()}\")"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one package with settings, routes and commands."""
    files = app(
        "site_",
        show=command(SHOW),
        later=command(
            'import asyncio; await asyncio.sleep(0); self.stdout("awaited")', kind="async def"
        ),
        broken="import not_there_at_all\n",
        fails=command('raise RuntimeError("a bug")'),
        waits=command('import time; self.stdout("waiting"); time.sleep(60)'),
        awaits=command(
            'import asyncio; self.stdout("waiting"); await asyncio.sleep(60)', kind="async def"
        ),
    )
    files |= {
        "viperctl.py": VIPERCTL,
        "site_/settings.py": settings(),
        "site_/routes.py": "route_paths = []\n",
    }
    return write(tmp_path / "project", files)


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_built_in_and_project_commands(project: Path, arguments: list[str]) -> None:
    done = viperctl(project, *arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: viperctl.py [--settings=<module>] <command> [options]\n")
    assert "[openviper]\n  api-keys " in done.stdout
    assert "[site_]\n" in done.stdout and "  later   Say something.\n" in done.stdout
    assert done.stderr == ""


def test_help_works_where_the_settings_do_not(project: Path) -> None:
    (project / "site_" / "settings.py").write_text("1 / 0\n")
    done = viperctl(project, "--help")
    assert done.returncode == 0 and "migrate" in done.stdout
    assert "Warning: the project's commands are not shown" in done.stderr


def test_help_of_a_command_is_that_of_its_parser(project: Path) -> None:
    assert (
        viperctl(project, "help", "console").stdout == viperctl(project, "console", "--help").stdout
    )
    assert viperctl(project, "console", "-h").stdout.startswith("usage: viperctl.py console ")


def test_help_of_a_project_command_needs_no_valid_settings(project: Path) -> None:
    with (project / "site_" / "settings.py").open("a") as file:
        file.write("1 / 0\n")
    assert viperctl(project, "show", "--help").stdout.startswith("usage: viperctl.py show")


def test_an_unknown_command_is_one_line_with_the_closest_match(project: Path) -> None:
    done = viperctl(project, "migrat")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Unknown command: 'migrat'; did you mean 'migrate'?")
    assert done.stderr.count("\n") == 1


def test_a_usage_error_exits_with_2_and_the_usage_line(project: Path) -> None:
    for arguments in (["console", "--nope"], ["--settings"]):
        done = viperctl(project, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.lower().startswith("usage: viperctl.py")


def test_an_async_command_is_run_to_its_end(project: Path) -> None:
    assert viperctl(project, "later").stdout == "awaited\n"


def test_a_command_runs_with_the_discovered_settings(project: Path) -> None:
    done = viperctl(project, "show")
    assert (done.returncode, done.stdout) == (0, f"OpenViper Application|site_|{project}\n")


def test_settings_can_be_named_on_the_command_line_and_in_the_environment(project: Path) -> None:
    other = settings("site_").replace(
        "class ProjectSettings(Settings):", 'class P(Settings):\n    PROJECT_NAME: str = "Other"'
    )
    write(project, {"other.py": other})
    for done in (
        viperctl(project, "show", "--settings=other"),
        viperctl(project, "--settings", "other", "show"),
        viperctl(project, "show", OPENVIPER_SETTINGS_MODULE="other"),
    ):
        assert done.stdout.startswith("Other|"), done.stderr


def test_settings_that_cannot_be_loaded_are_one_line_with_module_and_cause(project: Path) -> None:
    (project / "site_" / "settings.py").write_text("import not_there_at_all\n")
    done = viperctl(project, "console", "-c", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert "site_.settings" in done.stderr and "not_there_at_all" in done.stderr


def test_values_that_are_not_allowed_are_one_line(project: Path) -> None:
    done = viperctl(project, "show", OPENVIPER_TIME_ZONE="Nowhere/Land")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: settings module 'site_.settings' is not valid: ")
    assert done.stderr.count("\n") == 1 and "Nowhere/Land" in done.stderr


def test_a_broken_command_is_reported_as_broken(project: Path) -> None:
    done = viperctl(project, "broken")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Error: cannot load command 'broken' of app 'site_': ModuleNotFoundError"
    )


def test_an_unexpected_exception_shows_its_traceback(project: Path) -> None:
    done = viperctl(project, "fails")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "RuntimeError: a bug" in done.stderr


@pytest.mark.parametrize("words", [["viperctl.py"], ["-m", "openviper", "viperctl"]], ids=" ".join)
@pytest.mark.parametrize("name", ["waits", "awaits"])
def test_an_interrupt_exits_with_130_and_no_traceback(
    project: Path, name: str, words: list[str]
) -> None:
    with subprocess.Popen(
        [sys.executable, *words, name],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
        assert "Traceback" not in process.stderr.read()


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    script = f"{sys.executable} viperctl.py --help | head -n 1"
    done = subprocess.run(
        ["sh", "-c", script], cwd=project, env=environment(), capture_output=True, text=True
    )
    assert done.stderr == ""


def test_no_colour_codes_reach_a_pipe(project: Path) -> None:
    done = viperctl(project, "nope")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b[31m" in viperctl(project, "nope", FORCE_COLOR="1").stderr


def test_a_command_of_a_distribution_is_listed_and_run(project: Path) -> None:
    write(
        project,
        {
            "far-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: far\nVersion: 1.0\n",
            "far-1.0.dist-info/entry_points.txt": "[openviper.cli]\nfrom-afar = far_away:Command\n",
            "far_away.py": command(),
        },
    )
    assert (
        "[entry point far_away:Command]\n  from-afar  Say something."
        in viperctl(project, "help").stdout
    )
    assert viperctl(project, "from-afar").stdout == "ran\n"


def test_the_openviper_command_has_help_and_a_version(tmp_path: Path) -> None:
    assert openviper(tmp_path, "--version").stdout == f"openviper, version {VERSION}\n"
    assert openviper(tmp_path, "version").stdout == f"OpenViper {VERSION}\n"
    for arguments in ([], ["--help"]):
        done = openviper(tmp_path, *arguments)
        assert done.returncode == 0 and "create-project" in done.stdout
    assert openviper(tmp_path, "nope").returncode == 2


def test_the_dispatcher_behind_the_openviper_command_has_help(project: Path) -> None:
    done = openviper(project, "viperctl", "--help")
    assert done.returncode == 0 and done.stdout.startswith("Usage: openviper viperctl ")
    assert "migrate" in done.stdout
    missing = openviper(project, "viperctl")
    assert missing.returncode == 2 and missing.stderr.startswith("Usage: openviper viperctl ")
    unknown = openviper(project, "viperctl", "nope")
    assert (
        unknown.returncode == 1
        and "Unknown command: 'nope'" in unknown.stderr
        and "migrate" in unknown.stderr
    )


def test_help_and_an_unknown_command_import_next_to_nothing(project: Path) -> None:
    script = (
        "import sys; sys.path[:0] = [{root!r}]; sys.argv = ['viperctl.py', {word!r}]\n"
        "from openviper.core.management import execute_from_command_line\n"
        "try:\n    execute_from_command_line(sys.argv)\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    heavy = {
        "typing",
        "pathlib",
        "dataclasses",
        "inspect",
        "logging",
        "asyncio",
        "sqlite3",
        "importlib.metadata",
        "jinja2",
    }
    root = environment()["PYTHONPATH"]
    (project / "site_/management/commands/broken.py").unlink()  # Its summary takes importing it.
    for word in ("--help", "nope"):
        done = python(project, "-S", "-c", script.format(root=root, word=word))
        loaded = set(done.stdout.partition("LOADED")[2].split())
        assert "openviper.core.management.dispatch" in loaded, done.stderr
        assert not heavy & loaded
        assert "argparse" not in loaded


def test_a_project_is_made_listed_and_tested(tmp_path: Path) -> None:
    made = openviper(tmp_path, "create-project", "shop")
    assert made.returncode == 0
    assert (
        "Project 'shop' created" in made.stdout
        and "  cd shop\n  python viperctl.py migrate\n  python viperctl.py start-server\n"
        in made.stdout
    )
    assert "SECRET_KEY" in made.stderr
    again = openviper(tmp_path, "create-project", "shop")
    assert (
        again.returncode == 1 and "already exists" in again.stderr and again.stderr.count("\n") == 1
    )
    assert openviper(tmp_path / "shop", "create-app", "cart").returncode == 0
    assert (
        viperctl(
            tmp_path / "shop", "console", "--no-models", "-c", "print(settings.PROJECT_NAME)"
        ).stdout
        == "shop\n"
    )


@pytest.mark.parametrize("name", ["class", "json", "openviper", "my-shop", "tests"])
def test_a_project_name_that_would_break_is_refused(tmp_path: Path, name: str) -> None:
    done = openviper(tmp_path, "create-project", name)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
