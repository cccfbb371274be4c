"""Arguments of another type than the annotation says are refused when they are sent, and not by the worker."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast
from uuid import UUID

import pytest

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Message, Outcome
from openviper.tasks.sending import build_message
from openviper.tasks.worker.outcome import failed
from openviper.testing.tasks import TaskQueue
from openviper.validation import Between, WriteOnly

if TYPE_CHECKING:
    from nowhere import Hidden  # type: ignore[import-not-found]  # for the type checker only


def checked(fn: Any) -> Actor[Any, Any]:
    """Return an actor that no registry knows."""
    return Actor(fn, actor_name=fn.__qualname__)


def plain(user_id: int, name: str = "", *, force: bool = False) -> None: ...


def nested(
    ids: list[int], kind: Literal["a", "b"] = "a", most: Annotated[int, Between(1, 9)] = 1
) -> None: ...


def untyped(user_id, hidden: Hidden = None, anything: Any = None, own: complex = 1j) -> None: ...  # type: ignore[no-untyped-def]


def gathering(*ids: int, **options: str) -> None: ...


@pytest.mark.parametrize(
    ("fn", "args", "kwargs"),
    [
        (plain, (1,), {}),
        (plain, (1, "a"), {"force": True}),
        (plain, (True.__int__(),), {"name": "a"}),
        (nested, ([1, 2],), {"kind": "b"}),
        (nested, ((1, 2), "b", 9), {}),
        (untyped, ("x", object(), object(), object()), {}),
        (gathering, (1, 2), {"a": "b"}),
        (plain, (1,), {"name": "a\ud800"}),
    ],
)
def test_arguments_that_fit_are_let_through(fn: Any, args: Any, kwargs: Any) -> None:
    checked(fn).check_arguments(args, kwargs)


@pytest.mark.parametrize(
    ("fn", "args", "kwargs", "message"),
    [
        (plain, ("1",), {}, "user_id: must be an integer, not '1'"),
        (plain, (True,), {}, "user_id: must be an integer, not True"),
        (plain, (1,), {"force": 1}, "force: must be true or false, not 1"),
        (plain, (1, "a", 3), {}, "too many positional arguments"),
        (nested, ([1, "x"],), {}, "ids.1: must be an integer, not 'x'"),
        (nested, ([], "c"), {}, "kind: must be one of 'a', 'b', not 'c'"),
        (nested, ([],), {"most": 10}, "most: must be between 1 and 9, not 10"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    fn: Any, args: Any, kwargs: Any, message: str
) -> None:
    with pytest.raises(TypeError, match="cannot be called so: ") as caught:
        checked(fn).check_arguments(args, kwargs)
    assert message in str(caught.value)


@pytest.mark.one_version
def test_what_fits_at_first_sight_imports_nothing() -> None:
    source = (
        "import sys\n"
        "from openviper.tasks.actors import Actor\n"
        "def send(user_id: int, name: 'str' = ''): ...\n"
        "Actor(send, actor_name='send').check_arguments((1, 'a'), {})\n"
        "assert 'openviper.validation' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


# Sent typed, received typed


class Colour(Enum):
    RED = "red"


@dataclass
class Line:
    book: UUID
    price: Decimal = Decimal(0)
    extra: Any = None


class Options(TypedDict, total=False):
    since: date


def typed(when: datetime, line: Line | None = None, *, colour: Colour = Colour.RED) -> None: ...


def containers(
    ids: set[int],
    lines: list[Line],
    by_day: dict[date, timedelta],
    pair: tuple[int, bytes] = (1, b""),
) -> None: ...


def optional(options: Options, key: UUID | None = None, size: float = 0) -> None: ...


@dataclass
class Measure:
    size: float
    took: timedelta = timedelta(0)


def measured(of: Measure) -> None: ...


def words(chosen: set[str]) -> None: ...


NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
LINE = Line(UUID(int=7), Decimal("1.50"), {"a": [1]})


def travelled(fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Return what a function gets of a call that was sent."""
    actor = checked(fn)
    message = build_message(actor.actor_name, actor, args, kwargs)
    got, named = actor.received(message)
    return tuple(got), dict(named)


@pytest.mark.parametrize(
    ("fn", "args", "kwargs"),
    [
        (typed, (NOON,), {}),
        (typed, (NOON, LINE), {"colour": Colour.RED}),
        (typed, (), {"when": NOON, "line": None}),
        (containers, ({1, 2}, [LINE, LINE], {date(2026, 1, 31): timedelta(hours=1)}), {}),
        (containers, (set(), [], {}, (3, b"\0")), {}),
        (optional, ({"since": date(2026, 1, 31)}, UUID(int=1)), {"size": 1.5}),
        (optional, ({},), {}),
        (plain, (1, "a"), {"force": True}),
        (gathering, (1, 2), {"a": "b"}),
    ],
)
def test_what_is_sent_typed_is_received_typed(
    fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert travelled(fn, args, kwargs) == (args, kwargs)


def test_what_json_has_for_a_type_may_be_sent_in_its_place() -> None:
    got, _ = travelled(typed, ("2026-11-30T12:00:00+00:00", {"book": str(UUID(int=7))}), {})
    assert got == (NOON, Line(UUID(int=7)))


def test_plain_arguments_are_sent_as_they_always_were() -> None:
    actor = checked(nested)
    assert build_message("n", actor, ([1], "a"), {}).payload == '{"args":[[1],"a"],"kwargs":{}}'


@pytest.mark.parametrize(
    ("fn", "args", "message"),
    [
        (typed, ("noon",), "when: must be a date and time"),
        (typed, (NOON, Line(UUID(int=1), Decimal(1), object())), "cannot be written as JSON"),
        (typed, (NOON, Line(UUID(int=1), Decimal(1), NOON)), "cannot be written as JSON"),
        (containers, ({1}, [{"book": "x"}], {}), "lines.0.book: must be a UUID"),
        (
            typed,
            (NOON, Line(UUID(int=1), cast("Any", "x"))),
            "cannot be called so: line: a str was given where",
        ),
        (measured, (Measure(math.nan),), "cannot be called so: of: a number is not finite"),
        (measured, (Measure(1.5, timedelta(days=10**5, microseconds=1)),), "of: a duration is too"),
    ],
)
def test_what_cannot_travel_is_refused_when_it_is_sent(fn: Any, args: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        travelled(fn, args, {})


@dataclass
class Counted:
    total: int = field(init=False, default=0)


@dataclass
class Written:
    word: Annotated[str, WriteOnly()] = ""


@pytest.mark.parametrize("of", [Counted, Written])
def test_a_field_that_would_be_lost_on_the_way_is_named(of: type[Any]) -> None:
    def lossy(value: Any) -> None: ...

    lossy.__annotations__["value"] = of
    with pytest.raises(
        TypeError, match=rf"value: {of.__name__}\.\w+ cannot be both written and read"
    ):
        travelled(lossy, (of(),), {})


@pytest.mark.parametrize(
    ("fn", "content", "message"),
    [
        (typed, {"args": ["hunter2"], "kwargs": {}}, "when: must be a date and time"),
        (typed, {"args": [], "kwargs": {}}, "missing a required argument: 'when'"),
        (typed, {"args": [None, None, None], "kwargs": {}}, "too many positional arguments"),
        (plain, {"args": ["hunter2"], "kwargs": {}}, "user_id: must be an integer"),
        (plain, {"args": [1], "kwargs": {"other": 1}}, "unexpected keyword argument 'other'"),
    ],
)
def test_a_message_that_does_not_fit_is_bad_and_its_values_are_not_told(
    fn: Any, content: Any, message: str
) -> None:
    with pytest.raises(BadMessageError, match=message) as caught:
        checked(fn).received(Message("a", "default", json.dumps(content)))
    assert "hunter2" not in str(caught.value)


def test_a_bad_message_is_dead_at_once() -> None:
    actor = checked(typed)
    message = Message("a", "default", '{"args":["x"],"kwargs":{}}')
    with pytest.raises(BadMessageError) as caught:
        actor.received(message)
    assert failed(message, actor, caught.value).outcome is Outcome.DEAD


def test_half_a_surrogate_pair_travels_as_plain_text_and_not_in_what_is_converted() -> None:
    assert travelled(plain, (1, "a\ud800"), {}) == ((1, "a\ud800"), {})
    with pytest.raises(TypeError, match="surrogate"):
        travelled(words, ({"\ud800"},), {})


def test_the_same_arguments_have_the_same_payload() -> None:
    actor = checked(containers)
    payloads = {
        build_message("c", actor, (ids, [], {}), {}).payload for ids in ({3, 1, 2}, {2, 3, 1})
    }
    assert payloads == {'{"args":[[1,2,3],[],{}],"kwargs":{}}'}


def test_a_captured_task_shows_its_arguments_typed() -> None:
    actor = Registry.register_actor(Actor(typed, actor_name="tests.arguments.captured"))
    queue = TaskQueue()
    with queue.patch():
        actor.send(NOON, LINE)
    assert queue.tasks[0].args == (NOON, LINE)
