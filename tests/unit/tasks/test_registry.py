"""Actors and periodic jobs by name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openviper.tasks.registry import ActorRegistry, ScheduleEntry


def made(name: str, qualname: str | None = None, module: str = "shop.tasks") -> Any:
    """Return what the registry sees of an actor."""
    fn = SimpleNamespace(__module__=module, __qualname__=qualname or name.rpartition(".")[2])
    return SimpleNamespace(actor_name=name, fn=fn)


@pytest.fixture
def registry() -> ActorRegistry[Any]:
    """An empty registry."""
    return ActorRegistry()


def test_an_actor_is_found_by_its_name_and_by_a_short_one_that_fits_no_other(
    registry: ActorRegistry[Any],
) -> None:
    one = registry.register_actor(made("shop.tasks.pay"))
    assert registry.find_actor("shop.tasks.pay") is registry.find_actor("pay") is one
    registry.register_actor(made("bank.tasks.pay", module="bank.tasks"))
    assert registry.find_actor("pay") is None
    assert registry.find_actor("shop.tasks.pay") is one


def test_a_full_name_comes_before_a_short_one(registry: ActorRegistry[Any]) -> None:
    short = registry.register_actor(made("pay", "other"))
    registry.register_actor(made("shop.tasks.pay"))
    assert registry.find_actor("pay") is short


def test_a_name_that_nobody_has_is_an_error_with_those_there_are(
    registry: ActorRegistry[Any],
) -> None:
    with pytest.raises(LookupError, match="no actor 'pay' is known; known: none"):
        registry.get_actor("pay")
    registry.register_actor(made("z"))
    registry.register_actor(made("a"))
    with pytest.raises(LookupError, match="known: a, z"):
        registry.get_actor("pay")
    assert registry.find_actor("") is None


def test_the_same_function_again_takes_the_place_of_the_first_as_after_a_reload(
    registry: ActorRegistry[Any],
) -> None:
    registry.register_actor(made("pay"))
    again = registry.register_actor(made("pay"))
    assert registry.actors() == [again]


@pytest.mark.parametrize(
    "other", [made("pay", "charge"), made("pay", module="bank.tasks")], ids=["name", "module"]
)
def test_two_functions_of_one_name_are_refused_with_both(
    registry: ActorRegistry[Any], other: Any
) -> None:
    first = registry.register_actor(made("pay"))
    with pytest.raises(
        ValueError, match=r"two functions are actors by the name 'pay': shop\.tasks"
    ):
        registry.register_actor(other)
    assert registry.actors() == [first]


def test_jobs_are_listed_by_name_and_each_name_is_taken_once(registry: ActorRegistry[Any]) -> None:
    for name in ("b", "a"):
        registry.add_schedule(ScheduleEntry(name, "pay", "60", every=60))
    assert [entry.name for entry in registry.schedule()] == ["a", "b"]
    with pytest.raises(ValueError, match="there is a periodic job 'a' already"):
        registry.add_schedule(ScheduleEntry("a", "other", "60", every=60))


def test_forgetting_takes_all_or_those_that_are_named(registry: ActorRegistry[Any]) -> None:
    for name in ("a", "b", "c"):
        registry.register_actor(made(name))
        registry.add_schedule(ScheduleEntry(name, name, "60", every=60))
    registry.forget(["a", "nobody"])
    assert [actor.actor_name for actor in registry.actors()] == ["b", "c"]
    assert [entry.name for entry in registry.schedule()] == ["b", "c"]
    registry.forget([])
    assert len(registry.actors()) == 2
    registry.forget()
    assert (registry.actors(), registry.schedule()) == ([], [])


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"every": 90}, "every 90 s"),
        ({"cron": "0 3 * * *"}, "0 3 * * *"),
        ({"cron": "0 3 * * *", "timezone": "Europe/Berlin"}, "0 3 * * * Europe/Berlin"),
    ],
)
def test_a_schedule_has_one_text_so_that_a_change_is_seen(keys: dict[str, Any], text: str) -> None:
    assert ScheduleEntry("a", "b", "", **keys).text == text


def test_a_module_is_imported_when_its_actor_is_first_asked_for(
    registry: ActorRegistry[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "expected_later.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.expect_actor("later", "expected_later")
    assert registry.find_actor("other") is None
    with pytest.raises(RuntimeError, match="imported"):
        registry.find_actor("later")
    registry.expect_actor("never", "no_such_module_anywhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        registry.get_actor("never")
