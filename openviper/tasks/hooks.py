"""Functions of a project that are told what happens to its tasks, in the worker.

A hook that fails is logged; the task goes on as if it had not been there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Literal, TypeVar, get_args

from openviper.tasks.message import Message

logger = logging.getLogger("openviper.tasks")

Event = Literal["before", "after", "failed", "dead", "worker_start", "worker_stop"]
"""``before`` an attempt; ``after`` one that succeeded; ``failed``: it will be tried again; ``dead``: it will not."""
Hook = Callable[..., object]
"""Gets a copy of the message; for ``failed`` and ``dead`` the error's text too; for the two of the worker nothing."""
H = TypeVar("H", bound=Hook)

_hooks: dict[str, list[Hook]] = {event: [] for event in get_args(Event)}


def on(event: Event) -> Callable[[H], H]:
    """Have a plain function called: ``@on("dead")``.

    Args:
        event: When.

    Raises:
        ValueError: If there is no such event.
        TypeError: If the function is a coroutine function.
    """
    if event not in _hooks:
        raise ValueError(f"there is no event {event!r}; known: {', '.join(_hooks)}")

    def decorate(hook: H) -> H:
        if iscoroutinefunction(hook):
            raise TypeError(f"{hook!r} is a coroutine function: a hook is called, and not awaited")
        _hooks[event].append(hook)
        return hook

    return decorate


def remove(hook: Hook) -> None:
    """Have a function called no more; for tests."""
    for hooks in _hooks.values():
        if hook in hooks:
            hooks.remove(hook)


def call_hooks(event: Event, message: Message | None = None, error: str | None = None) -> None:
    """Call the hooks of an event; never raises."""
    hooks = _hooks[event]
    if not hooks:
        return
    for hook in list(hooks):
        copied = None if message is None else message.copied()
        try:
            hook(*(value for value in (copied, error) if value is not None))
        except (
            BaseException
        ):  # A `sys.exit()` in a hook must not take a thread of the worker with it.
            logger.exception("a hook for %r failed", event)
