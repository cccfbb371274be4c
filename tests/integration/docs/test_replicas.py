"""The how-to about several databases is true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from openviper.db.connection import connections
from openviper.db.routing import PrimaryReplicaRouter, reset_routing_context
from openviper.db.schemas import create_tables
from tests.integration.docs.pages import check_examples, models_of, page

TEXT = page("how-to/replicas.md")


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    urls = {alias: {"URL": f"sqlite:///{tmp_path / alias}.db"} for alias in ("default", "archive")}
    with models_of(TEXT, "how_to_archive") as (module, models):
        connections.configure({**urls, "ROUTERS": [PrimaryReplicaRouter()]})
        try:
            for alias in urls:
                await create_tables(models, using=alias)
            reset_routing_context()
            assert await check_examples(TEXT, module.__dict__) > 10
        finally:
            await connections.disconnect_all()
            connections.reset()
            reset_routing_context()


def test_the_settings_of_the_page_can_be_used() -> None:
    (source,) = re.findall(
        r'^```python title="settings.py"\nDATABASES = (.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    connections.configure(ast.literal_eval(source))
    try:
        from openviper.db.routing import DefaultRouterResolver

        (router,) = DefaultRouterResolver().routers
        assert (router.replica_aliases, router.replica_selection) == (
            ["replica1", "replica2"],
            "round_robin",
        )
        assert connections.get("replica1").is_read_only
    finally:
        connections.reset()
