"""Lifecycle hooks of apps."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openviper.apps import AppLifecycleManager
from openviper.apps.exceptions import (
    AppLifecycleConfigError,
    AppLifecycleImportError,
    AppReadyError,
    AppShutdownError,
    AppStartupError,
)

COUNTER = itertools.count()
Make = Callable[..., str]
TRACE = "import ov_trace\n"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that writes an app with a lifecycle module and returns its name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ov_trace.py").write_text("calls = []\n")
    sys.modules.pop("ov_trace", None)

    def write(body: str | None = None, init: str = "") -> str:
        name = f"ov_app_{next(COUNTER)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(init)
        if body is not None:
            (tmp_path / name / "lifecycle.py").write_text(TRACE + body)
        return name

    return write


def calls() -> list[Any]:
    """Return what the hooks have noted."""
    import importlib

    trace: list[Any] = importlib.import_module("ov_trace").calls
    return trace


def started(word: str, failing: str = "") -> str:
    """Return a lifecycle module that notes its starts and stops."""
    return (
        f"async def startup():\n    ov_trace.calls.append('start {word}')\n"
        f"    {failing if failing == '1/0' else 'pass'}\n"
        f"async def shutdown():\n    ov_trace.calls.append('stop {word}')\n"
        f"    {'1/0' if failing == 'stop' else 'pass'}\n"
    )


async def test_apps_start_in_order_and_stop_in_reverse(make: Make) -> None:
    manager = AppLifecycleManager()
    names = [make(started("a")), make(), make(started("b"))]
    assert [one.app_name for one in manager.discover(names)] == names
    await manager.run_startup()
    await manager.run_shutdown()
    assert calls() == ["start a", "start b", "stop b", "stop a"]
    assert manager.started_apps == []


async def test_a_failing_start_stops_what_was_started(make: Make) -> None:
    manager = AppLifecycleManager()
    manager.discover([make(started("a", "stop")), make(started("b", "1/0")), make(started("c"))])
    with pytest.raises(AppStartupError) as caught:
        await manager.run_startup()
    assert calls() == ["start a", "start b", "stop a"]
    assert isinstance(caught.value.original_exception, ZeroDivisionError)
    assert len(caught.value.shutdown_errors) == 1


async def test_every_app_is_stopped_though_one_fails(make: Make) -> None:
    manager = AppLifecycleManager()
    manager.discover([make(started("a")), make(started("b", "stop"))])
    await manager.run_startup()
    with pytest.raises(AppShutdownError) as caught:
        await manager.run_shutdown()
    assert calls()[-2:] == ["stop b", "stop a"]
    assert len(caught.value.errors) == 1


async def test_cancellation_goes_on_after_the_remaining_hooks(make: Make) -> None:
    manager = AppLifecycleManager()
    cancelling = (
        "import asyncio\nasync def shutdown():\n"
        "    asyncio.current_task().cancel()\n    await asyncio.sleep(0)\n"
    )
    manager.discover([make(started("a")), make(cancelling)])
    await manager.run_startup()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(manager.run_shutdown())
    assert calls()[-1] == "stop a"


def test_a_failing_ready_hook_names_its_app(make: Make) -> None:
    manager = AppLifecycleManager()
    name = make("def ready():\n    1/0\n")
    manager.discover([name])
    with pytest.raises(AppReadyError, match=name):
        manager.run_ready()


@pytest.mark.parametrize(
    "body",
    ["ready = 5", "async def ready(): pass", "def startup(): pass", "def shutdown(): pass"],
)
def test_a_hook_of_the_wrong_form_is_refused(make: Make, body: str) -> None:
    with pytest.raises(AppLifecycleConfigError):
        AppLifecycleManager().discover([make(body)])


def test_a_missing_dependency_is_not_a_missing_module(make: Make) -> None:
    with pytest.raises(AppLifecycleImportError, match="ov_no_such_module"):
        AppLifecycleManager().discover([make("import ov_no_such_module")])
    with pytest.raises(AppLifecycleImportError, match="ov_no_such_module"):
        AppLifecycleManager().discover([make(init="import ov_no_such_module")])
    with pytest.raises(AppLifecycleImportError, match="'ov_nowhere' cannot be found"):
        AppLifecycleManager().discover(["ov_nowhere"])
