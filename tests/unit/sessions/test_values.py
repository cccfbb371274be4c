"""What a session keeps: values as they come back, names, changes in place, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.exceptions import ImproperlyConfigured
from openviper.http.answer import begun as begun_answer
from openviper.http.asgi import Message, Scope
from openviper.sessions import (
    BaseSessionStore,
    Changes,
    MemorySessionStore,
    Session,
    SessionDataError,
    SessionError,
    SessionKey,
    SessionRecord,
)
from openviper.sessions.cookie import cookie_values
from openviper.sessions.keys import is_key
from openviper.sessions.record import encode_data
from openviper.sessions.session import keep_private, user_agent_of
from openviper.sessions.stores.configured import check_session_store, forget_stores, session_store
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import RawHeaders

CART = SessionKey[dict[str, int]]("cart", dict)


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """A key, and no store that another test has made."""
    with override(SECRET_KEY="k" * 60):
        forget_stores()
        yield
    forget_stores()


async def nothing(_message: Message) -> None:
    """Send nothing."""


async def no_request() -> Message:
    """Receive nothing."""
    return {"type": "http.request"}


def begun(store: BaseSessionStore) -> Session:
    """Return the session of a new request."""
    scope: Scope = {"type": "http", "method": "GET", "headers": []}
    return Session(store, scope, begun_answer(scope, no_request, nothing))


async def again(session: Session) -> Session:
    """Return the session as the next request has it."""
    await session.save()
    assert session.key is not None
    other = begun(session.store)
    await other.load(session.key)
    return other


# Values


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        "",
        "é\0\n\u202e\U0001f40d",
        "\ud800",
        [],
        {},
        [[{"a": [None]}]],
        {"": 1, "5": 2, "\0": 3},
    ],
)
async def test_values_of_json_come_back_as_they_were(value: Any) -> None:
    session = begun(MemorySessionStore())
    session["it"] = value
    back = (await again(session))["it"]
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ({5: 1}, 5),
        ({None: 1}, None),
        ({True: 1}, True),
        ({1.5: 1}, 1.5),
        ({"a": {"b": {7: 1}}}, 7),
        ([{"a": 1}, [{8: 1}]], 8),
        (({9: 1},), 9),
    ],
)
async def test_a_key_that_would_come_back_as_text_is_refused(value: Any, key: Any) -> None:
    session = begun(MemorySessionStore())
    session["cart"] = value
    with pytest.raises(SessionDataError) as caught:
        await session.save()
    assert str(caught.value) == (
        f"session['cart'] holds a mapping with the key {key!r}, and sessions keep only what JSON can say"
    )
    assert session.key is None


async def test_such_a_key_is_refused_too_when_it_is_set_in_place() -> None:
    session = begun(MemorySessionStore())
    session["cart"] = {"1": 1}
    other = await again(session)
    other["cart"][2] = 1
    with pytest.raises(SessionDataError, match="the key 2"):
        await other.save()
    assert (await again(session))["cart"] == {"1": 1}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({1, 2}, "set"),
        (b"x", "bytes"),
        (float("inf"), "float"),
        (object(), "object"),
        ([1, {"a": 1j}], "list"),
        ({("a",): 1}, "dict"),
    ],
)
def test_what_json_cannot_say_is_named_by_its_place(value: Any, kind: str) -> None:
    with pytest.raises(SessionDataError) as caught:
        encode_data({"fine": 1, "it": value})
    assert (caught.value.key, caught.value.kind) == ("it", kind)


def test_the_time_for_large_values_grows_with_their_length() -> None:
    large = {"rows": [{"a": [1, 2, {"b": str(number)}]} for number in range(20_000)]}
    assert encode_data(large).count('"b"') == 20_000


# Like a mapping


async def test_what_is_changed_in_place_is_stored() -> None:
    session = begun(MemorySessionStore())
    session["rows"] = [{"count": 1}]
    second = await again(session)
    second["rows"][0]["count"] = 2
    assert second.is_modified
    third = await again(second)
    assert third["rows"] == [{"count": 2}] and not third.is_modified


async def test_what_is_changed_in_place_after_saving_is_a_change_again() -> None:
    session = begun(MemorySessionStore())
    rows: list[int] = []
    session["rows"] = rows
    await session.save()
    session["rows"].append(1)
    assert (await again(session))["rows"] == [1]


async def test_removing_and_setting_again_in_one_request() -> None:
    session = begun(MemorySessionStore())
    session.update({"a": 1, "b": 2, "c": 3})
    second = await again(session)
    del second["a"]
    second["a"] = 10
    second["b"] = 20
    del second["b"]
    assert second.pop("c") == 3
    assert second.pop("c", "none") == "none"
    third = await again(second)
    assert dict(third.items()) == {"a": 10} and third.keys() == ["a"] and len(third) == 1


async def test_clearing_and_setting_again_in_one_request() -> None:
    session = begun(MemorySessionStore())
    session.update(a=1, b=2)
    second = await again(session)
    second.clear()
    second["b"] = 3
    assert dict((await again(second)).items()) == {"b": 3}


async def test_what_is_not_there_is_a_key_error_and_changes_nothing() -> None:
    session = begun(MemorySessionStore())
    session["a"] = 1
    other = await again(session)
    attempts: list[Callable[[], object]] = [
        lambda: other["b"],
        lambda: other.pop("b"),
        lambda: other.__delitem__("b"),
    ]
    for attempt in attempts:
        with pytest.raises(KeyError, match="'b'"):
            attempt()
    assert not other.is_modified and dict((await again(other)).items()) == {"a": 1}


async def test_a_typed_key_with_a_default_stores_it_only_when_it_is_changed() -> None:
    session = begun(MemorySessionStore())
    session["a"] = 1
    second = await again(session)
    assert second[CART] == {}
    untouched = second.is_modified
    second[CART]["book"] = 2
    assert (untouched, second.is_modified) == (False, True)
    assert (await again(second)).get(CART) == {"book": 2}


async def test_setdefault_and_get_know_typed_keys() -> None:
    session = begun(MemorySessionStore())
    name = SessionKey[str]("name")
    assert session.get(name) is None and session.get(name, "nobody") == "nobody"
    assert session.setdefault(name, "ada") == "ada" and session.setdefault(name, "eve") == "ada"
    assert name in session and "name" in session and 5 not in session
    session.set(name, "eve")
    assert (await again(session))[name] == "eve"


def test_a_session_is_true_however_empty_and_shows_no_values() -> None:
    session = begun(MemorySessionStore())
    assert bool(session) and session.is_empty and repr(session) == "<Session not stored>"
    session["password"] = "secret"
    assert "secret" not in repr(session) and not session.is_empty


async def test_two_requests_that_change_different_names_both_win() -> None:
    session = begun(MemorySessionStore())
    session.update(a=1, b=1)
    first = await again(session)
    second = await again(session)
    first["a"] = 2
    del second["b"]
    second["c"] = 3
    await first.save()
    await second.save()
    assert dict((await again(first)).items()) == {"a": 2, "c": 3}


async def test_what_was_cleared_meanwhile_is_not_brought_back_by_another_request() -> None:
    session = begun(MemorySessionStore())
    session.update(a=1, b=1)
    first, second = await again(session), await again(session)
    first.clear()
    second["b"] = 2
    await first.save()
    await second.save()
    assert dict((await again(second)).items()) == {"b": 2}


async def test_a_session_that_was_ended_meanwhile_stays_ended_and_its_changes_go() -> None:
    store = MemorySessionStore()
    session = begun(store)
    session["a"] = 1
    first, second = await again(session), await again(session)
    await first.end()
    second["a"] = 2
    await second.save()
    assert second.key is None and second.is_empty and not second.is_modified
    assert store._records == {}


async def test_rotating_what_was_ended_meanwhile_does_not_bring_it_back() -> None:
    store = MemorySessionStore()
    session = begun(store)
    session["a"] = 1
    first, second = await again(session), await again(session)
    await first.end()
    await second.rotate()
    assert second.key is None and store._records == {}
    await second.confirm()
    await second.renew_fingerprint("f")
    assert store._records == {}


async def test_without_an_answer_no_session_begins() -> None:
    session = Session(MemorySessionStore(), {"type": "websocket", "headers": []})
    attempts: list[Callable[[], object]] = [
        lambda: session.set("a", 1),
        lambda: session.update(a=1),
        lambda: session.setdefault("a", 1),
        session.clear,
    ]
    for attempt in attempts:
        with pytest.raises(SessionError, match="^a session cannot begin once the answer has begun"):
            attempt()
    with pytest.raises(SessionError, match="nor in a WebSocket"):
        await session.log_in("1", "f")
    assert session.get("a") is None


# Stores that the settings name


class Abstract(BaseSessionStore):
    """Lacks every method."""


class NeedsMore(MemorySessionStore):
    """Cannot be made without an argument."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place


own_store = MemorySessionStore()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.such", "SESSION_STORE 'no.such' cannot be imported"),
        ("no_such_module.Store", "SESSION_STORE 'no_such_module.Store' cannot be imported"),
        ("decimal.Decimal", "SESSION_STORE 'decimal.Decimal' is not a BaseSessionStore"),
        (f"{__name__}.Abstract", "Abstract': Can't instantiate abstract class Abstract"),
        (f"{__name__}.NeedsMore", "NeedsMore': .* missing 1 required positional argument: 'place'"),
    ],
)
def test_what_is_no_store_is_named(name: str, message: str) -> None:
    with override(SESSION_STORE=name), pytest.raises(ImproperlyConfigured, match=message):
        session_store()
    with override(SESSION_STORE=name), pytest.raises(ImproperlyConfigured, match=message):
        check_session_store()


def test_a_cache_that_is_not_there_is_named() -> None:
    with (
        override(SESSION_STORE="cache", SESSION_CACHE="nope"),
        pytest.raises(
            ImproperlyConfigured, match="SESSION_STORE 'cache': CACHES has no alias 'nope'"
        ),
    ):
        session_store()


def test_a_store_may_be_an_object_of_the_project_and_is_made_once() -> None:
    with override(SESSION_STORE=f"{__name__}.own_store"):
        assert session_store() is own_store
    with override(SESSION_STORE="memory"):
        first = session_store()
        assert session_store() is first
        forget_stores()
        assert session_store() is not first


async def test_a_store_that_cannot_list_says_what_to_set() -> None:
    with override(SESSION_STORE="cookie"):
        store = session_store()
    for attempt in (
        store.sessions_of("1"),
        store.delete_by_id("1", "x"),
        store.delete_user_sessions("1"),
    ):
        with pytest.raises(SessionError, match="^CookieSessionStore keeps nothing on the server"):
            await attempt
    assert not store.can_list and await store.clear_expired() == 0


async def test_in_memory_the_sessions_of_others_are_left_alone() -> None:
    store = MemorySessionStore()
    keys = {}
    for user, used in (("1", 10.0), ("1", 30.0), ("2", 20.0)):
        record = SessionRecord(user_id=user, used_at=used, expires_at=1e12, data={"a": 1})
        keys[await store.create(record)] = record
    mine = await store.sessions_of("1")
    assert [record.used_at for record in mine] == [30.0, 10.0]
    assert [record.data for record in mine] == [{}, {}]
    other = next(record.id for record in keys.values() if record.user_id == "2")
    assert not await store.delete_by_id("1", other)
    assert not await store.delete_by_id("1", "nope")
    assert await store.delete_by_id("1", mine[0].id)
    assert await store.delete_user_sessions("1", keep=mine[1].id) == 0
    assert await store.delete_user_sessions("1") == 1
    assert [record.user_id for record in await store.sessions_of("2")] == ["2"]


async def test_in_memory_what_has_expired_goes_and_is_not_found() -> None:
    store = MemorySessionStore()
    dead = await store.create(SessionRecord(user_id="1", expires_at=1.0))
    living = await store.create(SessionRecord(user_id="1", expires_at=1e12))
    assert await store.load(dead) is None
    assert [record.expires_at for record in await store.sessions_of("1")] == [1e12]
    assert await store.clear_expired() == 1 and await store.clear_expired() == 0
    assert await store.load(living) is not None
    assert await store.save(dead, Changes(values={"a": 1}), SessionRecord()) is None


async def test_in_memory_a_fingerprint_is_written_anew_where_it_was_the_old_one() -> None:
    store = MemorySessionStore()
    old = await store.create(SessionRecord(user_id="1", fingerprint="old", expires_at=1e12))
    other = await store.create(SessionRecord(user_id="1", fingerprint="other", expires_at=1e12))
    await store.move_fingerprint("1", "old", "new")
    found = [await store.load(key) for key in (old, other)]
    assert [record.fingerprint for record in found if record is not None] == ["new", "other"]


# Text from outside


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 32, True),
        ("a" * 128, True),
        ("A-_9" * 16, True),
        ("a" * 31, False),
        ("a" * 129, False),
        ("", False),
        ("a" * 40 + "\n", False),
        ("é" * 40, False),
        ("a" * 39 + "\0", False),
        ("a" * 39 + ".", False),
    ],
)
def test_the_form_of_keys(text: str, expected: bool) -> None:
    assert is_key(text) is expected


@pytest.mark.parametrize(
    ("cookies", "values"),
    [
        ([], []),
        ([b"sid=a"], ["a"]),
        ([b"sid=a; sid=a"], ["a"]),
        ([b"sid=a; other=1; sid=b"], ["a", "b"]),
        ([b"sid=a", b"sid=b"], ["a", "b"]),
        ([b"xsid=a"], []),
        ([b"sidx=a"], []),
        ([b'sid="a"'], ["a"]),
        ([b"sid="], [""]),
        ([b"sid"], []),
        ([b"SID=a"], []),
        ([b"sid=a=b"], ["a=b"]),
        ([b" sid=a ;;; "], ["a"]),
        ([b"sid=\xff\x00"], ["\xff\0"]),
    ],
)
def test_the_values_of_the_cookie(cookies: list[bytes], values: list[str]) -> None:
    headers: RawHeaders = [(b"host", b"sid=no"), *((b"cookie", cookie) for cookie in cookies)]
    assert cookie_values(headers, b"sid") == values


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        (b"Mozilla/5.0", "Mozilla/5.0"),
        (b"", ""),
        (b"a\x00b\x1b[31m\x7f", "ab[31m"),
        (b"x" * 1000, "x" * 200),
        (b"\x00" * 500 + b"end", "end"),
    ],
)
def test_the_browsers_name_is_short_and_printable(agent: bytes, kept: str) -> None:
    assert user_agent_of({"headers": [(b"user-agent", agent)]}) == kept
    assert user_agent_of({"headers": []}) == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], [b"private"]),
        ([b"public, max-age=60"], [b"private"]),
        ([b"private, max-age=5"], [b"private, max-age=5"]),
        ([b"no-store"], [b"no-store"]),
        ([b"no-cache"], [b"private"]),
    ],
)
def test_no_shared_cache_keeps_an_answer_with_a_cookie(
    headers: list[bytes], expected: list[bytes]
) -> None:
    raw: RawHeaders = [(b"cache-control", value) for value in headers]
    keep_private(raw)
    assert [value for name, value in raw if name == b"cache-control"] == expected
