"""What the ORM lets the current user do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.auth.models import AnonymousUser, ContentType, ContentTypePermission, Role, User
from openviper.auth.permission_core import (
    AuthPermissionError,
    check_permission_for_model,
    get_permission_checker,
    register,
    set_permission_checker,
)
from openviper.core.context import current_request, current_user, ignore_permissions
from openviper.db.connection import atomic
from openviper.db.executor import bypass_permissions
from openviper.db.sql import permissions
from tests.integration.auth.database import accounts
from tests.integration.auth.models import Note


@asynccontextmanager
async def guarded(directory: Path) -> AsyncIterator[tuple[User, ContentTypePermission]]:
    """Protect notes; a user whose role may read them, and the row that says so."""
    before = get_permission_checker()
    async with accounts(directory):
        set_permission_checker(None)
        register()
        try:
            user = await User.objects.create_user("ann", "ann@example.org")
            role = await Role.objects.create(name="reader")
            await user.assign_role(role)
            kind = await ContentType.objects.create(app_label="notes", model="Note")
            grant = await ContentTypePermission.objects.create(
                content_type=kind, role=role, can_read=True
            )
            await Note.objects.create(text="a")
            yield user, grant
        finally:
            permissions.set_access_rule(None)
            set_permission_checker(before)


@contextmanager
def acting_as(user: Any) -> Iterator[None]:
    """Make somebody the current user."""
    token = current_user.set(user)
    try:
        yield
    finally:
        current_user.reset(token)


async def test_a_role_opens_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (user, _):
        with acting_as(user):
            assert await Note.objects.all().count() == 1
            note = await Note.objects.get(text="a")
            with pytest.raises(AuthPermissionError) as caught:
                await Note.objects.create(text="b")
            assert (caught.value.label, caught.value.action, caught.value.status_code) == (
                "notes.Note",
                "create",
                403,
            )
            note.text = "c"
            with pytest.raises(AuthPermissionError):
                await note.save()
            with pytest.raises(AuthPermissionError):
                await note.delete()
            with pytest.raises(AuthPermissionError):
                await Note.objects.filter(text="a").update(text="d")
            with pytest.raises(AuthPermissionError):
                await Note.objects.all().delete()
        assert await Note.objects.values_list("text", flat=True) == ["a"]


async def test_an_anonymous_user_is_denied_and_nobody_at_all_is_not(tmp_path: Path) -> None:
    async with guarded(tmp_path):
        with acting_as(AnonymousUser()), pytest.raises(AuthPermissionError):
            await Note.objects.all()
        assert len(await Note.objects.all()) == 1
        token = current_request.set(object())
        try:
            with pytest.raises(AuthPermissionError):
                await Note.objects.all()
        finally:
            current_request.reset(token)


async def test_a_superuser_may_do_everything_unless_inactive(tmp_path: Path) -> None:
    async with guarded(tmp_path):
        root = await User.objects.create_superuser("root", "root@example.org", "long enough")
        with acting_as(root):
            await Note.objects.create(text="b")
        root.is_active = False
        with acting_as(root), pytest.raises(AuthPermissionError):
            await Note.objects.create(text="c")


async def test_every_bypass_covers_reads_and_writes(tmp_path: Path) -> None:
    async with guarded(tmp_path):
        with acting_as(AnonymousUser()):
            with ignore_permissions():
                await Note.objects.create(text="b")
            with bypass_permissions(reason="a test"):
                assert await Note.objects.all().count() == 2
            async with bypass_permissions():
                await Note.objects.filter(text="b").delete()
            assert len(await Note.objects.filter(ignore_permissions=True)) == 1
            await check_permission_for_model(Note, "write", ignore_permissions=True)
            with pytest.raises(AuthPermissionError) as caught:
                await check_permission_for_model(Note, "write")
            assert caught.value.action == "update"


async def test_changes_to_rights_count_at_once(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (user, grant):
        with acting_as(user):
            grant.can_create = True
            await grant.save()
            await Note.objects.create(text="b")
        with acting_as(AnonymousUser()):
            with pytest.raises(AuthPermissionError):
                await Note.objects.all()
            await grant.delete()
            assert len(await Note.objects.all()) == 2


async def test_changes_in_bulk_count_at_once_too(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (_, grant):
        with acting_as(AnonymousUser()):
            with pytest.raises(AuthPermissionError):
                await Note.objects.all()
            async with atomic():
                await ContentTypePermission.objects.all().delete()
            assert len(await Note.objects.all()) == 1


async def test_the_models_of_accounts_are_exempt_and_others_open_until_protected(
    tmp_path: Path,
) -> None:
    async with guarded(tmp_path) as (_, grant):
        kind = await ContentType.objects.create(app_label="auth", model="Role")
        await ContentTypePermission.objects.create(
            content_type=kind, role=await Role.objects.get(name="reader")
        )
        with acting_as(AnonymousUser()):
            assert len(await Role.objects.all()) == 1


async def test_without_a_checker_everything_is_open(tmp_path: Path) -> None:
    async with guarded(tmp_path):
        set_permission_checker(None)
        with acting_as(AnonymousUser()):
            assert len(await Note.objects.all()) == 1
