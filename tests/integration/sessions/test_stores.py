"""What every session store promises, tried with each."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from openviper.auth import DatabaseSessionStore
from openviper.auth.models import StoredSession
from openviper.cache import close_caches
from openviper.db.connection import connections
from openviper.db.schemas import create_tables
from openviper.exceptions import ImproperlyConfigured, TableNotFound
from openviper.sessions import (
    BaseSessionStore,
    CacheSessionStore,
    Changes,
    CookieSessionStore,
    MemorySessionStore,
    RedisSessionStore,
    SessionDataError,
    SessionError,
    SessionRecord,
    SessionTooLargeError,
    session_store,
)
from openviper.testing import override_openviper_settings as override
from tests.integration.auth.database import accounts, configured
from tests.servers import REDIS, empty, fresh_database, redis_prefix

REDIS_URL = REDIS


def redis_client() -> Any:
    """Return a client, or skip where no server answers."""
    driver = importlib.import_module("redis")
    client = driver.Redis.from_url(REDIS_URL, decode_responses=True)
    try:
        client.ping()
    except driver.RedisError as error:
        pytest.skip(f"Redis does not answer: {error}")
    return client


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The address of a database of our own on each server."""
    with ExitStack() as stack:
        yield {
            vendor: stack.enter_context(fresh_database(vendor))
            for vendor in ("postgresql", "mysql")
        }


@asynccontextmanager
async def in_cache(kind: str, tmp_path: Path) -> AsyncIterator[CacheSessionStore]:
    """A store in a cache: in files, or in Redis."""
    with ExitStack() as stack:
        entry: dict[str, Any] = {"BACKEND": "file", "OPTIONS": {"cache_dir": str(tmp_path / "c")}}
        if kind == "cache-redis":
            prefix = stack.enter_context(redis_prefix()).rstrip(":")
            entry = {"BACKEND": "redis", "OPTIONS": {"url": REDIS_URL, "key_prefix": prefix}}
        stack.enter_context(override(CACHES={"sessions": entry}, SESSION_CACHE="sessions"))
        try:
            yield CacheSessionStore()
        finally:
            await close_caches()


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mysql", "redis", "cache", "cache-redis"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, str]
) -> AsyncIterator[BaseSessionStore]:
    """Each store that keeps sessions on the server, empty; that in the database on each kind of database."""
    if request.param == "redis":
        redis_client()
        with redis_prefix() as prefix:
            yield RedisSessionStore(REDIS_URL, prefix=prefix)
        return
    if request.param.startswith("cache"):
        async with in_cache(request.param, tmp_path) as kept:
            yield kept
        return
    if request.param == "memory":
        yield MemorySessionStore()
        return
    url = servers.get(request.param, f"sqlite:///{tmp_path / 'sessions.db'}")
    if request.param in servers:
        empty(request.param, url)
    with configured():
        connections.configure({"default": {"URL": url}})
        try:
            await create_tables([StoredSession])
            yield DatabaseSessionStore()
        finally:
            await connections.disconnect_all()
            connections.reset()


def record(**values: Any) -> SessionRecord:
    """Return a session that lives for an hour."""
    return SessionRecord(**{"expires_at": time.time() + 3600, **values})


async def loaded(store: BaseSessionStore, key: str) -> SessionRecord:
    """Return a session that has to be there."""
    found = await store.load(key)
    assert found is not None
    return found


async def test_a_session_comes_back_as_it_was(store: BaseSessionStore) -> None:
    given = record(
        data={"a": [1, {"b": None}], "ü": "\u2028"},
        user_id="7",
        fingerprint="f" * 64,
        authenticated_at=1_700_000_000.25,
        is_remembered=True,
        address="2001:db8::1",
        user_agent="Firefox",
    )
    key = await store.create(given)
    found = await loaded(store, key)
    for field in dataclasses.fields(SessionRecord):
        expected, value = getattr(given, field.name), getattr(found, field.name)
        # A database may keep microseconds, which are fewer digits than a float has.
        assert value == (
            pytest.approx(expected, abs=1e-5) if isinstance(value, float) else expected
        )


async def test_no_key_is_kept(store: BaseSessionStore) -> None:
    key = await store.create(record(data={"a": 1}))
    found = await loaded(store, key)
    assert key not in repr(found) and found.id != key
    assert await store.load(found.id) is None


@pytest.mark.parametrize("key", ["", "short", "x" * 64, "x" * 500, "é" * 64, "a\0b"])
async def test_a_key_that_is_none_finds_nothing(store: BaseSessionStore, key: str) -> None:
    assert await store.load(key) is None
    assert await store.delete(key) is False


async def test_what_has_expired_is_not_given_back(store: BaseSessionStore) -> None:
    key = await store.create(record(expires_at=time.time() + 0.02, user_id="7"))
    await asyncio.sleep(0.03)
    assert await store.load(key) is None
    assert await store.sessions_of("7") == []


async def test_changes_are_merged_with_what_others_have_changed(store: BaseSessionStore) -> None:
    key = await store.create(record(data={"a": 1, "b": 1, "c": 1}))
    base = await loaded(store, key)
    assert await store.save(key, Changes(values={"a": 2}), base) == key
    assert await store.save(key, Changes(values={"b": 2}, removed={"c"}), base) == key
    assert (await loaded(store, key)).data == {"a": 2, "b": 2}


async def test_many_changes_at_once_are_all_there(store: BaseSessionStore) -> None:
    key = await store.create(record())
    base = await loaded(store, key)
    saves = (store.save(key, Changes(values={f"n{n}": n}), base) for n in range(8))
    assert await asyncio.gather(*saves) == [key] * 8
    found = await loaded(store, key)
    assert found.data == {f"n{n}": n for n in range(8)} and found.version == 8


async def test_what_has_ended_stays_so(store: BaseSessionStore) -> None:
    key = await store.create(record(data={"a": 1}, user_id="7"))
    base = await loaded(store, key)
    assert await store.delete(key) is True
    assert await store.save(key, Changes(values={"a": 2}), base) is None
    assert await store.load(key) is None
    assert await store.sessions_of("7") == []
    assert await store.delete(key) is False


async def test_it_can_be_prolonged_and_marked(store: BaseSessionStore) -> None:
    key = await store.create(record())
    base = await loaded(store, key)
    end = time.time() + 9000
    changes = Changes(expires_at=end, used_at=end - 1, authenticated_at=end - 2, fingerprint="g")
    await store.save(key, changes, base)
    found = await loaded(store, key)
    assert found.expires_at == pytest.approx(end, abs=1e-5)
    assert found.used_at == pytest.approx(end - 1, abs=1e-5)
    assert found.authenticated_at == pytest.approx(end - 2, abs=1e-5)
    assert found.fingerprint == "g"


async def test_a_value_that_json_cannot_say_is_refused(store: BaseSessionStore) -> None:
    with pytest.raises(SessionDataError, match="'bad'"):
        await store.create(record(data={"bad": object()}))
    key = await store.create(record(data={"a": 1}))
    with pytest.raises(SessionDataError, match="'bad'"):
        await store.save(key, Changes(values={"bad": object()}), await loaded(store, key))
    assert (await loaded(store, key)).data == {"a": 1}


async def test_the_sessions_of_a_user_are_listed_without_data(store: BaseSessionStore) -> None:
    for used in (10.0, 30.0, 20.0):
        await store.create(record(user_id="7", used_at=used, data={"secret": 1}))
    await store.create(record(user_id="8"))
    await store.create(record())
    found = await store.sessions_of("7")
    assert [session.used_at for session in found] == [30.0, 20.0, 10.0]
    assert all(session.data == {} for session in found)
    assert await store.sessions_of("9") == []


async def test_one_session_is_ended_by_the_name_in_the_list(store: BaseSessionStore) -> None:
    key = await store.create(record(user_id="7"))
    (listed,) = await store.sessions_of("7")
    # Who is not its user cannot end it, whatever name is sent.
    assert await store.delete_by_id("8", listed.id) is False
    assert await store.delete_by_id("7", "nonsense") is False
    assert await store.load(key) is not None
    assert await store.delete_by_id("7", listed.id) is True
    assert await store.load(key) is None


async def test_all_sessions_of_a_user_end_but_one(store: BaseSessionStore) -> None:
    keys = [await store.create(record(user_id="7")) for _ in range(3)]
    other = await store.create(record(user_id="8"))
    kept = await loaded(store, keys[1])
    assert await store.delete_user_sessions("7", kept.id) == 2
    assert [await store.load(key) is not None for key in (*keys, other)] == [
        False,
        True,
        False,
        True,
    ]
    assert await store.delete_user_sessions("7") == 1
    assert await store.delete_user_sessions("7") == 0


async def test_a_fingerprint_that_is_written_anew_ends_nothing(store: BaseSessionStore) -> None:
    key = await store.create(record(user_id="7", fingerprint="old", data={"a": 1}))
    other = await store.create(record(user_id="7", fingerprint="other"))
    await store.move_fingerprint("7", "old", "new")
    found = await loaded(store, key)
    assert (found.fingerprint, found.data) == ("new", {"a": 1})
    assert (await loaded(store, other)).fingerprint == "other"


async def test_what_has_expired_is_thrown_away(store: BaseSessionStore) -> None:
    await store.create(record(expires_at=time.time() + 0.01))
    alive = await store.create(record())
    await asyncio.sleep(0.02)
    # Redis and caches do so by themselves.
    forgets_itself = isinstance(store, (RedisSessionStore, CacheSessionStore))
    assert await store.clear_expired() == (0 if forgets_itself else 1)
    assert await store.load(alive) is not None
    assert await store.clear_expired() == 0


# What is particular to one


async def test_the_table_holds_no_key(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        key = await DatabaseSessionStore().create(record(data={"a": 1}))
        (row,) = await StoredSession.objects.all().values()
        assert key not in repr(row) and len(row["session_key"]) == 64


LOCAL_TIME = """
import asyncio, sys, time
from openviper.conf import Settings, settings
settings.configure(Settings(SECRET_KEY="k" * 60, USE_TZ=False, TIME_ZONE="Asia/Kolkata"))
from openviper.auth import DatabaseSessionStore
from openviper.db.connection import connections
from openviper.db.schemas import create_tables
from openviper.sessions import Changes, SessionRecord

async def main():
    connections.configure({"default": {"URL": f"sqlite:///{sys.argv[1]}"}})
    await create_tables()
    store, end = DatabaseSessionStore(), round(time.time()) + 3600.0
    key = await store.create(SessionRecord(expires_at=end, user_id="7"))
    found = await store.load(key)
    await store.save(key, Changes(expires_at=end + 9), found)
    after = await store.load(key)
    listed = await store.sessions_of("7")
    print(found.expires_at - end, after.expires_at - end, len(listed), await store.clear_expired())
    await connections.disconnect_all()

asyncio.run(main())
"""


def test_moments_are_right_where_the_orm_has_local_time(tmp_path: Path) -> None:
    # In a process of its own: how rows are read is settled when the models are made.
    command = [sys.executable, "-c", LOCAL_TIME, str(tmp_path / "local.db")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["0.0", "9.0", "1", "0"]


async def test_without_the_table_there_are_no_sessions(tmp_path: Path) -> None:
    store = DatabaseSessionStore()
    with configured():
        connections.configure({"default": {"URL": f"sqlite:///{tmp_path / 'empty.db'}"}})
        try:
            assert await store.load("x" * 64) is None
            assert await store.delete_user_sessions("7") == 0
            await store.move_fingerprint("7", "a", "b")
            with pytest.raises(ImproperlyConfigured, match="openviper.auth"):
                await store.create(record())
            with override(INSTALLED_APPS=("openviper.auth",)), pytest.raises(TableNotFound):
                await store.create(record())
        finally:
            await connections.disconnect_all()
            connections.reset()


async def test_writers_that_never_get_a_turn_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def beaten(*_: object) -> bool:
        return False

    async with accounts(tmp_path):
        store = DatabaseSessionStore()
        key = await store.create(record())
        monkeypatch.setattr(store, "_replace", beaten)
        with pytest.raises(SessionError, match="too many requests"):
            await store.save(key, Changes(values={"a": 1}), await loaded(store, key))


async def test_a_cookie_holds_the_session_and_nobody_changes_it() -> None:
    with override(SECRET_KEY="k" * 60):
        store = CookieSessionStore()
        key = await store.create(record(data={"a": 1}, user_id="7"))
        found = await loaded(store, key)
        assert (found.data, found.user_id) == ({"a": 1}, "7")
        changed = await store.save(key, Changes(values={"b": 2}), found)
        assert changed is not None and changed != key
        assert (await loaded(store, changed)).data == {"a": 1, "b": 2}
        forged = ("A" if changed[5] != "A" else "B").join((changed[:5], changed[6:]))
        assert await store.load(forged) is None
        assert await store.delete(key) is True and await store.clear_expired() == 0
    with override(SECRET_KEY="o" * 60):
        assert await store.load(changed) is None


async def test_a_cookie_that_has_expired_or_is_of_another_version_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from openviper.conf.signing import sign
    from openviper.sessions.stores import cookie

    with override(SECRET_KEY="k" * 60):
        store = CookieSessionStore()
        assert await store.load(await store.create(record(expires_at=time.time() - 1))) is None
        assert await store.load(sign(cookie.PURPOSE, b'{"unknown": 1}')) is None
        assert await store.load(sign(cookie.PURPOSE, b"\xff")) is None


async def test_what_does_not_fit_into_a_cookie_is_refused() -> None:
    with override(SECRET_KEY="k" * 60):
        with pytest.raises(SessionTooLargeError, match="SESSION_STORE") as caught:
            await CookieSessionStore().create(record(data={"a": "x" * 4000}))
        assert caught.value.size > caught.value.limit


async def test_sessions_in_cookies_are_neither_listed_nor_ended() -> None:
    store = CookieSessionStore()
    assert not store.can_list
    for call in (
        store.sessions_of("7"),
        store.delete_user_sessions("7"),
        store.delete_by_id("7", "a"),
    ):
        with pytest.raises(SessionError, match="SESSION_STORE"):
            await call
    await store.move_fingerprint("7", "a", "b")


async def test_redis_forgets_by_itself_and_takes_no_foreign_text() -> None:
    client = redis_client()
    prefix = f"openviper_test_{uuid4().hex}:"  # Its keys expire.
    store = RedisSessionStore(REDIS_URL, prefix=prefix)
    key = await store.create(record(user_id="7"))
    found = await loaded(store, key)
    assert 0 < client.pttl(prefix + found.id) <= 3_600_000
    client.set(prefix + found.id, '{"unknown": 1}')
    assert await store.load(key) is None
    client.delete(prefix + found.id)
    assert await store.sessions_of("7") == []
    # Its name is gone from the list too.
    assert not client.exists(f"{prefix}user:7")


def test_redis_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImproperlyConfigured, match="pip install redis"):
        RedisSessionStore(REDIS_URL)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("memory", MemorySessionStore),
        ("cookie", CookieSessionStore),
        ("database", DatabaseSessionStore),
        ("openviper.sessions.stores.memory.MemorySessionStore", MemorySessionStore),
    ],
)
def test_the_setting_names_the_store(name: str, kind: type[BaseSessionStore]) -> None:
    with override(SESSION_STORE=name):
        assert isinstance(session_store(), kind)
        assert session_store() is session_store()


@pytest.mark.parametrize("name", ["no.such.Store", "openviper.sessions.Changes", "os.path"])
def test_what_is_no_store_is_a_configuration_error(name: str) -> None:
    with override(SESSION_STORE=name), pytest.raises(ImproperlyConfigured, match="SESSION_STORE"):
        session_store()
