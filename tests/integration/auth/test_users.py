"""Users, roles and permissions in a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openviper import auth
from openviper.auth.content_types import sync_content_types, sync_described_content_types
from openviper.auth.models import (
    AnonymousUser,
    ContentType,
    ContentTypePermission,
    Permission,
    Role,
    RolePermission,
    RoleProfile,
    RoleProfileDetail,
    User,
    UserRole,
)
from openviper.auth.users import get_user_by_id, get_user_model
from openviper.core.context import request_perms_cache
from openviper.exceptions import ImproperlyConfigured, IntegrityError, TableNotFound
from tests.integration.auth.database import accounts, configured
from tests.integration.auth.models import Note
from tests.integration.db.support import database
from tests.projects import write


async def ann() -> User:
    """Store an ordinary user."""
    return await User.objects.create_user("ann", "Ann@Example.org", "long enough")


async def role_with(codename: str, name: str = "editor") -> Role:
    """Store a role with one permission."""
    role = await Role.objects.create(name=name)
    permission = await Permission.objects.create(codename=codename, name=codename)
    await RolePermission.objects.create(role=role, permission=permission)
    return role


async def test_a_new_user_is_active_and_ordinary_and_its_password_is_stored_as_a_hash(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        user = await User.objects.get(pk=(await ann()).pk)
        assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)
        assert user.email == "Ann@example.org"
        assert user.password is not None and user.password.startswith("scrypt$")
        assert await user.check_password("long enough")
        assert not await user.check_password("wrong")
        assert None not in (user.created_at, user.date_joined)
        assert user.last_login is None
        assert (user.is_authenticated, user.is_anonymous) == (True, False)


async def test_setting_a_password_does_not_save(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await ann()
        await user.set_password("another one")
        assert await (await User.objects.get(pk=user.pk)).check_password("long enough")
        await user.save()
        assert await (await User.objects.get(pk=user.pk)).check_password("another one")


async def test_a_user_without_a_password_matches_none(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await User.objects.create_user("bot", "bot@example.org")
        assert user.password is not None and user.password.startswith("!")
        assert not await user.check_password("")


async def test_a_superuser_has_all_flags_and_may_do_everything(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        root = await User.objects.create_superuser("root", "root@example.org", "long enough")
        assert root.is_superuser and root.is_staff and root.is_active
        assert await root.has_perm("any.thing")
        assert await root.has_role("any")
        assert await root.has_model_perm("notes.Note", "delete")
        await role_with("note.publish")
        assert await root.get_permissions() == {"note.publish"}
        with pytest.raises(ValueError, match="is_staff=True, not False"):
            await User.objects.create_superuser(
                "r2", "r2@example.org", "long enough", is_staff=False
            )


@pytest.mark.parametrize(
    ("username", "email", "password", "text"),
    [
        ("a b", "a@b.co", "long enough", "'a b'"),
        ("", "a@b.co", "long enough", "blank"),
        ("a", "nowhere", "long enough", "'nowhere'"),
        ("a", "a@b.co", "  ", "password must not be blank"),
    ],
)
async def test_malformed_accounts_are_refused(
    tmp_path: Path, username: str, email: str, password: str, text: str
) -> None:
    async with accounts(tmp_path):
        with pytest.raises(ValueError, match=text):
            await User.objects.create_user(username, email, password)
        assert not await User.objects.all().exists()


async def test_usernames_and_addresses_are_unique(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await ann()
        with pytest.raises(IntegrityError):
            await User.objects.create_user("ann", "other@example.org", "long enough")
        with pytest.raises(IntegrityError):
            await User.objects.create_user("other", "Ann@EXAMPLE.org", "long enough")


async def test_the_full_name_is_made_of_what_there_is() -> None:
    assert User(username="a", first_name="Ann", last_name="Lee").full_name == "Ann Lee"
    assert User(username="a", last_name="Lee").full_name == "Lee"
    assert User(username="a").full_name == ""


async def test_roles_bring_permissions_and_can_be_taken_away(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user, role = await ann(), await role_with("note.publish")
        assert not await user.has_perm("note.publish")
        await user.assign_role(role)
        await user.assign_role(role)
        assert await UserRole.objects.all().count() == 1
        assert [one.name for one in await user.get_roles()] == ["editor"]
        assert await user.has_role("editor") and not await user.has_role("admin")
        assert await user.has_perm("note.publish") and not await user.has_perm("note.burn")
        await user.remove_role(role)
        await user.remove_role(role)
        assert await user.get_roles() == []
        assert await user.get_permissions() == set()


async def test_a_profile_stands_in_place_of_single_roles(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await ann()
        await user.assign_role(await role_with("note.publish"))
        profile = await RoleProfile.objects.create(name="desk")
        await RoleProfileDetail.objects.create(
            role_profile=profile, role=await role_with("note.read", "reader")
        )
        user.role_profile = profile
        await user.save()
        user = await User.objects.get(pk=user.pk)
        assert await user.get_permissions() == {"note.read"}


async def test_an_inactive_user_may_do_nothing(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        root = await User.objects.create_superuser("root", "root@example.org", "long enough")
        root.is_active = False
        assert not await root.has_perm("x")
        assert not await root.has_role("x")
        assert not await root.has_model_perm("notes.Note", "read")


async def test_rights_on_models_come_with_roles(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user, role = await ann(), await Role.objects.create(name="reader")
        await user.assign_role(role)
        kind = await ContentType.objects.create(app_label="notes", model="Note")
        await ContentTypePermission.objects.create(content_type=kind, role=role, can_read=True)
        assert await user.has_model_perm("notes.Note", "read")
        assert not await user.has_model_perm("notes.Note", "update")
        assert not await user.has_model_perm("notes.Other", "read")
        with pytest.raises(ValueError, match="'fly'"):
            await user.has_model_perm("notes.Note", "fly")


async def test_within_a_request_permissions_are_asked_for_once_and_changes_count_at_once(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        user, role = await ann(), await role_with("note.publish")
        cache: dict[object, set[str]] = {}
        token = request_perms_cache.set(cache)
        try:
            assert not await user.has_perm("note.publish")
            assert cache
            await user.assign_role(role)
            assert await user.has_perm("note.publish")
            await RolePermission.objects.filter(role_id=role.pk).delete()
            assert not await user.has_perm("note.publish")
            user_permissions = await user.get_permissions()
            user_permissions.add("mine")
            assert not await user.has_perm("mine")
        finally:
            request_perms_cache.reset(token)


async def test_content_types_are_added_once_for_each_model(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        assert await sync_content_types() > 1
        assert await sync_content_types() == 0
        assert await ContentType.objects.filter(app_label="notes", model=Note.__name__).count() == 1


async def test_content_types_are_added_from_schema_files_alone(tmp_path: Path) -> None:
    shipped = json.loads((Path(auth.__file__).parent / "schemas/Role.json").read_text())
    described = shipped | {"app": "shop", "model": "Order"}
    write(tmp_path, {"schemas/Order.json": json.dumps(described)})
    async with accounts(tmp_path):
        for _ in range(2):
            await sync_described_content_types([str(tmp_path), str(tmp_path / "no schemas")])
            assert await ContentType.objects.filter(app_label="shop", model="Order").count() == 1


async def test_content_types_wait_for_their_table(tmp_path: Path) -> None:
    async with database(tmp_path):
        with pytest.raises(TableNotFound):
            await sync_content_types()
        await sync_described_content_types([])


async def test_users_are_found_by_key_or_text_of_it(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await ann()
        assert await get_user_by_id(user.pk) == user
        assert await get_user_by_id(str(user.pk)) == user
        for wrong in (None, "", "x", 999, True, object(), 10**30):
            assert await get_user_by_id(wrong) is None


def test_a_user_model_that_cannot_be_used_is_named() -> None:
    assert get_user_model() is User
    with (
        configured(USER_MODEL="nowhere.User"),
        pytest.raises(ImproperlyConfigured, match="'nowhere.User'"),
    ):
        get_user_model()
    with (
        configured(USER_MODEL="openviper.auth.users.get_user_model"),
        pytest.raises(ImproperlyConfigured, match="model"),
    ):
        get_user_model()


async def test_nobody_may_do_nothing() -> None:
    nobody = AnonymousUser()
    assert not nobody
    assert nobody == AnonymousUser() and hash(nobody) == hash(AnonymousUser())
    assert (nobody.pk, nobody.username, nobody.is_authenticated, nobody.is_anonymous) == (
        None,
        "",
        False,
        True,
    )
    assert not await nobody.has_perm("x") and not await nobody.has_role("x")
    assert not await nobody.has_model_perm("a.B", "read")
    assert await nobody.get_permissions() == set()


async def test_a_user_as_plain_data_has_no_password(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        user = await ann()
        assert user.password is not None
        for shown in (str(user.to_dict()), str(user.as_dict()), user.as_json()):
            assert "Ann@example.org" in shown or "ann@example.org" in shown.lower()
            assert "password" not in shown and user.password not in shown
        assert user.to_dict("password") == {"password": user.password}
        user.password = f"own_hasher${'x' * 200}"  # Of a hasher that OpenViper does not know.
        await user.save()
        assert (await User.objects.get(pk=user.pk)).password == user.password
