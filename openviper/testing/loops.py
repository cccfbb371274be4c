"""Running `async def` tests and fixtures, all of one test on the same event loop."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import pytest

from openviper.testing.runner import TestRunner
from openviper.utils.signatures import signature_of

T = TypeVar("T")
RUNNER = pytest.StashKey[TestRunner]()
RUNNER_FIXTURE = "_openviper_runner"
OTHERS = {"asyncio", "anyio", "trio"}
"""The markers of other plug-ins for async tests."""


class Runner(Protocol):
    """What runs the coroutines of a test: ours, or that of pytest-asyncio."""

    def run(self, work: Coroutine[Any, Any, T], /) -> T:
        """Run a coroutine to its end and return its result."""
        ...


@pytest.fixture(name=RUNNER_FIXTURE)
def runner_fixture(request: pytest.FixtureRequest) -> Iterator[TestRunner]:
    """Yield the event loop of a test with async fixtures; it closes after the last of them."""
    with TestRunner() as runner:
        request.node.stash[RUNNER] = runner
        yield runner
        del request.node.stash[RUNNER]


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a fixture has to be awaited or iterated asynchronously."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def belongs_to_others(node: pytest.Item) -> bool:
    """Tell whether another plug-in for async tests takes care of a test."""
    return any(marker.name in OTHERS for marker in node.iter_markers())


def is_run_by_others(function: Callable[..., Any], request: pytest.FixtureRequest) -> bool:
    """Return whether another plug-in for async tests runs an async fixture."""
    if not belongs_to_others(request.node):
        return False
    # In its strict mode pytest-asyncio leaves fixtures alone that were not made by it, and so ours.
    is_ours = function.__module__.startswith("openviper.testing.")
    return not (is_ours and request.node.get_closest_marker("asyncio"))


def runner_of(request: pytest.FixtureRequest) -> Runner:
    """Return what runs the async fixtures of a test: our event loop, or that of pytest-asyncio."""
    marker = request.node.get_closest_marker("asyncio")
    if marker is None:
        name = RUNNER_FIXTURE
    else:
        scope = marker.kwargs.get("loop_scope") or _default_scope(request.config)
        name = f"_{scope}_scoped_runner"
    runner: Runner = request.getfixturevalue(name)
    return runner


def _default_scope(config: pytest.Config) -> str:
    return str(config.getini("asyncio_default_test_loop_scope") or "function")


def bound(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    """Return a fixture that is a method as a method of the test's own instance."""
    # Not by its name: that of the instance is pytest's marker, which refuses to be called.
    if isinstance(function, types.MethodType) and isinstance(instance, type(function.__self__)):
        return types.MethodType(function.__func__, instance)
    return function


def synchronous(function: Callable[..., Any], runner: Runner) -> Callable[..., Any]:
    """Return a plain fixture function for an async one."""
    if inspect.iscoroutinefunction(function):

        def call(*args: Any, **kwargs: Any) -> Any:
            return runner.run(function(*args, **kwargs))

        return call

    async def step(steps: Any, *default: Any) -> Any:
        return await anext(steps, *default)

    def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        steps = function(*args, **kwargs)
        yield runner.run(step(steps))
        if (
            runner.run(step(steps, RUNNER)) is not RUNNER
        ):  # The key serves as a value that no fixture yields.
            pytest.fail(f"fixture {function.__name__!r} yields more than once")

    return generate


def run_test(item: pytest.Function) -> None:
    """Run a coroutine test to completion."""
    names = signature_of(item.obj).parameters
    arguments = {name: item.funcargs[name] for name in names if name in item.funcargs}
    runner = item.stash.get(RUNNER, None)
    if runner is not None:
        runner.run(item.obj(**arguments))
        return
    with TestRunner() as own:
        own.run(item.obj(**arguments))
