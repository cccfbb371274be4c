"""A file of tests that use every fixture of the kit, for the project of `tests.integration.testing.project`."""

EVERYTHING = """
import asyncio
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openviper.auth.models import User
from openviper.cache import get_cache
from openviper.conf import settings
from openviper.core.email import send_email
from openviper.db import atomic, on_commit
from openviper.storage import default_storage
from openviper.tasks import actor
from openviper.testing import (
    Factory, OpenViperTestConfig, Sequence, assert_cache_key, assert_email_sent, assert_event_emitted, assert_exit_code,
    assert_json_path, assert_model_count, assert_model_exists, assert_openapi_operation, assert_queries, assert_query_plan, assert_status,
    assert_storage_path, assert_task_queued, call_command, force_login,
)
from tickets.models import Queue, Ticket

done = []


@actor
async def tell(title):
    done.append(title)


class TicketFactory(Factory[Ticket]):
    title = Sequence(lambda number: f"ticket {number}")


def test_configuration(openviper_test_config):
    assert isinstance(openviper_test_config, OpenViperTestConfig)
    assert openviper_test_config.settings == "desk.settings"


async def test_database(db, migrated_db):
    assert db is migrated_db and "test_" in db.url or db.url.endswith(":memory:")
    assert await Queue.objects.count() == 1


async def test_commits(transactional_db):
    assert transactional_db.isolation == "truncate"
    await Queue.objects.create(name="x")


async def test_made_anew(isolated_db):
    assert isolated_db.isolation == "recreate"
    assert await Queue.objects.count() == 1
    await Queue.objects.all().delete()


async def test_emptied_by_itself(setup_test_database):
    await Queue.objects.create(name="x")
    await setup_test_database.reset()
    assert await Queue.objects.count() == 1


async def test_application(app, client, websocket):
    assert app is client.app
    assert_status(await client.get("/tickets/"), 200)
    async with websocket("/tickets/echo") as socket:
        await socket.send_text("hello")
        assert await socket.receive_text() == "hello"


async def test_document(openapi_schema):
    assert_openapi_operation(openapi_schema, "/tickets/me", "get")


async def test_settings(client, override_settings):
    override_settings(X_FRAME_OPTIONS="SAMEORIGIN")
    assert (await client.get("/tickets/")).headers["x-frame-options"] == "SAMEORIGIN"


async def test_stubs(user, admin_user, auth_client, admin_client):
    assert not await user.has_perm("x") and await admin_user.has_perm("x")
    assert (await auth_client.get("/tickets/me")).json() == {"name": "user"}
    assert (await admin_client.get("/tickets/me")).json() == {"name": "admin"}


async def test_accounts(client, user_factory, db_user, db_admin_user, authenticated_client, admin_authenticated_client):
    assert (await authenticated_client.get("/tickets/me")).json() == {"name": db_user.username}
    assert (await admin_authenticated_client.get("/tickets/me")).json() == {"name": db_admin_user.username}
    assert (await client.get("/tickets/me")).json() == {"name": ""}
    somebody = await user_factory.create(username="ada", password="right")
    assert await somebody.check_password("right") and not await somebody.check_password("wrong")
    await force_login(client, somebody)
    assert (await client.get("/tickets/me")).json() == {"name": "ada"}


async def test_mail(client, mailoutbox):
    await send_email(subject="Hello", recipients=["ada@example.com"], text="Text", background=False)
    assert_email_sent(mailoutbox, "ada@example.com")


async def test_tasks(db, task_queue, task_runner):
    async with atomic():
        tell.send("later")
        assert len(task_queue) == 0
    assert_task_queued(task_queue, "tell")
    await task_queue.run()
    await task_runner.run(tell, "now")
    assert done == ["later", "now"]


async def test_hooks_run_at_commit_and_not_at_rollback(db):
    called = []
    with pytest.raises(KeyError):
        async with atomic():
            on_commit(lambda: called.append("rolled back"))
            raise KeyError
    async with atomic():
        async with atomic():
            on_commit(lambda: called.append("committed"))
        assert called == []
    assert called == ["committed"]


async def test_events(db, event_recorder):
    await Queue.objects.create(name="x")
    assert_event_emitted(event_recorder, "Queue.after_insert")


async def test_uploads(client, tmp_storage, uploaded_file):
    upload = uploaded_file("a.txt", b"text")
    name = await default_storage.save(upload.filename, await upload.read())
    assert_storage_path(tmp_storage, name)
    assert "media" in str(tmp_storage) and Path.cwd() not in tmp_storage.parents


@pytest.mark.parametrize("turn", range(2))
async def test_caches(cache, clear_cache, turn):
    assert await get_cache().get("key") is None
    await get_cache().set("key", turn)
    await assert_cache_key(cache, "key")
    await clear_cache()
    assert await cache.get("key") is None
    await cache.set("key", "left for the next test")


async def test_time(db, travel):
    clock = travel("2030-01-01T12:00:00+00:00", tick=False)
    assert datetime.now(UTC) == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert (await User.objects.create_user("t", "t@example.com")).created_at.year == 2030
    clock.move(days=1)
    assert time.time() == datetime(2030, 1, 2, 12, tzinfo=UTC).timestamp()


async def test_commands(db):
    result = await call_command("create-user", "--username", "grace", "--email", "g@example.com", "--no-password")
    assert_exit_code(result, 0)
    assert await User.objects.filter(username="grace").exists()
    assert_exit_code(await call_command("version"), 0)


def test_commands_in_a_plain_test(db, cli_runner):
    result = cli_runner.invoke(["create-user", "--username", "grace", "--email", "g@example.com", "--no-password"])
    assert_exit_code(result, 0)
    assert_exit_code(cli_runner.invoke(["no-such-command"]), 1)


async def test_statements(client):
    queue = await Queue.objects.get()
    await Ticket.objects.create(title="a", queue=queue)
    with assert_queries(2):  # The first one asks which models have rights of their own.
        assert (await client.get("/tickets/")).json() == {"tickets": ["a"]}
    with pytest.raises(AssertionError, match="1 statement was sent, not 0"), assert_queries(0):
        await Ticket.objects.count()
    async with atomic():
        with assert_queries(2):
            await Ticket.objects.create(title="b", queue=queue)
            await Ticket.objects.count()
    await assert_query_plan(Ticket.objects.filter(pk=1))
    with pytest.raises(AssertionError, match="all rows of tickets_ticket are read"):
        await assert_query_plan(Ticket.objects.filter(title__contains="a"))


async def test_factories(db):
    ticket = await TicketFactory.create(author__username="eve")
    assert ticket.title.startswith("ticket ") and (await ticket.author).username == "eve"
    others = await Factory[Ticket].create_batch(3, queue=await Queue.objects.get(name="inbox"))
    assert len({other.title for other in others}) == 3
    await assert_model_count(Ticket, 4)
    await assert_model_exists(Ticket, title=ticket.title)


async def test_snapshots(client, snapshot):
    snapshot((await client.get("/tickets/")).json())


def load(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read()


async def test_live_server(live_server):
    await Ticket.objects.create(title="seen", queue=await Queue.objects.get())
    assert b"seen" in await asyncio.to_thread(load, live_server / "/tickets/")


def test_passwords_are_fast(db):
    assert settings.PASSWORD_HASHERS[0] == "plain"
"""
