"""Routes and `ready` hooks that a project offers by convention."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openviper import Router
from openviper.apps import AppLifecycleManager
from openviper.apps.discovery import discover_routes, find_ready_hooks
from openviper.apps.exceptions import AppLifecycleConfigError, AppLifecycleImportError
from openviper.exceptions import ImproperlyConfigured
from tests.projects import write

ROUTES = """
from openviper import Router
inner = Router()
@inner.get("/x")
def x(): return "x"
route_paths = [("/in", inner)]
"""
Files = Callable[[dict[str, str]], None]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Yield a function that writes importable modules, which are forgotten at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(content: dict[str, str]) -> None:
        write(tmp_path, content)

    yield put
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("ov_found", "routes"):
            del sys.modules[name]


def found(
    monkeypatch: pytest.MonkeyPatch, settings: str, router: Router | None = None
) -> list[str]:
    """Return the paths that discovery mounts."""
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", settings)
    router = router or Router()
    discover_routes(router)
    return [route.path for route in router.routes]


def test_routes_lie_beside_the_settings_of_a_package(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files({"ov_found/__init__.py": "", "ov_found/routes.py": ROUTES})
    assert found(monkeypatch, "ov_found.settings") == ["/in/x"]
    assert found(monkeypatch, "ov_found.settings.production") == ["/in/x"]


def test_bare_settings_mount_routes_unless_there_are_some(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files({"routes.py": ROUTES})
    assert found(monkeypatch, "settings") == ["/in/x"]
    own = Router()
    own.add("/own", print)
    assert found(monkeypatch, "settings", own) == ["/own"]


@pytest.mark.parametrize("settings", ["", "_viperctl_settings", "ov_found.settings"])
def test_a_project_without_routes_has_none(
    files: Files, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    files({"ov_found/__init__.py": ""})
    assert found(monkeypatch, settings) == []


@pytest.mark.parametrize("body", ["import ov_nowhere", "1 / 0", "def"])
def test_routes_that_fail_to_import_are_an_error(
    files: Files, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    files({"ov_found/__init__.py": "", "ov_found/routes.py": body})
    with pytest.raises(AppLifecycleImportError, match="'ov_found.routes'"):
        found(monkeypatch, "ov_found.settings")


@pytest.mark.parametrize("entry", ["'/x'", "('/x',)", "('/x', 5)", "(5, inner)"])
def test_a_wrong_entry_is_named_and_nothing_is_mounted(
    files: Files, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    files(
        {"ov_found/__init__.py": "", "ov_found/routes.py": f"{ROUTES}route_paths.append({entry})\n"}
    )
    router = Router()
    with pytest.raises(ImproperlyConfigured, match="not a pair of prefix and Router"):
        found(monkeypatch, "ov_found.settings", router)
    assert router.routes == []


def hook(word: str, kind: str = "def") -> str:
    """Return the text of a `ready` hook that notes a word."""
    note = f"sys.modules['ov_found'].__dict__.setdefault('calls', []).append('{word}')"
    return f"import sys\n{kind} ready():\n    {note}\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {
                "__init__.py": hook("package"),
                "apps.py": hook("apps"),
                "lifecycle.py": hook("lifecycle"),
            },
            "package",
        ),
        (
            {
                "__init__.py": "",
                "apps.py": hook("apps", "async def"),
                "lifecycle.py": hook("lifecycle"),
            },
            "apps",
        ),
        ({"__init__.py": "", "lifecycle.py": hook("lifecycle")}, "lifecycle"),
    ],
)
async def test_only_the_first_ready_hook_runs(
    files: Files, content: dict[str, str], expected: str
) -> None:
    files({f"ov_found/{name}": text for name, text in content.items()})
    manager = AppLifecycleManager()
    manager.discover(["ov_found"])
    find_ready_hooks(manager)
    await manager.run_ready_hooks()
    assert sys.modules["ov_found"].__dict__["calls"] == [expected]


def test_an_async_ready_hook_needs_an_event_loop(files: Files) -> None:
    files({"ov_found/__init__.py": hook("package", "async def")})
    manager = AppLifecycleManager()
    manager.discover(["ov_found"])
    find_ready_hooks(manager)
    with pytest.raises(AppLifecycleConfigError, match="'ov_found' is async"):
        manager.run_ready()


def test_an_apps_module_that_fails_is_named(files: Files) -> None:
    files({"ov_found/__init__.py": "", "ov_found/apps.py": "import ov_nowhere\n"})
    manager = AppLifecycleManager()
    manager.discover(["ov_found"])
    with pytest.raises(AppLifecycleImportError, match="'ov_found.apps'.*ov_nowhere"):
        find_ready_hooks(manager)
