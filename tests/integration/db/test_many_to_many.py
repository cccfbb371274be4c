"""Many-to-many relations: pairs added, removed and read, on every database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from openviper.core.context import ignore_permissions
from openviper.db.connection import atomic
from openviper.db.exceptions import DatabaseReadOnlyError
from openviper.db.executor import set_access_rule
from openviper.db.models import QuerySet
from openviper.db.schemas import create_tables
from openviper.exceptions import FieldError, IntegrityError
from tests.integration.db.blog import Article, Group, Membership, Tag, Writer, blog
from tests.integration.db.support import database

EVERY_DATABASE = True


async def names(article: Article) -> list[str]:
    return [tag.name for tag in await article.tags]


async def pairs(model: type[Any] = Article._meta.many_to_many["tags"].through_model) -> int:
    return await QuerySet(model).count()


async def test_all_count_exists_and_iteration_give_the_related_rows_only(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        assert [tag.name for tag in await one.tags.all()] == ["green", "red"]
        assert [tag.name for tag in await one.tags] == ["green", "red"]
        assert [tag.name async for tag in one.tags] == ["green", "red"]
        assert await one.tags.count() == 2 and await one.tags.exists()
        assert [tag.name for tag in await one.tags.filter(name__gt="h")] == ["red"]
        assert [tag.name for tag in await one.tags.exclude(name="red").order_by("-name")] == [
            "green"
        ]
        assert await one.tags.get_or_none(name="blue") is None
        three = await Article.objects.get(title="Three")
        assert (
            await three.tags.all() == []
            and await three.tags.count() == 0
            and not await three.tags.exists()
        )


async def test_add_takes_instances_and_keys_and_leaves_those_already_there(tmp_path: Path) -> None:
    async with blog(tmp_path):
        three = await Article.objects.get(title="Three")
        red, blue = await Tag.objects.get(name="red"), await Tag.objects.get(name="blue")
        green_key: UUID = (await Tag.objects.get(name="green")).id
        await three.tags.add(red, str(blue.pk), red.pk)
        await three.tags.add(red, green_key)
        assert await names(three) == ["blue", "green", "red"]
        assert await pairs() == 6
        await three.tags.add()
        assert await pairs() == 6


async def test_remove_and_clear_take_pairs_away_and_leave_the_rows(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        red = await Tag.objects.get(name="red")
        await one.tags.remove(red, uuid4())
        assert await names(one) == ["green"]
        await one.tags.clear()
        assert await names(one) == [] and await Tag.objects.count() == 3
        assert await names(await Article.objects.get(title="Two")) == ["red"]


async def test_set_writes_only_the_difference(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        join = QuerySet(Article._meta.many_to_many["tags"].through_model)
        red, blue = await Tag.objects.get(name="red"), await Tag.objects.get(name="blue")
        kept = await join.get(article=one, tag=red)
        await one.tags.set([red, blue.pk])
        assert await names(one) == ["blue", "red"]
        assert await join.get(article=one, tag=red) == kept
        await one.tags.set([])
        assert await names(one) == []


async def test_a_failing_set_or_add_changes_nothing(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        blue = await Tag.objects.get(name="blue")
        with pytest.raises(IntegrityError):
            await one.tags.set([blue, uuid4()])
        with pytest.raises(IntegrityError):
            await one.tags.add(blue, uuid4())
        assert await names(one) == ["green", "red"]


async def test_what_is_not_saved_or_of_another_model_is_refused(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        wrong: list[Any] = [Tag(id=None, name="x"), one, None, "no key", [1]]
        wrong[0].pk = None
        for value in wrong:
            with pytest.raises(ValueError):
                await one.tags.add(value)
        with pytest.raises(ValueError, match="is not saved"):
            Article(title="new").tags
        loose: Any = one
        with pytest.raises(AttributeError, match=r"one|await instance.tags.set\(...\)"):
            loose.tags = []
        with pytest.raises(TypeError, match="tags"):
            Article(title="new", tags=[])
        assert await names(one) == ["green", "red"]


async def test_the_related_name_manages_the_pairs_from_the_other_side(tmp_path: Path) -> None:
    async with blog(tmp_path):
        red = await Tag.objects.get(name="red")
        assert await red.articles.order_by("id").values_list("title", flat=True) == ["One", "Two"]
        four = await Article.objects.get(title="Four")
        await red.articles.add(four)
        await red.articles.remove(await Article.objects.get(title="One"))
        assert await names(four) == ["red"]
        assert await names(await Article.objects.get(title="One")) == ["green"]
        loose: Any = red
        with pytest.raises(AttributeError, match="cannot be assigned"):
            loose.articles = [four]


async def test_a_relation_to_the_model_itself_has_two_sides(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one, two = await Article.objects.get(title="One"), await Article.objects.get(title="Two")
        assert await one.see == [two] and await two.seen_from == [one]
        assert await two.see == [] and await one.seen_from == []
        await two.see.add(two)
        assert await two.see == [two]


async def test_a_join_model_of_ones_own_keeps_further_values(tmp_path: Path) -> None:
    async with blog(tmp_path):
        group = await Group.objects.get(pk="G")
        anna = await Writer.objects.get(name="Anna")
        assert [writer.name for writer in await group.members.order_by("name")] == ["Anna", "Bert"]
        assert [membership.rank for membership in await Membership.objects.all()] == [3, 3]
        other = await anna.groups.create(label="H", through_defaults={"rank": 7})
        assert await other.members == [anna]
        assert (await Membership.objects.get(group=other)).rank == 7
        await anna.groups.set(["G"])
        assert await anna.groups == [group]


async def test_creating_through_the_manager_relates_the_new_row(tmp_path: Path) -> None:
    async with blog(tmp_path):
        four = await Article.objects.get(title="Four")
        made = await four.tags.create(name="new")
        assert await four.tags == [made]
        found, created = await four.tags.get_or_create(name="red")
        assert not created and await names(four) == ["new", "red"] and found.name == "red"
        _, created = await four.tags.get_or_create(name="fresh")
        assert created and await names(four) == ["fresh", "new", "red"]
        await four.tags.update_or_create({"name": "older"}, name="new")
        assert await names(four) == ["fresh", "older", "red"]
        await four.tags.bulk_create([Tag(name="a"), Tag(name="b")])
        assert await four.tags.count() == 5
        with pytest.raises(IntegrityError):
            await four.tags.create(name="red")
        assert await four.tags.count() == 5


async def test_a_deleted_row_takes_its_pairs_with_it(tmp_path: Path) -> None:
    async with blog(tmp_path):
        red = await Tag.objects.get(name="red")
        await red.delete()
        assert await names(await Article.objects.get(title="One")) == ["green"]
        assert await pairs() == 1


async def test_an_edit_is_undone_with_the_transaction_around_it(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        with pytest.raises(RuntimeError):
            async with atomic():
                await one.tags.clear()
                await one.tags.add(await Tag.objects.get(name="blue"))
                raise RuntimeError
        assert await names(one) == ["green", "red"]


async def test_many_writers_may_add_the_same_pairs_at_once(tmp_path: Path) -> None:
    async with blog(tmp_path):
        three = await Article.objects.get(title="Three")
        tags = await Tag.objects.all()
        await asyncio.gather(
            *(three.tags.add(*(tags if turn % 2 else reversed(tags[:2]))) for turn in range(8))
        )
        assert await names(three) == ["blue", "green", "red"]
        assert await pairs() == 6


async def test_many_writers_may_set_and_add_from_both_sides_at_once(tmp_path: Path) -> None:
    async with blog(tmp_path):
        three, four = await Article.objects.filter(title__in=["Three", "Four"]).order_by("id")
        red, green, blue = await Tag.objects.order_by("-name")
        await asyncio.gather(
            *(
                edit
                for turn in range(4)
                for edit in (
                    three.tags.set([red, green]),
                    three.tags.set([blue]),
                    blue.articles.add(three, four),
                )
            )
        )
        assert await names(three) in (["blue"], ["green", "red"], ["blue", "green", "red"])
        assert await names(four) == ["blue"]
        await asyncio.gather(*(three.tags.set([one]) for one in (red, green, blue)))
        assert await three.tags.count() == 1


async def test_a_pair_that_appears_between_looking_and_inserting_is_as_good(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        manager: Any = one.tags
        red, blue = await Tag.objects.get(name="red"), await Tag.objects.get(name="blue")
        nothing = manager._among([uuid4()])
        real = manager._among
        answers = [nothing, real, real, real]

        def among(keys: list[Any]) -> Any:
            answer = answers.pop(0)
            return answer if answer is nothing else answer(keys)

        manager._among = among
        await manager.add(red, blue)
        assert len(answers) < 3
        assert await names(one) == ["blue", "green", "red"]


class OnlyReading:
    """Allows reading, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def check(self, model: type[Any], action: str) -> None:
        self.asked.append((model.__name__, action))
        if action != "read":
            raise PermissionError(f"{model.__name__}: {action}")


async def test_edits_need_the_permission_to_update_the_owner(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one, red = await Article.objects.get(title="One"), await Tag.objects.get(name="red")
        checker = OnlyReading()
        set_access_rule(checker)
        try:
            for edit in (
                one.tags.add(red),
                one.tags.remove(red),
                one.tags.clear(),
                one.tags.set([]),
                one.tags.create(name="x"),
                red.articles.clear(),
            ):
                with pytest.raises(PermissionError, match="Article: update"):
                    await edit
            assert set(checker.asked) == {("Article", "update")}
            checker.asked.clear()
            assert len(await one.tags) == 2
            assert set(checker.asked) == {("Tag", "read")}
            with ignore_permissions():
                await one.tags.remove(red)
        finally:
            set_access_rule(None)
        assert await names(one) == ["green"]


async def test_a_read_only_model_has_fixed_relations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        monkeypatch.setattr(Article._meta, "read_only", True)
        with pytest.raises(DatabaseReadOnlyError):
            await one.tags.clear()


async def test_unknown_names_are_refused(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        with pytest.raises(FieldError):
            one.tags.filter(nam="red")
        with pytest.raises(FieldError, match="cannot take 'red'"):
            await Article.objects.filter(tags="red")
        with pytest.raises(FieldError, match="many-to-many relation and no column"):
            Article.objects.only("tags")
        with pytest.raises(FieldError, match="prefetch_related"):
            Article.objects.select_related("tags")
        with pytest.raises(ValueError, match="tags: 'zz' is neither a Tag nor its key"):
            await one.tags.add("zz")


async def test_a_key_that_an_instance_made_for_itself_does_not_make_it_saved(
    tmp_path: Path,
) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        fresh = Tag(name="fresh")
        assert fresh.pk is not None
        for edit in (one.tags.add(fresh), one.tags.set([fresh]), one.tags.remove(fresh)):
            with pytest.raises(ValueError, match="is not saved"):
                await edit
        with pytest.raises(ValueError, match="is not saved"):
            fresh.articles
        await fresh.save()
        await fresh.articles.add(one)
        assert await names(one) == ["fresh", "green", "red"]
        gone = await Tag.objects.get(name="green")
        await gone.delete()
        with pytest.raises(ValueError, match="is not saved"):
            await one.tags.add(gone)


async def test_tables_made_for_some_models_include_the_joins_between_them(tmp_path: Path) -> None:
    async with database(tmp_path):
        assert "blog_article_tags" not in await create_tables([Writer, Article])
        made = await create_tables([Article, Tag])
        assert set(made) == {"blog_tag", "blog_article_tags"}
        assert await create_tables([Article, Tag]) == []


async def test_get_or_create_and_update_or_create_use_related_rows_and_relate_new_ones(
    tmp_path: Path,
) -> None:
    async with blog(tmp_path):
        one = await Article.objects.get(title="One")
        red = await Tag.objects.get(name="red")
        assert await one.tags.get_or_create(name="red") == (red, False)
        changed, created = await one.tags.update_or_create({"name": "crimson"}, name="red")
        assert (changed, created) == (red, False)
        made, created = await one.tags.update_or_create(name="new")
        assert created and made in await one.tags
        assert await names(one) == ["crimson", "green", "new"]
        assert repr(one.tags) == f"<ManyToManyManager tags of {one!r}>"
