"""Who acts: in requests, tasks, threads and servers; and the rows that a user may see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.auth import HasRole, IsAuthenticated, IsOwner, ObjectPermission, run_as
from openviper.auth.models import ContentType, ContentTypePermission, Role, User
from openviper.auth.permission_core import AuthPermissionError, register, set_permission_checker
from openviper.core.context import current_user, ignore_permissions, serving_others
from openviper.db.models import Q
from openviper.db.sql import permissions
from openviper.http.asgi import Message
from openviper.http.connection import Connection
from openviper.testing.application import lifespan
from tests.integration.auth.database import accounts
from tests.integration.auth.models import Note
from tests.integration.auth.web import PASSWORD


async def protected() -> User:
    """Protect the notes, and return a user who may read them."""
    content_type = await ContentType.objects.create(app_label="notes", model="Note")
    role = await Role.objects.create(name="reader")
    await ContentTypePermission.objects.create(content_type=content_type, role=role, can_read=True)
    user = await User.objects.create_user("ann", "ann@example.org", PASSWORD)
    await user.assign_role(role)
    with ignore_permissions():
        await Note.objects.create(text="first")
        await Note.objects.create(text="second")
    return user


@pytest.fixture(autouse=True)
def gate() -> Any:
    """Have the ORM ask."""
    register()
    yield
    set_permission_checker(None)
    permissions.set_access_rule(None)


async def count_in_a_fresh_context() -> int:
    """Count the notes in a task that has inherited nothing."""
    import contextvars

    task = asyncio.get_running_loop().create_task(
        Note.objects.count(), context=contextvars.Context()
    )
    return int(await task)


async def test_who_acts_is_said_in_a_block(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await protected()
        with run_as(user):
            assert await Note.objects.count() == 2
            assert current_user.get() == user
            # Tasks and threads that it starts act in the same name.
            assert await asyncio.create_task(Note.objects.count()) == 2
            assert await asyncio.to_thread(current_user.get) == user
            with pytest.raises(AuthPermissionError):
                await Note.objects.create(text="third")
        assert current_user.get() is None


async def test_a_block_ends_with_an_error_too(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await protected()
        with pytest.raises(ZeroDivisionError), run_as(user):
            raise ZeroDivisionError
        assert current_user.get() is None


async def test_where_nobody_asked_a_server_does_nothing_and_a_script_everything(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        user = await protected()
        assert await Note.objects.count() == 2
        with serving_others():
            with pytest.raises(AuthPermissionError):
                await Note.objects.count()
            with pytest.raises(AuthPermissionError):
                await count_in_a_fresh_context()
            with run_as(user):
                assert await Note.objects.count() == 2
            with ignore_permissions():
                assert await Note.objects.count() == 2
        assert await Note.objects.count() == 2


async def test_a_request_of_nobody_may_nothing_even_in_a_fresh_context(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await protected()
        app = OpenViper(debug=False)

        @app.get("/notes")
        async def notes(request: Request) -> int:
            return await Note.objects.count()

        @app.get("/as-user")
        async def as_user(request: Request) -> int:
            with run_as(user):
                return await Note.objects.count()

        @app.get("/fresh")
        async def fresh(request: Request) -> int:
            return await count_in_a_fresh_context()

        client = app.test_client()
        answer = await client.get("/notes")
        # What it depended on is who asked.
        assert (answer.status_code, answer.headers["vary"]) == (403, "Cookie")
        assert (await client.get("/as-user")).text == "2"
        with serving_others():
            assert (await client.get("/fresh")).status_code == 403


async def test_an_application_that_is_served_makes_its_process_a_server(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await protected()
        app = OpenViper(debug=False)
        counted: list[object] = []

        @app.on_startup
        async def start() -> None:
            counted.append(await Note.objects.count())

        @app.on_shutdown
        async def stop() -> None:
            counted.append(await Note.objects.count())

        async def receive() -> Message:
            if incoming[0] == "lifespan.shutdown":
                with pytest.raises(AuthPermissionError):
                    await Note.objects.count()
            return {"type": incoming.pop(0)}

        async def send(message: Message) -> None:
            counted.append(message["type"])

        incoming = ["lifespan.startup", "lifespan.shutdown"]
        await app({"type": "lifespan"}, receive, send)
        done = "lifespan.startup.complete", "lifespan.shutdown.complete"
        assert counted == [2, done[0], 2, done[1]]
        # Tests look into the database themselves while the application runs.
        async with lifespan(app):
            assert await Note.objects.count() == 2


# Rows


class FirstOnly(ObjectPermission):
    """Everybody may have to do with the first note, who is logged in."""

    async def rows(self, user: Any) -> Any:
        return Q(text="first") if user else False


def request_of(user: Any) -> Connection:
    """Return a request of a user."""
    return Connection({"type": "http", "headers": [], "user": user})


async def texts(permission: Any, user: Any) -> list[str]:
    """Return the texts of the notes that a user may see."""
    rows = await permission.for_user(user, Note.objects.all().order_by("pk"))
    return [note.text for note in await rows]


async def test_lists_and_objects_agree(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await protected()
        root = await User.objects.create_superuser("root", "root@example.org", PASSWORD)
        with ignore_permissions():
            first, second = await Note.objects.all().order_by("pk")
            permission = FirstOnly()
            for asks, seen in ((user, ["first"]), (None, []), (root, ["first", "second"])):
                assert await texts(permission, asks) == seen
            request = request_of(user)
            assert await permission.has_object_permission(request, None, first)
            assert not await permission.has_object_permission(request, None, second)
            assert not await permission.has_object_permission(request_of(None), None, first)
            opposite = ~permission
            assert await texts(opposite, user) == ["second"]
            assert await opposite.has_object_permission(request, None, second)
            assert await texts(IsAuthenticated & permission, user) == ["first"]
            assert await texts(HasRole("reader") | permission, user) == ["first", "second"]
            assert await texts(HasRole("writer") & permission, user) == []


async def test_owners_have_to_do_with_what_is_theirs(tmp_path: Path) -> None:
    from openviper.auth.models import UserRole

    async with accounts(tmp_path):
        user = await protected()
        other = await User.objects.create_user("bob", "bob@example.org", PASSWORD)
        permission = IsOwner("user")
        grants = UserRole.objects.all()
        assert [grant.user_id for grant in await permission_rows(permission, user, grants)] == [1]
        assert await permission_rows(permission, other, grants) == []
        grant = await UserRole.objects.get(user=user)
        assert await permission.has_object_permission(request_of(user), None, grant)
        assert not await permission.has_object_permission(request_of(other), None, grant)
        over = IsOwner("user__username")
        assert await permission_rows(over, other, grants) == []


async def permission_rows(permission: IsOwner, user: Any, rows: Any) -> list[Any]:
    """Return the rows that a permission leaves."""
    found: list[Any] = list(await (await permission.for_user(user, rows)))
    return found
