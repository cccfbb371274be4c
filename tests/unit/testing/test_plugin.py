"""The pytest plug-in, in a process and a project of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import settings, write

REPOSITORY = Path(__file__).resolve().parents[3]
CONFTEST = 'pytest_plugins = ["openviper.testing.plugin"]\n'

PROJECT = {
    "conftest.py": CONFTEST,
    "pyproject.toml": '[tool.openviper.testing]\nsettings = "shop.settings"\n[tool.pytest.ini_options]\n'
    'addopts = "--strict-markers"\nfilterwarnings = ["error"]\n',
    "shop/__init__.py": "",
    "shop/settings.py": settings("goods") + "    DATABASES: dict = dataclasses.field(\n"
    '        default_factory=lambda: {"default": {"OPTIONS": {"URL": "sqlite:///db.sqlite3"}}}\n    )\n',
    "shop/asgi.py": "from openviper import OpenViper\napp = OpenViper(debug=False)\nevents = []\n"
    "app.on_startup(lambda: events.append('start'))\napp.on_shutdown(lambda: events.append('stop'))\n",
    "shop/routes.py": "from goods.views import router\nroute_paths = [('/goods', router)]\n",
    "goods/__init__.py": "",
    "goods/models.py": "from openviper.db import CharField, Model\n\n\n"
    "class Item(Model):\n    name = CharField(max_length=20)\n",
    "goods/views.py": """
        from openviper import RedirectResponse, Router
        from goods.models import Item

        router = Router()

        @router.get("/")
        async def items(request):
            return {"items": [item.name async for item in Item.objects.order_by("id")]}

        @router.post("/")
        async def create(request):
            await Item.objects.create(**await request.json())
            return RedirectResponse("/goods/", 303)
        """,
    "goods/tests.py": """
        import os
        import pytest
        from goods.models import Item

        @pytest.mark.parametrize("name", ["one", "two"])
        async def test_a_row_of_another_test_is_not_seen(client, name):
            assert (await client.get("/goods/")).json() == {"items": []}
            answer = await client.post("/goods/", json={"name": name})
            assert answer.json() == {"items": [name]}
            assert await Item.objects.count() == 1

        @pytest.mark.db
        async def test_a_marked_test_has_a_database():
            await Item.objects.create(name="x")

        async def test_the_application_is_started_and_shows_errors(app):
            from shop.asgi import app as own, events
            assert app is own and app.debug
            assert events[-1] == "start"

        def test_it_is_stopped_again_and_as_before():
            from shop.asgi import app, events
            assert events[-1] == "stop" and not app.debug

        async def test_a_setting_may_be_changed(client, override_settings):
            override_settings(X_FRAME_OPTIONS="SAMEORIGIN")
            assert (await client.get("/goods/")).headers["x-frame-options"] == "SAMEORIGIN"

        def test_the_environment_is_as_before():
            assert "OPENVIPER_SETTINGS_MODULE" not in os.environ
        """,
    "unrelated/tests.py": "def test_this_is_not_collected(): assert False\n",
}


def run(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a directory."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENVIPER_", "PYTEST_"))
    }
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            *arguments,
        ],
        cwd=directory,
        env={**kept, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{directory}", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_project_is_tested_with_a_database_per_test_and_its_own_is_untouched(
    tmp_path: Path,
) -> None:
    write(tmp_path, PROJECT)
    result = run(tmp_path)
    assert re.search(r"\b7 passed", result.stdout), result.stdout + result.stderr
    assert "failed" not in result.stdout
    assert not (tmp_path / "db.sqlite3").exists()


def test_a_missing_application_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, {"conftest.py": CONFTEST, "test_it.py": "async def test_it(client): pass\n"})
    result = run(tmp_path)
    assert result.returncode == 1
    assert "set app in [tool.openviper.testing]" in result.stdout


ASYNC = """
import asyncio
import contextvars
import pytest

variable = contextvars.ContextVar("variable", default="unset")
closed = []

@pytest.fixture
async def loop():
    return asyncio.get_running_loop()

@pytest.fixture
async def inner():
    variable.set("set")
    yield 1
    closed.append(("inner", asyncio.get_running_loop()))

@pytest.fixture
async def outer(inner, loop):
    yield inner + 1
    closed.append(("outer", loop))

async def test_all_of_a_test_share_a_loop_and_a_context(outer, loop):
    assert outer == 2
    assert asyncio.get_running_loop() is loop
    assert variable.get() == "set"

def test_fixtures_end_in_reverse_order_on_their_loop():
    assert [name for name, _ in closed] == ["outer", "inner"]
    assert closed[0][1] is closed[1][1]

def test_a_plain_test_may_use_async_fixtures(outer):
    assert outer == 2

async def test_context_does_not_leak_between_tests():
    assert variable.get() == "unset"

class TestMethods:
    @pytest.fixture
    async def own(self):
        return self

    async def test_method(self, own):
        assert own is self

@pytest.fixture
async def twice():
    yield 1
    yield 2

def test_yields_twice(twice):
    pass

@pytest.fixture(scope="module")
async def wide():
    return 1

async def test_wide(wide):
    pass

@pytest.fixture
async def failing():
    raise ZeroDivisionError

async def test_failing(failing):
    pass
"""


def test_async_fixtures_run_on_the_loop_of_their_test(tmp_path: Path) -> None:
    write(tmp_path, {"conftest.py": CONFTEST, "test_async.py": ASYNC})
    result = run(tmp_path, "-W", "error")
    assert re.search(r"\b6 passed, 3 errors", result.stdout), result.stdout
    assert "yields more than once" in result.stdout
    assert "must have the scope 'function', not 'module'" in result.stdout


def test_the_plug_in_changes_nothing_for_other_projects(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "tests.py": "def test_not_collected(): assert False\n",
            "test_it.py": """
                import sys
                import pytest

                @pytest.mark.slow
                def test_a_label_chooses_tests(): assert False

                def test_nothing_of_the_framework_is_loaded():
                    loaded = {name for name in sys.modules if name.startswith("openviper.")}
                    assert not loaded & {"openviper.app", "openviper.db", "openviper.http", "openviper.conf"}, loaded
                """,
        },
    )
    result = run(tmp_path, "-p", "openviper.testing.plugin", "--strict-markers", "-m", "not slow")
    assert "1 passed, 1 deselected" in result.stdout, result.stdout


async def test_the_fixture_is_usable_here_too(db: object, pytestconfig: pytest.Config) -> None:
    from openviper.db.connection import connections
    from openviper.testing import TestDatabase

    assert isinstance(db, TestDatabase)
    assert connections.get().url.is_memory
    await db.reset()
