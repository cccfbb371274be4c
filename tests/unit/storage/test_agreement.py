"""A storage in memory answers as a directory does, whatever is asked in whatever order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from openviper.storage import FileSystemStorage, MemoryStorage

Ask = Callable[[Any], Awaitable[Any]]


async def said(storage: Any, ask: Ask) -> Any:
    """Return an answer, or the kind of error in its place."""
    try:
        return await ask(storage)
    except (ValueError, FileNotFoundError) as error:
        return type(error).__name__


QUESTIONS: list[Ask] = [
    *(
        lambda storage, name=name, call=call: getattr(storage, call)(name)
        for call in ("exists", "size", "read", "listdir", "delete")
        for name in ("a.txt", "d", "d/b.txt", "d/", "", "/", "..", "d/..", "x", "d/x", "a.txt/x", "d\\b.txt")
    ),
    lambda storage: storage.listdir(),
    lambda storage: storage.listdir("d/e"),
]  # fmt: skip


@pytest.mark.parametrize("ask", QUESTIONS, ids=range(len(QUESTIONS)))
async def test_every_question_is_answered_alike(tmp_path: Path, ask: Ask) -> None:
    storages = FileSystemStorage(tmp_path / "media", "/media/"), MemoryStorage()
    for storage in storages:
        for name, data in (("a.txt", b"1"), ("d/b.txt", b"22"), ("d/e/c.txt", b"")):
            assert await storage.save(name, data) == name
    on_disk, in_memory = [await said(storage, ask) for storage in storages]
    assert in_memory == on_disk
    # What was asked has changed both in the same way, or neither.
    assert await said(storages[0], QUESTIONS[-2]) == await said(storages[1], QUESTIONS[-2])
