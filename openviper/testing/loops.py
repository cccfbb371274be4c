"""Running `async def` tests and fixtures, all of one test on the same event loop."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

RUNNER = pytest.StashKey[asyncio.Runner]()
RUNNER_FIXTURE = "_openviper_runner"


@pytest.fixture(name=RUNNER_FIXTURE)
def runner_fixture(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """Yield the event loop of a test with async fixtures; it closes after the last of them."""
    with asyncio.Runner() as runner:
        request.node.stash[RUNNER] = runner
        yield runner
        del request.node.stash[RUNNER]


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a fixture has to be awaited or iterated asynchronously."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def belongs_to_others(node: Any) -> bool:
    """Tell whether another plug-in for async tests takes care of a test."""
    return any(node.get_closest_marker(name) for name in ("asyncio", "anyio", "trio"))


def bound(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    """Return a fixture that is a method as a method of the test's own instance."""
    # Not by its name: that of the instance is pytest's marker, which refuses to be called.
    if isinstance(function, types.MethodType) and isinstance(instance, type(function.__self__)):
        return types.MethodType(function.__func__, instance)
    return function


def synchronous(function: Callable[..., Any], runner: asyncio.Runner) -> Callable[..., Any]:
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
    names = inspect.signature(item.obj).parameters
    arguments = {name: item.funcargs[name] for name in names if name in item.funcargs}
    runner = item.stash.get(RUNNER, None)
    if runner is not None:
        runner.run(item.obj(**arguments))
        return
    with asyncio.Runner() as own:
        own.run(item.obj(**arguments))
