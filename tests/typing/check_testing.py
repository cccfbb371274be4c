"""What the type checker knows of the testing kit; read by mypy, never run."""

from __future__ import annotations

from typing import assert_type

from openviper.db import CharField, Model
from openviper.testing import (
    Clock,
    Factory,
    OpenViperTestClient,
    Query,
    TestResponse,
    assert_queries,
    captured_queries,
    travel,
)


class Article(Model):
    title = CharField(max_length=20)


class ArticleFactory(Factory[Article]):
    title = "x"


async def factories_make_instances_of_their_model() -> None:
    assert_type(ArticleFactory.build(), Article)
    assert_type(await ArticleFactory.create(), Article)
    assert_type(await ArticleFactory.create_batch(2), list[Article])
    assert_type(await Factory[Article].create(), Article)


async def requests_give_responses(client: OpenViperTestClient) -> None:
    assert_type(await client.get("/"), TestResponse)
    assert_type(await client.request("GET", "/"), TestResponse)


def blocks_give_what_they_measure() -> None:
    with assert_queries(1) as counted:
        assert_type(counted, list[Query])
    with captured_queries() as captured:
        assert_type(captured[0].sql, str)
    with travel(0.0) as clock:
        assert_type(clock, Clock)
