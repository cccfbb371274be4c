"""`create-app` and `create-command` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.running import create_project, run, succeed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create the project `shop`."""
    return create_project("shop", tmp_path)


def test_create_app_says_how_to_install_it(project: Path) -> None:
    printed = succeed("viperctl.py", "create-app", "blog", cwd=project)
    assert f"Created app 'blog' at {project.resolve() / 'blog'}" in printed
    assert "INSTALLED_APPS" in printed


def test_create_app_needs_no_project(tmp_path: Path) -> None:
    assert "Created app 'blog'" in succeed("-m", "openviper", "create-app", "blog", cwd=tmp_path)
    assert (tmp_path / "blog/models.py").is_file()


@pytest.mark.parametrize("name", ["shop", "auth", "tests", "json", "class", "openviper"])
def test_create_app_refuses_a_name_in_use(project: Path, name: str) -> None:
    before = sorted(project.rglob("*"))
    result = run("viperctl.py", "create-app", name, cwd=project)
    assert result.returncode == 1
    assert (
        result.stderr.startswith("Error: ")
        and result.stderr.count("\n") == 1
        and repr(name) in result.stderr
    )
    assert [path for path in sorted(project.rglob("*")) if "__pycache__" not in path.parts] == [
        path for path in before if "__pycache__" not in path.parts
    ]


def test_a_created_command_runs(project: Path) -> None:
    succeed("viperctl.py", "create-app", "blog", cwd=project)
    settings = project / "shop/settings.py"
    settings.write_text(
        settings.read_text().replace('("openviper.auth",)', '("openviper.auth", "blog")')
    )
    printed = succeed("viperctl.py", "create-command", "send-reminders", "blog", cwd=project)
    assert "Created command 'send-reminders' at " in printed
    assert "python viperctl.py send-reminders" in printed
    assert succeed("viperctl.py", "send-reminders", cwd=project) == "send-reminders ran.\n"
    assert "send-reminders" in succeed("viperctl.py", "help", cwd=project)


def test_create_command_refuses_a_built_in_name_and_an_unsafe_path(project: Path) -> None:
    for arguments in (["migrate", "shop"], ["count", "../shop"], ["count", "nowhere"]):
        result = run("viperctl.py", "create-command", *arguments, cwd=project)
        assert result.returncode == 1
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert not (project / "shop/management").exists()
