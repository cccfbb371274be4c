"""The how-to about models is true."""

from __future__ import annotations

from pathlib import Path

from openviper.db.query.events import reset_dispatcher
from tests.integration.db.support import database
from tests.integration.docs.pages import check_examples, models_of, page

TEXT = page("how-to/models.md")


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    try:
        with models_of(TEXT, "how_to_news") as (module, models):
            async with database(tmp_path, *models):
                assert await check_examples(TEXT, module.__dict__) >= 12
    finally:
        reset_dispatcher()
