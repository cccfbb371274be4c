"""`clear-cache`: what it removes, and what it cannot reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.cache import get_cache
from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.commands.clear_cache import Command
from openviper.testing import override_openviper_settings as override
from tests.unit.core.management.speaking import run


@pytest.fixture
def caches(tmp_path: Path) -> Iterator[None]:
    """Two caches in files, and one that each process has of its own."""

    def entry(name: str) -> dict[str, Any]:
        return {"BACKEND": "file", "OPTIONS": {"cache_dir": str(tmp_path / name)}}

    every = {"default": entry("a"), "pages": entry("b"), "own": {"BACKEND": "memory"}}
    with override(CACHES=every):
        yield


def stored(alias: str) -> list[str]:
    """Return the keys in a cache."""
    return asyncio.run(get_cache(alias).keys())


def store(alias: str, **options: Any) -> None:
    """Put an entry into a cache."""
    asyncio.run(get_cache(alias).set("key", 1, **options))


@pytest.mark.usefixtures("caches")
def test_the_default_cache_is_cleared_unless_others_are_named() -> None:
    store("default")
    store("pages")
    assert run(Command).out == "Cleared cache 'default'.\n"
    assert stored("default") == [] and stored("pages") == ["key"]
    assert run(Command, "pages", "default").lines[0] == "Cleared cache 'pages'."
    assert stored("pages") == []


@pytest.mark.usefixtures("caches")
def test_all_means_those_that_processes_share() -> None:
    store("default")
    store("pages")
    assert run(Command, "--all").lines == ["Cleared cache 'default'.", "Cleared cache 'pages'."]
    assert stored("default") == stored("pages") == []
    with override(CACHES={}):
        assert run(Command, "--all").out == "No cache of CACHES is shared by processes.\n"


@pytest.mark.usefixtures("caches")
def test_tags_and_what_has_expired() -> None:
    store("pages", tags=["books"])
    assert run(Command, "--tag", "films", "pages").out == "Invalidated 'films' in cache 'pages'.\n"
    assert asyncio.run(get_cache("pages").has_key("key"))
    run(Command, "--tag", "films", "--tag", "books", "pages")
    assert not asyncio.run(get_cache("pages").has_key("key"))
    store("default", ttl=0.000001)
    assert run(Command, "--expired").out == "Removed 1 expired entries of cache 'default'.\n"


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["own"], CommandError, "'own' is a InMemoryCache, which other processes have"),
        (["nope"], CommandError, "no alias 'nope'; it has 'default', 'pages', 'own'"),
        (["--tag", "x", "--expired"], UsageError, "--tag and --expired exclude each other"),
        (["--all", "pages"], UsageError, "--all takes no alias"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(Command, *words)


def test_a_cache_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    options = {"cache_dir": str(tmp_path / "file" / "cache")}
    entry = {"BACKEND": "file", "OPTIONS": options}
    with override(CACHES={"default": entry}), pytest.raises(CommandError, match="not available"):
        run(Command)
