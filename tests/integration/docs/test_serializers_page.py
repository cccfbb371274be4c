"""The page about serializers is true: its examples are put together and tried."""

from __future__ import annotations

from pathlib import Path

from openviper.db.models import model_registry
from tests.integration.db.support import database
from tests.integration.docs.pages import page
from tests.integration.docs.test_web_pages import a_module, blocks, run


async def test_every_example_does_what_the_page_says(tmp_path: Path) -> None:
    found = blocks(page("how-to/serializers.md"))
    before = model_registry.all()
    with a_module("docs_serializers") as names:
        for _, title, source in found:
            if title != "try":
                await run(source, names)
        models = [model for model in model_registry.all() if model not in before]
        async with database(tmp_path, *models):
            names["client"] = names["app"].test_client(base_url="https://testserver")
            tried = [source for _, title, source in found if title == "try"]
            for source in tried:
                await run(source, names)
    assert len(tried) == 4
