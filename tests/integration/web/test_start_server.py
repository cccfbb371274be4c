"""`start-server` in a generated project."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.web.serving import command, free_port, run, server


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated project, which no test changes."""
    directory = tmp_path_factory.mktemp("projects")
    run(command("create-project", "shop"), directory)
    return directory / "shop"


@pytest.fixture
def project(generated: Path, tmp_path: Path) -> Path:
    """Return a generated project of the test's own."""
    return shutil.copytree(generated, tmp_path / "shop")


def start(*arguments: str) -> list[str]:
    """Return the command line of ``start-server``."""
    return [sys.executable, "viperctl.py", "start-server", *arguments]


def fails(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return the result of a start that is refused in one line, before the banner."""
    result = run(start(*arguments), project)
    assert result.stdout == ""
    if result.returncode == 2:
        assert result.stderr.startswith("usage: "), result.stderr
        return result
    assert result.stderr.startswith("Error: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result


def status(port: int, path: str) -> int:
    """Return the status of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("reload", ["--reload", "--no-reload"])
def test_the_project_s_pages_and_the_landing_page_answer(project: Path, reload: str) -> None:
    port = free_port()
    with server(start("--port", str(port), reload), project, port) as process:
        assert [status(port, path) for path in ("/", "/root/home", "/root/api", "/nowhere")] == [
            200,
            200,
            200,
            404,
        ]
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert f"http://127.0.0.1:{port}/" in output
    assert '"GET /root/home HTTP/1.1" 200' in output
    assert "Traceback" not in output


def test_an_application_may_be_named_and_several_workers_agree_on_the_settings(
    project: Path,
) -> None:
    (project / "other.py").write_text(
        "from openviper import OpenViper\nfrom openviper.conf import settings\napp = OpenViper(debug=False)\n"
        "@app.get('/')\ndef home():\n    return settings.INSTALLED_APPS[0]\n"
    )
    port = free_port()
    with server(
        start("other", "--port", str(port), "--no-reload", "--workers", "2"), project, port
    ):
        assert status(port, "/") == 200


# A server does not wait for long for the look at the schema; on a busy machine it may have to say that there was no time.
PATIENT = """
import sys
sys.argv[0] = "viperctl.py"
sys.path.insert(0, "")
from openviper.core.management.commands import start_server
start_server.CHECK_SECONDS = 60.0
import viperctl
viperctl.main()
"""


def patient(*words: str) -> list[str]:
    """Return the command line of a server that waits for the look at the schema."""
    line = start(*words)
    return [sys.executable, "-c", PATIENT, *line[line.index("start-server") :]]


def test_pending_schema_changes_are_named_with_the_command_that_applies_them(project: Path) -> None:
    run(command("create-app", "goods"), project)
    settings = project / "shop" / "settings.py"
    text = settings.read_text()
    settings.write_text(text.replace('"openviper.auth",', '"openviper.auth", "goods",'))
    assert settings.read_text() != text
    (project / "goods" / "models.py").write_text(
        "from openviper.db import CharField, Model\n\n\nclass Item(Model):\n    name = CharField(max_length=20)\n"
    )
    assert run([sys.executable, "viperctl.py", "migrate"], project).returncode == 0
    assert run([sys.executable, "viperctl.py", "makemigrations", "goods"], project).returncode == 0
    port = free_port()
    with server(patient("--port", str(port), "--no-reload"), project, port) as process:
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert "goods" in output
    assert "viperctl.py migrate" in output


def test_without_pending_changes_there_is_no_warning(project: Path) -> None:
    assert run([sys.executable, "viperctl.py", "migrate"], project).returncode == 0
    port = free_port()
    with server(patient("--port", str(port), "--no-reload"), project, port) as process:
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert "Warning" not in output


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["nowhere"], "nowhere:app", 3),
        (["shop.asgi:nothing"], "has no 'nothing'", 3),
        (["--port", "99999"], "99999 is not between 0 and 65535", 2),
        (["--port", "-1"], "-1 is not between", 2),
        (["--workers", "0", "--no-reload"], "--workers", 2),
        (["--host", "no.such.host.invalid"], "no.such.host.invalid", 1),
    ],
)
def test_what_cannot_be_served_is_explained_in_one_line(
    project: Path, arguments: list[str], text: str, code: int
) -> None:
    result = fails(project, *arguments)
    assert result.returncode == code
    assert text in result.stderr


def test_without_an_application_the_places_searched_are_listed(project: Path) -> None:
    (project / "shop" / "asgi.py").unlink()
    result = fails(project)
    assert result.returncode == 3
    assert "shop.asgi:app, shop.app:app" in result.stderr


def test_a_missing_dependency_of_the_application_is_named_as_such(project: Path) -> None:
    (project / "shop" / "views.py").write_text("import a_package_nobody_has\n")
    port = free_port()
    result = run(start("--port", str(port), "--no-reload"), project)
    assert result.returncode == 3
    assert "a_package_nobody_has" in result.stderr
    assert "shop.routes" in result.stderr
