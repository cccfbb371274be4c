"""Foreign keys and one-to-one fields, from both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections
from openviper.db.executor import set_access_rule
from openviper.db.fields import LazyFK
from openviper.db.schemas import create_tables
from openviper.exceptions import DoesNotExist, IntegrityError
from tests.integration.db.blog import MODELS, Article, Profile, Tag, Writer, blog, counted_reads

EVERY_DATABASE = True


async def test_the_other_side_of_a_one_to_one_field_is_one_row_or_none(tmp_path: Path) -> None:
    async with blog(tmp_path):
        anna, bert = await Writer.objects.order_by("id")
        profile = await anna.profile
        assert profile is not None and profile.text == "likes ducks"
        with counted_reads() as reads:
            assert await profile.writer is anna
        assert not reads
        assert await bert.profile is None
        with pytest.raises(IntegrityError):
            await Profile.objects.create(writer=anna, text="again")


async def test_refreshing_forgets_loaded_relations(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.select_related("writer").get(title="One")
        assert isinstance(one.__dict__["writer"], Writer)
        bert = await Writer.objects.get(name="Bert")
        await Article.objects.filter(pk=one.pk).update(writer=bert)
        await one.refresh_from_db()
        assert isinstance(one.writer, LazyFK) and await one.writer == bert


async def test_assigning_another_row_changes_what_is_stored(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.select_related("editor").get(title="One")
        bert = await Writer.objects.get(name="Bert")
        one.writer = bert
        one.editor = None
        assert one.writer_id == bert.pk and one.get_changed_fields().keys() == {"writer", "editor"}
        await one.save()
        stored = await Article.objects.get(pk=one.pk)
        assert await stored.writer == bert and await stored.editor is None


async def test_a_key_without_a_row_is_not_found(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with pytest.raises(DoesNotExist):
            await Article(title="x", writer_id=99).writer


async def test_loading_a_related_row_needs_the_permission_to_read_it(tmp_path: Path) -> None:
    class OnlyArticles:
        async def check(self, model: type[Any], action: str) -> None:
            if model is not Article:
                raise PermissionError(f"{model.__name__}: {action}")

    async with blog(tmp_path):
        anna = await Writer.objects.get(name="Anna")
        set_access_rule(OnlyArticles())
        try:
            one = await Article.objects.get(title="One")
            with pytest.raises(PermissionError, match="Writer: read"):
                await one.writer
            with pytest.raises(PermissionError, match="Profile: read"):
                await anna.profile
            with pytest.raises(PermissionError, match="Writer: read"):
                await Article.objects.select_related("writer")
            assert len(await anna.articles) == 2
        finally:
            set_access_rule(None)


async def test_relations_stay_on_the_database_of_their_instance(tmp_path: Path) -> None:
    async with blog(tmp_path):
        connections.setup_alias("other", {"URL": f"sqlite:///{tmp_path}/other.db"})
        await create_tables(MODELS, using="other")
        writer = await Writer.objects.using("other").create(name="Otto")
        article = await Article.objects.using("other").create(title="Far", writer=writer)
        tag = await article.tags.create(name="far")
        await article.tags.set([tag])
        assert await writer.articles == [article] and await writer.profile is None
        assert await (await Article.objects.using("other").get()).writer == writer
        (found,) = await Tag.objects.using("other").prefetch_related(
            "articles__writer", "articles__tags"
        )
        with counted_reads() as reads:
            (back,) = await found.articles
            assert (await back.writer).name == "Otto" and await back.tags == [tag]
        assert not reads
        assert await back.notes == [] and await (await back.writer).groups == []
        await found.articles.clear()
        assert await article.tags == []
        assert await Tag.objects.count() == 3 and await Article.objects.count() == 4
