"""The order of the hooks and what an error in one of them undoes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from tests.integration.db.support import database

EVERY_DATABASE = True


class Diary(Model):
    _app_name = "hooks"

    text = CharField(max_length=20)
    edits = IntegerField(default=0)

    calls: ClassVar[list[Any]] = []
    fail_in: ClassVar[str] = ""

    def note(self, name: str, *facts: Any) -> None:
        """Remember a call, or fail in it."""
        self.calls.append((name, *facts) if facts else name)
        if self.fail_in == name:
            raise RuntimeError(name)

    async def before_validate(self) -> None:
        self.note("before_validate")

    async def validate(self) -> None:
        self.note("validate")
        await super().validate()

    async def before_insert(self) -> None:
        self.note("before_insert")

    async def before_save(self) -> None:
        self.note("before_save")
        self.edits += 1

    async def after_insert(self) -> None:
        self.note("after_insert", self.pk is not None)

    async def on_update(self) -> None:
        self.note("on_update")

    async def on_change(self, values: dict[str, Any]) -> None:
        self.note("on_change", values)

    async def on_delete(self) -> None:
        self.note("on_delete")

    async def after_delete(self) -> None:
        self.note("after_delete")


class Plain(Model):
    _app_name = "hooks"

    text = CharField(max_length=20)
    calls: ClassVar[list[str]] = []

    def before_save(self) -> None:  # type: ignore[override]  # a plain function is allowed
        self.calls.append("before_save")


@pytest.fixture(autouse=True)
def forget() -> None:
    """Start each test without calls."""
    Diary.calls.clear()
    Diary.fail_in = ""


async def test_hooks_run_in_order(tmp_path: Path) -> None:
    async with database(tmp_path, Diary):
        diary = await Diary.objects.create(text="one")
        assert Diary.calls == [
            "before_validate",
            "validate",
            "before_insert",
            "before_save",
            ("after_insert", True),
            ("on_change", {"id": 1, "text": "one", "edits": 1}),
        ]
        Diary.calls.clear()
        diary.text = "two"
        await diary.save()
        assert Diary.calls == [
            "before_validate",
            "validate",
            "before_save",
            "on_update",
            ("on_change", {"text": "one", "edits": 1}),
        ]
        Diary.calls.clear()
        await diary.delete()
        assert Diary.calls == ["on_delete", "after_delete"]


CREATING = [
    "before_validate",
    "validate",
    "before_insert",
    "before_save",
    "after_insert",
    "on_change",
]


@pytest.mark.parametrize("hook", CREATING)
async def test_an_error_in_any_hook_leaves_nothing_inserted(tmp_path: Path, hook: str) -> None:
    async with database(tmp_path, Diary):
        Diary.fail_in = hook
        diary = Diary(text="one")
        with pytest.raises(RuntimeError):
            await diary.save()
        assert await Diary.objects.count() == 0
        assert diary.pk is None
        Diary.fail_in = ""
        await diary.save()
        assert await Diary.objects.count() == 1


@pytest.mark.parametrize("hook", ["on_update", "on_change"])
async def test_an_error_after_an_update_undoes_it(tmp_path: Path, hook: str) -> None:
    async with database(tmp_path, Diary):
        diary = await Diary.objects.create(text="one")
        Diary.fail_in = hook
        diary.text = "two"
        with pytest.raises(RuntimeError):
            await diary.save()
        assert (await Diary.objects.get()).text == "one"
        assert diary.get_changed_fields()["text"] == "one"
        Diary.fail_in = ""
        await diary.save()
        assert (await Diary.objects.get()).text == "two"


@pytest.mark.parametrize("hook", ["on_delete", "after_delete"])
async def test_an_error_around_a_delete_keeps_the_row(tmp_path: Path, hook: str) -> None:
    async with database(tmp_path, Diary):
        diary = await Diary.objects.create(text="one")
        Diary.fail_in = hook
        with pytest.raises(RuntimeError):
            await diary.delete()
        assert await Diary.objects.count() == 1


async def test_bulk_methods_and_querysets_run_no_hooks(tmp_path: Path) -> None:
    async with database(tmp_path, Diary):
        diaries = await Diary.objects.bulk_create([Diary(text="one")])
        await Diary.objects.bulk_update(diaries, ["text"])
        await Diary.objects.all().update(text="two")
        await Diary.objects.all().delete()
        assert Diary.calls == []


async def test_plain_functions_serve_as_hooks(tmp_path: Path) -> None:
    Plain.calls.clear()
    async with database(tmp_path, Plain):
        await Plain.objects.create(text="x")
        assert Plain.calls == ["before_save"]


async def test_full_clean_stores_nothing(tmp_path: Path) -> None:
    async with database(tmp_path, Diary):
        await Diary(text="x").full_clean()
        assert Diary.calls == ["before_validate", "validate"]
        with pytest.raises(ValueError):
            await Diary(text="x" * 30).full_clean()
