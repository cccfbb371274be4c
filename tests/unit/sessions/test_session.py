"""The session of one request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from openviper.http.answer import begun
from openviper.http.asgi import Message, Scope
from openviper.sessions import (
    MemorySessionStore,
    Session,
    SessionDataError,
    SessionError,
    SessionKey,
    SessionRecord,
)
from openviper.sessions.stores import memory
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import RawHeaders

CART = SessionKey[list[int]]("cart", list)
NAME = SessionKey[str]("name")


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """The defaults."""
    with override(SECRET_KEY="k" * 60):
        yield


class Visit:
    """One request and what is sent to it."""

    def __init__(self, store: MemorySessionStore, **scope: Any) -> None:
        self.scope: Scope = {"type": "http", "method": "GET", "headers": [], **scope}
        self.sent: list[Message] = []
        self.answer = begun(self.scope, self._receive, self._send)
        self.session = Session(store, self.scope, self.answer)

    async def _receive(self) -> Message:
        return {"type": "http.request"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def end(self, status: int = 200, headers: RawHeaders | None = None) -> dict[bytes, bytes]:
        """Send the head of the answer and return its headers."""
        await self.answer(
            {"type": "http.response.start", "status": status, "headers": headers or []}
        )
        return dict(self.sent[0]["headers"])


async def stored(store: MemorySessionStore, **values: Any) -> str:
    """Store a session and return its key."""
    visit = Visit(store)
    visit.session.update(values)
    await visit.end()
    assert visit.session.key is not None
    return visit.session.key


async def visiting(store: MemorySessionStore, key: str, **scope: Any) -> Visit:
    """Come back with a key."""
    visit = Visit(store, **scope)
    await visit.session.load(key)
    return visit


async def test_a_session_that_nobody_touches_costs_nothing() -> None:
    store = MemorySessionStore()
    assert await Visit(store).end() == {}
    key = await stored(store, a=1)
    assert await (await visiting(store, key)).end() == {}


async def test_reading_stores_nothing_and_says_that_the_answer_depends_on_it() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    assert visit.session.get("a") is None and "a" not in visit.session
    assert await visit.end() == {b"vary": b"Cookie"}
    assert not store._records


async def test_what_is_set_is_there_in_the_next_request() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    visit.session["n"] = 1
    headers = await visit.end(headers=[(b"vary", b"Accept")])
    assert headers[b"set-cookie"].startswith(f"sessionid={visit.session.key};".encode())
    assert headers[b"vary"] == b"Accept, Cookie"
    assert headers[b"cache-control"] == b"private"
    again = await visiting(store, str(visit.session.key))
    assert again.session["n"] == 1
    assert b"set-cookie" not in await again.end()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b"public, max-age=60", b"private"),
        (b"private, max-age=60", b"private, max-age=60"),
        (b"no-store", b"no-store"),
    ],
)
async def test_no_shared_cache_keeps_an_answer_with_a_cookie(given: bytes, sent: bytes) -> None:
    visit = Visit(MemorySessionStore())
    visit.session["n"] = 1
    headers = await visit.end(headers=[(b"cache-control", given)])
    assert headers[b"cache-control"] == sent


async def test_a_key_that_nobody_knows_begins_nothing() -> None:
    store = MemorySessionStore()
    visit = await visiting(store, "x" * 64)
    assert visit.session.is_empty
    visit.session["n"] = 1
    await visit.end()
    # Not under the key that came: whoever has planted it would know it (fixation).
    assert visit.session.key not in (None, "x" * 64)


async def test_it_is_used_like_a_mapping() -> None:
    session = Visit(MemorySessionStore()).session
    session.update({"a": 1}, b=2)
    session.set("c", 3)
    assert (len(session), list(session), session.keys()) == (3, ["a", "b", "c"], ["a", "b", "c"])
    assert session.items() == [("a", 1), ("b", 2), ("c", 3)]
    assert session.setdefault("a", 9) == 1 and session.setdefault("d", 4) == 4
    assert session.pop("a") == 1 and session.pop("a", None) is None
    with pytest.raises(KeyError):
        session.pop("a")
    with pytest.raises(KeyError):
        del session["a"]
    del session["b"]
    assert session.get("b", "none") == "none"
    assert bool(session) and "c" in session
    session.clear()
    assert session.is_empty and bool(session)
    assert "secret" not in repr(session)


async def test_keys_with_a_type_are_names_with_a_default() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    cart = visit.session[CART]
    cart.append(7)
    assert NAME not in visit.session
    with pytest.raises(KeyError):
        visit.session[NAME]
    visit.session[NAME] = "Ann"
    assert visit.session.get(NAME) == "Ann"
    await visit.end()
    again = await visiting(store, str(visit.session.key))
    assert (again.session[CART], again.session[NAME], again.session["cart"]) == ([7], "Ann", [7])
    del again.session[NAME]
    assert again.session.pop(CART) == [7]
    assert repr(CART) == "SessionKey('cart')"


async def test_a_default_that_stays_as_it_is_begins_no_session() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    assert visit.session[CART] == []
    await visit.end()
    assert not store._records


async def test_what_is_changed_in_place_is_noticed() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=[1], b={"x": [1]}, c=[3])
    visit = await visiting(store, key)
    visit.session["a"].append(2)
    for _, value in visit.session.items():
        if isinstance(value, dict):
            value["x"].append(2)
    assert visit.session.is_modified
    await visit.end()
    again = await visiting(store, key)
    assert dict(again.session.items()) == {"a": [1, 2], "b": {"x": [1, 2]}, "c": [3]}
    assert not again.session.is_modified


async def test_two_requests_at_once_both_win_by_name() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=1, b=1, c=1)
    one, two = await visiting(store, key), await visiting(store, key)
    one.session["a"] = 2
    two.session["b"] = 2
    del two.session["c"]
    await two.end()
    await one.end()
    assert dict((await visiting(store, key)).session.items()) == {"a": 2, "b": 2}


async def test_a_session_that_was_ended_is_not_brought_back_by_a_late_save() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=1)
    late, ending = await visiting(store, key), await visiting(store, key)
    late.session["a"] = 2
    await ending.session.end()
    await ending.end()
    headers = await late.end()
    assert not store._records
    # Nor is the browser told anything: it may have another session by now.
    assert b"set-cookie" not in headers


@pytest.mark.parametrize("how", ["rotate", "confirm"])
async def test_nor_by_a_late_rotation(how: str) -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    key = await visit.session.log_in("1", "f")
    await visit.end()
    late, ending = await visiting(store, key), await visiting(store, key)
    await ending.session.end()
    await getattr(late.session, how)()
    assert not store._records and late.session.key is None


async def test_ending_takes_everything_and_the_cookie() -> None:
    store = MemorySessionStore()
    visit = await visiting(store, await stored(store, a=1))
    await visit.session.end()
    headers = await visit.end()
    assert headers[b"set-cookie"].startswith(b"sessionid=; Max-Age=0")
    assert not store._records and visit.session.is_empty


async def test_ending_what_has_not_begun_sends_nothing() -> None:
    visit = Visit(MemorySessionStore())
    await visit.session.end()
    assert b"set-cookie" not in await visit.end()


async def test_after_an_end_a_new_session_may_begin() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=1)
    visit = await visiting(store, key)
    await visit.session.end()
    visit.session["note"] = "goodbye"
    await visit.end()
    assert visit.session.key not in (None, key)
    assert [record.data for record in store._records.values()] == [{"note": "goodbye"}]


async def test_logging_in_takes_another_key_and_keeps_what_nobody_had() -> None:
    store = MemorySessionStore()
    key = await stored(store, cart=[1])
    visit = await visiting(store, key, client=("192.0.2.1", 5))
    new = await visit.session.log_in("7", "print")
    assert new == visit.session.key != key
    assert await store.load(key) is None
    record = await store.load(new)
    assert record is not None
    assert (record.user_id, record.fingerprint, record.data) == ("7", "print", {"cart": [1]})
    assert record.address == "192.0.2.1" and record.authenticated_at > 0
    assert visit.session.user_id == "7"


async def test_what_another_user_had_does_not_come_along() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    visit.session["secret"] = "of 7"
    key = await visit.session.log_in("7", "f")
    again = await visiting(store, key)
    await again.session.log_in("8", "f")
    assert again.session.is_empty
    same = await visiting(store, str(again.session.key))
    same.session["own"] = 1
    await same.session.log_in("8", "f")
    assert same.session["own"] == 1


async def test_the_browsers_name_is_kept_short_and_printable() -> None:
    store = MemorySessionStore()
    agent = b"Fire\x01fox " + b"x" * 500
    visit = Visit(store, headers=[(b"user-agent", agent)])
    await visit.session.log_in("7", "f")
    (record,) = await store.sessions_of("7")
    assert record.user_agent.startswith("Firefox xxx") and len(record.user_agent) == 200


async def test_rotation_keeps_all_but_the_key() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    visit.session["a"] = 1
    first = await visit.session.log_in("7", "f")
    before = visit.session.record
    visit.session["b"] = 2
    await visit.session.rotate()
    after = visit.session.record
    assert before is not None and after is not None
    assert visit.session.key != first and await store.load(first) is None
    assert after.data == {"a": 1, "b": 2} and after.created_at == before.created_at
    await Visit(store).session.rotate()  # Of what is not stored: nothing.
    assert len(store._records) == 1


async def test_a_remembered_session_outlives_the_browser() -> None:
    visit = Visit(MemorySessionStore())
    await visit.session.log_in("7", "f", remember=True)
    assert b"Max-Age=1209600" in (await visit.end())[b"set-cookie"]
    other = Visit(MemorySessionStore())
    await other.session.log_in("7", "f")
    assert b"Max-Age" not in (await other.end())[b"set-cookie"]


async def test_a_session_past_half_of_its_life_is_prolonged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemorySessionStore()
    with override(SESSION_TIMEOUT=timedelta(hours=1)):
        visit = Visit(store)
        key = await visit.session.log_in("7", "f", remember=False)
        record = store._records[str(visit.session.id)]
        record.expires_at -= 1900
        before = record.expires_at
        again = await visiting(store, key)
        headers = await again.end()
        assert store._records[str(visit.session.id)].expires_at > before
        assert b"set-cookie" in headers
        # And an expired one is gone.
        monkeypatch.setattr(memory, "now", lambda: record.expires_at + 7200)
        assert (await visiting(store, key)).session.is_of_user is False


async def test_what_a_failed_handler_has_left_is_not_kept() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=1)
    visit = await visiting(store, key)
    visit.session["a"] = 2
    await visit.end(500)
    assert not visit.session.is_modified
    assert (await visiting(store, key)).session["a"] == 1


async def test_a_value_that_cannot_be_kept_is_an_error_before_the_answer() -> None:
    visit = Visit(MemorySessionStore())
    visit.session["bad"] = object()
    with pytest.raises(SessionDataError):
        await visit.end()
    assert not visit.answer.is_started


async def test_no_session_begins_once_the_answer_has_begun() -> None:
    visit = Visit(MemorySessionStore())
    await visit.end()
    with pytest.raises(SessionError, match="once the answer has begun"):
        visit.session["a"] = 1
    with pytest.raises(SessionError, match="nor in a WebSocket"):
        Session(MemorySessionStore(), {"type": "websocket"})["a"] = 1


async def test_one_that_is_stored_can_still_be_changed_then() -> None:
    store = MemorySessionStore()
    key = await stored(store, a=1)
    visit = await visiting(store, key)
    await visit.end()
    visit.session["a"] = 2
    await visit.session.save()
    assert (await visiting(store, key)).session["a"] == 2
    with pytest.raises(SessionError):
        await visit.session.rotate()


async def test_saving_by_hand_and_again_at_the_end_stores_once() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    await visit.session.save()
    visit.session.clear()
    await visit.session.save()
    assert not store._records
    visit.session["a"] = 1
    await visit.session.save()
    key = visit.session.key
    await visit.end()
    assert visit.session.key == key and len(store._records) == 1
    assert visit.session.take_cookie() is None


async def test_clearing_leaves_the_user_logged_in() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    visit.session["a"] = 1
    key = await visit.session.log_in("7", "f")
    again = await visiting(store, key)
    again.session.clear()
    again.session["b"] = 2
    await again.end()
    last = await visiting(store, key)
    assert dict(last.session.items()) == {"b": 2} and last.session.user_id == "7"


async def test_new_credentials_end_all_but_this_one() -> None:
    store = MemorySessionStore()
    visit = Visit(store)
    key = await visit.session.log_in("7", "old")
    await visit.session.renew_fingerprint("new")
    (record,) = await store.sessions_of("7")
    assert record.fingerprint == "new" and visit.session.key != key


async def test_a_session_of_nobody_is_not_of_a_user() -> None:
    session = Visit(MemorySessionStore()).session
    assert session.user_id is None and session.authenticated_at == 0 and not session.is_of_user
    assert session.id is None and session.record is None
    assert isinstance(SessionRecord().created_at, float)
