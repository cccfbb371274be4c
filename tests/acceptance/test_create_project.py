"""A generated project starts, answers, passes its tests and the type checker."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
from pathlib import Path

import pytest

from tests.acceptance.running import create_project, fetch, free_port, run, serving, succeed
from tests.unit.core.management.scaffolds.test_app import uncomment


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a project `shop` with the app `blog`, installed and mounted."""
    project = create_project("shop", tmp_path_factory.mktemp("project"))
    succeed("viperctl.py", "create-app", "blog", cwd=project)
    install_app(project, "blog")
    return project


def install_app(project: Path, module: str) -> None:
    """Add an app to the settings and its router to the routes of the project `shop`."""
    settings = project / "shop/settings.py"
    settings.write_text(
        settings.read_text().replace('("openviper.auth",)', f'("openviper.auth", "{module}")')
    )
    routes = project / "shop/routes.py"
    imports = f"from {module}.routes import router as app_router\nfrom shop.views"
    text = routes.read_text().replace("from shop.views", imports)
    routes.write_text(
        text.replace('("/root", router),', '("/root", router),\n    ("/blog", app_router),')
    )


def type_check(project: Path) -> None:
    """Demand that the project passes `mypy --strict`."""
    if importlib.util.find_spec("mypy") is None:
        assert os.environ.get("CI") != "true", "mypy is missing in CI"
        pytest.skip("mypy is not installed")
    result = run(
        "-m",
        "mypy",
        "--strict",
        ".",
        cwd=project,
        MYPY_CACHE_DIR=str(project.parent / "mypy-cache"),
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_create_project_says_what_to_do_next(tmp_path: Path) -> None:
    printed = run("-m", "openviper", "create-project", "shop", cwd=tmp_path)
    assert printed.returncode == 0
    assert "Project 'shop' created" in printed.stdout
    assert (
        re.search(r"cd \S*shop\n", printed.stdout)
        and "python viperctl.py start-server" in printed.stdout
    )
    assert "SECRET_KEY" in printed.stdout + printed.stderr
    key = re.search(r'"SECRET_KEY",\s+"(.+)"', (tmp_path / "shop/shop/settings.py").read_text())
    assert key is not None and key[1] not in printed.stdout + printed.stderr
    assert stat.S_IMODE((tmp_path / "shop/shop/settings.py").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["class"], "not a valid Python identifier"),
        (["my-shop"], "not a valid Python identifier"),
        (["json"], "hide the module"),
        (["openviper"], "openviper"),
        (["there"], "is not empty"),
        (["test"], "hide the module 'test'"),
        (["shop", "--directory", "nowhere"], "does not exist"),
    ],
)
def test_a_bad_name_or_place_is_one_line_of_error(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/work.txt").touch()
    result = run("-m", "openviper", "create-project", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert (
        result.stderr.startswith("Error: ")
        and message in result.stderr
        and result.stderr.count("\n") == 1
    )
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_everything_compiles(project: Path) -> None:
    succeed("-m", "compileall", "-q", ".", cwd=project)


@pytest.mark.one_version
def test_the_project_passes_the_type_checker(project: Path) -> None:
    type_check(project)


def test_it_migrates_and_its_tests_pass(project: Path) -> None:
    succeed("viperctl.py", "migrate", cwd=project)
    printed = succeed("viperctl.py", "test", cwd=project)
    assert "2 passed" in printed


def test_it_works_from_another_directory(project: Path, tmp_path: Path) -> None:
    succeed(project / "viperctl.py", "migrate", cwd=tmp_path)
    assert (project / "db.sqlite3").is_file()
    assert list(tmp_path.iterdir()) == []


def test_its_pages_and_all_their_links_answer(project: Path) -> None:
    port = free_port()
    words = ("viperctl.py", "start-server", "--no-reload", "--port", str(port))
    with serving(*words, cwd=project, port=port) as base:
        status, page = fetch(f"{base}/root/home")
        assert status == 200 and "shop" in page
        links = re.findall(r'href="([^"]+)"', page)
        assert links == ["/root/api"]
        assert [fetch(base + link)[0] for link in links] == [200]
        assert fetch(f"{base}/root/api", "POST")[0] == 200
        assert fetch(f"{base}/nowhere")[0] == 404


def test_run_finds_the_settings_of_the_project(project: Path) -> None:
    port = free_port()
    words = ("-m", "openviper", "run", "shop.asgi:app", "--no-reload", "--port", str(port))
    with serving(*words, cwd=project, port=port) as base:
        assert '"shop"' in fetch(f"{base}/root/api")[1]


def test_plain_uvicorn_from_elsewhere_uses_the_settings_of_the_project(
    project: Path, tmp_path: Path
) -> None:
    port = free_port()
    words = ("-m", "uvicorn", "--app-dir", project, "shop.asgi:app", "--port", str(port))
    with serving(*words, cwd=tmp_path, port=port) as base:
        assert fetch(f"{base}/root/home")[0] == 200


def test_the_examples_of_an_app_work_when_uncommented(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path)
    succeed("viperctl.py", "create-app", "blog", cwd=project)
    install_app(project, "blog")
    succeed("viperctl.py", "create-command", "count-items", "blog", cwd=project)
    for path in (project / "blog").rglob("*.py"):
        path.write_text(uncomment(path.read_text()).replace("        # parser", "        parser"))
    assert (
        succeed("viperctl.py", "count-items", "--times", "2", cwd=project) == "count-items ran.\n"
    )
    succeed("viperctl.py", "makemigrations", cwd=project)
    succeed("viperctl.py", "migrate", cwd=project)
    code = 'await Item.objects.create(name="first"); print((await Item.objects.get(name="first")).is_active)'
    assert succeed("viperctl.py", "console", "-c", code, cwd=project) == "True\n"
    printed = succeed("viperctl.py", "test", "blog/tests.py", cwd=project)
    assert "1 passed" in printed
    code = "from blog.tasks import greet; greet.send('Ada')"
    succeed("viperctl.py", "console", "-c", code, cwd=project)
    assert "Hello, Ada\n" in succeed("viperctl.py", "start-worker", "--until-empty", cwd=project)
    succeed("-m", "compileall", "-q", ".", cwd=project)
    type_check(project)


def test_an_app_below_a_package_works_under_its_dotted_name(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path)
    printed = succeed("viperctl.py", "create-app", "blog", "--directory", "shop", cwd=project)
    assert "'shop.blog'" in printed
    install_app(project, "shop.blog")
    for path in (project / "shop/blog").glob("*.py"):
        path.write_text(uncomment(path.read_text()))
    succeed("viperctl.py", "makemigrations", cwd=project)
    succeed("viperctl.py", "migrate", cwd=project)
    assert "1 passed" in succeed("viperctl.py", "test", "shop/blog/tests.py", cwd=project)
