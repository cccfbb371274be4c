"""Counting requests for all processes together, and streams that hold no connection, on every database."""

from __future__ import annotations

import asyncio
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request, StreamingResponse
from openviper.db.connection import atomic, connections
from openviper.db.fields import CharField, FileField
from openviper.db.models import Model
from openviper.middleware import DatabaseMiddleware, RateLimitMiddleware
from openviper.middleware.counters import TABLE, DatabaseCounter, make_counter
from openviper.middleware.ratelimit import Limit
from openviper.testing import override_openviper_settings as override
from tests.integration.db.support import database, stored
from tests.servers import REDIS

EVERY_DATABASE = True


class Row(Model):
    _app_name = "web_rows"

    name = CharField(max_length=20)


class Attachment(Model):
    _app_name = "web_rows"

    file = FileField(upload_to="attachments")


async def test_processes_count_together_and_old_windows_go(tmp_path: Path) -> None:
    async with database(tmp_path):
        first, second = DatabaseCounter(), DatabaseCounter()
        assert [await counter.hit("a", 10, 60) for counter in (first, second, first)] == [
            (1, 0),
            (2, 0),
            (3, 0),
        ]
        assert await second.hit("b", 10, 60) == (1, 0)
        assert await first.hit("a", 11, 60) == (1, 3)
        await asyncio.gather(*(first.hit("c", 11, 60) for _ in range(10)))
        assert (await second.hit("c", 11, 60))[0] == 11
        await second.hit("a", 20, 60)
        assert stored(tmp_path / "test.db", f"SELECT COUNT(*) FROM {TABLE}") == [(1,)]


async def test_a_long_window_outlives_the_short_ones_of_other_limits(tmp_path: Path) -> None:
    async with database(tmp_path):
        hour = 3600
        await DatabaseCounter().hit("long", 99, hour)
        for minute in (60 * 100 + 30, 60 * 100 + 40):
            await DatabaseCounter().hit("short", minute, 60)
        assert await DatabaseCounter().hit("long", 100, hour) == (1, 1)


async def test_requests_are_let_through_where_the_database_cannot_count(tmp_path: Path) -> None:
    async with database(tmp_path):
        async with connections.get("default").connection() as connection:
            await connection.execute(f"CREATE TABLE {TABLE} (something_else bigint)")
        with override(RATE_LIMIT_BACKEND="database", RATE_LIMIT_REQUESTS=1, RATE_LIMIT_WINDOW=3600):
            app = OpenViper(debug=False, middleware=[RateLimitMiddleware])
            app.get("/x")(lambda request: "x")
            client = app.test_client()
            assert [(await client.get("/x")).status_code for _ in range(2)] == [200, 429]


async def test_redis_that_does_not_answer_fails_no_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"  # Nobody is there any more.
    with override(RATE_LIMIT_REDIS_URL=url, RATE_LIMIT_REQUESTS=1, RATE_LIMIT_WINDOW=3600):
        counter = make_counter("redis")
        app = OpenViper(debug=False, middleware=[(RateLimitMiddleware, {"counter": counter})])
        app.get("/x")(lambda request: "x")
        client = app.test_client()
        assert [(await client.get("/x")).status_code for _ in range(2)] == [200, 429]


async def test_the_middleware_counts_in_the_database(tmp_path: Path) -> None:
    async with database(tmp_path):
        with override(RATE_LIMIT_BACKEND="database", RATE_LIMIT_REQUESTS=2, RATE_LIMIT_WINDOW=3600):
            apps = [OpenViper(debug=False, middleware=[RateLimitMiddleware]) for _ in range(2)]
            for app in apps:
                app.get("/x")(lambda request: "x")
            statuses = [
                (await apps[number % 2].test_client().get("/x")).status_code for number in range(3)
            ]
    assert statuses == [200, 200, 429]


async def test_a_stream_gives_its_connection_back_and_still_can_ask(
    tmp_path: Path, vendor: str
) -> None:
    held: list[Any] = []

    def taken() -> int:
        figures = connections.get().pool().statistics()
        return int(figures["open"] - figures["idle"]) if "idle" in figures else 0

    async with database(tmp_path, Row):
        app = OpenViper(debug=False, middleware=[DatabaseMiddleware])

        @app.get("/rows")
        async def rows(request: Request) -> StreamingResponse:
            await Row.objects.create(name="one")
            held.append(taken())

            async def pieces() -> Any:
                yield "first "
                held.append(taken())
                count = await Row.objects.count()
                held.append(taken())
                async with atomic():
                    await Row.objects.create(name="two")
                    held.append(taken())
                yield str(count)
                held.append(taken())

            return StreamingResponse(pieces)

        assert (await app.test_client().get("/rows")).text == "first 1"
        assert await Row.objects.count() == 2
    if not vendor.startswith("sqlite"):
        assert held == [1, 0, 0, 1, 0]


async def test_a_file_field_takes_an_upload_with_its_name(tmp_path: Path) -> None:
    async with database(tmp_path, Attachment):
        app = OpenViper(debug=False)

        @app.post("/x")
        async def view(request: Request) -> str:
            upload = (await request.files())["file"]
            return str((await Attachment.objects.create(file=upload)).file)

        with override(MEDIA_ROOT=str(tmp_path / "media")):
            files = {"file": ("../my report.pdf", b"%PDF-1.7 content", "application/pdf")}
            response = await app.test_client().post("/x", files=files)
        assert response.status_code == 200, response.text
        assert response.text.endswith("my_report.pdf")
        (path,) = (tmp_path / "media").rglob("*.pdf")
        assert path.read_bytes() == b"%PDF-1.7 content"


async def test_redis_counts(vendor: str) -> None:
    redis = pytest.importorskip("redis")
    client = redis.Redis.from_url(REDIS)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip("no Redis server")
    key = secrets.token_hex(8)
    try:
        with override(RATE_LIMIT_REDIS_URL=REDIS):
            counter = make_counter("redis")
            assert await counter.hit(key, 1, 60) == (1, 0)
            assert await counter.hit(key, 1, 60) == (2, 0)
            assert await counter.hit(key, 2, 60) == (1, 2)
        assert 0 < client.ttl(f"openviper:limit:{key}:2") <= 120
    finally:
        client.delete(f"openviper:limit:{key}:1", f"openviper:limit:{key}:2")


async def test_of_many_at_once_exactly_as_many_are_let_through_as_the_limit_says(
    tmp_path: Path,
) -> None:
    async with database(tmp_path):
        limits = [Limit(20, 3600, DatabaseCounter()) for _ in range(3)]
        asked = (limit.take("at once") for limit in limits * 20)
        verdicts = await asyncio.gather(*asked)
    assert sum(not verdict.retry_after for verdict in verdicts) == 20
