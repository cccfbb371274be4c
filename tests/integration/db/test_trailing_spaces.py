"""A text with a space behind it is another text: in conditions, keys, groups, sets and expressions, on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Concat, Count, NullIf, StringAgg, Value, When
from openviper.db.fields import CharField, ForeignKey, JSONField, TextField
from openviper.db.models import F, Model, Q, QuerySet
from openviper.exceptions import IntegrityError
from tests.integration.db.support import database

EVERY_DATABASE = True
TEXTS = ["", " ", "a", "a ", "a  ", "a\t", " a", "A ", "\u00e9", "\u00e9 "]


class Tag(Model):
    _app_name = "spaces"

    id = CharField(max_length=9, primary_key=True)
    code = CharField(max_length=9, unique=True)
    text = TextField(default="")
    data = JSONField(default=dict)

    uses: QuerySet[Use]


class Use(Model):
    _app_name = "spaces"

    tag = ForeignKey(Tag, related_name="uses")
    tag_id: str


@asynccontextmanager
async def tags(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Tag, Use):
        await Tag.objects.bulk_create(
            [Tag(id=text, code=text, text=text, data={"a": text}) for text in TEXTS]
        )
        for text in TEXTS:
            await Use.objects.create(tag_id=text)
        yield


async def found(*conditions: Any, **lookups: Any) -> list[str]:
    return sorted(await Tag.objects.filter(*conditions, **lookups).values_list("id", flat=True))


@pytest.mark.parametrize("name", ["id", "code", "text", "data__a", "uses__tag"])
async def test_conditions(tmp_path: Path, name: str) -> None:
    async with tags(tmp_path):
        for text in TEXTS:
            others = sorted(set(TEXTS) - {text})
            assert await found(**{name: text}) == [text]
            assert await found(**{f"{name}__in": [text, "b "]}) == [text]
            assert await found(~Q(**{name: text})) == others
            assert await found(~Q(**{f"{name}__in": [text]})) == others


async def test_lookups_without_case_keep_the_spaces(tmp_path: Path) -> None:
    async with tags(tmp_path):
        for text in TEXTS:
            same = sorted(other for other in TEXTS if other.lower() == text.lower())
            assert await found(text__iexact=text) == same
            assert await found(text__iexact=F("code")) == sorted(TEXTS)
            assert await found(text__endswith=text) == sorted(
                other for other in TEXTS if other.endswith(text)
            )


async def test_a_prefix_comes_before_what_begins_with_it(tmp_path: Path) -> None:
    async with tags(tmp_path):
        assert await found(text__gt="a", text__in=["a", "a ", "a\t"]) == ["a\t", "a "]
        assert await found(text__lte="a", text__in=["a", "a ", "a\t"]) == ["a"]
        assert await found(data__a__gt="a", text__in=["a", "a ", "a\t"]) == ["a\t", "a "]
        assert await found(data__a__regex="^a$") == ["a"]
        assert await found(data__a__iexact="a ") == ["A ", "a "]


async def test_expressions(tmp_path: Path) -> None:
    async with tags(tmp_path):
        spaced = Tag.objects.annotate(spaced=Concat("text", Value(" ")))
        assert sorted(await spaced.filter(spaced="a ").values_list("id", flat=True)) == ["a"]
        assert await spaced.filter(spaced=F("text")).count() == 0
        assert (
            await Tag.objects.annotate(kept=NullIf("text", Value("a"))).filter(kept=None).count()
            == 1
        )
        which = Case(When(text="a", then=Value(1)), default=Value(0))
        assert await Tag.objects.annotate(which=which).filter(which=1).values_list("id") == [("a",)]
        typed = Tag.objects.annotate(typed=Value("x "))
        assert (await typed.filter(typed="x").count(), await typed.filter(typed="x ").count()) == (
            0,
            len(TEXTS),
        )


async def test_groups_and_sets(tmp_path: Path) -> None:
    async with tags(tmp_path):
        groups = await Tag.objects.values("text").annotate(n=Count("id"))
        assert sorted((group["text"], group["n"]) for group in groups) == sorted(
            (text, 1) for text in TEXTS
        )
        assert len(await Tag.objects.values_list("text").distinct()) == len(TEXTS)
        counted = await Tag.objects.aggregate(
            n=Count("text", distinct=True), all=StringAgg("text", "|", distinct=True)
        )
        assert counted["n"] == len(TEXTS)
        assert sorted(counted["all"].split("|")) == sorted(TEXTS)
        both = Tag.objects.filter(text="a").union(Tag.objects.filter(text="a "))
        assert len(await both) == 2


async def test_keys_and_what_refers_to_them(tmp_path: Path) -> None:
    async with tags(tmp_path):
        joined = await Use.objects.values_list("tag_id", "tag__text")
        assert all(key == text for key, text in joined) and len(joined) == len(TEXTS)
        uses = await Use.objects.select_related("tag").prefetch_related("tag")
        assert [use.tag_id for use in uses] == [(await use.tag).pk for use in uses]
        for tag in await Tag.objects.prefetch_related("uses"):
            assert [use.tag_id for use in await tag.uses] == [tag.pk]
        kept = await Tag.objects.in_bulk(["a ", "b"])
        assert list(kept) == ["a "]
        assert (
            await Tag.objects.filter(id__in=Use.objects.filter(tag="a ").values_list("tag")).count()
            == 1
        )


async def test_unique_texts(tmp_path: Path) -> None:
    async with tags(tmp_path):
        found_tag, created = await Tag.objects.get_or_create({"id": "new"}, code="a   ")
        assert created and found_tag.pk == "new"
        again, created = await Tag.objects.get_or_create({"id": "newer"}, code="a   ")
        assert again == found_tag and not created
        with pytest.raises(IntegrityError):
            await Tag.objects.bulk_create([Tag(id="x", code="a ")])
        kept = await Tag.objects.bulk_create(
            [Tag(id="y", code="a ")], on_conflict="ignore", unique_fields=["code"]
        )
        assert kept[0].pk == "a "


async def test_changes_reach_the_one_row(tmp_path: Path) -> None:
    async with tags(tmp_path):
        assert await Tag.objects.filter(code="a").update(text="changed") == 1
        assert await found(text="changed") == ["a"]
        tag = await Tag.objects.get(pk="a")
        tag.text = "a "
        await tag.save()
        assert (await Tag.objects.get(pk="a")).text == "a "
        await Use.objects.filter(tag="a ").delete()
        assert await Tag.objects.exclude(code="a").filter(pk="a ").delete() == 1
        assert await found(pk="a") == ["a"]
