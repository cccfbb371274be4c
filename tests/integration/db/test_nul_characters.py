"""Text with a NUL character or without an encoding: refused with the name of the field on every database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.db.fields import ArrayField, CharField, JSONField, SlugField, TextField
from openviper.db.models import F, Model, Q
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True
BAD = "a\0b"


class Memo(Model):
    _app_name = "nul"

    title = CharField(max_length=20, default="")
    text = TextField(default="")
    slug = SlugField(default="s")
    words = ArrayField(TextField(), default=list)


@pytest.mark.parametrize("name", ["title", "text", "slug"])
async def test_no_way_of_storing_takes_it(tmp_path: Path, name: str) -> None:
    async with database(tmp_path, Memo):
        memo = await Memo.objects.create()
        bad: dict[str, Any] = {name: BAD}
        with pytest.raises(ValueError, match=rf"{name}: 'a\\x00b'"):
            await Memo.objects.create(**bad)
        with pytest.raises(ValueError, match=rf"{name}: 'a\\x00b'"):
            await Memo.objects.bulk_create([Memo(), Memo(**bad)])
        with pytest.raises(FieldError, match=rf"{name}.*'a\\x00b'"):
            await Memo.objects.update(**bad)
        setattr(memo, name, "é\0")
        with pytest.raises(ValueError, match=rf"{name}: 'é\\x00'"):
            await memo.save()
        with pytest.raises(ValueError, match=rf"{name}: 'é\\x00'"):
            await Memo.objects.bulk_update([memo], [name])
        assert await Memo.objects.count() == 1
        assert await Memo.objects.exclude(**{name: F(name)}).count() == 0


async def test_nor_does_an_array_of_texts(tmp_path: Path) -> None:
    async with database(tmp_path, Memo):
        with pytest.raises(ValueError, match=r"words.*NUL"):
            await Memo.objects.create(words=["good", BAD])
        assert await Memo.objects.count() == 0


@pytest.mark.parametrize("lookup", ["text", "text__contains", "text__istartswith", "text__in"])
async def test_a_search_for_it_finds_nothing(tmp_path: Path, lookup: str) -> None:
    async with database(tmp_path, Memo):
        await Memo.objects.create(text="a")
        asked: dict[str, Any] = {lookup: [BAD] if lookup.endswith("__in") else BAD}
        assert await Memo.objects.filter(**asked).count() == 0
        # As with any value that a field cannot have, the answer is neither yes nor no.
        assert await Memo.objects.exclude(**asked).count() == 0


class Sheet(Model):
    _app_name = "nul"

    data = JSONField(null=True)


IN_JSON = [BAD, [BAD], {"a": {"b": [1, BAD]}}, {BAD: 1}, {"\\": "\\\\\0"}]
NEARLY = [r"a\u0000b", r"a\\u0000", {r"\u0000": [r"\\\u0000"]}, "u0000"]


@pytest.mark.parametrize("bad", IN_JSON, ids=repr)
async def test_no_way_of_storing_json_takes_it(tmp_path: Path, bad: Any) -> None:
    async with database(tmp_path, Sheet):
        sheet = await Sheet.objects.create(data=1)
        with pytest.raises(ValueError, match="data: the JSON has a NUL character"):
            await Sheet.objects.create(data=bad)
        with pytest.raises(ValueError, match="data: the JSON has a NUL character"):
            await Sheet.objects.bulk_create([Sheet(data=bad)])
        with pytest.raises(FieldError, match="data.* the JSON has a NUL character"):
            await Sheet.objects.update(data=bad)
        sheet.data = bad
        with pytest.raises(ValueError, match="data: the JSON has a NUL character"):
            await sheet.save()
        assert await Sheet.objects.values_list("data", flat=True) == [1]
        assert await Sheet.objects.filter(data=bad).count() == 0


@pytest.mark.parametrize("good", NEARLY, ids=repr)
async def test_backslashes_before_u0000_are_text(tmp_path: Path, good: Any) -> None:
    async with database(tmp_path, Sheet):
        await Sheet.objects.create(data=good)
        assert await Sheet.objects.filter(data=good).values_list("data", flat=True) == [good]


@pytest.mark.parametrize("bad", ["\ud800", ["a\udfff"], {"\ud800": 1}], ids=ascii)
async def test_nor_half_of_a_surrogate_pair(tmp_path: Path, bad: Any) -> None:
    async with database(tmp_path, Sheet):
        sheet = await Sheet.objects.create(data=1)
        with pytest.raises(ValueError, match="data: the JSON has no UTF-8 form"):
            await Sheet.objects.create(data=bad)
        sheet.data = bad
        with pytest.raises(ValueError, match="data: the JSON has no UTF-8 form"):
            await sheet.save()
        with pytest.raises(FieldError, match="data.* the JSON has no UTF-8 form"):
            await Sheet.objects.update(data=bad)
        assert await Sheet.objects.filter(data=bad).count() == 0


@pytest.mark.parametrize("bad", [BAD, "\ud800"], ids=ascii)
async def test_a_search_in_json_for_either_finds_nothing(tmp_path: Path, bad: str) -> None:
    asked: list[dict[str, Any]] = [
        {"data__a": bad},
        {"data__a__in": [bad]},
        {"data__a__contains": bad},
        {"data__contains": {"a": bad}},
        {"data__has_key": bad},
        {"data__has_keys": ["a", bad]},
        {"data__has_any_keys": [bad]},
        {"data__a__has_key": bad},
    ]
    async with database(tmp_path, Sheet):
        await Sheet.objects.create(data={"a": "x"})
        for lookup in asked:
            assert await Sheet.objects.filter(**lookup).count() == 0, lookup
        assert await Sheet.objects.filter(data__has_any_keys=[bad, "a"]).count() == 1
        assert await Sheet.objects.exclude(data__has_key=bad).count() == 1
        with pytest.raises(FieldError, match="no JSON has the key"):
            Sheet.objects.filter(Q(**{f"data__a__{bad}": 1}))
