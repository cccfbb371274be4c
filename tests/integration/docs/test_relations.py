"""The how-to about relations is true."""

from __future__ import annotations

from pathlib import Path

from tests.integration.db.support import database
from tests.integration.docs.pages import check_examples, models_of, page

TEXT = page("how-to/relations.md")


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    with models_of(TEXT, "how_to_blog") as (module, models):
        async with database(tmp_path, *models):
            assert await check_examples(TEXT, module.__dict__) > 40


def test_the_page_names_the_generated_models_and_tables() -> None:
    with models_of(TEXT, "how_to_blog") as (_, made):
        names = {model.__name__: model._meta for model in made if model._meta.join_of is not None}
        assert names.keys() == {"ArticleTag", "ArticleArticle"}
        for meta in names.values():
            short = meta.table_name.removeprefix("how_to_")
            assert f"`{meta.model_name}`" in TEXT and f"`{short}`" in TEXT
            for field in list(meta.fields.values())[1:]:
                assert f"`{field.column_name}`" in TEXT
