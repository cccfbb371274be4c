"""Each kind of cache, for the contract suite and for processes that a test starts beside it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from openviper.cache import BaseCache, DatabaseCache, FileCache, InMemoryCache, RedisCache
from openviper.cache.models import CacheEntry
from openviper.db.connection import connections
from openviper.db.schemas import create_tables
from tests.servers import REDIS, empty, fresh_database, redis_prefix

SERVERS = ("postgresql", "mysql")
STORES = ("memory", "file", "sqlite", *SERVERS, "redis")
SHARED = STORES[1:]
"""Those that several processes have in common."""


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Give the address of a database of our own on each server."""
    with ExitStack() as stack:
        yield {vendor: stack.enter_context(fresh_database(vendor)) for vendor in SERVERS}


@asynccontextmanager
async def opened(
    kind: str, tmp_path: Path, urls: dict[str, str], **options: Any
) -> AsyncIterator[tuple[BaseCache, dict[str, Any]]]:
    """Give an empty cache, and what `made` needs to make the same one in another process."""
    with ExitStack() as stack:
        recipe: dict[str, Any] = {"kind": kind, "options": options}
        if kind == "redis":
            prefix = stack.enter_context(redis_prefix()).rstrip(":")
            recipe["options"] = {"url": REDIS, "key_prefix": prefix, **options}
        elif kind == "file":
            recipe["options"] = {"cache_dir": str(tmp_path / "cache"), **options}
        elif kind != "memory":
            recipe["url"] = urls.get(kind, f"sqlite:///{tmp_path / 'cache.db'}")
            if kind in urls:
                empty(kind, urls[kind])
        cache = made(recipe)
        try:
            if "url" in recipe:
                await create_tables([CacheEntry])
            yield cache, recipe
        finally:
            await cache.close()
            if "url" in recipe:
                await connections.disconnect_all()
                connections.reset()


def made(recipe: dict[str, Any]) -> BaseCache:
    """Return the cache of a recipe; its database is the default one from now on."""
    classes: dict[str, type[BaseCache]] = {
        "memory": InMemoryCache,
        "file": FileCache,
        "redis": RedisCache,
    }
    if "url" in recipe:
        connections.configure({"default": {"URL": recipe["url"]}})
    return classes.get(recipe["kind"], DatabaseCache)(**recipe["options"])


async def process(recipe: dict[str, Any], work: str) -> asyncio.subprocess.Process:
    """Start a process that runs the body of an async function with `cache` in it."""
    body = "\n".join(f"        {line}" for line in work.strip().splitlines())
    code = (
        "import asyncio, json, sys, time, os\n"
        "from openviper.db.connection import connections\n"
        "from tests.integration.cache.stores import made\n"
        "async def main():\n"
        "    cache = made(json.loads(sys.argv[1]))\n"
        "    try:\n"
        f"{body}\n"
        "    finally:\n"
        "        await cache.close()\n"
        "        await connections.disconnect_all()\n"
        "asyncio.run(main())\n"
    )
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        json.dumps(recipe),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )
