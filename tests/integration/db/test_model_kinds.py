"""Single, proxy, unmanaged and cached models, and events, on every database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, run_read
from openviper.db.connections.drivers.base import LATER
from openviper.db.exceptions import (
    SingleModelAlreadyExistsError,
    SingleModelDeleteForbiddenError,
    SingleModelDoesNotExist,
    SingleModelDuplicateForbiddenError,
)
from openviper.db.executor import invalidate_query_cache
from openviper.db.fields import CharField, ForeignKey, IntegerField
from openviper.db.models import Model
from openviper.db.query.events import (
    SUPPORTED_EVENTS,
    get_dispatcher,
    model_event,
    reset_dispatcher,
)
from openviper.db.schemas.state import models_state
from openviper.db.sql.result_cache import query_cache
from openviper.exceptions import FieldError, IntegrityError, QueryError
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Site(Model):
    _app_name = "kinds"

    title = CharField(max_length=20, default="new")
    visits = IntegerField(default=0)

    class Meta:
        single = True


class Note(Model):
    _app_name = "kinds"

    text = CharField(max_length=20)


class LoudNote(Note):
    _app_name = "kinds"

    class Meta:
        proxy = True

    def shout(self) -> str:
        return self.text.upper()


class Foreign(Model):
    _app_name = "kinds"

    text = CharField(max_length=20)

    class Meta:
        managed = False


class Page(Model):
    _app_name = "kinds"

    title = CharField(max_length=20)

    class Meta:
        cache_ttl = 60


class Comment(Model):
    _app_name = "kinds"

    page = ForeignKey(Page)

    class Meta:
        cache_ttl = 60


NOTE = f"{__name__}.Note"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Begin and end without handlers and kept results."""
    reset_dispatcher()
    invalidate_query_cache()
    yield
    reset_dispatcher()
    invalidate_query_cache()


# Single models


async def test_a_single_model_has_one_row_with_the_key_1(tmp_path: Path) -> None:
    async with database(tmp_path, Site) as path:
        with pytest.raises(SingleModelDoesNotExist):
            await Site.objects.get_single()
        with pytest.raises(SingleModelDoesNotExist):
            await Site.objects.update_single(title="x")
        made = await Site.objects.get_or_create_single(title="mine")
        assert (made.pk, made.title) == (1, "mine")
        assert (await Site.objects.get_or_create_single(title="other")).title == "mine"
        for again in (
            Site.objects.create_single(),
            Site.objects.create(title="x"),
            Site(title="x").save(),
        ):
            with pytest.raises(SingleModelAlreadyExistsError):
                await again
        with pytest.raises(SingleModelAlreadyExistsError):
            await Site.objects.bulk_create([Site()])
        updated = await Site.objects.update_single(visits=5)
        assert (updated.title, updated.visits) == ("mine", 5)
        with pytest.raises(FieldError):
            await Site.objects.update_single(nope=1)
        assert stored(path, "SELECT id, visits FROM kinds_site") == [(1, 5)]


async def test_the_row_is_never_deleted_and_no_hook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Site):
        site = await Site.objects.create()
        calls: list[str] = []
        monkeypatch.setattr(Site, "on_delete", lambda self: calls.append("on_delete"))
        for deletion in (
            site.delete(),
            Site.objects.all().delete(),
            Site.objects.filter(title="x").delete(),
        ):
            with pytest.raises(SingleModelDeleteForbiddenError):
                await deletion
        assert calls == []
        with pytest.raises(SingleModelDuplicateForbiddenError):
            await Site.objects.bulk_create([Site(), Site()])


async def test_the_database_itself_refuses_a_second_row(tmp_path: Path) -> None:
    async with database(tmp_path, Site):
        await Site.objects.create()
        with pytest.raises(IntegrityError):
            await Site.objects.all().update(id=2)


async def test_two_that_create_at_once_end_up_with_one_row(tmp_path: Path) -> None:
    async with database(tmp_path, Site):
        found = await asyncio.gather(
            *(Site.objects.get_or_create_single() for _ in range(8)), return_exceptions=True
        )
        assert any(isinstance(one, Site) for one in found)
        assert await Site.objects.count() == 1


async def test_only_single_models_have_one() -> None:
    for call in (
        Note.objects.get_single(),
        Note.objects.create_single(),
        Note.objects.get_or_create_single(),
    ):
        with pytest.raises(QueryError, match="no single model"):
            await call


def test_options_that_are_no_truth_values_are_refused() -> None:
    for option in ("single", "virtual"):
        with pytest.raises(FieldError, match=option):
            type(
                "Odd", (Model,), {"__module__": __name__, "Meta": type("Meta", (), {option: "yes"})}
            )


# Proxies and unmanaged models


async def test_a_proxy_shares_the_table_of_its_parent(tmp_path: Path) -> None:
    async with database(tmp_path, Note):
        await Note.objects.create(text="a")
        loud = await LoudNote.objects.get(text="a")
        assert loud.shout() == "A"
        assert LoudNote._meta.table_name == Note._meta.table_name
    assert set(models_state([Note, LoudNote, Foreign])) == {"kinds_note"}


# Cached models


async def test_a_result_is_kept_until_a_write_and_never_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Page, Comment):
        await Page.objects.create(title="a")
        statements: list[str] = []

        async def counted(alias: str, sql: str, parameters: Any, convert: Any) -> Any:
            statements.append(sql)
            return await run_read(alias, sql, parameters, convert)

        monkeypatch.setattr("openviper.db.executor.read_at_once", lambda *_: LATER)
        monkeypatch.setattr("openviper.db.executor.run_read", counted)
        (first,) = await Page.objects.all()
        (second,) = await Page.objects.all()
        assert len(statements) == 1
        assert first == second and first is not second
        first.title = "changed here only"
        assert (await Page.objects.all())[0].title == "a"
        assert len(statements) == 1
        second.title = "b"
        await second.save()
        assert [page.title for page in await Page.objects.all()] == ["b"]
        assert len(statements) == 2
        await Page.objects.filter(title="b").update(title="c")
        assert [page.title for page in await Page.objects.all()] == ["c"]
        await Page.objects.bulk_create([Page(title="d")])
        assert len(await Page.objects.all()) == 2
        await Page.objects.filter(title="d").delete()
        assert len(await Page.objects.all()) == 1


async def test_a_joined_table_counts_and_a_transaction_asks_the_database(tmp_path: Path) -> None:
    async with database(tmp_path, Page, Comment):
        page = await Page.objects.create(title="a")
        await Comment.objects.create(page=page)
        (comment,) = await Comment.objects.select_related("page")
        page.title = "b"
        await page.save()
        (comment,) = await Comment.objects.select_related("page")
        assert (await comment.page).title == "b"
        async with atomic():
            await Page.objects.all().update(title="c")
            assert (await Page.objects.first()).title == "c"  # type: ignore[union-attr]  # there is one
        assert (await Page.objects.first()).title == "c"  # type: ignore[union-attr]  # there is one
        with pytest.raises(RuntimeError):
            async with atomic():
                await Page.objects.all().update(title="never")
                raise RuntimeError
        assert [one.title for one in await Page.objects.all()] == ["c"]


async def test_models_that_do_not_ask_for_it_keep_nothing(tmp_path: Path) -> None:
    async with database(tmp_path, Note):
        await Note.objects.create(text="a")
        await Note.objects.all()
        assert len(query_cache) == 0


def test_the_least_used_result_goes_and_old_ones_are_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        query_cache.put((number,), ["t"], [(number,)], 60, 2, query_cache.version(["t"]))
    assert [query_cache.get((number,)) for number in range(3)] == [None, [(1,)], [(2,)]]
    query_cache.put(("old",), ["t"], [], -1, 2, query_cache.version(["t"]))
    assert query_cache.get(("old",)) is None


# Events


async def test_handlers_are_told_in_the_order_of_the_hooks(tmp_path: Path) -> None:
    calls: list[tuple[str, Any]] = []

    def handler(subject: Any, event: str, **context: Any) -> None:
        calls.append((event, context.get("change_dict")))

    for event in SUPPORTED_EVENTS:
        get_dispatcher().register(NOTE, event, handler)
    async with database(tmp_path, Note):
        note = await Note.objects.create(text="a")
        created = [
            "before_validate",
            "validate",
            "before_insert",
            "before_save",
            "after_insert",
            "on_change",
        ]
        assert [call[0] for call in calls] == created
        assert calls[-1][1] == {"id": note.pk, "text": "a"}
        calls.clear()
        note.text = "b"
        await note.save()
        assert [call[0] for call in calls] == [
            "before_validate",
            "validate",
            "before_save",
            "on_update",
            "on_change",
        ]
        assert calls[-1][1] == {"text": "a"}
        calls.clear()
        await note.save()
        assert "on_change" not in [call[0] for call in calls]
        calls.clear()
        await note.delete()
        assert [call[0] for call in calls] == ["on_delete", "after_delete"]
        calls.clear()
        notes = await Note.objects.bulk_create([Note(text="x")])
        await Note.objects.bulk_update(notes, ["text"])
        assert [call[0] for call in calls] == [
            "pre_bulk_create", "post_bulk_create", "pre_bulk_update", "post_bulk_update",
        ]  # fmt: skip


async def test_an_async_handler_runs_after_the_commit_and_not_after_a_rollback(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    @model_event.trigger(f"{NOTE}.after_insert")
    async def handler(note: Note, event: str) -> None:
        told.append(note.text)

    async with database(tmp_path, Note):
        async with atomic():
            await Note.objects.create(text="kept")
            await asyncio.sleep(0)
            assert told == []
        await get_dispatcher().wait()
        assert told == ["kept"]
        with pytest.raises(RuntimeError):
            async with atomic():
                await Note.objects.create(text="lost")
                raise RuntimeError
        await Note.objects.create(text="alone")
        await get_dispatcher().wait()
        assert told == ["kept", "alone"]


async def test_a_failing_handler_is_logged_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @model_event.after_insert(NOTE)
    def plain(note: Note, event: str) -> None:
        raise RuntimeError("plain failed")

    @model_event.after_insert(NOTE)
    async def slow(note: Note, event: str) -> None:
        raise RuntimeError("slow failed")

    async with database(tmp_path, Note):
        with caplog.at_level(logging.ERROR, "openviper.db"):
            await Note.objects.create(text="a")
            await get_dispatcher().wait()
        assert await Note.objects.count() == 1
    assert "plain failed" in caplog.text and "slow failed" in caplog.text


def test_names_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="path of an event"):
        model_event.trigger("nodots")
    with pytest.raises(ValueError, match="not an event"):
        model_event.trigger("blog.models.Post.after_lunch")
    with pytest.raises(AttributeError):
        model_event.after_lunch("blog.models.Post")
    with pytest.raises(ValueError, match="path of a model"):
        get_dispatcher().register("Post", "validate", print)


def handler_of_the_settings(subject: Any, event: str) -> None:
    """Stand for a handler that settings name."""


def test_handlers_of_the_settings_are_loaded_from_the_project_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = f"{__name__}.handler_of_the_settings"
    with caplog.at_level(logging.WARNING, "openviper.db"):
        get_dispatcher().load(
            {NOTE: {"after_insert": [path, "os.remove", "tests.no_such"], "after_lunch": [path]}},
            ["tests.app"],
        )
    assert get_dispatcher().handlers(Note, "after_insert") == [handler_of_the_settings]
    assert all(
        text in caplog.text
        for text in ("'os.remove' is in no installed app", "tests.no_such", "after_lunch")
    )
