"""The stages around a statement: hooks, and the events of the same names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db.fields import CharField, PasswordField
from openviper.db.models import Model
from openviper.db.models.hooks import Hooks, run_hook
from openviper.db.models.lifecycle import (
    has_work_after_delete,
    has_work_after_save,
    run_after_delete,
    run_after_save,
    run_before_delete,
    run_before_save,
)
from openviper.db.query.events import get_dispatcher, model_path, reset_dispatcher

STAGES: list[str] = []


class Quiet(Model):
    _app_name = "lifecycle"

    label = CharField(max_length=5)
    password = PasswordField()


class Loud(Model):
    _app_name = "lifecycle"

    label = CharField(max_length=5)

    async def before_validate(self) -> None:
        STAGES.append("before_validate")

    async def validate(self) -> None:
        STAGES.append("validate")

    def before_insert(self) -> None:  # type: ignore[override]  # a plain function is accepted too
        STAGES.append("before_insert")

    async def before_save(self) -> None:
        STAGES.append("before_save")

    async def after_insert(self) -> None:
        STAGES.append("after_insert")

    async def on_update(self) -> None:
        STAGES.append("on_update")

    async def on_change(self, values: dict[str, Any]) -> None:
        STAGES.append(f"on_change {sorted(values)}")

    async def on_delete(self) -> None:
        STAGES.append("on_delete")

    def after_delete(self) -> None:  # type: ignore[override]  # a plain function is accepted too
        STAGES.append("after_delete")


@pytest.fixture(autouse=True)
def stages() -> Iterator[list[str]]:
    """Start with an empty list, and without handlers."""
    STAGES.clear()
    reset_dispatcher()
    yield STAGES
    reset_dispatcher()


def watch(model: type[Model], *events: str) -> None:
    """Note the events of a model among the stages."""

    def note(instance: Any, *, event: str, **context: Any) -> None:
        STAGES.append(f"<{event}{' ' + str(sorted(context)) if context else ''}>")

    for event in events:
        get_dispatcher().register(model_path(model), event, note)


async def test_hooks_run_in_their_order_before_an_insert(stages: list[str]) -> None:
    await run_before_save(Loud(label="x"), "default", creating=True)
    assert stages == ["before_validate", "validate", "before_insert", "before_save"]


async def test_an_update_has_no_insert_hook(stages: list[str]) -> None:
    await run_before_save(Loud(label="x"), "default", creating=False)
    assert stages == ["before_validate", "validate", "before_save"]


async def test_each_event_follows_the_hook_of_its_name(stages: list[str]) -> None:
    watch(Loud, "before_validate", "validate", "before_insert", "before_save")
    await run_before_save(Loud(label="x"), "default", creating=True)
    assert stages == [
        "before_validate",
        "<before_validate>",
        "validate",
        "<validate>",
        "before_insert",
        "<before_insert>",
        "before_save",
        "<before_save>",
    ]


async def test_events_are_told_where_hooks_are_empty(stages: list[str]) -> None:
    watch(Quiet, "before_validate", "before_save", "after_insert")
    quiet = Quiet(label="x")
    await run_before_save(quiet, "default", creating=False)
    await run_after_save(quiet, {}, creating=True)
    assert stages == ["<before_validate>", "<before_save>", "<after_insert>"]


async def test_behind_an_insert_the_hook_gets_all_values_but_secrets(stages: list[str]) -> None:
    await run_after_save(Loud(label="x"), {}, creating=True)
    assert stages == ["after_insert", "on_change ['id', 'label']"]
    stages.clear()
    watch(Quiet, "on_change")
    seen: list[dict[str, Any]] = []
    get_dispatcher().register(
        model_path(Quiet), "on_change", lambda _one, change_dict, **_: seen.append(change_dict)
    )
    await run_after_save(Quiet(label="x", password="hunter2"), {}, creating=True)
    assert seen == [{"id": None, "label": "x"}]


async def test_behind_an_update_the_hook_gets_the_old_values_if_there_are_any(
    stages: list[str],
) -> None:
    await run_after_save(Loud(label="x"), {"label": "old"}, creating=False)
    await run_after_save(Loud(label="x"), {}, creating=False)
    assert stages == ["on_update", "on_change ['label']", "on_update"]


async def test_a_deletion_has_a_hook_on_either_side(stages: list[str]) -> None:
    watch(Loud, "on_delete", "after_delete")
    loud = Loud(label="x")
    await run_before_delete(loud, "default")
    await run_after_delete(loud)
    assert stages == ["on_delete", "<on_delete>", "after_delete", "<after_delete>"]


def test_only_what_has_work_behind_the_statement_needs_a_transaction() -> None:
    quiet, loud = Quiet(), Loud()
    for creating in (True, False):
        assert not has_work_after_save(quiet, creating=creating)
        assert has_work_after_save(loud, creating=creating)
    assert not has_work_after_delete(quiet) and has_work_after_delete(loud)
    watch(Quiet, "validate")
    assert has_work_after_save(quiet, creating=True) and has_work_after_delete(quiet)


def test_a_hook_counts_for_its_own_kind_of_statement() -> None:
    class Inserted(Model):
        _app_name = "lifecycle"

        async def after_insert(self) -> None:
            """Have something to do."""

    class Updated(Model):
        _app_name = "lifecycle"

        async def on_update(self) -> None:
            """Have something to do."""

    for model, creating in ((Inserted, True), (Updated, False)):
        assert has_work_after_save(model(), creating=creating)
        assert not has_work_after_save(model(), creating=not creating)


async def test_an_exception_of_a_hook_goes_on_and_stops_the_rest(stages: list[str]) -> None:
    class Refusing(Loud):
        class Meta:
            proxy = True

        async def before_save(self) -> None:
            raise PermissionError("no")

    watch(Refusing, "before_save")
    with pytest.raises(PermissionError, match="no"):
        await run_before_save(Refusing(label="x"), "default", creating=True)
    assert stages == ["before_validate", "validate", "before_insert"]


async def test_a_hook_may_be_plain_or_async_and_every_one_is_empty_at_first() -> None:
    calls: list[int] = []
    await run_hook(calls.append, 1)

    async def later(value: int) -> None:
        calls.append(value)

    await run_hook(later, 2)
    assert calls == [1, 2]
    hooks = Hooks()
    for name in (
        "before_validate",
        "clean",
        "before_insert",
        "before_save",
        "after_insert",
        "on_update",
        "on_delete",
        "after_delete",
    ):
        assert await getattr(hooks, name)() is None
    assert await hooks.on_change({}) is None  # type: ignore[func-returns-value]  # that is the point
