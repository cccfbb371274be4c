"""A storage in memory answers as a directory does, whatever is asked in whatever order."""

from __future__ import annotations

import io
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
        for name in ("a.txt", "d", "d/b.txt", "d/", "", "/", "..", "d/..", "x", "d/x", "a.txt/x", "d\\b.txt", "x" * 255,
                     "x" * 256, "é" * 128, "d/" + "x" * 300, "\ud800", "\udc80", "a\0", "a\n", ".", "d/.", "C:a.txt", "~")
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


# Saving


async def pieces(*parts: Any) -> Any:
    """Give content in pieces."""
    for part in parts:
        yield part


SAVES: list[tuple[str, Callable[[], Any], str]] = [
    ("plain", lambda: b"x", "plain"),
    ("array", lambda: bytearray(b"x"), "array"),
    ("view", lambda: memoryview(b"x"), "view"),
    ("file", lambda: io.BytesIO(b"x"), "file"),
    ("pieces", lambda: pieces(b"a", bytearray(b"b"), b"", memoryview(b"c")), "pieces"),
    ("none", lambda: pieces(), "none"),
    ("text", lambda: "x", "TypeError"),
    ("number", lambda: 5, "TypeError"),
    ("nothing", lambda: None, "TypeError"),
    ("text-file", lambda: io.StringIO("x"), "TypeError"),
    ("text-pieces", lambda: pieces(b"a", "b"), "TypeError"),
    ("number-pieces", lambda: pieces(b"a", 5), "TypeError"),
    ("d", lambda: b"x", "d_"),
    ("d/e", lambda: b"x", "d/e_"),
    ("a.txt", lambda: b"x", "a_"),
    ("a.txt/inner", lambda: b"x", "FileNotFoundError"),
    ("new/deep/er", lambda: b"x", "new/deep/er"),
    ("é" * 300 + ".tar.gz", lambda: b"x", "_"),
    ("\ud800.txt", lambda: b"x", "_.txt"),
    ("C:\\Users\\me\\cv.pdf", lambda: b"x", "Users/me/cv.pdf"),
    ("/etc/passwd", lambda: b"x", "etc/passwd"),
    ("../../up", lambda: b"x", "up"),
    ("...", lambda: b"x", "_.."),
    (".", lambda: b"x", "ValueError"),
    ("", lambda: b"x", "ValueError"),
    ("//", lambda: b"x", "ValueError"),
    ("a\0b", lambda: b"x", "ValueError"),
]


async def saved(storage: Any, name: str, content: Any) -> str:
    """Return the name that a file has got, or the kind of error."""
    try:
        return str(await storage.save(name, content))
    except (TypeError, ValueError, FileNotFoundError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("name", "content", "expected"), SAVES, ids=[ascii(s[0])[:20] for s in SAVES]
)
async def test_files_are_saved_alike(
    tmp_path: Path, name: str, content: Callable[[], Any], expected: str
) -> None:
    for storage in (FileSystemStorage(tmp_path / "media", "/media/"), MemoryStorage()):
        for present in ("a.txt", "d/b.txt", "d/e/c.txt"):
            await storage.save(present, b"old")
        got = await saved(storage, name, content())
        assert got == expected or (expected.endswith("_") and got.startswith(expected)), storage
        if got.endswith("Error"):
            assert await storage.listdir() == (["d"], ["a.txt"]), storage
        else:
            assert await storage.exists(got)
            assert await storage.read("a.txt") == b"old"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda: "x",
            "the content of 'a' must be bytes, a binary file or asynchronous pieces of bytes, not text",
        ),
        (lambda: None, "asynchronous pieces of bytes, not a 'NoneType'"),
        (lambda: ["x"], "asynchronous pieces of bytes, not a 'list'"),
        (lambda: io.StringIO("x"), "the content of 'a' must be bytes, and a piece of it is text"),
        (lambda: pieces(5), "the content of 'a' must be bytes, and a piece of it is a 'int'"),
    ],
)
async def test_what_is_no_content_is_named_without_showing_it(
    tmp_path: Path, content: Callable[[], Any], message: str
) -> None:
    for storage in (FileSystemStorage(tmp_path / "media"), MemoryStorage()):
        with pytest.raises(TypeError) as caught:
            await storage.save("a", content())
        assert message in str(caught.value)
        assert not await storage.exists("a")


async def test_the_uppermost_directory_has_no_name(tmp_path: Path) -> None:
    for storage in (FileSystemStorage(tmp_path), MemoryStorage()):
        for path in ("/", "///"):
            with pytest.raises(ValueError) as caught:
                await storage.listdir(path)
            assert str(caught.value) == f"{path!r} is not the name of a directory of stored files"
