"""What a request has where nothing keeps sessions: empty to whoever reads, loud to whoever wants something kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openviper.exceptions import ImproperlyConfigured
from openviper.http.messages import LEVELS, UserMessage, add_message, stored_messages
from openviper.http.sessions import AbsentSession, SessionKey

CART = SessionKey[list[int]]("cart", list)


class Holder:
    """What is asked of a request for messages."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.state: dict[str, Any] = {}


@pytest.mark.parametrize("key", ["cart", CART])
def test_reading_finds_nothing(key: Any) -> None:
    session = AbsentSession()
    assert key not in session and list(session) == [] and len(session) == 0
    assert session.is_empty and session.key is session.id is session.user_id is None
    assert session.get(key) is None and session.get(key, 7) == 7
    assert session.pop(key, None) is None
    reads: list[Callable[[], Any]] = [lambda: session[key], lambda: session.pop(key)]
    for read in reads:
        with pytest.raises(KeyError, match="cart"):
            read()


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.__setitem__("a", 1),
        lambda session: session.__delitem__("a"),
        lambda session: session.set("a", 1),
        lambda session: session.setdefault(CART, []),
        lambda session: session.update({"a": 1}),
        lambda session: session.update(a=1),
    ],
)
def test_keeping_something_says_which_middleware_is_missing(write: Callable[[Any], Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
        write(AbsentSession())


async def test_forgetting_and_saving_nothing_is_no_mistake() -> None:
    session = AbsentSession()
    session.clear()
    await session.save()
    assert session.is_empty


@pytest.mark.parametrize("session", [AbsentSession(), {}])
def test_messages_wait_in_the_session_or_else_in_the_request(session: Any) -> None:
    holder = Holder(session)
    add_message(holder, "one", "info")
    add_message(holder, 2, "error")  # type: ignore[arg-type]  # whatever it is, it is shown as text
    assert bool(holder.state) is isinstance(session, AbsentSession)
    waiting = [UserMessage("info", "one"), UserMessage("error", "2")]
    assert stored_messages(holder, keep=True) == waiting
    assert stored_messages(holder, keep=False) == waiting
    assert stored_messages(holder, keep=False) == [] and not holder.state and len(session) == 0


def test_a_new_message_is_a_new_value_so_that_the_session_notices() -> None:
    session: dict[str, Any] = {}
    holder = Holder(session)
    add_message(holder, "one", "info")
    (before,) = session.values()
    add_message(holder, "two", "info")
    (after,) = session.values()
    assert before is not after and len(before) == 1


@pytest.mark.parametrize("level", ["", "INFO", "critical", None])
def test_a_level_that_there_is_not_is_refused_and_nothing_is_left(level: Any) -> None:
    holder = Holder(AbsentSession())
    with pytest.raises(ValueError, match=LEVELS[0]):
        add_message(holder, "x", level)
    assert stored_messages(holder, keep=False) == []


def test_a_key_shows_its_name_and_not_its_value() -> None:
    assert repr(CART) == "SessionKey('cart')"
