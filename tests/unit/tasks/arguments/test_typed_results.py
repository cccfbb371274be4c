"""What an actor returns is written and read as its return annotation says."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest

from openviper.tasks import enqueue_task
from openviper.tasks.actors import Actor, Registry
from openviper.tasks.brokers.base import StoredResult
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import ResultTypeError
from openviper.tasks.message import to_json
from openviper.validation import WriteOnly
from tests.unit.tasks.conftest import Configure

if TYPE_CHECKING:
    from nowhere import Hidden  # type: ignore[import-not-found]  # for the type checker only

DAY = date(2026, 1, 31)


@dataclass
class Span:
    """A value that JSON does not have."""

    begin: date
    length: timedelta


@dataclass
class Share:
    """A share of something, or none."""

    part: float | None


def returning(annotation: Any) -> Actor[Any, Any]:
    """Return an actor that is annotated so."""

    def work() -> Any: ...

    work.__annotations__["return"] = annotation
    return Actor(work, actor_name="work", store_results=True)


def plain_of_async() -> Awaitable[date]:
    raise NotImplementedError


def plain_of_coroutine() -> Coroutine[Any, Any, date]:
    raise NotImplementedError


async def coroutine() -> date:
    return DAY


def hidden() -> Hidden: ...
def silent(): ...  # type: ignore[no-untyped-def]  # what the test is about


def passing_on(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function around another one, as decorators do."""

    @wraps(fn)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return inner


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (date, DAY),
        ("date", DAY),
        (date | None, None),
        (None, None),
        (int, 5),
        (float, 5),
        (str, "a\ud800"),
        (Decimal, Decimal("1.50")),
        (list[UUID], [UUID(int=7)]),
        (tuple[int, Span], (1, Span(DAY, timedelta(seconds=1.5)))),
        (dict[date, set[int]], {DAY: {1, 2}}),
        (bytes, b"\0\xff"),
        (Share, Share(0.5)),
        (timedelta, timedelta(days=49_000, microseconds=1)),
        (timedelta, timedelta.min),
        (Any, {"a": [1]}),
        (complex, 1),
    ],
)
def test_a_result_comes_back_in_its_type(annotation: Any, value: Any) -> None:
    actor = returning(annotation)
    read = actor.read_result(json_of(actor.written_result(value)))
    assert read == value
    assert type(read) is type(value) or annotation is float


def json_of(value: Any) -> Any:
    """Return what a store gives back."""
    return json.loads(to_json(value))


@pytest.mark.parametrize(
    "fn", [plain_of_async, plain_of_coroutine, coroutine, passing_on(coroutine)]
)
def test_the_result_of_a_coroutine_is_what_one_awaits(fn: Callable[..., Any]) -> None:
    actor: Actor[Any, Any] = Actor(fn, actor_name="work")
    assert actor.written_result(DAY) == "2026-01-31"
    assert actor.read_result("2026-01-31") == DAY


@pytest.mark.parametrize("fn", [hidden, silent])
def test_a_result_of_which_nothing_is_known_is_what_json_has(fn: Callable[..., Any]) -> None:
    actor: Actor[Any, Any] = Actor(fn, actor_name="work")
    assert actor.written_result([1]) == [1]
    assert actor.read_result([1]) == [1]


@dataclass
class Written:
    """A value whose field would be lost."""

    word: Annotated[str, WriteOnly()] = ""


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (date, "hunter2", "must be a date"),
        (int, "hunter2", "must be an integer"),
        (int, None, "must be an integer"),
        (bool, 1, "must be true or false"),
        (None, "hunter2", "must be null"),
        (list[Span], [Span(DAY, timedelta()), "hunter2"], "1: must be an object"),
        (Span, Span("hunter2", timedelta()), "a str was given where date"),  # type: ignore[arg-type]  # what is tested
        (Written, Written("hunter2"), "Written.word cannot be both written and read"),
        (Share, Share(float("nan")), "a number is not finite"),
        (list[Share], [Share(0.5), Share(float("inf"))], "a number is not finite"),
        (timedelta, timedelta(days=100_000, microseconds=1), "too long .* to the microsecond"),
        (dict[str, float], {"a": float("inf")}, "must be"),
    ],
)
def test_a_result_of_another_type_is_refused_and_its_value_is_not_told(
    annotation: Any, value: Any, problem: str
) -> None:
    with pytest.raises(
        TypeError, match=f"'work' is not what its annotation says: .*{problem}"
    ) as e:
        to_json(returning(annotation).written_result(value))
    assert "hunter2" not in str(e.value)


def test_a_kept_result_that_no_longer_fits_is_an_error_of_its_own() -> None:
    with pytest.raises(ResultTypeError, match="must be a date") as caught:
        returning(date).read_result("hunter2")
    assert caught.value.actor_name == "work"
    assert "hunter2" not in str(caught.value)


def test_whoever_sends_by_name_gets_what_json_has_and_the_actor_reads_it(
    memory: MemoryBroker, configure: Configure
) -> None:
    configure(backend_url="on")
    sent = enqueue_task("work")
    memory.results[sent.message_id] = StoredResult('"2026-01-31"', "")
    assert sent.get_result(timeout=0) == "2026-01-31"
    actor = Registry.register_actor(returning(date))
    assert actor.get_result(sent, timeout=0) == DAY
    known = enqueue_task("work")
    memory.results[known.message_id] = StoredResult('"2026-01-31"', "")
    assert known.get_result(timeout=0) == actor.get_result(known, timeout=0) == DAY
