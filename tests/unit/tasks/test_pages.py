"""The page of the tasks: what it shows, and that nothing from data is markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openviper.app import OpenViper
from openviper.routing.router import Router
from openviper.tasks import actor, pages, periodic
from openviper.tasks.brokers.base import CallCount
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.testing.client import OpenViperTestClient

EVIL = "<script>alert(1)</script> \ud800 \x1b[2J"


@pytest.fixture
async def client(memory: MemoryBroker) -> AsyncIterator[OpenViperTestClient]:
    """Return a client of an application with the page."""
    application = OpenViper()
    outer = Router()
    outer.include_router(pages.router, prefix="/tasks")
    application.include_router(outer)
    async with OpenViperTestClient(application) as made:
        yield made


async def test_queues_failures_jobs_and_workers_are_shown_as_text(
    client: Any, memory: MemoryBroker
) -> None:
    @periodic(cron="@daily")
    @actor
    def nightly() -> None:
        """Do nothing."""

    consumer = memory.consumer(new_worker_id(), ["default"])
    memory.enqueue([Message(EVIL, "default", "{}"), Message("x", "<b>", "{}")])
    (claimed,) = consumer.exchange([], 1)
    consumer.exchange([Finished(claimed, Outcome.DEAD, error=EVIL)], 0)
    memory.add_counts([CallCount(2**31, EVIL, "success", 3, 1.5)])
    response = await client.get("/tasks/?refresh=5")
    text = response.text
    assert response.status_code == 200 and response.headers["cache-control"] == "no-store"
    assert "<script>" not in text and "&lt;script&gt;" in text and "<b>" not in text
    for shown in ("Queues", "The last hour", "Dead messages", "Workers", "nightly", "0 0 * * *"):
        assert shown in text
    assert '<meta http-equiv="refresh" content="5">' in text
    assert 'href="/tasks/style.css"' in text and "script" not in text.replace(
        "&lt;script", ""
    ).replace("/script&gt;", "")
    assert "&lt;b&gt;" in text
    consumer.close()


@pytest.mark.parametrize("query", ["?refresh=x", "?refresh=-1", "?refresh=99999", '?refresh="><b>'])
async def test_a_refresh_that_is_no_number_of_seconds_is_left_out(client: Any, query: str) -> None:
    response = await client.get(f"/tasks/{query}")
    assert response.status_code == 200 and "http-equiv" not in response.text


async def test_numbers_and_style_are_sent(client: Any) -> None:
    metrics = await client.get("/tasks/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "openviper_tasks_workers 0" in metrics.text
    style = await client.get("/tasks/style.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_a_store_that_does_not_answer_is_said_so(
    client: Any, memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Any:
        raise BrokerError("the message store does not answer: <gone>")

    monkeypatch.setattr(memory, "queues", gone)
    monkeypatch.setattr(memory, "workers", gone)
    page, metrics = await client.get("/tasks/"), await client.get("/tasks/metrics")
    assert page.status_code == metrics.status_code == 503
    assert "&lt;gone&gt;" in page.text
