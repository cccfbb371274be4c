"""The account commands with a user model of the project's own."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.auth.hashers import check_password
from openviper.core.management.base import CommandError
from openviper.core.management.commands import changepassword, createsuperuser
from openviper.db.connection import connections
from openviper.db.fields import BooleanField, CharField, EmailField
from openviper.db.models import Model
from openviper.db.schemas import SchemaSync, create_tables, introspect_db_schema
from openviper.testing import override_openviper_settings
from openviper.utils.terminal import Terminal
from tests.integration.auth.database import configured

PASSWORD = "correct-horse-7"


class Member(Model):
    """A user who is known by an e-mail address only and has one flag."""

    email = EmailField(unique=True)
    password = CharField(max_length=255, null=True)
    is_superuser = BooleanField(default=False)

    class Meta:
        table_name = "test_auth_members"


class Person(Model):
    """A user with a name and a way of its own to take a password."""

    name = CharField(max_length=50)
    secret = CharField(max_length=50, null=True)

    class Meta:
        table_name = "test_auth_people"

    def set_password(self, raw: str) -> None:
        """Keep a password, backwards."""
        self.secret = raw[::-1]


class Nobody(Model):
    """A user without anything to be known by."""

    class Meta:
        table_name = "test_auth_nobodies"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[None]:
    """Make a database with the tables of these models."""
    from openviper.core.management.running import run_to_completion
    from openviper.db.schemas import create_tables

    config = {"default": {"URL": f"sqlite:///{tmp_path / 'own.db'}"}}
    with configured(DATABASES=config):
        connections.configure(config)
        run_to_completion(create_tables([Member, Person, Nobody]))
        yield
        connections.reset()


def run(command: Any, **options: Any) -> str:
    """Run a command and return everything it wrote."""
    out = io.StringIO()
    made = command.Command(Terminal(out, out, io.StringIO()))
    made.handle(**{"username": None, "email": None, "password": None, "no_input": False, **options})
    return out.getvalue()


def stored(model: type[Any]) -> Any:
    """Return the only row."""

    async def get() -> Any:
        try:
            return await model.objects.get()
        finally:
            await connections.disconnect_all()

    return asyncio.run(get())


@pytest.mark.usefixtures("database")
def test_an_address_is_enough_and_missing_flags_are_warned_about() -> None:
    with configured(USER_MODEL=f"{__name__}.Member"):
        written = run(createsuperuser, email="a@b.co", password=PASSWORD, no_input=True)
        assert "Superuser 'a@b.co' created successfully." in written
        assert "no field is_staff" in written and "no field is_active" not in written
        member = stored(Member)
        assert member.is_superuser
        assert asyncio.run(check_password(PASSWORD, member.password))
        with pytest.raises(CommandError, match="already exists"):
            run(createsuperuser, email="A@b.co", password=PASSWORD)
        assert "for user 'A@B.co'" in run(
            changepassword, username="A@B.co", password="another-horse"
        )
        assert stored(Member).password != member.password


@pytest.mark.usefixtures("database")
def test_a_name_serves_where_there_is_no_username_and_the_models_own_way_is_used() -> None:
    with configured(USER_MODEL=f"{__name__}.Person"):
        assert "Superuser 'Ann Lee' created" in run(
            createsuperuser, username="Ann Lee", password=PASSWORD
        )
        assert stored(Person).secret == PASSWORD[::-1]
        run(changepassword, username="Ann Lee", password="another-horse")
        assert stored(Person).secret == "another-horse"[::-1]
        with pytest.raises(CommandError, match="must not be blank"):
            run(createsuperuser, username=" ", password=PASSWORD)


@pytest.mark.usefixtures("database")
def test_a_model_without_anything_to_be_known_by_is_refused() -> None:
    with configured(USER_MODEL=f"{__name__}.Nobody"):
        for command in (createsuperuser, changepassword):
            with pytest.raises(CommandError, match="'?Nobody'? has none of the fields"):
                run(command, username="a", password=PASSWORD)


def test_a_model_without_a_manager_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Member, "objects", None)
    with (
        configured(USER_MODEL=f"{__name__}.Member"),
        pytest.raises(CommandError, match="no manager"),
    ):
        run(createsuperuser, email="a@b.co", password=PASSWORD)


async def test_migrate_points_the_shipped_tables_to_the_projects_own_users(tmp_path: Path) -> None:
    auth = Path(sys.modules["openviper.auth"].__file__ or "").parent
    with override_openviper_settings(USER_MODEL=f"{__name__}.Member"):
        connections.configure({"default": {"URL": f"sqlite:///{tmp_path / 'x.db'}"}})
        try:
            await create_tables([Member])
            sync = SchemaSync({"openviper.auth": str(auth)})
            assert (await sync.migrate()).operations
            assert (await sync.migrate()).operations == []
            tables = await introspect_db_schema()
            assert "auth_users" not in tables
            (user,) = [
                one for one in tables["auth_user_roles"]["columns"] if one["name"] == "user_id"
            ]
            assert user["target_table"] == "test_auth_members"
        finally:
            await connections.disconnect_all()
            connections.reset()
