"""The page of the tasks: what it shows, and that nothing from data is markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openviper.app import OpenViper
from openviper.routing.router import Router
from openviper.tasks import actor, add_schedule, pages, pause_schedule, periodic
from openviper.tasks.brokers.base import CallCount
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.testing.client import OpenViperTestClient, TestResponse

EVIL = "<script>alert(1)</script> \ud800 \x1b[2J \u202e"


class PatientClient(OpenViperTestClient):
    """A client that waits for a minute where nothing else is said, as a busy machine may need."""

    async def request(self, method: str, url: str, **options: Any) -> TestResponse:
        return await super().request(method, url, **{"timeout": 60.0, **options})


@pytest.fixture
async def client(memory: MemoryBroker) -> AsyncIterator[OpenViperTestClient]:
    """Return a client of an application with the page."""
    application = OpenViper()
    outer = Router()
    outer.include_router(pages.router, prefix="/tasks")
    application.include_router(outer)
    async with PatientClient(application) as made:
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
    assert "\x1b" not in text and "\u202e" not in text and "\\u202e" in text
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


@pytest.mark.parametrize(
    ("query", "seconds"), [("?refresh=0", 1), ("?refresh=1", 1), ("?refresh=9999", 9999)]
)
async def test_a_page_is_loaded_again_once_a_second_at_most(
    client: Any, query: str, seconds: int
) -> None:
    response = await client.get(f"/tasks/{query}")
    assert f'<meta http-equiv="refresh" content="{seconds}">' in response.text


async def test_a_page_of_very_many_jobs_and_queues_is_bounded(
    client: Any, memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN_ROWS", 3)
    looked_at: list[str] = []
    monkeypatch.setattr(memory, "slot", looked_at.append)
    for number in range(7):
        add_schedule(f"job {number}", "actor", every=60)
        memory.enqueue([Message("a", f"queue {number}", "{}")])
    text = (await client.get("/tasks/")).text
    assert looked_at == ["job 0", "job 1", "job 2"]
    assert "queue 2" in text and "queue 3" not in text
    assert text.count(">And 4 more.</td>") == 2


async def test_a_store_without_anything_is_well_and_its_tables_say_none(client: Any) -> None:
    text = (await client.get("/tasks/")).text
    assert text.count(">None.</td>") == 5
    assert '<td colspan="6">None.</td>' in text


def row_of(text: str, first: str) -> list[str]:
    """Return the cells of the row that begins with a text."""
    row = text.partition(f"<td>{first}</td>")[2].partition("</tr>")[0]
    return [cell.partition("<")[0] for cell in row.split(">") if cell.partition("<")[0]]


async def test_calls_are_added_up_by_actor_for_an_hour(client: Any, memory: MemoryBroker) -> None:
    late = 2**31
    memory.add_counts(
        [
            CallCount(late, "shop.mail", "success", 90, 9.0),
            CallCount(late + 60, "shop.mail", "success", 20, 2.0),
            CallCount(late, "shop.mail", "failure", 8, 0.5),
            CallCount(late, "shop.mail", "dead", 2, 0.5),
            CallCount(60, "shop.old", "success", 5, 1.0),
        ]
    )
    text = (await client.get("/tasks/")).text
    assert row_of(text, "shop.mail") == ["2.0", "110", "8", "2", "0.100 s"]
    assert "shop.old" not in text


async def test_a_job_says_whether_it_is_paused_and_when_it_fired(
    client: Any, memory: MemoryBroker
) -> None:
    add_schedule("mine", "shop.work", every=60)
    assert row_of((await client.get("/tasks/")).text, "mine")[1:] == ["active"]
    pause_schedule("mine")
    assert row_of((await client.get("/tasks/")).text, "mine")[1:] == ["paused"]


async def test_the_error_of_a_dead_message_is_cut(client: Any, memory: MemoryBroker) -> None:
    consumer = memory.consumer(new_worker_id(), ["default"])
    memory.enqueue([Message("shop.work", "default", "{}")])
    (claimed,) = consumer.exchange([], 1)
    consumer.exchange([Finished(claimed, Outcome.DEAD, error="e" * 500)], 0)
    text = (await client.get("/tasks/")).text
    assert f">{'e' * pages.MAX_TEXT}<" in text
    consumer.close()
