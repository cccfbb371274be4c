"""Results of queries in a cache that processes share: invalidated by committed writes, and by those only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.cache import CacheUnavailableError, FileCache, close_caches, get_cache
from openviper.cache.query_results import SharedResults, register
from openviper.db import Model, atomic
from openviper.db.connection import connections
from openviper.db.executor import invalidate_query_cache
from openviper.db.fields import BinaryField, CharField, DateTimeField, DecimalField
from openviper.db.schemas import create_tables
from openviper.db.sql.result_cache import query_cache
from openviper.testing import override_openviper_settings as override
from tests.servers import VENDORS, fresh_database


class Rate(Model):
    """A model whose queries are kept."""

    name = CharField(max_length=20)
    value = DecimalField(max_digits=8, decimal_places=2, default=Decimal("1.50"))
    seen_at = DateTimeField(default=lambda: datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
    picture = BinaryField(default=b"\0\xff")

    class Meta:
        table_name = "cached_rates_rate"
        cache_ttl = 60


@pytest.fixture(params=VENDORS)
async def results(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SharedResults]:
    """The table, and a cache in files for its results."""
    vendor = request.param
    if vendor == "sqlite":
        async with _results(f"sqlite:///{tmp_path / 'rates.db'}", tmp_path) as shared:
            yield shared
        return
    with fresh_database(vendor) as url:
        async with _results(url, tmp_path) as shared:
            yield shared


class _results:  # noqa: N801 - used like a function
    def __init__(self, url: str, tmp_path: Path) -> None:
        caches = {"rows": {"BACKEND": "file", "OPTIONS": {"cache_dir": str(tmp_path / "rows")}}}
        self._settings = override(CACHES=caches, QUERY_CACHE="rows")
        self._url = url

    async def __aenter__(self) -> SharedResults:
        self._settings.__enter__()
        connections.configure({"default": {"URL": self._url}})
        await create_tables([Rate])
        register()
        assert isinstance(query_cache.shared, SharedResults)
        return query_cache.shared

    async def __aexit__(self, *_: object) -> None:
        query_cache.shared = None
        await close_caches()
        await connections.disconnect_all()
        connections.reset()
        self._settings.__exit__(None, None, None)


async def written_by_others(statement: str) -> None:
    """Change the table behind the back of the ORM, as another process does."""
    async with connections.get().connection() as connection:
        await connection.execute(statement)


async def names() -> list[str]:
    """Return the names of all rates."""
    return [rate.name for rate in await Rate.objects.order_by("name")]


async def test_rows_come_back_as_they_were_read(results: SharedResults) -> None:
    await Rate.objects.create(name="a")
    first = await Rate.objects.get(name="a")
    await written_by_others("DELETE FROM cached_rates_rate")
    second = await Rate.objects.get(name="a")
    assert first is not second
    assert second.to_dict() == first.to_dict()
    assert (second.value, second.picture) == (Decimal("1.50"), b"\0\xff")
    assert await Rate.objects.filter(name="none").first() is None


async def test_a_write_drops_what_was_read(results: SharedResults) -> None:
    assert await names() == []
    rate = await Rate.objects.create(name="a")
    assert await names() == ["a"]
    rate.name = "b"
    await rate.save()
    assert await names() == ["b"]
    await Rate.objects.bulk_create([Rate(name="c"), Rate(name="d")])
    assert await names() == ["b", "c", "d"]
    await Rate.objects.filter(name="c").update(name="e")
    assert await names() == ["b", "d", "e"]
    await rate.delete()
    assert await names() == ["d", "e"]


async def test_a_write_counts_once_it_is_committed(results: SharedResults) -> None:
    assert await names() == []
    seen: list[list[str]] = []

    async def other() -> None:
        seen.append(await names())

    async with atomic():
        await Rate.objects.create(name="a")
        assert await names() == ["a"]  # The transaction sees what it has written.
    await asyncio.create_task(other())
    with pytest.raises(LookupError):
        async with atomic():
            await Rate.objects.create(name="b")
            raise LookupError
    await asyncio.create_task(other())
    assert seen == [["a"], ["a"]]


async def test_other_processes_see_it_too(results: SharedResults) -> None:
    await Rate.objects.create(name="a")
    assert await names() == ["a"]
    # What another process has of its own is the store only.
    other = SharedResults("rows")
    await other.forget("default", Rate._meta.table_name)
    await written_by_others("DELETE FROM cached_rates_rate")
    assert await names() == []


async def test_results_with_too_many_rows_are_read_each_time(results: SharedResults) -> None:
    await Rate.objects.bulk_create([Rate(name=str(number)) for number in range(5)])
    with override(QUERY_CACHE_MAX_ENTRY_ROWS=4):
        assert len(await names()) == 5
        await written_by_others("DELETE FROM cached_rates_rate")
        assert await names() == []


async def test_everything_can_be_dropped(results: SharedResults) -> None:
    await Rate.objects.create(name="a")
    assert await names() == ["a"]
    await written_by_others("DELETE FROM cached_rates_rate")
    assert await names() == ["a"]
    invalidate_query_cache()
    assert await names() == []


async def test_what_could_not_be_invalidated_is_not_read(
    results: SharedResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await names() == []
    invalidate = FileCache.invalidate_tags

    async def fail(*_: Any) -> None:
        raise CacheUnavailableError("rows", "gone")

    monkeypatch.setattr(FileCache, "invalidate_tags", fail)
    await Rate.objects.create(name="a")
    assert await names() == ["a"]
    monkeypatch.setattr(FileCache, "invalidate_tags", invalidate)
    assert await names() == ["a"]
    assert results._missed == set()
    assert await get_cache("rows").keys("rows:") != []
