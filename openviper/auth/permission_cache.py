"""What this process remembers about permissions, and when to forget it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from openviper.core.context import request_perms_cache

_generation = 0


def generation() -> int:
    """Return a number that changes whenever this process changes a row that permissions depend on."""
    return _generation


def forget_permissions() -> None:
    """Drop everything remembered in this process and request, now and when the open transaction is committed."""
    # Late, so that setting up, which comes before every command, does not import the database.
    from openviper.db.connection import on_commit

    _forget()
    # Whoever asks before the commit still sees the old rows, and remembers them.
    on_commit(_forget)


def _forget() -> None:
    global _generation
    _generation += 1
    answers = request_perms_cache.get()
    if answers is not None:
        answers.clear()


async def remembered(key: Hashable, load: Callable[[], Awaitable[set[str]]]) -> set[str]:
    """Return what `load` gives for a key, asked once per request; outside a request it is asked every time."""
    answers = request_perms_cache.get()
    if answers is None:
        return await load()
    if key not in answers:
        # Another task of the request may forget while this one loads; then the answer must not come back.
        before = _generation
        loaded = await load()
        if before != _generation:
            return loaded
        answers[key] = loaded
    return answers[key]
