"""The page for those who come from Django is true."""

from __future__ import annotations

from pathlib import Path

from tests.integration.db.support import database
from tests.integration.docs.pages import check_examples, models_of, page

TEXT = page("how-to/from-django.md")


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    with models_of(TEXT, "shop") as (module, models):
        async with database(tmp_path, *models):
            assert await check_examples(TEXT, module.__dict__) >= 15
