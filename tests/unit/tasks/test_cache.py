"""The job that prunes caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.cache import get_cache
from openviper.tasks.cache import prune_caches, pruned_caches
from openviper.testing import override_openviper_settings as override


async def test_it_prunes_what_does_not_forget_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "openviper.tasks.cache")
    (tmp_path / "file").write_text("no directory")
    caches = {
        "default": {"BACKEND": "memory"},
        "broken": {"BACKEND": "file", "OPTIONS": {"cache_dir": str(tmp_path / "file" / "x")}},
        "files": {"BACKEND": "file", "OPTIONS": {"cache_dir": str(tmp_path / "cache")}},
    }
    with override(CACHES=caches):
        assert [cache.alias for cache in pruned_caches()] == ["broken", "files"]
        await get_cache("files").set("key", 1, ttl=0.000001)
        await prune_caches()
    assert "removed 1 entries of cache 'files'" in caplog.text


def test_where_there_is_no_such_cache_there_is_no_job() -> None:
    assert pruned_caches() == []


@pytest.mark.parametrize("backend", ["memory", "openviper.cache.InMemoryCache"])
def test_a_cache_in_memory_is_not_made_to_see_that_there_is_no_job(backend: str) -> None:
    entry = {"BACKEND": backend, "OPTIONS": {"ttl": "what no cache takes"}}
    with override(CACHES={"default": entry}):
        assert pruned_caches() == []
