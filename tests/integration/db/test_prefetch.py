"""`prefetch_related`: one query per relation, and none when the relation is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.core.context import ignore_permissions_ctx
from openviper.db.connection import connections
from openviper.db.executor import set_access_rule
from openviper.db.fields import CharField, ForeignKey, ManyToManyField
from openviper.db.models import F, Model, Prefetch, Q, QuerySet, model_registry
from openviper.db.schemas import create_tables
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.blog import (
    Article,
    Group,
    Note,
    Profile,
    Tag,
    Writer,
    blog,
    counted_reads,
)

EVERY_DATABASE = True


async def test_foreign_keys_are_loaded_by_one_query(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            articles = await Article.objects.prefetch_related("writer", "editor").order_by("id")
            writers = [await article.writer for article in articles]
            editors = [await article.editor for article in articles]
        assert len(reads) == 3
        assert [writer.name for writer in writers] == ["Anna", "Anna", "Bert", "Bert"]
        assert [editor and editor.name for editor in editors] == ["Bert", None, None, None]


async def test_reverse_names_give_the_list_and_know_their_owner(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            writers = await Writer.objects.prefetch_related("articles").order_by("id")
            titles = [
                sorted(article.title for article in await writer.articles) for writer in writers
            ]
            looped = [article async for article in writers[0].articles.all()]
            owners = {(await article.writer).name for article in looped}
            counts = [await writer.articles.count() for writer in writers]
            assert await writers[0].articles.exists()
        assert len(reads) == 2
        assert titles == [["One", "Two"], ["Four", "Three"]]
        assert owners == {"Anna"} and counts == [2, 2]


async def test_a_further_condition_asks_the_database(tmp_path: Path) -> None:
    async with blog(tmp_path):
        anna = (await Writer.objects.prefetch_related("articles").order_by("id"))[0]
        await Article.objects.filter(title="Two").delete()
        assert len(await anna.articles) == 2
        assert [article.title for article in await anna.articles.filter(public=True)] == ["One"]
        assert await anna.articles.filter(title="Two").count() == 0
        await anna.refresh_from_db()
        assert len(await anna.articles) == 1


async def test_one_to_one_is_loaded_from_both_sides(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            anna, bert = await Writer.objects.prefetch_related("profile").order_by("id")
            profile = await anna.profile
            assert profile is not None and profile.text == "likes ducks"
            assert await profile.writer is anna
            assert await bert.profile is None
        assert len(reads) == 2
        with counted_reads() as reads:
            (profile,) = await Profile.objects.prefetch_related("writer")
            assert (await profile.writer).name == "Anna"
        assert len(reads) == 2


async def test_many_to_many_is_loaded_by_one_query_from_both_sides(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            articles = await Article.objects.prefetch_related("tags", "see", "seen_from").order_by(
                "id"
            )
            names = [[tag.name for tag in await article.tags.all()] for article in articles]
            assert [await article.tags.count() for article in articles] == [2, 1, 0, 0]
            assert [tag.name async for tag in articles[0].tags] == ["green", "red"]
            assert await articles[0].see == [articles[1]] and await articles[1].seen_from == [
                articles[0]
            ]
            assert await articles[1].see == []
        assert len(reads) == 4
        assert names == [["green", "red"], ["red"], [], []]
        with counted_reads() as reads:
            tags = await Tag.objects.prefetch_related("articles")
            found = {
                tag.name: sorted(article.title for article in await tag.articles) for tag in tags
            }
        assert len(reads) == 2
        assert found == {"blue": [], "green": ["One"], "red": ["One", "Two"]}
        with counted_reads() as reads:
            writers = await Writer.objects.prefetch_related("groups").order_by("id")
            assert [await writer.groups for writer in writers] == [[Group(label="G")]] * 2
        assert len(reads) == 2


async def test_paths_go_on_over_all_kinds_of_relation(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            tags = await Tag.objects.prefetch_related(
                "articles__notes", "articles__writer__profile", "articles__see__tags"
            )
            red = next(tag for tag in tags if tag.name == "red")
            one, two = sorted(await red.articles, key=lambda article: article.id)
            assert [note.text for note in await one.notes] == ["first", "second"]
            profile = await (await two.writer).profile
            assert profile is not None and profile.text == "likes ducks"
            assert [[tag.name for tag in await seen.tags] for seen in await one.see] == [["red"]]
        assert len(reads) == 7


async def test_what_select_related_loaded_is_used_again(tmp_path: Path) -> None:
    async with blog(tmp_path):
        with counted_reads() as reads:
            articles = (
                await Article.objects.select_related("writer")
                .prefetch_related("writer__profile")
                .order_by("id")
            )
            profiles = [await (await article.writer).profile for article in articles]
        assert len(reads) == 2
        assert [profile is None for profile in profiles] == [False, False, True, True]


async def test_a_prefetch_object_chooses_rows_and_attribute(tmp_path: Path) -> None:
    async with blog(tmp_path):
        drafts = Prefetch("articles", Article.objects.filter(public=False), to_attr="drafts")
        with counted_reads() as reads:
            writers: list[Any] = list(
                await Writer.objects.prefetch_related(drafts, "drafts__tags", "articles").order_by(
                    "id"
                )
            )
            assert [[article.title for article in writer.drafts] for writer in writers] == [
                ["Two"],
                [],
            ]
            assert [tag.name for tag in await writers[0].drafts[0].tags] == ["red"]
            assert len(await writers[0].articles) == 2
        assert len(reads) == 4
        ordered = Prefetch("articles", queryset=Article.objects.order_by("-title").only("public"))
        anna = (await Writer.objects.prefetch_related(ordered).order_by("id"))[0]
        assert [article.id for article in await anna.articles] == [2, 1]
        assert [article.get_deferred_fields() for article in await anna.articles] == [
            {"title", "editor"}
        ] * 2


async def test_a_prefetch_object_works_for_foreign_keys_and_many_to_many(tmp_path: Path) -> None:
    async with blog(tmp_path):
        only_bert = Prefetch("writer", Writer.objects.filter(name="Bert"), to_attr="bert")
        articles: list[Any] = list(await Article.objects.prefetch_related(only_bert).order_by("id"))
        assert [article.bert and article.bert.name for article in articles] == [
            None,
            None,
            "Bert",
            "Bert",
        ]
        for queryset in (
            Tag.objects.filter(Q(name="red") | Q(name="blue")).order_by("-name"),
            Tag.objects.exclude(name="green"),
            Tag.objects.filter(name=F("name")).filter(~Q(name__in=["green"])),
            Tag.objects.filter(name="red").only("name"),
            Tag.objects.filter(name="red").distinct(),
            Tag.objects.filter(name="red").prefetch_related("articles"),
        ):
            articles = list(
                await Article.objects.prefetch_related(Prefetch("tags", queryset)).order_by("id")
            )
            assert [[tag.name for tag in await one.tags] for one in articles] == [
                ["red"],
                ["red"],
                [],
                [],
            ]
        with counted_reads() as reads:
            (tag,) = await articles[1].tags
            assert sorted(article.title for article in await tag.articles) == ["One", "Two"]
        assert not reads
        related = Prefetch("articles", Article.objects.select_related("writer").order_by("-title"))
        with counted_reads() as reads:
            red = await Tag.objects.prefetch_related(related).get(name="red")
            assert [(one.title, (await one.writer).name) for one in await red.articles] == [
                ("Two", "Anna"),
                ("One", "Anna"),
            ]
        assert len(reads) == 2


async def test_keys_left_out_by_only_are_loaded_when_a_prefetch_needs_them(tmp_path: Path) -> None:
    async with blog(tmp_path):
        for query in (Article.objects.only("title"), Article.objects.defer("writer_id", "title")):
            article = await query.prefetch_related("writer").order_by("id").first()
            assert article is not None and (await article.writer).name == "Anna"


async def test_single_instances_and_streams_are_prefetched_too(tmp_path: Path) -> None:
    async with blog(tmp_path):
        query = Article.objects.prefetch_related("tags")
        with counted_reads() as reads:
            one = await query.get(title="One")
            assert len(await one.tags) == 2
            last = await query.last()
            assert last is not None and await last.tags == []
            assert [len(await article.tags) async for article in query.iterator(chunk_size=2)] == [
                2,
                1,
                0,
                0,
            ]
        assert len(reads) == 4 + 5
        assert await Article.objects.filter(title="?").prefetch_related("tags") == []


async def test_an_edit_forgets_what_was_prefetched(tmp_path: Path) -> None:
    async with blog(tmp_path):
        one = await Article.objects.prefetch_related("tags").get(title="One")
        await one.tags.clear()
        assert await one.tags == []


async def test_the_list_given_is_a_copy(tmp_path: Path) -> None:
    async with blog(tmp_path):
        anna = await Writer.objects.prefetch_related("articles").get(name="Anna")
        (await anna.articles).clear()
        assert len(await anna.articles) == 2


async def test_many_keys_are_one_query_or_are_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with blog(tmp_path):
        anna = await Writer.objects.get(name="Anna")
        await Article.objects.bulk_create(
            [Article(title=f"T{number}", writer=anna) for number in range(1200)]
        )
        articles = await Article.objects.order_by("id")
        await Note.objects.bulk_create(
            [Note(article=article, text=article.title) for article in articles[4:]]
        )
        await QuerySet(Article._meta.many_to_many["tags"].through_model).delete()
        dialect = connections.get().dialect
        as_one = (dialect.max_variables, dialect.long_list_operand, 1)
        for limit, form, count in (as_one, (700, lambda values: None, 4)):
            monkeypatch.setattr(dialect, "max_variables", limit)
            monkeypatch.setattr(dialect, "long_list_operand", form)
            with counted_reads() as reads:
                found = await Article.objects.prefetch_related("notes").order_by("id")
                texts = [note.text for article in found[4:] for note in await article.notes]
            assert len(reads) == 1 + count
            assert texts == [f"T{number}" for number in range(1200)]


async def test_wrong_names_and_objects_are_refused_at_once(tmp_path: Path) -> None:
    query = Article.objects.all()
    wrong: list[Any] = [
        "nope",
        "title",
        "writer_id",
        "writer__nope",
        "tags__title",
        "",
        5,
        Prefetch("nope"),
    ]
    for name in wrong:
        with pytest.raises(FieldError):
            query.prefetch_related(name)
    with pytest.raises(FieldError, match="relations: writer, editor, tags, see, notes, seen_from"):
        query.prefetch_related("nope")
    with pytest.raises(FieldError, match="queryset is of Tag"):
        query.prefetch_related(Prefetch("writer", Tag.objects.all()))
    with pytest.raises(FieldError, match="'title' already"):
        query.prefetch_related(Prefetch("tags", to_attr="title"))
    with pytest.raises(FieldError, match="twice"):
        query.prefetch_related(Prefetch("tags", to_attr="mine"), Prefetch("see", to_attr="mine"))
    with pytest.raises(QueryError, match="twice"):
        query.prefetch_related(
            Prefetch("tags", Tag.objects.all()), Prefetch("tags", Tag.objects.all())
        )
    loose: Any = Tag.objects.values("name")
    with pytest.raises(TypeError, match="not a queryset"):
        Prefetch("tags", loose)
    with pytest.raises(ValueError, match="to_attr"):
        Prefetch("tags", to_attr="_row")


class Denying:
    """Allows to read some models only."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    async def check(self, model: type[Any], action: str) -> None:
        if model.__name__ not in self.allowed:
            raise PermissionError(model.__name__)


async def test_prefetches_check_the_permission_to_read_unless_the_query_does_not(
    tmp_path: Path,
) -> None:
    async with blog(tmp_path):
        set_access_rule(Denying("Article"))
        try:
            for name, model in (("writer", "Writer"), ("notes", "Note"), ("tags", "Tag")):
                with pytest.raises(PermissionError, match=model):
                    await Article.objects.prefetch_related(name)
            query = Article.objects.filter(ignore_permissions=True).prefetch_related(
                "writer__groups", "tags", "notes"
            )
            (one, *_) = await query.order_by("id")
            assert len(await one.tags) == 2 and len(await (await one.writer).groups) == 1
            assert ignore_permissions_ctx.get() is None
            set_access_rule(Denying("Article", "Tag"))
            with pytest.raises(PermissionError, match="Writer"):
                await Article.objects.prefetch_related(
                    Prefetch("see", Article.objects.filter(writer__name="Anna"))
                )
            assert len(await Article.objects.prefetch_related("tags")) == 4
        finally:
            set_access_rule(None)


async def test_prefetched_relations_are_part_of_as_dict_with_relations(tmp_path: Path) -> None:
    async with blog(tmp_path):
        anna = await Writer.objects.prefetch_related("articles", "profile").get(name="Anna")
        shown = anna.as_dict(include_relations=True)
        assert [article["title"] for article in shown["articles"]] == ["One", "Two"]
        assert shown["profile"]["text"] == "likes ducks"
        assert anna.as_dict() == anna.to_dict() == {"id": anna.pk, "name": "Anna"}
        bert = await Writer.objects.prefetch_related("profile").get(name="Bert")
        assert bert.as_dict(include_relations=True)["profile"] is None


async def test_expressions_and_long_paths_in_a_prefetch_mean_what_they_say(tmp_path: Path) -> None:
    async with blog(tmp_path):
        first = Prefetch("articles", Article.objects.filter(id=F("writer_id") * 2 - F("writer_id")))
        with counted_reads() as reads:
            red = await Tag.objects.prefetch_related(first).get(name="red")
            assert [article.title for article in await red.articles] == ["One"]
        assert len(reads) == 2

        class Link(Model):
            _app_name = "blog"
            up = ForeignKey("self", null=True)
            label = CharField(max_length=5, default="x")
            friends = ManyToManyField("self")

        try:
            await create_tables([Link])
            ends = [await Link.objects.create(label="top")]
            for _ in range(6):
                ends.append(await Link.objects.create(up=ends[-1]))
            await ends[0].friends.add(*ends)
            path = "__".join(["up"] * 5)
            high: dict[str, Any] = {f"{path}__label": "top"}
            wish = Prefetch("friends", Link.objects.filter(**high))
            with counted_reads() as reads:
                top = await Link.objects.prefetch_related(wish).get(label="top")
                assert await top.friends == [ends[5]]
            # One hop more than a path may have from the join model, so the pairs are a query of their own.
            assert len(reads) == 3
        finally:
            model_registry.unregister(Link)


async def test_the_same_relation_may_be_named_again(tmp_path: Path) -> None:
    async with blog(tmp_path):
        query = Writer.objects.prefetch_related(
            "articles", "articles", Prefetch("articles"), "articles__tags"
        )
        with counted_reads() as reads:
            await query
        assert len(reads) == 3
        chosen = Prefetch("articles", Article.objects.filter(public=False))
        anna = await Writer.objects.prefetch_related("articles", chosen).get(name="Anna")
        assert [article.title for article in await anna.articles] == ["Two"]
        with pytest.raises(QueryError, match="twice"):
            query.prefetch_related(chosen)
        assert repr(chosen) == "Prefetch('articles')"


async def test_a_loaded_foreign_key_can_be_put_under_another_name(tmp_path: Path) -> None:
    async with blog(tmp_path):
        wish = Prefetch("writer", to_attr="by")
        with counted_reads() as reads:
            articles: list[Any] = list(
                await Article.objects.select_related("writer").prefetch_related(wish)
            )
        assert len(reads) == 1 and {article.by.name for article in articles} == {"Anna", "Bert"}


async def test_keys_of_any_type_are_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with blog(tmp_path):
        dialect = connections.get().dialect
        monkeypatch.setattr(dialect, "max_variables", 4)
        monkeypatch.setattr(dialect, "long_list_operand", lambda values: "one value")
        with counted_reads() as reads:
            tags = await Tag.objects.prefetch_related("articles")
        assert len(reads) == 2 and [len(await tag.articles) for tag in tags] == [0, 1, 2]
        monkeypatch.setattr(dialect, "long_list_operand", lambda values: None)
        with counted_reads() as reads:
            tags = await Tag.objects.prefetch_related("articles")
        assert len(reads) == 3 and [len(await tag.articles) for tag in tags] == [0, 1, 2]
